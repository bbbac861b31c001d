use bifocal_watch::alert::Hold;

use super::*;

/// Rules of every kind, whatever is shipped.
fn rules() -> Vec<RuleConfig> {
    use Severity::{Critical, Info, Warning};
    let joined = "upper('relevance_pass_rate') < 0.7 && value('model_duration_seconds') < 2.0";
    let all = [
        ("safety pass rate", "upper('safety_pass_rate') < 0.8", Critical, 300),
        ("relevance pass rate", "upper('relevance_pass_rate') < 0.7", Warning, 300),
        ("answers degraded", "degraded('relevance') || degraded('safety')", Warning, 0),
        ("outage", "state == 'outage'", Critical, 0),
        ("wasteful", "state == 'wasteful'", Info, 300),
        ("slow start", "value('ttft_seconds') > 2.0", Warning, 0),
        ("fast, and worse", joined, Critical, 150),
    ];
    let rule = |(name, when, severity, hold): (&str, &str, Severity, u32)| RuleConfig {
        severity,
        hold: Hold::secs(hold),
        ..RuleConfig::new(name, when)
    };
    all.map(rule).to_vec()
}

fn options() -> AlarmOptions {
    AlarmOptions {
        rules: rules(),
        written: WriteBackConfig {
            bounds: true,
            pass_rates: true,
            states: true,
            ..WriteBackConfig::default()
        },
        components: vec![("llm-prod".into(), "qwen".into())],
        detailed: false,
    }
}

#[test]
fn the_engine_s_own_numbers_become_promql_alarms_where_they_are_shipped() {
    let slow = RuleConfig { hold: Hold::secs(120), ..RuleConfig::new("slow", "p95('ttft_seconds') > 2.0") };
    let both = "value('requests_waiting') > 10 && upper('relevance_pass_rate') < 0.7";
    let rules = vec![slow, RuleConfig::new("queue", both)];
    let shut = Template::of(&AlarmOptions { rules: rules.clone(), ..options() }).unwrap();
    assert_eq!((shut.promql_alarms, shut.left_out.len()), (0, 2));
    assert!(shut.left_out[0].contains("detailed_observability = true"), "{:?}", shut.left_out);

    let open = Template::of(&AlarmOptions { rules, detailed: true, ..options() }).unwrap();
    assert_eq!((open.promql_alarms, open.metric_alarms, open.composite_alarms), (2, 1, 1));
    let slow = named(&open, "bifocal-llm-prod-qwen-slow");
    let criteria = &slow["EvaluationCriteria"]["PromQLCriteria"];
    assert!(criteria["Query"].as_str().unwrap().contains("histogram_quantile(0.95"), "{criteria}");
    assert_eq!((&criteria["PendingPeriod"], &slow["EvaluationInterval"]), (&json!(120), &json!(60)));
    for of_metrics in ["MetricName", "Metrics", "Threshold", "EvaluationPeriods", "TreatMissingData"] {
        assert!(slow.get(of_metrics).is_none(), "CloudWatch refuses {of_metrics} beside a query");
    }
    let joined = named(&open, "bifocal-llm-prod-qwen-queue")["AlarmRule"].clone();
    assert!(joined.as_str().unwrap().contains("part-1\") AND ALARM("), "{joined}");
}

#[test]
fn two_rules_never_share_an_alarm_and_none_waits_for_longer_than_a_day() {
    let two = ["a b", "a-b"].map(|name| RuleConfig::new(name, "state == 'outage'")).to_vec();
    let refused = Template::of(&AlarmOptions { rules: two, ..options() }).unwrap_err();
    assert_eq!(refused, TemplateError::SameName("bifocal-llm-prod-qwen-a-b".into()));
    let long = RuleConfig { hold: Hold::secs(86_401), ..RuleConfig::new("long", "state == 'outage'") };
    let template = Template::of(&AlarmOptions { rules: vec![long], ..options() }).unwrap();
    assert!(template.left_out[0].contains("longer than the day"), "{:?}", template.left_out);
}

fn resources(template: &Template) -> Vec<Value> {
    template.body["Resources"].as_object().unwrap().values().cloned().collect()
}

fn named(template: &Template, name: &str) -> Value {
    let found = resources(template).into_iter().find(|resource| resource["Properties"]["AlarmName"] == name);
    found.unwrap_or_else(|| panic!("{name}"))["Properties"].clone()
}

#[test]
fn rules_become_alarms_and_those_that_cannot_are_named() {
    let template = Template::of(&options()).unwrap();
    // Four rules and the parts of the joined one; that one, and the one over the critical ones; the dashboard.
    assert_eq!((template.metric_alarms, template.composite_alarms), (4 + 2, 2));
    assert_eq!(resources(&template).len(), 4 + 2 + 2 + 1);
    assert_eq!(template.left_out.len(), 2, "{:?}", template.left_out);
    assert!((template.usd_per_month() - (6.0 * 0.1 + 2.0 * 0.5 + 3.0)).abs() < 1e-9);

    let relevance = named(&template, "bifocal-llm-prod-qwen-relevance-pass-rate");
    assert_eq!(relevance["Namespace"], "/aws/sagemaker/inference-quality/qwen");
    assert_eq!(relevance["MetricName"], "relevance_pass_rate_upper");
    assert_eq!(relevance["Dimensions"].as_array().unwrap().len(), 3);
    assert_eq!((&relevance["Threshold"], &relevance["EvaluationPeriods"]), (&json!(0.7), &json!(5)));
    assert_eq!(relevance["ComparisonOperator"], "LessThanThreshold");
    assert!(relevance["AlarmActions"]["Fn::If"].is_array(), "a warning tells by itself");

    let outage = named(&template, "bifocal-llm-prod-qwen-outage");
    assert_eq!(outage["Metrics"][0]["Expression"], "IF(state == 6, 1, 0)");
    assert!(outage["AlarmActions"].is_null(), "the alarm over the critical ones tells");

    let fast = named(&template, "bifocal-llm-prod-qwen-fast,-and-worse-part-2");
    assert_eq!((&fast["MetricName"], &fast["Threshold"]), (&json!("ModelLatency"), &json!(2e6)));
    assert_eq!(fast["EvaluationPeriods"], 3, "150 s are three minutes");
    let both = named(&template, "bifocal-llm-prod-qwen-fast,-and-worse");
    let part = |i: u32| format!("ALARM(\"bifocal-llm-prod-qwen-fast,-and-worse-part-{i}\")");
    assert_eq!(both["AlarmRule"], format!("{} AND {}", part(1), part(2)));
    let critical = named(&template, "bifocal-llm-prod-qwen-critical");
    let rule = critical["AlarmRule"].as_str().unwrap();
    assert_eq!(rule.matches("ALARM(").count(), 3, "{rule}");
    assert_eq!(critical["ActionsSuppressor"]["Fn::If"][0], "HasSuppressor");
    assert_eq!(template.body["Outputs"]["CriticalAlarms"]["Value"], "bifocal-llm-prod-qwen-critical");
}

#[test]
fn every_alarm_under_a_composite_one_is_in_the_template_and_made_first() {
    let template = Template::of(&options()).unwrap();
    let by_id = template.body["Resources"].as_object().unwrap();
    let mut seen = 0;
    for resource in resources(&template) {
        let Some(rule) = resource["Properties"]["AlarmRule"].as_str() else { continue };
        let after: Vec<&str> =
            resource["DependsOn"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        for name in rule.split("ALARM(\"").skip(1).map(|part| part.split('"').next().unwrap()) {
            let (id, _) = by_id.iter().find(|(_, other)| other["Properties"]["AlarmName"] == name).unwrap();
            assert!(after.contains(&id.as_str()), "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 2 + 3);
}

#[test]
fn what_is_inhibited_tells_while_none_of_its_inhibitors_does() {
    let mut options = options();
    let rule = |name: &str| options.rules.iter().position(|rule| rule.name == name).unwrap();
    let (outage, relevance) = (rule("outage"), rule("relevance pass rate"));
    options.rules[outage].inhibits = vec!["relevance pass rate".into(), "answers degraded".into()];
    options.rules[relevance].inhibited_by = vec!["slow start".into()];
    let template = Template::of(&options).unwrap();
    let name = |what: &str| format!("ALARM(\"bifocal-llm-prod-qwen-{what}\")");
    let joined = named(&template, "bifocal-llm-prod-qwen-relevance-pass-rate");
    // `slow start` has no alarm in CloudWatch, so it inhibits nothing there.
    let rule = format!("({}) AND NOT ({})", name("relevance-pass-rate-part-1"), name("outage"));
    assert_eq!(joined["AlarmRule"], rule);
    assert!(joined["AlarmActions"]["Fn::If"].is_array(), "it tells");
    let part = named(&template, "bifocal-llm-prod-qwen-relevance-pass-rate-part-1");
    assert!(part["AlarmActions"].is_null(), "its part does not");
}

#[test]
fn the_dashboard_is_json_with_a_widget_for_each_chart() {
    let template = Template::of(&options()).unwrap();
    let body =
        template.body["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let titles: Vec<&str> = body["widgets"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|widget| widget["properties"]["title"].as_str())
        .collect();
    assert_eq!(titles.len(), 4 + 4 + 2);
    assert!(titles.contains(&"Composite") && titles.contains(&"Model latency (µs)"), "{titles:?}");
}

/// limits cloudformation_resources and composite_children: more than AWS takes is refused here.
#[test]
fn more_than_aws_takes_is_refused() {
    let mut many = options();
    many.components = (0..CLOUDFORMATION_RESOURCES).map(|i| ("e".to_owned(), format!("c{i}"))).collect();
    assert!(matches!(Template::of(&many), Err(TemplateError::Resources(n)) if n > CLOUDFORMATION_RESOURCES));
    let mut many = options();
    many.rules = (0..=COMPOSITE_CHILDREN)
        .map(|i| RuleConfig { name: format!("r{i}"), ..rules().swap_remove(0) })
        .collect();
    assert_eq!(Template::of(&many).unwrap_err(), TemplateError::Children(COMPOSITE_CHILDREN + 1));
}
