//! What people do with incidents.

use bifocal_model::{Act, Deed};

use super::*;
use crate::limits::COMMENTS_MAX;

fn act(id: usize, by: &str, time: Timestamp, deed: Deed) -> Record {
    Record::Act(Act { id: format!("a{id}"), time, by: by.to_owned(), deed })
}

fn incidents(watch: &mut Watch, traffic: &Traffic) -> Vec<bifocal_model::Incident> {
    watch.tick(traffic.now(), &NoQuantiles).snapshot.incidents
}

#[test]
fn people_look_after_an_incident_say_something_and_close_it() {
    let (mut watch, mut traffic) = (watch(), Traffic::new("qwen", 11));
    feed(&mut watch, &mut traffic, 800, 0.85);
    feed(&mut watch, &mut traffic, 200, 0.55);
    let open = incidents(&mut watch, &traffic).remove(0);
    assert!(open.closed.is_none());
    let incident = || open.id.clone();
    let now = traffic.now();
    watch.apply(&act(1, "ana", now, Deed::Acknowledge { incident: incident() }));
    watch.apply(&act(2, "ben", now, Deed::Acknowledge { incident: incident() }));
    let comment = act(3, "ben", now, Deed::Comment { incident: incident(), text: "rolling back".into() });
    watch.apply(&comment);
    watch.apply(&comment);
    watch.apply(&act(4, "ben", now, Deed::Comment { incident: "nothing".into(), text: "x".into() }));
    let outcome = watch.tick(now, &NoQuantiles);
    let people = events_of(&outcome, EventKind::Person);
    assert_eq!(
        people,
        ["ana looks after the fall of relevance", "ben on the fall of relevance: rolling back"]
    );
    let handling = outcome.snapshot.incidents[0].handling.clone();
    assert_eq!(handling.acknowledged.map(|said| said.by).as_deref(), Some("ana"), "the first one stays");
    assert_eq!(handling.comments.len(), 1, "what arrives twice is said once");

    watch.apply(&act(5, "ana", now, Deed::Close { incident: incident(), note: "rolled back".into() }));
    let mut restarted = self::watch();
    restarted.restore(&watch.save().unwrap()).unwrap();
    assert_eq!(restarted.save().unwrap(), watch.save().unwrap());
    let snapshot = restarted.tick(now, &NoQuantiles).snapshot;
    assert!(snapshot.targets[0].incidents.is_empty());
    assert_eq!(snapshot.targets[0].answers, Answers::Worse, "the alarm holds");
    let closed = &snapshot.incidents[0];
    assert_eq!(closed.handling.closed.as_ref().map(|said| said.text.as_str()), Some("rolled back"));

    // The alarm that still holds opens nothing, its end closes nothing twice, and a new alarm opens another one.
    feed(&mut restarted, &mut traffic, 100, 0.55);
    assert_eq!(incidents(&mut restarted, &traffic).len(), 1);
    feed(&mut restarted, &mut traffic, 1_500, 0.85);
    let over = incidents(&mut restarted, &traffic);
    assert_eq!((over.len(), over[0].closed), (1, Some(now)));
    feed(&mut restarted, &mut traffic, 300, 0.55);
    let again = incidents(&mut restarted, &traffic);
    assert_eq!(again.len(), 2);
    assert!(again[0].closed.is_none() && again[0].id != open.id);
    let late = Deed::Comment { incident: incident(), text: "it came back".into() };
    restarted.apply(&act(6, "ben", traffic.now(), late));
    assert_eq!(incidents(&mut restarted, &traffic)[1].handling.comments.len(), 2, "also of one that is over");
}

#[test]
fn the_limit_incident_comments_holds() {
    let telemetry = Telemetry::new();
    let mut watch = Watch::new(WatchConfig::default(), telemetry.clone()).unwrap();
    let mut traffic = Traffic::new("qwen", 11);
    feed(&mut watch, &mut traffic, 800, 0.85);
    feed(&mut watch, &mut traffic, 200, 0.55);
    let incident = incidents(&mut watch, &traffic)[0].id.clone();
    for i in 0..=COMMENTS_MAX {
        let deed = Deed::Comment { incident: incident.clone(), text: format!("{i}") };
        watch.apply(&act(i, "ana", traffic.now(), deed));
    }
    assert_eq!(incidents(&mut watch, &traffic)[0].handling.comments.len(), COMMENTS_MAX);
    assert_eq!(telemetry.value(bifocal_telemetry::Metric::LimitHits, &["incident_comments"]), 1);
}
