//! Which names may be targets of their own. Clients choose them, so their number is bounded here, before the journal,
//! for every source and for all that is derived: what is past it is a call of the target `other`.

use std::collections::BTreeSet;

use bifocal_model::{ErrorClass, Inference, TargetKey};
use bifocal_redact::Redacted;

/// The label that keeps the name of a call that was put under `other`.
const ASKED: &str = "requested_model";

/// The targets that there are. A function of the journal: it begins with those of the store.
#[derive(Clone, Debug)]
pub(super) struct Names {
    known: BTreeSet<TargetKey>,
    max: usize,
}

impl Names {
    pub(super) fn new(known: impl IntoIterator<Item = TargetKey>) -> Self {
        let limit = bifocal_model::LIMITS.iter().find(|(name, ..)| *name == "targets");
        let max = limit.and_then(|(_, value, _)| usize::try_from(*value).ok()).unwrap_or(usize::MAX);
        Self { known: known.into_iter().filter(|key| !key.is_other()).collect(), max }
    }

    /// Puts a call under `other` where its name can be no target. `false` when that is for want of room. All calls of a
    /// known target get the same key: behind this point it is told by its address.
    pub(super) fn settle(&mut self, call: &mut Inference<Redacted>) -> bool {
        if let Some(known) = self.known.get(&call.target) {
            call.target = known.clone();
            return true;
        }
        if call.target.is_other() {
            return true;
        }
        // A name that the upstream refuses is most likely misspelt or made up: it becomes a target with its first call
        // that is not the client's mistake.
        let is_refused = call.status.and_then(ErrorClass::of_status) == Some(ErrorClass::Client);
        let has_room = self.known.len() < self.max;
        if has_room && !is_refused {
            self.known.insert(call.target.clone());
            return true;
        }
        let other = TargetKey::other(&call.target.origin);
        let asked = std::mem::replace(&mut call.target, other);
        call.labels.insert(ASKED.to_owned(), asked.name().to_owned());
        is_refused
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{
        Completeness, FormatAsked, Identity, InferenceId, Probability, Source, Timestamp, Timing, Usage,
    };
    use bifocal_redact::redact_inference;

    use super::*;

    fn call(model: &str, status: u16) -> Inference<Redacted> {
        let identity = Identity { source: Source::Proxy, key: model.to_owned() };
        redact_inference(Inference {
            id: InferenceId::of_identity(&identity, Timestamp::from_secs(1)),
            identity,
            target: TargetKey::of_model("local", model),
            labels: std::collections::BTreeMap::new(),
            tenant: None,
            time: Timestamp::from_secs(1),
            messages: Vec::new(),
            answer: String::new(),
            finish_reason: None,
            usage: Usage::default(),
            timing: Timing::default(),
            status: Some(status),
            error: ErrorClass::of_status(status),
            completeness: Completeness::Complete,
            capture_probability: Probability::ONE,
            format_asked: FormatAsked::Free,
            streamed: false,
            redactions: Vec::new(),
            findings: bifocal_model::Findings::default(),
            chance: None,
            signs: bifocal_model::Signs::default(),
        })
    }

    fn settled(names: &mut Names, model: &str, status: u16) -> (String, bool) {
        let mut call = call(model, status);
        let has_room = names.settle(&mut call);
        if call.target.is_other() && model != "other" {
            assert_eq!(call.labels[ASKED], model);
        }
        (call.target.name().to_owned(), has_room)
    }

    #[test]
    fn names_past_the_limit_are_other_and_those_of_the_store_are_not() {
        let stored = (0..200).map(|n| TargetKey::of_model("local", &format!("m{n}")));
        let mut names = Names::new(stored.chain([TargetKey::other("local")]));
        for n in 0..256 {
            assert_eq!(settled(&mut names, &format!("m{n}"), 200), (format!("m{n}"), true));
        }
        assert_eq!(settled(&mut names, "m256", 200), ("other".to_owned(), false));
        assert_eq!(settled(&mut names, "m3", 200), ("m3".to_owned(), true));
        assert_eq!(settled(&mut names, "other", 200), ("other".to_owned(), true));
    }

    #[test]
    fn a_refused_name_is_no_target_until_it_is_answered() {
        let mut names = Names::new([]);
        assert_eq!(settled(&mut names, "qwne", 404), ("other".to_owned(), true));
        assert_eq!(settled(&mut names, "qwen", 429), ("qwen".to_owned(), true));
        assert_eq!(settled(&mut names, "qwen", 404), ("qwen".to_owned(), true), "its mistakes are its own");
    }
}
