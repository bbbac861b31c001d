//! Whether the judge can be reached.

use std::sync::Arc;

use bifocal_aws::{Aws, Options};
use bifocal_evaluate::judge::JudgeConfig;
use bifocal_telemetry::{Clock, SystemClock, Telemetry};

use super::{Tried, reach};

/// An OpenAI-compatible server is asked for its models, and its key is looked for.
pub(super) async fn over_http(judge: &JudgeConfig, http: &reqwest::Client) -> Vec<Tried> {
    let models = format!("{}/models", judge.base_url.trim_end_matches('/'));
    let key = judge.api_key_env.as_ref().and_then(|name| std::env::var(name).ok());
    let get = match &key {
        Some(key) => http.get(models).bearer_auth(key),
        None => http.get(models),
    };
    let mut tried = vec![reach(get, "judge".to_owned(), judge_says).await];
    if let Some(name) = &judge.api_key_env {
        let there = key.is_some_and(|key| !key.is_empty());
        let detail = if there { "is set" } else { "is not set: calls go without a key" };
        tried.push(Tried { what: format!("variable {name}"), ok: there, detail: detail.to_owned() });
    }
    tried
}

/// AWS bills every question: only who would ask is found out.
pub(super) async fn on_aws(judge: &JudgeConfig) -> Tried {
    let (what, asked_of, action) = match &judge.endpoint {
        Some(endpoint) => ("judge on SageMaker", format!("endpoint {endpoint}"), "sagemaker:InvokeEndpoint"),
        None => ("judge on Bedrock", judge.model.clone(), "bedrock:InvokeModel"),
    };
    let what = what.to_owned();
    let options = Options { region: judge.region.clone(), ..Options::default() };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let asked = async {
        let aws = Aws::connect(&options, clock, Telemetry::new()).await?;
        let caller = aws.caller_identity().await?;
        Ok::<_, bifocal_aws::Error>((aws.region().to_owned(), caller))
    };
    match asked.await {
        Ok((region, caller)) => {
            let detail = format!(
                "{asked_of} in {region}, as {} (nothing was asked: it would be billed; {action} is needed)",
                caller.arn
            );
            Tried { what, ok: true, detail }
        }
        Err(err) => {
            let detail = format!("failed to {err}; lost: no answer is judged; {}", err.advice());
            Tried { what, ok: false, detail }
        }
    }
}

/// The judge's list of models is asked, which some servers do not have.
fn judge_says(status: u16) -> (bool, &'static str) {
    match status {
        200..300 => (true, ""),
        401 | 403 => (false, "it does not take the key: set the variable that api_key_env names"),
        404 | 405 => (true, "somebody is there, and does not list its models"),
        500.. => (false, "the server, or one before it, says that it cannot answer"),
        _ => (false, "not what a judge answers"),
    }
}
