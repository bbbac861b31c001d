//! Rules that keep others from being told: an outage says all that a slow first token would.

use super::{MutedBy, MutedView};
use crate::Error;
use crate::alert::Rule;

/// Gives every rule the names of those that inhibit it. Names that no rule has, and circles, in which all would wait for each
/// other and nobody would be told, are refused.
pub(crate) fn link(rules: &mut [Rule]) -> Result<(), Error> {
    let names: Vec<String> = rules.iter().map(|rule| rule.config.name.clone()).collect();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let config = &rule.config;
        let wrong = |what: String| Error::Inhibition { rule: config.name.clone(), what };
        let find = |name: &String| {
            let unknown = || format!("there is no rule `{name}`{}", near(name, &names));
            names.iter().position(|known| known == name).ok_or_else(|| wrong(unknown()))
        };
        for other in &config.inhibits {
            pairs.push((at, find(other)?));
        }
        for other in &config.inhibited_by {
            pairs.push((find(other)?, at));
        }
    }
    if let Some(at) = in_a_circle(rules.len(), &pairs) {
        let what = "it inhibits itself, by way of others or directly: nobody would be told".to_owned();
        return Err(Error::Inhibition { rule: names[at].clone(), what });
    }
    for (by, of) in pairs {
        let inhibitors = &mut rules[of].inhibitors;
        if !inhibitors.contains(&names[by]) {
            inhibitors.push(names[by].clone());
        }
    }
    Ok(())
}

/// The first of these rules that fires.
pub(crate) fn firing_among(inhibitors: &[String], fires: impl Fn(&str) -> bool) -> Option<MutedView> {
    let name = inhibitors.iter().find(|name| fires(name))?;
    Some(MutedView { by: MutedBy::Inhibition, name: name.clone(), owner: None, reason: None, until: None })
}

fn near(name: &str, known: &[String]) -> String {
    let near = bifocal_expr::nearest(name, known.iter().map(String::as_str));
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// A rule from which a way leads back to itself.
fn in_a_circle(rules: usize, pairs: &[(usize, usize)]) -> Option<usize> {
    (0..rules).find(|&start| {
        let mut reached = vec![false; rules];
        let mut todo = vec![start];
        while let Some(at) = todo.pop() {
            for &(_, to) in pairs.iter().filter(|(from, _)| *from == at) {
                if to == start {
                    return true;
                }
                if !std::mem::replace(&mut reached[to], true) {
                    todo.push(to);
                }
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Own, RuleConfig, compile};

    fn linked(rules: &[(&str, &[&str], &[&str])]) -> Result<Vec<Rule>, String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut compiled: Vec<Rule> = rules
            .iter()
            .map(|(name, inhibits, inhibited_by)| {
                let config = RuleConfig {
                    inhibits: owned(inhibits),
                    inhibited_by: owned(inhibited_by),
                    ..RuleConfig::new(name, "true")
                };
                compile(&config, &Own::default()).unwrap()
            })
            .collect();
        link(&mut compiled).map(|()| compiled).map_err(|err| err.to_string())
    }

    #[test]
    fn both_sides_can_say_it_and_it_counts_once() {
        let rules = linked(&[("outage", &["slow"], &[]), ("slow", &[], &["outage"]), ("x", &[], &["slow"])]);
        let rules = rules.unwrap();
        assert_eq!(rules[1].inhibitors, ["outage"]);
        assert_eq!(rules[2].inhibitors, ["slow"]);
        assert!(rules[0].inhibitors.is_empty());
    }

    #[test]
    fn names_that_are_not_there_and_circles_are_refused() {
        let said = linked(&[("outage", &["slwo"], &[]), ("slow", &[], &[])]).unwrap_err();
        assert!(said.contains("`slwo`; did you mean `slow`?"), "{said}");
        for circle in [
            linked(&[("a", &["a"], &[])]),
            linked(&[("a", &["b"], &[]), ("b", &["a"], &[])]),
            linked(&[("a", &["b"], &["c"]), ("b", &["c"], &[]), ("c", &[], &[])]),
        ] {
            assert!(circle.unwrap_err().contains("nobody would be told"));
        }
    }
}
