//! One alert that becomes worse, ends at another threshold, and is owed to nobody after a crash.

use bifocal_model::{Act, Deed, Severity, Silencing};

use super::*;
use crate::alert::{Escalation, Notification};
use crate::{Indicator, SloConfig};

const T0: Timestamp = Timestamp::from_secs(1_800_000_000);

fn at(second: i64) -> Timestamp {
    T0 + Span::from_secs(second)
}

/// The 95th percentile of the first token, as the test wants it.
struct Ttft(Option<f64>);

impl Quantiles for Ttft {
    fn quantile(&self, _: &TargetKey, signal: &str, _: f64, _: Window) -> Option<f64> {
        self.0.filter(|_| signal == "ttft_seconds")
    }
}

fn slow() -> RuleConfig {
    let worse = |severity, above: f64, secs| Escalation {
        severity,
        when: format!("p95('ttft_seconds') > {above:?}"),
        hold: Hold::secs(secs),
    };
    RuleConfig {
        severity: Severity::Info,
        hold: Hold::secs(60),
        resolve_when: Some("p95('ttft_seconds') < 1.0".into()),
        escalate: vec![worse(Severity::Warning, 4.0, 30), worse(Severity::Critical, 8.0, 0)],
        runbook: Some("https://w.example.com/slow".into()),
        ..RuleConfig::new("slow", "p95('ttft_seconds') > 2.0")
    }
}

struct Bench {
    watch: Watch,
    rules: Vec<RuleConfig>,
    journal: Vec<Record>,
}

impl Bench {
    fn new(rule: RuleConfig) -> Self {
        let rules = vec![rule];
        let config = WatchConfig { rules: rules.clone(), ..Default::default() };
        Self { watch: Watch::new(config, Telemetry::new()).unwrap(), rules, journal: Vec::new() }
    }

    fn apply(&mut self, record: Record) {
        self.watch.apply(&record);
        self.journal.push(record);
    }

    fn tick(&mut self, second: i64, ttft: Option<f64>) -> Vec<Notification> {
        self.apply(Record::Reading(Reading {
            signal: "requests_running".into(),
            subject: ReadingSubject::Target(TargetKey::of_model("o", "qwen")),
            part: String::new(),
            time: at(second),
            value: 1.0,
            source: Source::Scrape,
        }));
        let outcome = self.watch.tick(at(second), &Ttft(ttft));
        outcome.events.into_iter().for_each(|event| self.apply(Record::Event(event)));
        outcome.notifications
    }

    fn told(&mut self, second: i64, ttft: f64) -> Vec<(Severity, Status)> {
        self.tick(second, Some(ttft)).iter().map(|told| (told.severity, told.status)).collect()
    }

    fn replayed(&self) -> Self {
        let config = WatchConfig { rules: self.rules.clone(), ..Default::default() };
        let mut watch = Watch::new(config, Telemetry::new()).unwrap();
        self.journal.iter().for_each(|record| watch.apply(record));
        Self { watch, rules: self.rules.clone(), journal: self.journal.clone() }
    }
}

use Severity::{Critical, Info, Warning};
use Status::{Firing, Resolved};

#[test]
fn one_alert_becomes_worse_and_stays_so_until_its_end() {
    let mut bench = Bench::new(slow());
    assert_eq!(bench.told(0, 3.0), []);
    let first = bench.tick(60, Some(3.0));
    assert_eq!((first.len(), first[0].severity), (1, Info));
    assert_eq!(first[0].runbook.as_deref(), Some("https://w.example.com/slow"));
    assert_eq!(bench.told(70, 5.0), [], "the rung has its own span");
    let worse = bench.tick(100, Some(5.0));
    assert_eq!((worse.len(), worse[0].severity, worse[0].status), (1, Warning, Firing));
    assert_eq!(worse[0].alert_id, first[0].alert_id, "one alert");
    assert!(worse[0].idempotency_key.ends_with(":severity:warning"), "{}", worse[0].idempotency_key);
    assert_eq!((first[0].raised_from, worse[0].raised_from), (None, Some(Info)));
    let worst = bench.tick(110, Some(9.0));
    assert_eq!((worst[0].severity, worst[0].raised_from), (Critical, Some(Warning)), "at once");
    assert_eq!(bench.told(120, 3.0), [], "it does not become better before it ends");
    assert_eq!(bench.told(130, 9.0), [], "and is told of each severity once");
    let alerts = bench.watch.tick(at(131), &Ttft(Some(9.0))).snapshot.alerts;
    assert_eq!((alerts.len(), alerts[0].severity), (1, Critical));
}

#[test]
fn the_worst_rung_can_begin_it() {
    let mut bench = Bench::new(slow());
    assert_eq!(bench.told(0, 9.0), [(Critical, Firing)], "its condition holds and waits for nothing");
    assert_eq!(bench.told(60, 9.0), [], "the lower rungs are no alerts of their own");
    // It was told once, and is owed once, also where the book is read back from the journal.
    for watch in [&bench.watch, &bench.replayed().watch] {
        let owed = watch.owed_notifications(at(61));
        assert_eq!(owed.len(), 1, "{owed:?}");
        assert_eq!((owed[0].severity, owed[0].raised_from), (Critical, None));
    }
}

#[test]
fn between_the_two_thresholds_nothing_ends_and_nothing_flaps() {
    let mut bench = Bench::new(slow());
    bench.told(0, 3.0);
    assert_eq!(bench.told(60, 3.0), [(Info, Firing)]);
    for second in (70..400).step_by(30) {
        assert_eq!(bench.told(second, 1.5), [], "second {second}");
    }
    assert_eq!(bench.told(410, 0.5), []);
    assert_eq!(bench.told(440, 1.5), [], "the minute begins anew");
    assert_eq!(bench.told(450, 0.5), []);
    assert!(bench.tick(480, None).is_empty(), "no data ends nothing");
    assert_eq!(bench.told(510, 0.5), [(Info, Resolved)]);
}

#[test]
fn how_bad_it_is_survives_a_crash_and_a_silence_of_a_lower_severity_holds_back_no_worse() {
    let mut bench = Bench::new(slow());
    bench.told(0, 3.0);
    bench.told(60, 3.0);
    bench.told(61, 9.0);
    let mut again = bench.replayed();
    assert_eq!(again.told(70, 9.0), [], "it was told before the crash");
    assert_eq!(again.watch.tick(at(71), &Ttft(Some(9.0))).snapshot.alerts[0].severity, Critical);
    let keys: Vec<String> =
        again.watch.owed_notifications(at(71)).into_iter().map(|told| told.idempotency_key).collect();
    assert!(keys[0].ends_with(":firing") && keys[1].ends_with(":severity:critical"), "{keys:?}");

    let mut muted = Bench::new(slow());
    let of = Silencing {
        rule: None,
        target: None,
        severity: Some(Info),
        reason: "known".into(),
        start: at(0),
        end: at(3_600),
    };
    muted.apply(Record::Act(Act { id: "s".into(), time: at(0), by: "ana".into(), deed: Deed::Silence(of) }));
    muted.told(0, 3.0);
    assert_eq!(muted.told(60, 3.0), [], "silenced");
    assert_eq!(muted.told(61, 9.0), [(Critical, Firing)], "what is critical is not what was silenced");
}

#[test]
fn an_end_that_did_not_reach_the_outbox_is_owed_after_a_crash() {
    let mut bench = Bench::new(slow());
    bench.told(0, 3.0);
    bench.told(60, 3.0);
    bench.told(70, 0.5);
    let ended = bench.tick(130, Some(0.5));
    assert_eq!(ended[0].status, Resolved);
    // The event is in the journal; the process died before the message was in the outbox.
    let owed = bench.replayed().watch.owed_notifications(at(140));
    assert_eq!(owed.len(), 1, "{owed:?}");
    assert_eq!(
        owed[0].idempotency_key, ended[0].idempotency_key,
        "under the same key, which drops a second one"
    );
    assert_eq!((owed[0].status, owed[0].time), (Resolved, at(140)));
}

#[test]
fn few_samples_are_no_data() {
    let rule =
        RuleConfig { min_samples: Some(40), ..RuleConfig::new("r", "upper('relevance_pass_rate') < 0.7") };
    let config = WatchConfig { rules: vec![rule], ..Default::default() };
    let mut watch = Watch::new(config, Telemetry::new()).unwrap();
    let mut traffic = Traffic::new("qwen", 5);
    feed(&mut watch, &mut traffic, 39, 0.4);
    assert!(watch.tick(traffic.now(), &NoQuantiles).notifications.is_empty(), "39 judged");
    feed(&mut watch, &mut traffic, 1, 0.4);
    assert_eq!(watch.tick(traffic.now(), &NoQuantiles).notifications.len(), 1, "40 judged");
}

/// Budgets go on where they were, from a saved state and from the journal alone; the shipped rule pages on what burns.
#[test]
fn budgets_burn_over_a_restart() {
    let slos = vec![
        SloConfig::new("availability", Indicator::Availability, 0.99),
        SloConfig {
            dimension: Some("relevance".into()),
            ..SloConfig::new("answers", Indicator::GoodAnswers, 0.9)
        },
    ];
    let rules = vec![crate::burn_rule(&slos).unwrap()];
    let config = WatchConfig { slos, rules, ..Default::default() };
    let mut watch = Watch::new(config.clone(), Telemetry::new()).unwrap();
    let mut traffic = Traffic::new("qwen", 9);
    let mut journal = Vec::new();
    let mut told = Vec::new();
    for second in 0..5_400_i64 {
        for mut record in traffic.next(0.95) {
            if let Record::Inference(call) = &mut record
                && second >= 3_600
            {
                // One call in four fails, and the answers of the rest are as good as before.
                let call = Arc::make_mut(call);
                call.status = Some(if second % 4 == 0 { 500 } else { 200 });
                call.error = (second % 4 == 0).then_some(bifocal_model::ErrorClass::Upstream);
            }
            watch.apply(&record);
            journal.push(record);
        }
        if second % 60 == 59 {
            told.extend(watch.tick(traffic.now(), &NoQuantiles).notifications);
        }
    }
    let slos = |watch: &mut Watch| watch.tick(traffic.now(), &NoQuantiles).snapshot.targets.remove(0).slos;
    let live = slos(&mut watch);
    assert_eq!((live[0].n, live[1].n), (5_400, 5_400));
    // 450 of 5,400 failed.
    assert!((live[0].good_share.unwrap() - (1.0 - 450.0 / 5_400.0)).abs() < 1e-9, "{live:?}");
    assert!(live[0].burn("5m").unwrap() > 20.0 && live[0].burn("1h").unwrap() > 10.0, "{live:?}");
    assert!(live[1].burn("1h").unwrap() < 1.0, "the answers are as good as before: {live:?}");
    // The ticket's windows say nothing before six hours were looked at.
    assert_eq!(told.first().map(|told| (told.rule.as_str(), told.severity)), Some(("slo burn", Critical)));

    let mut restored = Watch::new(config.clone(), Telemetry::new()).unwrap();
    restored.restore(&watch.save().unwrap()).unwrap();
    assert_eq!(slos(&mut restored), live);
    let mut replayed = Watch::new(config, Telemetry::new()).unwrap();
    journal.iter().for_each(|record| replayed.apply(record));
    assert_eq!(slos(&mut replayed), live, "the journal says the same");
}
