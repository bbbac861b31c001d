//! Strata: what kind of question an answer belongs to, as one short text.
//!
//! A stratum is written `key=value;key=value`, keys in a fixed order: first what the askers bring ([`TRAFFIC`] keys),
//! then what the system adds (how the answer ended, the template, the tenant's name). A text without `=` is one
//! facet of the traffic, under the key `stratum`: that is how score files name their strata.

/// Keys that describe the questions and that no deployment changes: a change of their shares is a change of mix.
pub const TRAFFIC: [&str; 3] = ["language", "length", "stratum"];

/// The key that tells how the answer ended: `ok`, `truncated`, `empty`, `filtered`, `tool_calls`.
pub const END: &str = "end";

/// The key that stands where the answer was slower than the objective: `slow`.
pub const PACE: &str = "pace";

/// The key of what was judged beside the sample that holds for all: `extra`.
pub const DRAWN: &str = "drawn";

/// What stands behind [`DRAWN`].
const EXTRA: &str = "extra";

/// The part of a stratum that judging is allotted by: the question, how the answer ended, and whether it was slow.
pub fn class(stratum: &str) -> String {
    joined(facets(stratum).filter(|(key, _)| TRAFFIC.contains(key) || *key == END || *key == PACE))
}

/// The same stratum, marked as drawn beside the sample that holds for all.
pub fn extra(stratum: &str) -> String {
    joined(facets(stratum).chain([(DRAWN, EXTRA)]))
}

/// Whether it is so marked. Detectors leave such scores out: their share of the judged is no share of the traffic.
pub fn is_extra(stratum: &str) -> bool {
    facet(stratum, DRAWN) == Some(EXTRA)
}

/// The facets of a stratum, in their order.
pub fn facets(stratum: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = stratum.split(';').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or(("stratum", part)))
}

/// The part of a stratum that the askers bring.
pub fn traffic(stratum: &str) -> String {
    joined(facets(stratum).filter(|(key, _)| TRAFFIC.contains(key)))
}

/// One facet's value.
pub fn facet<'a>(stratum: &'a str, key: &str) -> Option<&'a str> {
    facets(stratum).find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// A stratum of these facets. `;` and `=` in a value become `_`.
pub fn joined<'a>(facets: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let parts = facets.into_iter().map(|(key, value)| format!("{key}={}", value.replace([';', '='], "_")));
    parts.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_told_from_what_the_system_adds() {
        let stratum = joined([("language", "de"), ("length", "short"), ("end", "ok"), ("tenant", "a;b=c")]);
        assert_eq!(stratum, "language=de;length=short;end=ok;tenant=a_b_c");
        assert_eq!(traffic(&stratum), "language=de;length=short");
        assert_eq!(facet(&stratum, END), Some("ok"));
        assert_eq!((facet(&stratum, "topic"), facet(&stratum, "tenant")), (None, Some("a_b_c")));
    }

    #[test]
    fn classes_leave_out_who_asks_and_how_it_was_drawn() {
        let stratum = "language=de;length=short;end=ok;pace=slow;template=1a2b;tenant=acme";
        let marked = extra(stratum);
        assert_eq!(marked, format!("{stratum};drawn=extra"));
        assert!(is_extra(&marked) && !is_extra(stratum));
        assert_eq!(class(&marked), "language=de;length=short;end=ok;pace=slow");
        assert_eq!(class("chat"), "stratum=chat");
    }

    #[test]
    fn a_bare_name_is_a_facet_of_the_traffic() {
        assert_eq!(traffic("chat"), "stratum=chat");
        assert_eq!(traffic(""), "");
    }
}
