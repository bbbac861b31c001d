//! A report for people.

use bifocal_watch::backtest::{
    Alarm, ConditionReport, Delay, DelayOutcome, FalsePages, Method, Report, RuleReport, StreamReport,
};

use crate::output::line;

/// Streams and alarms that are printed; JSON has all.
const SHOWN: usize = 40;

/// Prints a report, and beside it what another configuration would have done.
pub(super) fn print(report: &Report, against: Option<&Report>) {
    line(&format!("alarm at evidence {:.3e}", report.threshold));
    line("\n# streams: target, dimension, judge, lines, judged, mean [95% interval] method, rho2, alarms");
    report.streams.iter().take(SHOWN).for_each(|stream| line(&stream_line(stream)));
    more(report.streams.len(), "streams");
    if !report.delays.is_empty() {
        line("\n# delay after marked changes");
        report.delays.iter().take(SHOWN).for_each(|delay| line(&delay_line(delay)));
        more(report.delays.len(), "changes");
    }
    line("\n# alarms");
    if report.alarms.is_empty() {
        line("none");
    }
    report.alarms.iter().take(SHOWN).for_each(|alarm| line(&alarm_line(alarm)));
    more(report.alarms.len(), "alarms");
    for moved in report.judge_moves.iter().take(SHOWN) {
        let way = if moved.fell { "lower" } else { "higher" };
        line(&format!(
            "{}  the judge `{}` scores its anchors {way} ({})",
            moved.t, moved.judge, moved.dimension
        ));
    }
    line("\n# false pages");
    line(&pages_line(&report.false_pages, report.changes_marked));
    line(
        "\n# alert rules: fired, false in 30 days over all targets [95% interval], changes seen, judged until seen",
    );
    report.rules.iter().for_each(|rule| line(&rule_line(rule)));
    line("\n# what the budget rests on");
    report.conditions.iter().for_each(|condition| line(&condition_line(condition)));
    line(
        "\n# beside it, on the same values: alarms, false in 30 days [95% interval], changes seen, judged until seen",
    );
    report.methods.iter().for_each(|method| line(&method_line(method)));
    if let Some(other) = against {
        compare(report, other);
    }
    line("\n# judging");
    let judging = &report.judging;
    let usd = judging.usd.map_or_else(
        || "price not known: give --usd-per-judgement".to_owned(),
        |usd| {
            let month =
                judging.usd_per_30_days.map(|usd| format!(", ${usd:.2} in 30 days")).unwrap_or_default();
            format!("${usd:.2}{month}")
        },
    );
    line(&format!("{} judged, {} anchors scored again: {usd}", judging.judged, judging.anchors));
    notes(report);
}

fn stream_line(stream: &StreamReport) -> String {
    let judge = if stream.judge.is_empty() { "-" } else { &stream.judge };
    let mean = stream.estimate.map_or_else(
        || "-".to_owned(),
        |estimate| {
            let method = estimate.method.name();
            format!("{:.3} [{:.3}, {:.3}] {method}", estimate.value, estimate.lower, estimate.upper)
        },
    );
    let rho2 = stream.rho2.map_or_else(|| "-".to_owned(), |rho2| format!("{rho2:.2}"));
    format!(
        "{}  {}  {judge}  {}  {}  {mean}  {rho2}  {}",
        stream.target, stream.dimension, stream.n, stream.judged, stream.alarms
    )
}

fn delay_line(delay: &Delay) -> String {
    let usd = delay.usd.map(|usd| format!(", ${usd:.2}")).unwrap_or_default();
    let count = format!("{} judged, {:.1} h{usd}", delay.judged, delay.hours);
    let what = match delay.outcome {
        DelayOutcome::Seen => format!("seen after {count}"),
        DelayOutcome::NotSeen => format!("NOT SEEN in {count}"),
        DelayOutcome::WhileLearning => {
            "the baseline was not complete: it became part of what is normal".to_owned()
        }
        DelayOutcome::WhileInAlarm => "the stream was in alarm already".to_owned(),
    };
    format!("{}  {}  {} ({}): {what}", delay.target, delay.dimension, delay.change.t, delay.change.id)
}

fn alarm_line(alarm: &Alarm) -> String {
    let effect = alarm.effect.map_or(String::new(), |effect| {
        format!(", lower by {:.2} to {:.2} (measured after the alarm)", effect.lower, effect.upper)
    });
    let aligned: Vec<&str> = alarm.aligned.iter().map(|event| event.id.as_str()).collect();
    let aligned = if aligned.is_empty() {
        "no aligned event".to_owned()
    } else {
        format!("aligned: {}", aligned.join(", "))
    };
    format!(
        "{}  {}  {}  at {} judged, evidence {:.1e}: {} ({}){effect}\n    began between {} and {}; {aligned}\n    {}",
        alarm.t,
        alarm.target,
        alarm.dimension,
        alarm.index,
        alarm.evidence,
        alarm.cause,
        alarm.severity.name(),
        alarm.onset_from,
        alarm.onset_to,
        alarm.why
    )
}

fn rate(pages: &FalsePages) -> String {
    match (pages.per_30_days, pages.lower, pages.upper) {
        (Some(rate), Some(lower), Some(upper)) => format!("{rate:.2} [{lower:.2}, {upper:.2}]"),
        _ => "-".to_owned(),
    }
}

fn pages_line(pages: &FalsePages, marked: bool) -> String {
    let what = if marked { "outside of marked changes" } else { "no change is marked: every alarm counts" };
    let allowed =
        pages.allowed.map(|allowed| format!("; the threshold allows {allowed:.3} in what was watched"));
    format!(
        "{} in {:.1} stream-days ({what}): {} in 30 days over all streams{}",
        pages.count,
        pages.stream_days,
        rate(pages),
        allowed.unwrap_or_default()
    )
}

fn rule_line(rule: &RuleReport) -> String {
    let RuleReport { rule: name, fired, changes, seen, .. } = rule;
    let head = format!("{name} ({})", rule.severity.name());
    if !rule.answered {
        let lacks =
            if rule.missing.is_empty() { "a judged answer".to_owned() } else { rule.missing.join(", ") };
        return format!("{head}: not answered, the history does not hold {lacks}");
    }
    let late = match (rule.judged_mean, rule.hours_mean) {
        (Some(judged), Some(hours)) => {
            let usd = rule.usd_mean.map(|usd| format!(", ${usd:.2}")).unwrap_or_default();
            format!("{judged:.0} judged, {hours:.1} h{usd}")
        }
        _ => "-".to_owned(),
    };
    let budget = if rule.budgeted { "in the budget" } else { "outside of the budget" };
    let notes = [("taking for granted that", &rule.assumed), ("without", &rule.missing)];
    let notes: String = notes
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("; {word} {}", names.join(", ")))
        .collect();
    format!("{head}: {fired}  {}  {seen} of {changes}  {late}  ({budget}{notes})", rate(&rule.false_pages))
}

fn condition_line(condition: &ConditionReport) -> String {
    let name = word(&condition.requirement);
    let ConditionReport { holds, unknown, broken, detail, target, .. } = condition;
    format!("{name}: holds on {holds} streams, unknown on {unknown}, broken on {broken}; {target}: {detail}")
}

fn method_line(method: &Method) -> String {
    let judged = match (method.judged_mean, method.judged_p90) {
        (Some(mean), Some(p90)) => format!("{mean:.0} (9 of 10: {p90})"),
        _ => "-".to_owned(),
    };
    let (alarms, seen, changes) = (method.alarms, method.seen, method.changes);
    format!(
        "{}: {alarms}  {}  {seen} of {changes}  {judged}  ({})",
        method.method,
        rate(&method.false_pages),
        method.setting
    )
}

/// Two configurations side by side.
fn compare(report: &Report, other: &Report) {
    line("\n# this configuration, and the other one");
    let row = |what: &str, of: &dyn Fn(&Report) -> String| {
        line(&format!("{what}: {}  |  {}", of(report), of(other)))
    };
    let own = |report: &Report| report.methods.first().cloned();
    let number = |n: Option<f64>| n.map_or_else(|| "-".to_owned(), |n| format!("{n:.1}"));
    row("alarm at evidence", &|report| format!("{:.3e}", report.threshold));
    row("alarms", &|report| report.alarms.len().to_string());
    row("false pages in 30 days", &|report| rate(&report.false_pages));
    row("changes seen", &|report| {
        own(report).map_or(String::new(), |m| format!("{} of {}", m.seen, m.changes))
    });
    row("judged until seen, mean", &|report| number(own(report).and_then(|method| method.judged_mean)));
    for rule in &report.rules {
        let of = |report: &Report| report.rules.iter().find(|other| other.rule == rule.rule).cloned();
        row(&format!("`{}` fired, false in 30 days", rule.rule), &|report| {
            of(report)
                .filter(|rule| rule.answered)
                .map_or_else(|| "-".to_owned(), |rule| format!("{}, {}", rule.fired, rate(&rule.false_pages)))
        });
    }
    row("hours until seen, mean", &|report| number(own(report).and_then(|method| method.hours_mean)));
}

/// A name of the public form, for people.
fn word(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().replace('_', " ")
}

fn more(all: usize, what: &str) {
    if all > SHOWN {
        line(&format!("… and {} more {what}: --format json has all", all - SHOWN));
    }
}

fn notes(report: &Report) {
    let input = &report.input;
    let told = [
        (input.skipped, "lines could not be read and were left out"),
        (input.duplicates, "lines had an id that was there before and were left out"),
        (input.late, "lines were older than the newest of their stream and were taken as they came"),
        (input.beyond_limit, "lines were beyond the limit of streams or anchors and were left out"),
        (input.alarms_beyond_limit, "alarms were counted and are not told"),
    ];
    for (count, what) in told.iter().filter(|(count, _)| *count > 0) {
        line(&format!("note: {count} {what}"));
    }
    if !input.unknown_fields.is_empty() {
        line(&format!("note: fields that are not read: {}", input.unknown_fields.join(", ")));
    }
}
