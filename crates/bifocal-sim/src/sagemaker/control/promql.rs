//! CloudWatch's PromQL: what the collector on the instances would have shipped, computed from the phase in force.
//!
//! Of the language there is what is asked of it: a selector with a metric's name and matchers of equality, and
//! `sum_over_time` of one. A selector without a name is an error, one with underscores for dots matches nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bifocal_model::{Span, Timestamp};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::policy::Asked;
use super::{Refusal, World};
use crate::limits::REQUEST_BYTES;
use crate::sagemaker::runtime::Bearer;
use crate::sagemaker::scenario::ComponentTruth;

/// Series of one answer; more are cut off with a warning.
const SERIES: usize = 500;
/// Seconds between two samples.
const EVERY: i64 = 10;

/// How a series comes about.
enum Emit {
    /// Its value at a time.
    Gauge(f64),
    /// Grows by so much a second since 1970.
    Cumulative(f64),
    /// What was added in each step of [`EVERY`], at so much a second.
    Delta(f64),
    /// All of so many a second in one bucket around a value.
    Histogram(f64, f64),
}

struct Emitted {
    name: &'static str,
    labels: BTreeMap<String, String>,
    emit: Emit,
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
struct Asking {
    name: String,
    matchers: Vec<(String, String)>,
    /// Seconds that are added up; `None`: the newest value.
    over: Option<i64>,
}

/// `/api/v1/query`.
pub(super) async fn query(State(world): State<Arc<World>>, request: Request) -> Response {
    world.promql(request, ["cloudwatch:GetMetricData", "cloudwatch:QueryMetrics"], World::instant).await
}

/// `/api/v1/label/__name__/values`.
pub(super) async fn names(State(world): State<Arc<World>>, request: Request) -> Response {
    world.promql(request, ["cloudwatch:ListMetrics", "cloudwatch:DescribeMetrics"], World::metric_names).await
}

impl World {
    async fn promql(
        &self,
        request: Request,
        actions: [&'static str; 2],
        answer: fn(&Self, &BTreeMap<String, String>) -> Result<Value, String>,
    ) -> Response {
        let (head, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, REQUEST_BYTES).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let refuse = |status, code: &str, message: &str| {
            let body = json!({"__type": code, "message": message});
            (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
        };
        if let Err(refused) = self.access.check(&head, &body, "monitoring", Bearer::Refused) {
            return refuse(StatusCode::FORBIDDEN, refused.kind, refused.message);
        }
        for action in actions {
            let asked = Asked { action, resource: "*", context: &[] };
            if let Err(Refusal { code, message, .. }) = self.call(asked, || Ok(Value::Null)) {
                return refuse(StatusCode::FORBIDDEN, code, &message);
            }
        }
        let text = if body.is_empty() {
            head.uri.query().unwrap_or_default().to_owned()
        } else {
            String::from_utf8_lossy(&body).into_owned()
        };
        match answer(self, &form(&text)) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response(),
            Err(error) => {
                let body = json!({"status": "error", "errorType": "bad_data", "error": error});
                (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, "application/json")], body.to_string())
                    .into_response()
            }
        }
    }

    fn metric_names(&self, _: &BTreeMap<String, String>) -> Result<Value, String> {
        let mut names: Vec<&str> =
            self.emitted(self.clock.now()).iter().map(|emitted| emitted.name).collect();
        // Others in the account have metrics too.
        names.push("my_shop_orders_total");
        names.sort_unstable();
        names.dedup();
        Ok(json!({"status": "success", "data": names}))
    }

    fn instant(&self, form: &BTreeMap<String, String>) -> Result<Value, String> {
        let now = self.clock.now();
        let time = form.get("time").and_then(|time| time.parse().ok());
        let time = time.map_or(now, |seconds: f64| Timestamp::default() + Span::from_secs_f64(seconds));
        let asking = form.get("query").and_then(|query| asking(query)).ok_or("parse error")?;
        let fits = |emitted: &Emitted| {
            emitted.name == asking.name
                && asking.matchers.iter().all(|(label, value)| emitted.labels.get(label) == Some(value))
        };
        let found: Vec<Value> = self
            .emitted(time)
            .into_iter()
            .filter(fits)
            .map(|emitted| emitted.at(time, asking.over))
            .collect();
        let is_cut = found.len() > SERIES;
        let found: Vec<&Value> = found.iter().take(SERIES).collect();
        let mut answer = json!({"status": "success", "data": {"resultType": "vector", "result": found}});
        if is_cut {
            answer["warnings"] = json!([format!("results truncated to {SERIES} series")]);
        }
        Ok(answer)
    }

    fn emitted(&self, time: Timestamp) -> Vec<Emitted> {
        let endpoint = &self.scenario.endpoint;
        let Some((_, phase)) = self.phase_at(time).filter(|_| endpoint.detailed) else { return Vec::new() };
        let mut all = Vec::new();
        for component in phase.components.iter().filter(|component| component.base.is_none()) {
            for copy in 0..component.copies() {
                let labels = BTreeMap::from(
                    [
                        ("aws.sagemaker.endpoint.name", endpoint.name.clone()),
                        ("aws.sagemaker.variant.name", endpoint.variant.clone()),
                        ("aws.sagemaker.inference_component.name", component.name.clone()),
                        ("aws.sagemaker.container.id", format!("{}-{copy}", component.name)),
                        ("@resource.host.id", format!("i-{copy}")),
                        ("@aws.account", self.scenario.account.clone()),
                        ("model_name", "/opt/ml/model".to_owned()),
                    ]
                    .map(|(name, value)| (name.to_owned(), value)),
                );
                all.extend(of_copy(component, &labels));
            }
        }
        all
    }
}

fn of_copy(component: &ComponentTruth, labels: &BTreeMap<String, String>) -> Vec<Emitted> {
    let rate = component.requests_per_second / f64::from(component.copies().max(1));
    let with = |name, emit, more: &[(&str, String)]| {
        let mut labels = labels.clone();
        labels.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Emitted { name, labels, emit }
    };
    let reason = [("finished_reason", "stop".to_owned())];
    let delta = [("__temporality__", "delta".to_owned())];
    let mut all = vec![
        with("vllm:num_requests_running", Emit::Gauge(rate * component.model_latency_ms / 1e3), &[]),
        with("vllm:num_requests_waiting", Emit::Gauge(0.0), &[]),
        with("vllm:request_success_total", Emit::Cumulative(rate), &reason),
        with("vllm:generation_tokens_total", Emit::Delta(rate * 100.0), &delta),
        with("vllm:time_to_first_token_seconds", Emit::Histogram(rate, component.first_chunk_ms / 1e3), &[]),
    ];
    for gpu in 0..component.accelerators.unwrap_or(0) {
        let gpu = [("gpu", gpu.to_string())];
        all.push(with("DCGM_FI_DEV_GPU_UTIL", Emit::Gauge(component.gpu_percent), &gpu));
    }
    all
}

impl Emitted {
    fn at(&self, time: Timestamp, over: Option<i64>) -> Value {
        let seconds = time.as_secs_f64();
        let steps = |seconds: i64| (seconds / EVERY) as f64;
        let value = match (&self.emit, over) {
            (Emit::Gauge(value), None) => *value,
            (Emit::Gauge(value), Some(over)) => value * steps(over),
            (Emit::Cumulative(rate), _) => (rate * seconds).floor(),
            (Emit::Delta(rate), None) => rate * EVERY as f64,
            (Emit::Delta(rate), Some(over)) => rate * EVERY as f64 * steps(over),
            (Emit::Histogram(..), _) => 0.0,
        };
        let mut metric: serde_json::Map<String, Value> =
            self.labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        // Functions take the name away.
        if over.is_none() {
            metric.insert("__name__".to_owned(), json!(self.name));
        }
        if let Emit::Histogram(rate, value) = self.emit {
            let count = (rate * seconds).floor();
            let bucket = json!([0, (value * 0.9).to_string(), (value * 1.1).to_string(), count.to_string()]);
            let histogram =
                json!({"count": count.to_string(), "sum": (count * value).to_string(), "buckets": [bucket]});
            return json!({"metric": metric, "histogram": [seconds, histogram]});
        }
        json!({"metric": metric, "value": [seconds, value.to_string()]})
    }
}

/// The fields of a form or of a query string.
fn form(text: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let bytes = text.as_bytes();
        let (mut plain, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
            match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => {
                    plain.push(byte);
                    at += 3;
                }
                None => {
                    plain.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&plain).into_owned()
    };
    let fields = text.split('&').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn asking(query: &str) -> Option<Asking> {
    let query = query.trim();
    if let Some(inner) = query.strip_prefix("sum_over_time(") {
        let (selector, range) = inner.strip_suffix(')')?.rsplit_once('[')?;
        let over = range.strip_suffix("s]")?.parse().ok()?;
        return Some(Asking { over: Some(over), ..asking(selector)? });
    }
    let (bare, inside) = query.strip_suffix('}')?.split_once('{')?;
    let mut name = (!bare.trim().is_empty()).then(|| bare.trim().to_owned());
    let mut matchers = Vec::new();
    let mut rest = inside.trim_start();
    while !rest.is_empty() {
        let (first, after) = word(rest)?;
        let after = after.trim_start();
        if let Some(value) = after.strip_prefix('=') {
            let (value, after) = word(value.trim_start())?;
            if first == "__name__" {
                name = Some(value)
            } else {
                matchers.push((first, value))
            }
            rest = after.trim_start();
        } else {
            name = Some(first);
            rest = after;
        }
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(Asking { name: name?, matchers, over: None })
}

/// A word in quotes of either kind, or a bare one, and what follows it.
fn word(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let end =
            text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut said = String::new();
    let mut letters = text[1..].char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => said.push(letters.next()?.1),
            _ if letter == quote => return Some((said, &text[1 + at + letter.len_utf8()..])),
            _ => said.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_and_need_a_name() {
        let read = asking(r#"{"vllm:x","aws.sagemaker.endpoint.name"="a\"b", le='0.1'}"#).unwrap();
        assert_eq!(read.name, "vllm:x");
        let matchers = [("aws.sagemaker.endpoint.name", "a\"b"), ("le", "0.1")];
        assert_eq!(read.matchers, matchers.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(asking(r#"sum_over_time(x{a="b"}[60s])"#).unwrap().over, Some(60));
        for wrong in ["", "x", r#"{a="b"}"#, r#"{"x","a"}"#.trim_end_matches('}'), "rate(x[5m])"] {
            assert_eq!(asking(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn forms_are_decoded() {
        assert_eq!(form("query=%7B%22a%22%7D&time=1+2")["query"], "{\"a\"}");
        assert_eq!(form("query=%7B%22a%22%7D&time=1+2")["time"], "1 2");
    }
}
