//! CloudWatch: which metrics there are and their points, computed from the phase in force at each point's time.
//!
//! A metric stands under several sets of dimensions at once, and each set counts the same requests again: whoever adds
//! them up is wrong, and a test must be able to see it.

use std::collections::BTreeMap;

use bifocal_model::{Span, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::policy::Asked;
use super::{Refusal, World};
use crate::sagemaker::scenario::{ComponentTruth, Phase};

/// Metrics of one page of ListMetrics.
const LIST_PAGE: usize = 500;
/// Points of one page of GetMetricData.
const DATA_PAGE: usize = 100_800;
/// Points shorter than a minute are kept so long.
const SHORT_KEPT: Span = Span::from_mins(180);
/// A metric without points for so long is listed no more when recent ones are asked for.
const RECENT: Span = Span::from_mins(180);

/// What was written: by metric, its samples.
#[derive(Debug, Default)]
pub(super) struct Written(BTreeMap<Name, Vec<(Timestamp, Samples)>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Name {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

/// What a period holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Samples {
    count: f64,
    sum: f64,
    min: f64,
    max: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Query {
    id: String,
    metric_stat: Stat,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stat {
    metric: Name,
    period: u32,
    stat: String,
}

/// How the samples of a metric come about in one period of publishing.
type Emit = fn(&ComponentTruth, f64) -> Option<Samples>;

const INVOCATION: &[(&str, Emit)] = &[
    ("Invocations", |c, secs| requests(c, secs).map(|n| Samples { count: n, sum: n, min: 1.0, max: 1.0 })),
    ("Invocation5XXErrors", |c, secs| {
        let n = requests(c, secs)?;
        Some(Samples { count: n, sum: n * c.server_error_ratio, min: 0.0, max: 1.0 })
    }),
    ("Invocation4XXErrors", |c, secs| requests(c, secs).map(|n| Samples { count: n, ..Samples::default() })),
    ("ModelLatency", |c, secs| latency(c, secs, c.model_latency_ms)),
    ("OverheadLatency", |c, secs| latency(c, secs, c.overhead_ms)),
    (OF_STREAMS, |c, secs| {
        let part = (c.streams_every > 0).then(|| 1.0 / f64::from(c.streams_every))?;
        let all = latency(c, secs, c.first_chunk_ms)?;
        Some(Samples { count: all.count * part, sum: all.sum * part, ..all })
    }),
];
/// It is there only where there are streams.
const OF_STREAMS: &str = "FirstChunkLatency";

/// Of components with copies, never of the variant.
const PER_COPY: &[(&str, Emit)] = &[
    ("InvocationsPerCopy", |c, secs| {
        let n = requests(c, secs)? / copies(c)?;
        Some(Samples { count: n, sum: n, min: 1.0, max: 1.0 })
    }),
    ("ConcurrentRequestsPerCopy", |c, _| {
        // Little's law.
        Some(Samples::level(c.requests_per_second * c.model_latency_ms / 1e3 / copies(c)?))
    }),
];

fn copies(component: &ComponentTruth) -> Option<f64> {
    Some(component.copies()).filter(|copies| *copies > 0).map(f64::from)
}

fn requests(component: &ComponentTruth, secs: f64) -> Option<f64> {
    let n = component.requests_per_second * secs;
    (n > 0.0).then_some(n)
}

/// Microseconds, from half the mean to three times of it.
fn latency(component: &ComponentTruth, secs: f64, mean_ms: f64) -> Option<Samples> {
    let n = requests(component, secs)?;
    let mean = mean_ms * 1000.0;
    Some(Samples { count: n, sum: n * mean, min: mean * 0.5, max: mean * 3.0 })
}

impl Samples {
    fn level(value: f64) -> Self {
        Self { count: 1.0, sum: value, min: value, max: value }
    }

    fn add(&mut self, other: Self) {
        *self = if self.count == 0.0 {
            other
        } else {
            Self {
                count: self.count + other.count,
                sum: self.sum + other.sum,
                min: self.min.min(other.min),
                max: self.max.max(other.max),
            }
        };
    }

    fn statistic(&self, name: &str) -> Option<f64> {
        let mean = self.sum / self.count;
        match name {
            "SampleCount" => Some(self.count),
            "Sum" => Some(self.sum),
            "Average" => Some(mean),
            "Minimum" => Some(self.min),
            "Maximum" => Some(self.max),
            // Straight from the least over the mean to the greatest: enough to tell one percentile from another.
            _ => {
                let p: f64 = name.strip_prefix('p')?.parse().ok()?;
                let share = p / 100.0;
                Some(if share <= 0.5 {
                    self.min + (mean - self.min) * share * 2.0
                } else {
                    mean + (self.max - mean) * (share - 0.5) * 2.0
                })
            }
        }
    }
}

impl World {
    pub(super) fn cloudwatch(&self, operation: &str, input: &Value) -> Result<Value, Refusal> {
        let namespace = input["Namespace"].as_str().unwrap_or_default();
        let context = [("cloudwatch:namespace", namespace)];
        let asked = |action| Asked { action, resource: "*", context: &context };
        match operation {
            "ListMetrics" => self.call(asked("cloudwatch:ListMetrics"), || Ok(self.list_metrics(input))),
            "GetMetricData" => self.call(asked("cloudwatch:GetMetricData"), || self.metric_data(input)),
            "PutMetricData" => self.call(asked("cloudwatch:PutMetricData"), || self.put_metric_data(input)),
            _ => self
                .alarms(operation, input)
                .unwrap_or_else(|| Err(Refusal::new("UnknownOperationException", operation))),
        }
    }

    fn list_metrics(&self, input: &Value) -> Value {
        let namespace = input["Namespace"].as_str().unwrap_or_default();
        let filters = input["Dimensions"].as_array().cloned().unwrap_or_default();
        let fits = |name: &Name| {
            let has = |filter: &Value| {
                let value = filter["Value"].as_str();
                name.dimensions
                    .iter()
                    .any(|d| filter["Name"] == d.name.as_str() && value.is_none_or(|v| v == d.value))
            };
            (namespace.is_empty() || name.namespace == namespace)
                && input["MetricName"].as_str().is_none_or(|wanted| wanted == name.metric_name)
                && filters.iter().all(has)
        };
        let offset = offset(input);
        let metrics: Vec<Value> = self
            .metrics()
            .into_iter()
            .filter(fits)
            .skip(offset)
            .take(LIST_PAGE + 1)
            .map(|name| {
                let dimensions: Vec<Value> =
                    name.dimensions.iter().map(|d| json!({"Name": d.name, "Value": d.value})).collect();
                json!({"Namespace": name.namespace, "MetricName": name.metric_name, "Dimensions": dimensions})
            })
            .collect();
        let mut page = json!({ "Metrics": metrics.iter().take(LIST_PAGE).collect::<Vec<_>>() });
        if metrics.len() > LIST_PAGE {
            page["NextToken"] = json!((offset + LIST_PAGE).to_string());
        }
        page
    }

    /// All metrics that had points lately.
    fn metrics(&self) -> Vec<Name> {
        let now = self.clock.now();
        let phases: Vec<&Phase> = {
            let state = self.lock();
            let ends = state.entered.iter().skip(1).map(|(from, _)| *from).chain([now]);
            let recent = state
                .entered
                .iter()
                .zip(ends)
                .filter(|((from, _), end)| *from < now && now.since(*end) < RECENT);
            recent.filter_map(|((_, i), _)| self.scenario.phases.get(*i)).collect()
        };
        let mut names: Vec<Name> = phases.iter().flat_map(|phase| self.names(phase)).collect();
        names.extend(self.lock().written.0.keys().cloned());
        names.sort();
        names.dedup();
        names
    }

    fn names(&self, phase: &Phase) -> Vec<Name> {
        self.twins().iter().flat_map(|twin| self.names_of(phase, twin)).collect()
    }

    /// Whether a metric is among those of a phase.
    fn is_published(&self, phase: &Phase, metric: &Name) -> bool {
        let i = self.scenario.phases.iter().position(|known| std::ptr::eq(known, phase));
        let Some(known) = i.and_then(|i| self.published.get(i)) else { return false };
        known.get_or_init(|| self.names(phase).into_iter().collect()).contains(metric)
    }

    fn names_of(&self, phase: &Phase, twin: &str) -> Vec<Name> {
        let endpoint = &self.scenario.endpoint;
        let name = format!("{}{twin}", endpoint.name);
        let place = [("EndpointName", name.as_str()), ("VariantName", endpoint.variant.as_str())];
        let zone = [("Region", self.scenario.region.as_str()), ("AvailabilityZone", "use1-az1")];
        let mut names = Vec::new();
        let mut add = |namespace: &str, metric: &str, dimensions: &[(&str, &str)]| {
            let dimension =
                |(name, value): &(&str, &str)| Dimension { name: (*name).into(), value: (*value).into() };
            names.push(Name {
                namespace: namespace.into(),
                metric_name: metric.into(),
                dimensions: dimensions.iter().map(dimension).collect(),
            });
        };
        if phase.instances() == 0 {
            return names;
        }
        for metric in ["CPUUtilizationNormalized", "MemoryUtilization", "GPUUtilizationNormalized"] {
            add("/aws/sagemaker/Endpoints", metric, &place);
        }
        let published = |of: &[ComponentTruth]| {
            let streams = of.iter().any(|component| component.streams_every > 0);
            INVOCATION.iter().map(|(name, _)| *name).filter(move |name| streams || *name != OF_STREAMS)
        };
        for metric in published(&phase.components) {
            add("AWS/SageMaker", metric, &place);
        }
        for component in &phase.components {
            let of_twin = format!("{}{twin}", component.name);
            let of = ("InferenceComponentName", of_twin.as_str());
            for metric in published(std::slice::from_ref(component)) {
                add("AWS/SageMaker", metric, &[of]);
                add("AWS/SageMaker", metric, &[of, zone[0], zone[1], ("InstanceType", "ml.g5.12xlarge")]);
            }
            for (metric, _) in PER_COPY.iter().filter(|_| component.copies() > 0) {
                add("AWS/SageMaker", metric, &[of]);
                add("AWS/SageMaker", metric, &[of, zone[0], zone[1], ("InstanceType", "ml.g5.12xlarge")]);
            }
            if component.accelerators.is_none() {
                continue;
            }
            for metric in ["GPUUtilizationNormalized", "GPUMemoryUtilizationNormalized"] {
                add("/aws/sagemaker/InferenceComponents", metric, &[of]);
                for copy in 0..component.copies() * u32::from(endpoint.enhanced) {
                    for gpu in 0..component.accelerators.unwrap_or(0) {
                        let (container, gpu) = (format!("{of_twin}-{copy}"), format!("gpu_{gpu}"));
                        let inner = [
                            ("InstanceId", "i-0"),
                            ("ContainerId", container.as_str()),
                            of,
                            (endpoint.gpu_dimension.as_str(), gpu.as_str()),
                        ];
                        add("/aws/sagemaker/InferenceComponents", metric, &[&place[..], &inner].concat());
                    }
                }
            }
        }
        names
    }

    fn metric_data(&self, input: &Value) -> Result<Value, Refusal> {
        let invalid = |message: String| Refusal::new("ValidationError", message);
        let queries: Vec<Query> = serde_json::from_value(input["MetricDataQueries"].clone())
            .map_err(|err| invalid(format!("MetricDataQueries: {err}")))?;
        if queries.len() > 500 {
            return Err(invalid(
                "The collection MetricDataQueries must not have a size greater than 500.".into(),
            ));
        }
        let time =
            |name: &str| input[name].as_f64().map(|secs| Timestamp::default() + Span::from_secs_f64(secs));
        let (Some(start), Some(end)) = (time("StartTime"), time("EndTime")) else {
            return Err(invalid("StartTime and EndTime are required".into()));
        };
        let (mut skip, mut room) = (offset(input), DATA_PAGE);
        let mut results = Vec::new();
        let mut next = None;
        let mut seen = 0;
        for query in &queries {
            let period = query.metric_stat.period;
            if !(matches!(period, 1 | 5 | 10 | 20 | 30) || period > 0 && period % 60 == 0) {
                return Err(invalid(format!("Period {period} is not valid")));
            }
            let mut points = self.points(&query.metric_stat, start, end);
            seen += points.len();
            let skipped = skip.min(points.len());
            skip -= skipped;
            points.drain(..skipped);
            let is_whole = points.len() <= room;
            if !is_whole && next.is_none() {
                next = Some(offset(input) + DATA_PAGE);
            }
            points.truncate(room);
            room -= points.len();
            if input["ScanBy"] != "TimestampAscending" {
                points.reverse();
            }
            results.push(json!({
                "Id": query.id, "Label": query.metric_stat.metric.metric_name,
                "Timestamps": points.iter().map(|(time, _)| time.as_secs_f64()).collect::<Vec<_>>(),
                "Values": points.iter().map(|(_, value)| value).collect::<Vec<_>>(),
                "StatusCode": if is_whole { "Complete" } else { "PartialData" },
            }));
        }
        let mut page = json!({ "MetricDataResults": results, "Messages": [] });
        if let Some(next) = next.filter(|next| *next < seen) {
            page["NextToken"] = json!(next.to_string());
        }
        Ok(page)
    }

    /// The statistic of each whole period that has samples.
    fn points(&self, asked: &Stat, start: Timestamp, end: Timestamp) -> Vec<(Timestamp, f64)> {
        let period = Span::from_secs(i64::from(asked.period));
        let publish = i64::from(self.scenario.endpoint.publish_every_seconds);
        let now = self.clock.now();
        let late = Span::from_secs(i64::from(self.scenario.endpoint.late_seconds));
        let mut points = Vec::new();
        let mut bin = start.floor_to(if asked.period < 60 { period } else { Span::from_mins(1) });
        while bin < end {
            let is_kept = asked.period >= 60 || now.since(bin) < SHORT_KEPT;
            let mut samples = self.written_samples(&asked.metric, bin, period);
            let mut at = bin.floor_to(Span::from_secs(publish));
            while is_kept && at < bin + period {
                if at >= bin && at + Span::from_secs(publish) + late <= now {
                    self.published(&asked.metric, at, &mut samples);
                }
                at = at + Span::from_secs(publish);
            }
            if samples.count > 0.0
                && let Some(value) = samples.statistic(&asked.stat)
            {
                points.push((bin, value));
            }
            bin = bin + period;
        }
        points
    }

    /// What is published under a metric at one moment.
    fn published(&self, metric: &Name, at: Timestamp, samples: &mut Samples) {
        let Some((_, phase)) = self.phase_at(at) else { return };
        if phase.instances() == 0 || !self.is_published(phase, metric) {
            return;
        }
        let secs = f64::from(self.scenario.endpoint.publish_every_seconds);
        let named = metric.dimensions.iter().find(|d| d.name == "InferenceComponentName");
        let is_of = |c: &ComponentTruth, d: &Dimension| self.twin_of(&d.value, &c.name).is_some();
        let named = phase.components.iter().filter(|c| named.is_none_or(|d| is_of(c, d)));
        let of: Vec<ComponentTruth> = named
            .map(|component| self.live.get().map_or_else(|| component.clone(), |live| live.at(component, at)))
            .collect();
        if let Some((_, emit)) =
            INVOCATION.iter().chain(PER_COPY).find(|(name, _)| *name == metric.metric_name)
        {
            of.iter().filter_map(|component| emit(component, secs)).for_each(|part| samples.add(part));
            return;
        }
        if metric.namespace == "/aws/sagemaker/Endpoints" {
            (0..phase.instances()).for_each(|_| samples.add(Samples::level(20.0)));
            return;
        }
        for component in &of {
            let value = match metric.metric_name.as_str() {
                "GPUUtilizationNormalized" => component.gpu_percent,
                _ => component.gpu_memory_percent,
            };
            // One series of the whole component has a sample of each of its GPUs.
            let gpus = if metric.dimensions.len() > 1 {
                1
            } else {
                component.copies() * component.accelerators.unwrap_or(0)
            };
            (0..gpus).for_each(|_| samples.add(Samples::level(value)));
        }
    }

    fn written_samples(&self, metric: &Name, from: Timestamp, period: Span) -> Samples {
        let state = self.lock();
        let mut samples = Samples::default();
        let all = state.written.0.get(metric).into_iter().flatten();
        all.filter(|(time, _)| *time >= from && *time < from + period).for_each(|(_, one)| samples.add(*one));
        samples
    }

    fn put_metric_data(&self, input: &Value) -> Result<Value, Refusal> {
        let namespace = input["Namespace"].as_str().unwrap_or_default();
        if namespace.is_empty() || namespace.starts_with("AWS/") {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "The value for parameter Namespace is invalid.",
            ));
        }
        let now = self.clock.now();
        let data = input["MetricData"].as_array().filter(|data| !data.is_empty());
        if data.is_none() {
            return Err(Refusal::new("MissingParameter", "The parameter MetricData is required."));
        }
        for datum in data.into_iter().flatten() {
            let number = |value: &Value| value.as_f64().filter(|value| value.is_finite());
            let set = &datum["StatisticValues"];
            let samples = match (number(&datum["Value"]), number(&set["SampleCount"])) {
                (Some(value), _) => Samples::level(value),
                (None, Some(count)) => Samples {
                    count,
                    sum: number(&set["Sum"]).unwrap_or(0.0),
                    min: number(&set["Minimum"]).unwrap_or(0.0),
                    max: number(&set["Maximum"]).unwrap_or(0.0),
                },
                (None, None) => return Err(Refusal::new("MissingParameter", "a datum has no value")),
            };
            let mut datum = datum.clone();
            datum["Namespace"] = json!(namespace);
            let time = datum["Timestamp"]
                .as_f64()
                .map_or(now, |secs| Timestamp::default() + Span::from_secs_f64(secs));
            let name: Name = serde_json::from_value(datum)
                .map_err(|err| Refusal::new("ValidationError", err.to_string()))?;
            self.lock().written.0.entry(name).or_default().push((time, samples));
        }
        Ok(json!({}))
    }
}

fn offset(input: &Value) -> usize {
    input["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0)
}
