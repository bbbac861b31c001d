//! The answers that could be judged, by class and time: what the judged ones stand for.
//!
//! Two corrections of a sample rest on it. Classes are post-strata: their shares are those of all answers, not of the sample.
//! And where chosen answers were not judged (the budget was spent, the queue full, the judge down for an hour), those judged
//! around the same time stand for them: their inclusion is multiplied by the share of the chosen that was judged then, so
//! that an hour without a judge is not an hour without traffic.
//!
//! Assumes that within a class, what is judged and what is given up at about the same time do not differ. Broken by a judge that
//! fails on the answers that it would score low.

use std::collections::VecDeque;

use bifocal_model::{Fingerprint, Inference, Selection, Span, Timestamp, Window, stratum};
use serde::{Deserialize, Serialize};

use crate::limits::{TRAFFIC_BLOCKS, TRAFFIC_CLASSES};

/// Least length of a block.
const BLOCK_MIN: Span = Span::from_mins(1);
/// After everything.
const FOREVER: Timestamp = Timestamp::from_nanos(i64::MAX);
/// Blocks of time stand together until so many were judged in them.
const JUDGED_MIN: u64 = 5;

/// Counts by class and block of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    /// Class names; the first is that of all that have no place of their own.
    classes: Vec<String>,
    /// Oldest first.
    blocks: VecDeque<Block>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Block {
    start: Timestamp,
    /// Answers by class, each counted for the calls that its capture stands for.
    answers: Vec<(u16, f64)>,
    /// Chosen for each judge.
    chosen: Vec<(Fingerprint, u64)>,
}

/// How much of what was chosen was judged, over a run of blocks.
#[derive(Clone, Copy, Debug)]
struct Response {
    /// The run ends before this.
    end: Timestamp,
    judged: u64,
    chosen: u64,
}

/// The shares of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Responses(Vec<Response>);

impl Traffic {
    /// Counts an answer that could be judged. What speaks to its judge could not.
    pub(crate) fn count<T>(&mut self, call: &Inference<T>, window: Span) {
        let Some(chance) = &call.chance else { return };
        let is_fit = call.findings.passes().any(|evaluator| evaluator.dimension == "injection");
        if !is_fit {
            return;
        }
        let class = self.class_of(&chance.stratum);
        let weight = call.capture_probability.weight();
        let Some(block) = self.block_mut(call.time, window) else { return };
        match block.answers.iter_mut().find(|(other, _)| *other == class) {
            Some((_, sum)) => *sum += weight,
            None => block.answers.push((class, weight)),
        }
    }

    /// Counts an answer that was chosen; later words on the same one change nothing.
    pub(crate) fn choose(&mut self, selection: &Selection, window: Span) {
        if selection.shed.is_some() {
            return;
        }
        let Some(block) = self.block_mut(selection.time, window) else { return };
        for (_, judge) in &selection.judges {
            match block.chosen.iter_mut().find(|(other, _)| other == judge) {
                Some((_, count)) => *count += 1,
                None => block.chosen.push((*judge, 1)),
            }
        }
    }

    /// The number of a class; 0 where there is no room for another.
    pub(crate) fn class_of(&mut self, of: &str) -> u16 {
        let class = stratum::class(of);
        if self.classes.is_empty() {
            self.classes.push(String::new());
        }
        let at = self.classes.iter().position(|name| *name == class).unwrap_or_else(|| {
            if self.classes.len() > TRAFFIC_CLASSES {
                return 0;
            }
            self.classes.push(class);
            self.classes.len() - 1
        });
        u16::try_from(at).unwrap_or(0)
    }

    /// Answers by class in a window, in the order of the classes' numbers.
    pub(crate) fn totals(&self, window: Window) -> Vec<f64> {
        let mut totals = vec![0.0; self.classes.len()];
        let inside =
            self.blocks.iter().filter(|block| block.start >= window.start && block.start < window.end);
        for (class, count) in inside.flat_map(|block| &block.answers) {
            if let Some(total) = totals.get_mut(usize::from(*class)) {
                *total += count;
            }
        }
        totals
    }

    /// How much of what was chosen for a judge was judged, from the times of what was. A judge that was never chosen for by
    /// name (a composite) has the shares of the one that was chosen most.
    pub(crate) fn responses(&self, judge: Fingerprint, judged: &[Timestamp], window: Window) -> Responses {
        let chosen_in = |block: &Block| {
            let own = block.chosen.iter().find(|(other, _)| *other == judge).map(|(_, count)| *count);
            own.or_else(|| block.chosen.iter().map(|(_, count)| *count).max()).unwrap_or(0)
        };
        let mut times = judged.to_vec();
        times.sort_unstable();
        let before = |end: Timestamp| times.partition_point(|time| *time < end) as u64;
        let mut responses: Vec<Response> = Vec::new();
        // What was judged before the first block of the window was chosen in a block that is not of it.
        let first = self.blocks.partition_point(|block| block.start < window.start);
        let (mut chosen, mut counted) =
            (0, before(self.blocks.get(first).map_or(FOREVER, |block| block.start)));
        for (at, block) in self.blocks.iter().enumerate().skip(first) {
            let end = self.blocks.get(at + 1).map_or(FOREVER, |next| next.start);
            chosen += chosen_in(block);
            let judged = before(end) - counted;
            if judged >= JUDGED_MIN {
                responses.push(Response { end, judged, chosen });
                (chosen, counted) = (0, counted + judged);
            }
        }
        // What is left stands with the run before.
        if let Some(last) = responses.last_mut() {
            last.end = FOREVER;
            last.judged += before(FOREVER) - counted;
            last.chosen += chosen;
        }
        Responses(responses)
    }

    fn block_mut(&mut self, time: Timestamp, window: Span) -> Option<&mut Block> {
        let start = time.floor_to(block_length(window));
        let at = self.blocks.partition_point(|block| block.start < start);
        if self.blocks.get(at).is_none_or(|block| block.start != start) {
            if self.blocks.len() >= TRAFFIC_BLOCKS {
                if at == 0 {
                    // Older than all that are kept.
                    return None;
                }
                self.blocks.pop_front();
                self.blocks.insert(at - 1, Block { start, ..Block::default() });
                return self.blocks.get_mut(at - 1);
            }
            self.blocks.insert(at, Block { start, ..Block::default() });
        }
        self.blocks.get_mut(at)
    }
}

impl Responses {
    /// Which share of what was chosen around a time was judged, in (0, 1].
    pub(crate) fn share_at(&self, time: Timestamp) -> f64 {
        let at = self.0.partition_point(|response| response.end <= time);
        self.0.get(at).map_or(1.0, |response| {
            (response.judged as f64 / response.chosen.max(response.judged).max(1) as f64)
                .max(f64::MIN_POSITIVE)
        })
    }
}

/// A block is a hundred and forty-fourth of the window: ten minutes of a day.
fn block_length(window: Span) -> Span {
    Span::from_nanos((window.as_nanos() / 144).max(BLOCK_MIN.as_nanos()))
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Dimension, InferenceId, Probability, Shed, TargetKey};

    use super::*;

    const DAY: Span = Span::from_mins(24 * 60);
    const JUDGE: Fingerprint = Fingerprint(1);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_secs(86_400 * 20_000 + 60 * minutes)
    }

    fn chosen(minutes: i64, judge: Fingerprint) -> Selection {
        Selection {
            inference: InferenceId::v7(at(minutes), [0; 10]),
            target: TargetKey::of_model("local", "m"),
            time: at(minutes),
            judges: vec![(Dimension::new("relevance"), judge)],
            inclusion: Probability::ONE,
            stratum: String::new(),
            draw: 0.0,
            shed: None,
        }
    }

    #[test]
    fn an_hour_without_a_judge_is_told_by_its_neighbours() {
        let mut traffic = Traffic::default();
        // Twenty chosen in each ten minutes, all judged in the first hour, every fourth in the second, none in the third.
        (0..18).for_each(|block| (0..20).for_each(|_| traffic.choose(&chosen(block * 10, JUDGE), DAY)));
        let mut judged = vec![at(1); 20];
        judged.extend((0..6).flat_map(|block| vec![at(block * 10 + 1); if block == 0 { 0 } else { 20 }]));
        judged.extend((6..12).flat_map(|block| vec![at(block * 10 + 1); 5]));
        let all = Window { start: at(0), end: at(200) };
        let responses = traffic.responses(JUDGE, &judged, all);
        assert_eq!(responses.share_at(at(25)), 1.0);
        assert_eq!(responses.share_at(at(75)), 0.25);
        // The last run: 5 judged of 20, and of the 120 after it.
        assert!((responses.share_at(at(115)) - 5.0 / 140.0).abs() < 1e-12);
        assert_eq!(
            traffic.responses(Fingerprint(9), &judged, all).share_at(at(75)),
            0.25,
            "as the judge that was chosen for"
        );
        assert_eq!(Traffic::default().responses(JUDGE, &judged, all).share_at(at(75)), 1.0);
        // An hour of which nothing is asked is no hour without a judge.
        let later = Window { start: at(60), end: at(200) };
        let second: Vec<Timestamp> = judged.iter().copied().filter(|time| *time >= at(60)).collect();
        assert_eq!(traffic.responses(JUDGE, &second, later).share_at(at(65)), 0.25);
        let mut given_up = chosen(0, JUDGE);
        given_up.shed = Some(Shed::Budget);
        let before = traffic.clone();
        traffic.choose(&given_up, DAY);
        assert_eq!(traffic, before, "it was counted when it was chosen");
    }

    #[test]
    fn limit_watch_traffic_blocks_and_watch_traffic_classes() {
        let mut traffic = Traffic::default();
        for block in 0..=i64::try_from(TRAFFIC_BLOCKS).unwrap() {
            traffic.choose(&chosen(block * 10, JUDGE), DAY);
        }
        assert_eq!(traffic.blocks.len(), TRAFFIC_BLOCKS);
        assert_eq!(traffic.blocks[0].start, at(10));
        traffic.choose(&chosen(0, JUDGE), DAY);
        assert_eq!(traffic.blocks[0].start, at(10), "too old");
        for i in 1..=TRAFFIC_CLASSES {
            assert_eq!(usize::from(traffic.class_of(&format!("language=l{i}"))), i);
        }
        assert_eq!(traffic.class_of("language=one_more"), 0);
        assert_eq!(traffic.class_of("language=l7;tenant=acme"), 7);
    }
}
