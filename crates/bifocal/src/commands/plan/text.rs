//! A plan for people.

use bifocal_infra::right_sizing::{Bound, Certainty};

use crate::output::line;
use crate::plan::monthly::Item;
use crate::plan::{Basis, Known, Plan, SizedTarget, Sooner, StreamPlan, TargetPlan};

/// Prints a plan.
pub(super) fn print(plan: &Plan) {
    line("# traffic");
    for traffic in &plan.traffic {
        let requests = known(&traffic.requests_per_day, 0);
        line(&format!("{}: {requests} requests a day, {:.1}% judged", traffic.target, 100.0 * traffic.rate));
    }
    if !plan.sizes.is_empty() {
        line("\n# are GPUs right-sized?");
        plan.sizes.iter().for_each(size);
    }
    judging(plan);
    if !plan.monthly.is_empty() {
        line("\n# what 30 days cost");
        plan.monthly.iter().for_each(item);
        total(&plan.monthly);
    }
}

fn judging(plan: &Plan) {
    line("\n# judging");
    let Some(judging) = &plan.judging else {
        line("nothing is judged: add a [judge] section, or give --price");
        return;
    };
    let [input, output] = &plan.tokens;
    line(&format!("{} tokens in and {} out for a judgement", known(input, 0), known(output, 0)));
    let cap = if judging.capped {
        format!(", of {:.0} that the rates ask for: the daily cap is the limit", judging.wanted_per_day)
    } else {
        String::new()
    };
    line(&format!("{:.0} judgements a day{cap}", judging.judged_per_day));
    let usd = judging.usd_per_30_days.map_or_else(
        || "price not known: give --price IN/OUT".to_owned(),
        |usd| format!("${usd:.2} in 30 days, ${:.4} each", judging.usd_per_judgement.unwrap_or_default()),
    );
    line(&format!("{:.1} million tokens in 30 days: {usd}", judging.tokens_per_30_days / 1e6));
    line("\n# budget of false pages");
    let threshold = plan.threshold.map_or_else(
        || "no threshold: nothing is judged".to_owned(),
        |threshold| format!("a stream alarms at evidence {threshold:.2e}"),
    );
    line(&format!("{} in 30 days over {} streams: {threshold}", plan.false_pages_per_30_days, plan.streams));
    line(&format!("it holds as long as {}", plan.conditions.join(", ")));
    line("\n# when, and how soon");
    let usd = judging.usd_per_30_days.map(|usd| usd / 30.0);
    plan.targets.iter().for_each(|of| target(of, usd));
    if let Some(ladder) = &plan.ladder {
        line("\n# which judge, at equal width");
        let usd = ladder.strong_alone_usd.map(|usd| format!(", ${usd:.2}")).unwrap_or_default();
        line(&format!(
            "a daily mean within {} takes {:.0} judgements of the strong judge alone{usd}",
            ladder.half_width, ladder.strong_alone
        ));
        line(&format!(
            "with a cheap judge whose scores have rho2 {} with the strong one's:",
            known(&ladder.rho2, 2)
        ));
        for step in &ladder.steps {
            let usd = step.usd.map(|usd| format!(" (${usd:.2})")).unwrap_or_default();
            line(&format!("  at {} of its price: {}{usd}", step.price_ratio, step.advice));
        }
    }
}

fn size(size: &SizedTarget) {
    let Some(advice) = &size.advice else {
        let unknown = size.unknown.as_deref().unwrap_or("unknown");
        line(&format!("{}: not told: {unknown}", size.target));
        return;
    };
    let saving = match advice.saving.usd {
        Some(usd) if usd >= 0.0 => format!("saves ${usd:.2} an hour"),
        Some(usd) => format!("costs ${:.2} an hour more", -usd),
        None => "saving unknown: the price of its instances is not known".to_owned(),
    };
    line(&format!(
        "{}: {} copies would have been enough, {:.1} ran; {saving}; {} of {} hours would have broken an objective",
        size.target, advice.copies, advice.copies_now, advice.hours_broken, advice.hours
    ));
    let bound = match advice.capacity.bound {
        Bound::Seen => "more was not seen",
        Bound::Ttft => "the time to the first token",
        Bound::Itl => "the inter-token latency",
        Bound::Duration => "the duration",
        Bound::KvCache => "the KV cache",
    };
    let sure = match advice.certainty {
        Certainty::Measured => "measured: no copy carries more than copies were seen to carry",
        Certainty::Extrapolated => "extrapolated: take one step, and plan again",
    };
    line(&format!(
        "  a copy carries {:.1} requests at once, bound by {bound}; {sure}",
        advice.capacity.concurrency
    ));
}

fn target(target: &TargetPlan, usd_per_day: Option<f64>) {
    let days =
        |days: Option<f64>| days.map_or_else(|| "never".to_owned(), |days| format!("after {days:.1} days"));
    line(&format!(
        "{}: detectors see {:.0} judged a day on each dimension; provisional baseline {}, complete {}",
        target.target,
        target.judged_per_day,
        days(target.provisional_days),
        days(target.baseline_days)
    ));
    // Streams of which nothing is known are all the same.
    let assumed = target.streams.iter().filter(|stream| stream.basis == Basis::Assumed).count();
    let mut told = false;
    for of in &target.streams {
        if of.basis == Basis::Assumed && assumed > 1 {
            if !std::mem::replace(&mut told, true) {
                stream(of, "each of them", usd_per_day);
            }
        } else {
            stream(of, &of.dimension, usd_per_day);
        }
    }
}

fn stream(stream: &StreamPlan, name: &str, usd_per_day: Option<f64>) {
    let basis = match stream.basis {
        Basis::Observed => format!("{} scores (observed)", stream.n),
        Basis::Said => "said".to_owned(),
        Basis::Assumed => "assumed".to_owned(),
    };
    line(&format!("  {name}: mean {:.2}, standard deviation {:.2}, {basis}", stream.mean, stream.sd));
    for (seen, sooner) in stream.detection.iter().zip(&stream.sooner) {
        let missed = match seen.missed {
            missed if missed > 0.0 => format!("; {:.0}% not within 20,000 judged", 100.0 * missed),
            _ => String::new(),
        };
        let Some(median) = seen.judged_median else {
            line(&format!("    a drop of {:.2} is not seen within 20,000 judged", seen.fall));
            continue;
        };
        let at = usd_per_day.map(|usd| format!(" at ${usd:.2} a day")).unwrap_or_default();
        let hours =
            seen.hours_median.map_or_else(|| "never".to_owned(), |hours| format!("in {}", time(hours)));
        let p90 = seen.judged_p90.map(|n| format!(" (9 of 10: {n})")).unwrap_or_default();
        let sooner = sooner.as_ref().map(self::sooner).unwrap_or_default();
        line(&format!(
            "    a drop of {:.2} is found {hours}{at}: {median} judged{p90}{missed}{sooner}",
            seen.fall
        ));
    }
}

fn sooner(sooner: &Sooner) -> String {
    if !sooner.is_possible {
        return format!("; {:.0} times sooner takes more answers than there are", sooner.times);
    }
    let cost = sooner.usd_per_day.map(|usd| format!(", ${usd:.2} a day")).unwrap_or_default();
    format!("; {:.0} times sooner: {:.0} judged a day{cost}", sooner.times, sooner.judged_per_day)
}

/// Hours up to two days, then days.
fn time(hours: f64) -> String {
    match hours {
        hours if hours < 1.0 => format!("{:.0} min", 60.0 * hours),
        hours if hours < 48.0 => format!("{hours:.1} h"),
        hours => format!("{:.1} days", hours / 24.0),
    }
}

fn item(item: &Item) {
    let quantity = item.quantity.map(|n| format!("{n:.0} {}", item.unit));
    let usd = item.usd.map(|usd| format!("${usd:.2}"));
    let said: Vec<String> = [quantity, usd].into_iter().flatten().collect();
    let unknown = item.unknown.as_ref().map(|why| format!("unknown: {why}"));
    let said: Vec<String> = said.into_iter().chain(unknown).collect();
    line(&format!("{}: {}", item.what, said.join(", ")));
}

fn total(items: &[Item]) {
    // A sum of nothing is -0.0.
    let known = items.iter().filter_map(|item| item.usd).fold(0.0, |sum, usd| sum + usd);
    let unknown = items.iter().filter(|item| item.usd.is_none()).count();
    let rest = match unknown {
        0 => String::new(),
        1 => ", and one item whose cost is unknown".to_owned(),
        n => format!(", and {n} items whose cost is unknown"),
    };
    line(&format!("together: ${known:.2}{rest}"));
}

fn known(known: &Known, digits: usize) -> String {
    let mark = match known.basis {
        Basis::Observed => " (observed)",
        Basis::Said => "",
        Basis::Assumed => " (assumed)",
    };
    format!("{:.digits$}{mark}", known.value)
}
