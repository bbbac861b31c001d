use super::*;

const LEARNING: Answers = Answers::Learning { n: 3, of: 500 };

/// The whole table, written out by hand: service, answers, efficiency, saturated or not, and the name.
/// `*` in the fourth column means that saturation does not matter.
const TABLE: &str = "
ok      ok       ok       * healthy
ok      ok       wasteful * wasteful
ok      ok       unknown  * healthy
ok      worse    ok       * silent_degradation
ok      worse    wasteful * silent_degradation
ok      worse    unknown  * silent_degradation
ok      learning ok       * healthy
ok      learning wasteful * wasteful
ok      learning unknown  * healthy
ok      unknown  ok       * healthy
ok      unknown  wasteful * wasteful
ok      unknown  unknown  * healthy
slow    ok       ok       y overloaded
slow    ok       ok       n service_degraded
slow    ok       wasteful y overloaded
slow    ok       wasteful n service_degraded
slow    ok       unknown  y overloaded
slow    ok       unknown  n service_degraded
slow    worse    ok       y overloaded
slow    worse    ok       n service_degraded
slow    worse    wasteful y overloaded
slow    worse    wasteful n service_degraded
slow    worse    unknown  y overloaded
slow    worse    unknown  n service_degraded
slow    learning ok       y overloaded
slow    learning ok       n service_degraded
slow    learning wasteful y overloaded
slow    learning wasteful n service_degraded
slow    learning unknown  y overloaded
slow    learning unknown  n service_degraded
slow    unknown  ok       y overloaded
slow    unknown  ok       n service_degraded
slow    unknown  wasteful y overloaded
slow    unknown  wasteful n service_degraded
slow    unknown  unknown  y overloaded
slow    unknown  unknown  n service_degraded
failing ok       ok       * outage
failing ok       wasteful * outage
failing ok       unknown  * outage
failing worse    ok       * outage
failing worse    wasteful * outage
failing worse    unknown  * outage
failing learning ok       * outage
failing learning wasteful * outage
failing learning unknown  * outage
failing unknown  ok       * outage
failing unknown  wasteful * outage
failing unknown  unknown  * outage
unknown ok       ok       * healthy
unknown ok       wasteful * wasteful
unknown ok       unknown  * healthy
unknown worse    ok       * silent_degradation
unknown worse    wasteful * silent_degradation
unknown worse    unknown  * silent_degradation
unknown learning ok       * healthy
unknown learning wasteful * wasteful
unknown learning unknown  * healthy
unknown unknown  ok       * unknown
unknown unknown  wasteful * wasteful
unknown unknown  unknown  * unknown
";

#[test]
fn every_combination_has_the_name_of_the_table() {
    let mut seen = std::collections::BTreeSet::new();
    for line in TABLE.lines().filter(|line| !line.is_empty()) {
        let [service, answers, efficiency, saturated, name] =
            line.split_whitespace().collect::<Vec<_>>().try_into().unwrap();
        let service = [Service::Ok, Service::Slow, Service::Failing, Service::Unknown]
            .into_iter()
            .find(|s| s.name() == service)
            .unwrap();
        let answers = [Answers::Ok, Answers::Worse, LEARNING, Answers::Unknown]
            .into_iter()
            .find(|a| a.name() == answers)
            .unwrap();
        let efficiency = [Efficiency::Ok, Efficiency::Wasteful, Efficiency::Unknown]
            .into_iter()
            .find(|e| e.name() == efficiency)
            .unwrap();
        let choices: &[bool] = match saturated {
            "*" => &[true, false],
            "y" => &[true],
            _ => &[false],
        };
        for &saturated in choices {
            let condition = Condition { service, answers, efficiency, saturated };
            assert_eq!(condition.name().name(), name, "{condition:?}");
            assert!(seen.insert(format!("{condition:?}")), "{condition:?} twice in the table");
        }
    }
    assert_eq!(seen.len(), 4 * 4 * 3 * 2, "the table has all combinations");
}
