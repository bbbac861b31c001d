//! Which anchor is scored next: in turn for a share of what judging costs, and all at once when an alarm asks for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bifocal_model::{AnchorScore, Dimension, Fingerprint, Score, Unit};

use super::{Anchor, Anchors};

/// One anchor to be scored on one dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// Its place in the file.
    anchor: usize,
    /// About what.
    pub dimension: Dimension,
}

/// Hands out errands. Cheap to clone; clones share the turn.
#[derive(Clone, Debug)]
pub struct AnchorDesk {
    anchors: Arc<Anchors>,
    turn: Arc<Mutex<Turn>>,
    share: f64,
}

#[derive(Debug)]
struct Turn {
    /// Every pair of anchor and judged dimension, in the order of the round.
    round: Vec<Errand>,
    next: usize,
    /// Tokens that may be spent on anchors; below 0 after a forced sweep.
    credit: f64,
    forced: VecDeque<Errand>,
}

impl AnchorDesk {
    /// For these dimensions; `share` is the part of the judge's tokens that the round may cost.
    pub fn new(anchors: Anchors, dimensions: impl Iterator<Item = Dimension>, share: f64) -> Self {
        let dimensions: Vec<Dimension> = dimensions.collect();
        // All dimensions of one anchor, then the next: a round that is cut short has seen every dimension alike.
        let pairs = anchors.all().iter().enumerate().flat_map(|(at, anchor)| {
            let judged = dimensions.iter().filter(|dimension| anchor.scores.contains_key(dimension));
            judged.map(move |dimension| Errand { anchor: at, dimension: dimension.clone() })
        });
        let round = pairs.collect();
        let turn = Turn { round, next: 0, credit: 0.0, forced: VecDeque::new() };
        Self { anchors: Arc::new(anchors), turn: Arc::new(Mutex::new(turn)), share }
    }

    /// Traffic was judged for so many tokens: the round earns its share.
    pub fn earn(&self, tokens: u64) {
        self.turn(|turn| turn.credit += self.share * tokens as f64);
    }

    /// An alarm asks whether the judge moved: all anchors of these dimensions come first, once.
    pub fn force(&self, dimensions: &[Dimension]) {
        self.turn(|turn| {
            let asked = turn.round.iter().filter(|errand| dimensions.contains(&errand.dimension));
            let new: Vec<Errand> = asked.filter(|errand| !turn.forced.contains(errand)).cloned().collect();
            turn.forced.extend(new);
        });
    }

    /// The next errand: a forced one, or the next of the round when its turn has been earned.
    pub fn take(&self) -> Option<Errand> {
        self.turn(|turn| {
            if let Some(errand) = turn.forced.pop_front() {
                return Some(errand);
            }
            if turn.credit <= 0.0 {
                return None;
            }
            let errand = turn.round.get(turn.next).cloned();
            turn.next = (turn.next + 1) % turn.round.len().max(1);
            errand
        })
    }

    /// Books what an errand cost. Forced ones too: the round pauses until they are earned back.
    pub fn pay(&self, tokens: u64) {
        self.turn(|turn| turn.credit -= tokens as f64);
    }

    /// The anchor of an errand; `None` for an errand of another desk.
    pub fn anchor(&self, errand: &Errand) -> Option<&Anchor> {
        self.anchors.all().get(errand.anchor)
    }

    /// The record of a score that an errand brought; `None` when it brought a failure.
    pub fn record<T>(&self, errand: &Errand, score: &Score<T>) -> Option<AnchorScore> {
        let anchor = self.anchor(errand)?;
        let (frozen, value): (Unit, Unit) = (*anchor.scores.get(&errand.dimension)?, score.value()?);
        let fingerprint: Fingerprint = score.fingerprint;
        Some(AnchorScore {
            anchor: anchor.id.clone(),
            evaluator: score.evaluator.clone(),
            fingerprint,
            dimension: errand.dimension.clone(),
            frozen,
            value,
            time: score.scored_at,
            cost: score.cost,
        })
    }

    fn turn<T>(&self, work: impl FnOnce(&mut Turn) -> T) -> T {
        work(&mut self.turn.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(share: f64) -> AnchorDesk {
        let line = |id: &str, scores: &str| {
            format!("{{\"id\":\"{id}\",\"prompt\":\"p\",\"answer\":\"a\",\"scores\":{{{scores}}}}}\n")
        };
        let text =
            line("a", "\"x\":0.5,\"y\":0.5") + &line("b", "\"y\":0.25,\"z\":1") + &line("c", "\"x\":0.5");
        let dimensions = ["x", "y"].map(Dimension::new).into_iter();
        AnchorDesk::new(Anchors::read(&text).unwrap(), dimensions, share)
    }

    fn name(desk: &AnchorDesk, errand: &Errand) -> String {
        format!("{}{}", desk.anchor(errand).unwrap().id, errand.dimension)
    }

    #[test]
    fn the_round_costs_its_share_and_visits_every_pair() {
        let desk = desk(0.05);
        assert_eq!(desk.take(), None, "nothing is earned yet");
        let mut visited = Vec::new();
        for _ in 0..1_600 {
            desk.earn(1_000);
            while let Some(errand) = desk.take() {
                desk.pay(1_000);
                visited.push(name(&desk, &errand));
            }
        }
        assert_eq!(visited.len(), 80, "5% of 1,600 judgements of the same price");
        assert_eq!(visited[..5], ["ax", "ay", "by", "cx", "ax"]);
    }

    #[test]
    fn an_alarm_comes_first_once_and_is_earned_back() {
        let desk = desk(0.05);
        desk.force(&[Dimension::new("x")]);
        desk.force(&[Dimension::new("x"), Dimension::new("none")]);
        let mut forced = Vec::new();
        while let Some(errand) = desk.take() {
            desk.pay(1_000);
            forced.push(name(&desk, &errand));
        }
        assert_eq!(forced, ["ax", "cx"]);
        desk.earn(20_000);
        assert_eq!(desk.take(), None, "1,000 earned, 2,000 spent");
        desk.earn(20_100);
        assert!(desk.take().is_some());
    }
}
