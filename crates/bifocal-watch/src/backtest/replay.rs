//! The replay: lines in, a report out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use bifocal_model::{Span, Timestamp};
use bifocal_stats::attribution::Rescore;
use bifocal_stats::conditions::Condition;

use crate::Error;
use crate::alert::Own;
use crate::alert::RuleConfig;
use crate::config::QualityConfig;
use crate::limits::{
    HISTORY_ALARMS, HISTORY_ANCHORS, HISTORY_IDS, HISTORY_STRATA, HISTORY_STREAMS, HISTORY_VALUES,
};
use crate::slo::SloConfig;
use crate::snapshot::StreamView;

use super::alarm::{Raised, severity, word};
use super::anchors::Anchors;
use super::beside::{Beside, Method, Tally};
use super::delay::Delay;
use super::event::{Changes, HistoryEvent};
use super::line::{AnchorLine, Line, ScoreLine};
use super::report::{Alarm, Aligned, Input, Judging, Report, StreamReport};
use super::rules::Rules;
use super::standing::Standings;
use super::track::{Arrival, Track};

const DAYS_30: Span = Span::from_secs(30 * 24 * 3600);

/// What a replay is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Baselines and recovery, as in the configuration.
    pub quality: QualityConfig,
    /// The evidence at which a stream alarms.
    pub threshold: f64,
    /// Events beside the scores: marked changes, and what alarms are aligned with.
    pub events: Vec<HistoryEvent>,
    /// Judged in 30 days on each stream that the threshold was made for; `None`: it was made for this history.
    pub judged_in_30_days: Option<f64>,
    /// The alert rules.
    pub rules: Vec<RuleConfig>,
    /// Dimensions of the configuration's own evaluators, which rules may use.
    pub own_dimensions: Vec<String>,
    /// Objectives that rules may name; a history of scores answers none of them.
    pub slos: Vec<SloConfig>,
    /// What a judgement costs where its line does not say so, dollars.
    pub usd_per_judgement: Option<f64>,
}

/// How much of a history is held. Smaller in tests, so that they reach it.
#[derive(Clone, Copy, Debug)]
struct Room {
    streams: usize,
    anchors: usize,
    ids: usize,
    strata: usize,
    alarms: usize,
    values: usize,
}

/// A replay in progress.
#[derive(Debug)]
pub struct Replay {
    settings: Settings,
    room: Room,
    changes: Changes,
    tracks: Vec<Track>,
    /// Target and dimension, joined, to the track whose judge spoke last.
    current: HashMap<String, usize>,
    /// Target, dimension and judge, joined.
    by_judge: HashMap<String, usize>,
    key: String,
    strata: Vec<String>,
    strata_numbers: HashMap<String, u32>,
    anchors: Anchors,
    rules: Rules,
    hasher: RandomState,
    ids: HashSet<u64>,
    values_kept: usize,
    alarms_kept: usize,
    usd: Option<f64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    input: Input,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            streams: HISTORY_STREAMS,
            anchors: HISTORY_ANCHORS,
            ids: HISTORY_IDS,
            strata: HISTORY_STRATA,
            alarms: HISTORY_ALARMS,
            values: HISTORY_VALUES,
        }
    }
}

impl Replay {
    /// A replay that has seen nothing. Fails where the condition of a rule cannot be used.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Self::with_room(settings, Room::default())
    }

    fn with_room(mut settings: Settings, room: Room) -> Result<Self, Error> {
        // A replay has other detectors of its own beside each stream, which know of marked changes.
        settings.quality.comparison = false;
        Ok(Self {
            changes: Changes::of(&settings.events),
            rules: Rules::new(
                &settings.rules,
                &Own { dimensions: &settings.own_dimensions, slos: &settings.slos },
            )?,
            settings,
            room,
            tracks: Vec::new(),
            current: HashMap::new(),
            by_judge: HashMap::new(),
            key: String::new(),
            strata: vec![String::new()],
            strata_numbers: HashMap::from([(String::new(), 0)]),
            anchors: Anchors::default(),
            hasher: RandomState::new(),
            ids: HashSet::new(),
            values_kept: 0,
            alarms_kept: 0,
            usd: Some(0.0),
            first: None,
            last: None,
            input: Input::default(),
        })
    }

    /// Takes a line.
    pub fn take(&mut self, line: &Line<'_>) {
        match line {
            Line::Score(score) => self.take_score(score),
            Line::Anchor(anchor) => self.take_anchor(anchor),
        }
    }

    fn take_score(&mut self, line: &ScoreLine<'_>) {
        if self.is_repeated(line) {
            self.input.duplicates += 1;
            return;
        }
        let Some(at) = self.track_of(line) else {
            self.input.beyond_limit += 1;
            return;
        };
        self.first = Some(self.first.map_or(line.time, |first| first.min(line.time)));
        self.last = Some(self.last.map_or(line.time, |last| last.max(line.time)));
        let stratum = line.stratum.as_deref().unwrap_or_default();
        let stratum_number = self.stratum_number(stratum);
        let Some(track) = self.tracks.get_mut(at) else { return };
        let (place, late) = track.line(line.time, stratum_number, line.proxy);
        self.input.late += u64::from(late);
        let Some(judged) = line.judged else { return };
        let usd = line.cost_usd.or(self.settings.usd_per_judgement);
        self.usd = self.usd.zip(usd).map(|(sum, usd)| sum + usd);
        let keep = track.keeps_all() && self.values_kept < self.room.values;
        self.values_kept += usize::from(keep);
        let arrival =
            Arrival { time: line.time, judged, stratum, stratum_number, place, proxy: line.proxy, usd, keep };
        if track.take(&arrival, self.settings.threshold, &self.settings.quality) {
            if self.alarms_kept < self.room.alarms {
                self.alarms_kept += 1;
            } else {
                track.forget_last_alarm();
                self.input.alarms_beyond_limit += 1;
            }
        }
        let learning = track.is_learning();
        if self.rules.judged(&line.target, at, (line.time, usd), learning, &self.changes) {
            self.look(&line.target, line.time);
        }
    }

    /// Looks at the alert rules for one target. Of two judges of one dimension the one who spoke last is asked.
    fn look(&mut self, target: &str, time: Timestamp) {
        let streams = self.rules.streams(target).iter().filter_map(|at| self.tracks.get(*at));
        let mut streams: Vec<&Track> = streams.collect();
        streams.sort_by_key(|track| std::cmp::Reverse(track.last_judged()));
        let learning = streams.iter().any(|track| track.is_learning());
        let view = |track: &&Track| {
            track.view(time, self.rules.ask_estimates_of(&track.dimension), &self.settings.quality)
        };
        let views: Vec<StreamView> = streams.iter().map(view).collect();
        self.rules.look(target, time, &views, learning);
    }

    fn take_anchor(&mut self, line: &AnchorLine<'_>) {
        let usd = line.cost_usd.or(self.settings.usd_per_judgement);
        self.usd = self.usd.zip(usd).map(|(sum, usd)| sum + usd);
        self.input.beyond_limit += u64::from(!self.anchors.take(line, self.room.anchors));
    }

    /// Nothing more comes.
    pub fn finish(self) -> Report {
        let length = self.first.zip(self.last).map(|(first, last)| last.since(first).as_secs_f64());
        let in_30_days = length.map(|secs| DAYS_30.as_secs_f64() / secs).filter(|scale| scale.is_finite());
        let Self { settings, mut tracks, anchors, strata, rules, .. } = self;
        tracks.sort_by(|a, b| (&a.target, &a.dimension, &a.judge).cmp(&(&b.target, &b.dimension, &b.judge)));
        let judge_moves = anchors.moves(settings.threshold);
        let judged = tracks.iter().map(|track| track.judged).sum();
        let (mut alarms, mut streams, mut delays) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tally, mut standings, mut others) =
            (Tally::default(), Standings::default(), Others::default());
        for track in tracks {
            tally.add(&track.tally);
            let per_30_days = track.judged as f64 * in_30_days.unwrap_or(1.0);
            let conditions = track.conditions(
                anchors.as_before(&track, &judge_moves),
                per_30_days,
                settings.judged_in_30_days,
            );
            standings.add(&track.target, &conditions);
            streams.push(stream_report(&track, conditions.into()));
            let mine = if track.alarms.is_empty() { Vec::new() } else { anchors.of(&track) };
            for raised in &track.alarms {
                alarms.push(alarm_report(&track, raised, &strata, &mine, &settings.events));
            }
            let judge = track.judge.unwrap_or_default();
            delays.extend(track.waiting.finish(&track.target, &track.dimension, &judge));
            others.add(track.beside, &track.target, &track.dimension, &judge);
        }
        alarms.sort_by(|a: &Alarm, b| (a.t, &a.target, &a.dimension).cmp(&(b.t, &b.target, &b.dimension)));
        let threshold = settings.threshold;
        let setting =
            format!("evidence {threshold:.3e} against a baseline of {}", settings.quality.baseline_judged);
        let own = Method::of("bifocal", setting, &tally, &delays, Some(threshold));
        Report {
            threshold,
            false_pages: own.false_pages,
            alarms,
            streams,
            delays,
            conditions: standings.finish(),
            methods: std::iter::once(own).chain(others.finish()).collect(),
            rules: rules.finish(),
            judge_moves,
            changes_marked: !self.changes.is_empty(),
            judging: Judging {
                judged,
                anchors: anchors.len() as u64,
                usd: self.usd,
                usd_per_30_days: self.usd.zip(in_30_days).map(|(usd, scale)| usd * scale),
            },
            input: self.input,
        }
    }

    /// Whether a line with this id was there before on its stream.
    fn is_repeated(&mut self, line: &ScoreLine<'_>) -> bool {
        let Some(id) = &line.id else { return false };
        // Past the limit repeats are not told any more.
        let hash = self.hasher.hash_one((&line.target, &line.dimension, &line.judge, id));
        if self.ids.len() >= self.room.ids { self.ids.contains(&hash) } else { !self.ids.insert(hash) }
    }

    /// The track of a line, made where it is missing. An unjudged line that names no judge belongs to the judge who spoke
    /// last; a judge who is named first takes over what came without one.
    fn track_of(&mut self, line: &ScoreLine<'_>) -> Option<usize> {
        self.key.clear();
        self.key.push_str(&line.target);
        self.key.push('\0');
        self.key.push_str(&line.dimension);
        let current = self.current.get(&self.key).copied();
        if let Some(track) = current.and_then(|at| self.tracks.get_mut(at)) {
            let same = track.judge.as_deref() == line.judge.as_deref();
            if same || (line.judge.is_none() && line.judged.is_none()) {
                return current;
            }
            if let (None, 0, Some(judge)) = (&track.judge, track.judged, line.judge.as_deref()) {
                track.set_judge(judge, &self.settings.quality);
                self.by_judge.insert(format!("{}\0{judge}", self.key), current?);
                return current;
            }
        }
        let full = format!("{}\0{}", self.key, line.judge.as_deref().unwrap_or_default());
        let at = match self.by_judge.get(&full) {
            Some(at) => *at,
            None if self.tracks.len() >= self.room.streams => return None,
            None => {
                let changes = self.changes.of_target(&line.target);
                self.tracks.push(Track::new(
                    line.target.clone().into_owned(),
                    line.dimension.clone().into_owned(),
                    line.judge.clone().map(|judge| judge.into_owned()),
                    line.time,
                    changes,
                    &self.settings.quality,
                ));
                self.by_judge.insert(full, self.tracks.len() - 1);
                self.tracks.len() - 1
            }
        };
        self.current.insert(self.key.clone(), at);
        Some(at)
    }

    /// The number of a stratum's name; beyond the limit names are not told apart.
    fn stratum_number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.strata_numbers.get(name) {
            return *number;
        }
        let Ok(number) = u32::try_from(self.strata.len()) else { return 0 };
        if self.strata.len() >= self.room.strata {
            return 0;
        }
        self.strata.push(name.to_owned());
        self.strata_numbers.insert(name.to_owned(), number);
        number
    }
}

/// Counts and delays of the other methods.
#[derive(Debug, Default)]
struct Others(BTreeMap<&'static str, (Tally, Vec<Delay>)>);

impl Others {
    fn add(&mut self, beside: Vec<Beside>, target: &str, dimension: &str, judge: &str) {
        for beside in beside {
            let (name, tally, delays) = beside.finish(target, dimension, judge);
            let all = self.0.entry(name).or_default();
            all.0.add(&tally);
            all.1.extend(delays);
        }
    }

    fn finish(self) -> impl Iterator<Item = Method> {
        let method = |(name, (tally, delays)): (&str, (Tally, Vec<Delay>))| {
            Method::of(name, Beside::setting(name), &tally, &delays, None)
        };
        self.0.into_iter().map(method)
    }
}

fn stream_report(track: &Track, conditions: Vec<Condition>) -> StreamReport {
    StreamReport {
        target: track.target.clone(),
        dimension: track.dimension.clone(),
        judge: track.judge.clone().unwrap_or_default(),
        n: track.lines,
        judged: track.judged,
        estimate: track.estimate(),
        rho2: track.rho2(),
        baseline: track.baseline(),
        conditions,
        alarms: track.tally.pages,
    }
}

fn alarm_report(
    track: &Track,
    raised: &Raised,
    strata: &[String],
    anchors: &[Rescore<'_>],
    events: &[HistoryEvent],
) -> Alarm {
    let attribution = raised.attribution(&track.reference, strata, anchors);
    let alarm = &raised.alarm;
    let aligned = |event: &&HistoryEvent| {
        event.time >= alarm.onset_from
            && event.time <= alarm.onset_to
            && event.of().is_none_or(|target| target == track.target)
    };
    Alarm {
        target: track.target.clone(),
        dimension: track.dimension.clone(),
        judge: track.judge.clone().unwrap_or_default(),
        t: alarm.time,
        index: alarm.index,
        onset_from: alarm.onset_from,
        onset_to: alarm.onset_to,
        cause: word(attribution.cause),
        severity: severity(attribution.cause),
        why: attribution.why,
        effect: attribution.effect,
        evidence: alarm.evidence,
        baseline: alarm.baseline_mean,
        recovered: raised.recovered,
        change: raised.change.as_ref().map(|change| change.id.clone()),
        aligned: events
            .iter()
            .filter(aligned)
            .map(|event| Aligned { t: event.time, kind: event.kind.clone(), id: event.id.clone() })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
