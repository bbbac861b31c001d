//! `bifocal plan`: what a configuration will cost a month, and what it can detect how soon.

mod account;
mod copies;
mod text;
mod traffic;

use anyhow::Context as _;
use bifocal_evaluate::judge::{JUDGEMENT_TOKENS, JudgeConfig};
use bifocal_publish::cloudwatch::{AlarmOptions, Template};

use crate::Done;
use crate::cli::{Format, PlanArgs};
use crate::config::{ConfigFile, Resolved, UpstreamTarget, load};
use crate::output;
use crate::plan::monthly::Item;
use crate::plan::{ASSUMED_MEAN, ASSUMED_SD, Basis, Inputs, Known, Logged, Plan};
use crate::user_error::{Code, UserError};

/// Falls of the mean that are asked about where no `--fall` names one.
const FALLS: [f64; 2] = [0.05, 0.1];
/// More are not simulated.
const FALLS_MAX: usize = 10;
/// The low end of what was measured between cheap and strong judges on public data (0.57 to 0.79).
const ASSUMED_RHO2: f64 = 0.57;
/// Bytes of a question and its answer in a log where nothing is observed: the mean of open-ended chat (AlpacaEval).
const ASSUMED_TEXT_BYTES: f64 = 2_200.0;

/// Makes the plan and prints it.
pub fn run(args: &PlanArgs, format: Format) -> anyhow::Result<Done> {
    let config = configuration(args)?;
    let inputs = inputs(args, &config)?;
    let plan = Plan::of(inputs);
    match format {
        Format::Json => output::line(&serde_json::to_string(&plan).context("print the plan")?),
        Format::Text => text::print(&plan),
    }
    Ok(Done::Well)
}

/// The configuration, with what the flags say of the judge.
fn configuration(args: &PlanArgs) -> Result<Resolved, UserError> {
    let mut file = match &args.config {
        Some(path) => load(path)?,
        None => ConfigFile { judge: Some(JudgeConfig::default()), ..ConfigFile::default() },
    };
    let price = args.price.as_deref().map(prices).transpose()?;
    if let (None, Some(_)) = (&file.judge, price) {
        file.judge = Some(JudgeConfig::default());
    }
    if let (Some(judge), Some([input, output])) = (&mut file.judge, price) {
        judge.usd_per_million_input_tokens = Some(input);
        judge.usd_per_million_output_tokens = Some(output);
    }
    if let (Some(judge), Some(usd)) = (&mut file.judge, args.budget_usd_per_day) {
        judge.budget_usd_per_day = Some(usd);
        judge.budget_tokens_per_day = None;
    }
    if let Some(rate) = args.judge_rate {
        file.evaluate = vec![crate::config::EvaluateRule::of("*", rate)];
    }
    file.server.data = args.data.clone().or(file.server.data);
    let budget = args.false_pages_per_30_days;
    file.alerting.false_pages_per_30_days = budget.unwrap_or(file.alerting.false_pages_per_30_days);
    let resolved = Resolved::of(file)?;
    let numbers = [
        ("--requests-per-day", args.requests_per_day),
        ("--tokens-in", args.tokens_in),
        ("--tokens-out", args.tokens_out),
        ("--false-pages-per-30-days", budget),
        ("--budget-usd-per-day", args.budget_usd_per_day),
    ];
    if let Some((flag, number)) =
        numbers.iter().find(|(_, number)| number.is_some_and(|number| !(number.is_finite() && number > 0.0)))
    {
        let number = number.unwrap_or_default();
        return Err(usage(format!("{flag} {number} is no number above 0"), "give a positive number"));
    }
    if let Some(fall) = args.fall.iter().find(|fall| !(fall.is_finite() && (0.0..=1.0).contains(*fall))) {
        return Err(usage(
            format!("--fall {fall} is not in [0, 1]"),
            "a score lies there: 0.05 is a fall from 0.80 to 0.75",
        ));
    }
    if args.fall.len() > FALLS_MAX {
        return Err(usage(format!("{} times --fall", args.fall.len()), "ask for ten at most"));
    }
    if let Some(rho2) = args.rho2.filter(|rho2| !(0.0..=1.0).contains(rho2)) {
        return Err(usage(format!("--rho2 {rho2} is not in [0, 1]"), "take it from `bifocal backtest`"));
    }
    Ok(resolved)
}

fn usage(what: String, hint: &str) -> UserError {
    UserError::new(Code::Usage, format!("plan: {what}")).hint(hint)
}

/// `IN/OUT`, dollars for a million tokens.
fn prices(text: &str) -> Result<[f64; 2], UserError> {
    let price = |text: &str| text.trim().parse::<f64>().ok().filter(|usd| (0.0..=1e6).contains(usd));
    let parts = text.split_once('/').and_then(|(input, output)| Some([price(input)?, price(output)?]));
    parts.ok_or_else(|| {
        usage(
            format!("--price `{text}` is no IN/OUT"),
            "give dollars for a million tokens in and out, such as --price 3/15",
        )
    })
}

fn inputs(args: &PlanArgs, config: &Resolved) -> anyhow::Result<Inputs> {
    let said = |value| Known { value, basis: Basis::Said };
    let assumed = |value| Known { value, basis: Basis::Assumed };
    let observed = match args.requests_per_day {
        Some(_) => None,
        None => traffic::observed(config)?,
    };
    let account = if args.offline { account::Found::not_asked(config) } else { account::look(config)? };
    let traffic = match (args.requests_per_day, &observed) {
        (Some(requests), _) => traffic::said(config, &account.components, requests, args.targets),
        (None, Some(observed)) => observed.traffic.clone(),
        (None, None) => {
            let folder = config.addresses.data.display();
            return Err(usage(
                format!("there is no traffic in `{folder}` to plan for"),
                "say how much each target gets with --requests-per-day, or name a data folder with --data",
            )
            .into());
        }
    };
    let seen = observed.as_ref();
    let pick = |flag: Option<f64>, seen: Option<f64>, default: f64| match (flag, seen) {
        (Some(value), _) => said(value),
        (None, Some(value)) => Known { value, basis: Basis::Observed },
        (None, None) => assumed(default),
    };
    let dimensions = config.judge.as_ref().map_or(0, |judge| judge.dimensions.len());
    let written = &config.cloudwatch;
    let without_text = written.event_bytes(None, dimensions) as f64;
    let text = if written.log_text { ASSUMED_TEXT_BYTES } else { 0.0 };
    let bytes = pick(None, seen.and_then(|seen| seen.event_bytes), without_text + text);
    let [assumed_in, assumed_out] = JUDGEMENT_TOKENS.map(f64::from);
    Ok(Inputs {
        logged: written.logs.then(|| Logged { config: written.clone(), bytes }),
        monthly: monthly(config, account, traffic.len()),
        traffic,
        judge: config.judge.clone(),
        tokens: [
            pick(args.tokens_in, seen.and_then(|seen| seen.tokens.map(|t| t[0])), assumed_in),
            pick(args.tokens_out, seen.and_then(|seen| seen.tokens.map(|t| t[1])), assumed_out),
        ],
        scores: [assumed(ASSUMED_MEAN), assumed(ASSUMED_SD)],
        falls: if args.fall.is_empty() { FALLS.to_vec() } else { args.fall.clone() },
        baseline: [config.watch.quality.provisional_judged, config.watch.quality.baseline_judged],
        false_pages_per_30_days: config.watch.alerting.false_pages_per_30_days,
        rho2: pick(args.rho2, None, ASSUMED_RHO2),
        sizes: seen.map(|observed| observed.sizes.clone()).unwrap_or_default(),
        seen: observed.map(|observed| observed.seen).unwrap_or_default(),
    })
}

/// What is paid beside the judge.
fn monthly(config: &Resolved, account: account::Found, targets: usize) -> Vec<Item> {
    let mut items = account.reads;
    for target in config.sagemaker.iter().filter(|target| target.container_logs) {
        let what = format!("container logs of SageMaker `{}` around incidents", target.pattern);
        items.push(Item::container_logs(what));
    }
    let written = &config.cloudwatch;
    if written.write {
        let dimensions = config.judge.as_ref().map_or(0, |judge| judge.dimensions.len());
        items.extend(Item::written(written, targets, dimensions));
        let options = AlarmOptions {
            rules: config.watch.rules.clone(),
            written: written.clone(),
            components: account.pairs.into_iter().chain(configured(config)).collect(),
            detailed: config.sagemaker.iter().any(|target| target.detailed_observability),
        };
        if !options.components.is_empty() {
            let alarms = "alarms of `bifocal cloudwatch`";
            items.push(Template::of(&options).map_or_else(
                |err| Item::unknown(alarms.to_owned(), "alarms", err.to_string()),
                |template| Item::alarms(&template),
            ));
        }
    }
    items
}

/// Endpoint and component of the targets whose components the configuration names.
fn configured(config: &Resolved) -> impl Iterator<Item = (String, String)> {
    let of = |target: &UpstreamTarget| {
        let endpoint = target.endpoint.clone();
        target.components.values().cloned().map(move |name| (endpoint.clone(), name)).collect::<Vec<_>>()
    };
    config.targets.iter().flat_map(of)
}
