//! `bifocal cloudwatch`: alarms and a dashboard, as CloudFormation or through the API.

mod apply;

use bifocal_publish::cloudwatch::{AlarmOptions, Template};

use super::named::{checked_rules, named_components};
use crate::Done;
use crate::cli::{ApplyArgs, CloudwatchCommand, TemplateArgs};
use crate::config::{ConfigFile, load};
use crate::output;
use crate::user_error::{Code, UserError};

/// Prints the template or brings an account to it, and says on standard error what it does not hold and what it costs.
pub fn run(command: &CloudwatchCommand) -> anyhow::Result<Done> {
    let (CloudwatchCommand::Template(args)
    | CloudwatchCommand::Apply(ApplyArgs { wanted: args, .. })
    | CloudwatchCommand::Diff(ApplyArgs { wanted: args, .. })) = command;
    let template = template(args)?;
    for rule in &template.left_out {
        output::note(&format!("note: no alarm for {rule}"));
    }
    let promql = match template.promql_alarms {
        0 => String::new(),
        n => format!("{n} PromQL alarms taken for the same (AWS names no price), "),
    };
    output::note(&format!(
        "note: {} metric alarms at $0.10, {}{} composite alarms at $0.50 and a dashboard at $3 cost about ${:.2} a month \
         (us-east-1, without the free ones)",
        template.metric_alarms,
        promql,
        template.composite_alarms,
        template.usd_per_month()
    ));
    match command {
        CloudwatchCommand::Template(_) => {
            output::line(&format!("{:#}", template.body));
            Ok(Done::Well)
        }
        CloudwatchCommand::Apply(args) => apply::apply(args, &template),
        CloudwatchCommand::Diff(args) => apply::diff(args, &template),
    }
}

fn template(args: &TemplateArgs) -> Result<Template, UserError> {
    let config = match &args.config {
        Some(path) => load(path)?,
        None => ConfigFile::default(),
    };
    let components: Vec<(String, String)> = named_components(&config, &args.component)?.into_iter().collect();
    if components.is_empty() {
        return Err(UserError::new(Code::Usage, "cloudwatch: alarms for which inference component?")
            .hint("add --component ENDPOINT/NAME, or `components` to a [[target]]"));
    }
    let is_detailed = config.target.iter().any(|target| target.detailed_observability == Some(true));
    let detailed = args.detailed || is_detailed;
    let options =
        AlarmOptions { rules: checked_rules(&config)?, written: config.cloudwatch, components, detailed };
    Template::of(&options).map_err(|err| {
        UserError::new(Code::Usage, format!("cloudwatch: {err}"))
            .hint("make several templates, each for some of the components")
    })
}

#[cfg(test)]
mod tests {
    use bifocal_watch::alert::shipped_rules;

    use super::*;

    #[test]
    fn without_a_component_it_says_so() {
        let args = TemplateArgs { config: None, component: Vec::new(), detailed: false };
        assert!(template(&args).unwrap_err().hint.unwrap().contains("--component"));
    }

    #[test]
    fn what_is_not_written_has_no_alarm_and_is_named() {
        let args = TemplateArgs { config: None, component: vec!["llm-prod/qwen".into()], detailed: false };
        let template = template(&args).unwrap();
        assert_eq!(template.metric_alarms, 0);
        assert_eq!(template.left_out.len(), shipped_rules().len(), "{:?}", template.left_out);
    }
}
