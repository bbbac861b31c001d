//! Which metric under which set of dimensions stands for which signal of which target.

use bifocal_aws::Metric;
use bifocal_model::TargetKey;

/// Where SageMaker puts its metrics.
pub const NAMESPACES: &[&str] =
    &["AWS/SageMaker", "/aws/sagemaker/InferenceComponents", "/aws/sagemaker/Endpoints"];

/// A target that is looked for in CloudWatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// The target: a component, or the model of a variant.
    pub target: TargetKey,
    /// GPUs of one instance of its variant; where that is not known, sums over GPUs cannot be read.
    pub gpus_per_instance: Option<f64>,
}

/// How finely GPUs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// One number for each target.
    Target,
    /// One for each GPU of each copy, where there are such metrics and no more than this many in all.
    Gpu {
        /// At most so many series of GPUs.
        series_max: usize,
    },
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// One series for each number.
    pub series: Vec<Series>,
    /// Whether GPUs are read as a whole because they are too many.
    pub too_many_gpus: bool,
}

/// A series that is asked for, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The metric with its dimensions.
    pub metric: Metric,
    /// `Sum`, `Average`, …
    pub stat: &'static str,
    /// The signal that it is.
    pub signal: &'static str,
    /// Whose.
    pub target: TargetKey,
    /// Which part, where there are several.
    pub part: String,
    /// Multiplies a value to the signal's unit.
    pub factor: f64,
}

/// How a value becomes the signal's unit.
#[derive(Clone, Copy)]
enum Unit {
    /// A sum over a period becomes a rate.
    PerSecond,
    Microseconds,
    /// 0 to 1 already, or a count.
    AsIs,
    Percent,
    /// 0 to 100 for each GPU of the instance, added up.
    PercentOfGpus,
}

/// One number of a target.
struct Number {
    signal: &'static str,
    part: &'static str,
    namespace: &'static str,
    metric: &'static str,
    stat: &'static str,
    unit: Unit,
}

const fn number(
    signal: &'static str,
    part: &'static str,
    namespace: &'static str,
    metric: &'static str,
    stat: &'static str,
    unit: Unit,
) -> Number {
    Number { signal, part, namespace, metric, stat, unit }
}

const CALLS: &str = "AWS/SageMaker";
const COMPONENTS: &str = "/aws/sagemaker/InferenceComponents";
const ENDPOINTS: &str = "/aws/sagemaker/Endpoints";

/// Of components and of variants: each number has one metric there, and a later row of the same number is taken only
/// when no earlier one exists.
const OF_CALLS: &[Number] = &[
    number("requests_per_second", "", CALLS, "Invocations", "Sum", Unit::PerSecond),
    number("error_ratio", "", CALLS, "Invocation5XXErrors", "Average", Unit::AsIs),
    number("errors_per_second", "5xx", CALLS, "Invocation5XXErrors", "Sum", Unit::PerSecond),
    number("errors_per_second", "4xx", CALLS, "Invocation4XXErrors", "Sum", Unit::PerSecond),
    number("model_duration_seconds", "", CALLS, "ModelLatency", "Average", Unit::Microseconds),
    number("model_duration_seconds", "p90", CALLS, "ModelLatency", "p90", Unit::Microseconds),
    number("overhead_seconds", "", CALLS, "OverheadLatency", "Average", Unit::Microseconds),
    number("ttft_seconds", "", CALLS, "FirstChunkLatency", "Average", Unit::Microseconds),
    number("concurrent_requests_per_copy", "", CALLS, "ConcurrentRequestsPerCopy", "Maximum", Unit::AsIs),
    number("requests_running", "", CALLS, "ConcurrentRequestsPerModel", "Maximum", Unit::AsIs),
];

const OF_COMPONENTS: &[Number] = &[
    number("gpu_utilization_ratio", "", COMPONENTS, "GPUUtilizationNormalized", "Average", Unit::Percent),
    number(
        "gpu_memory_used_ratio",
        "",
        COMPONENTS,
        "GPUMemoryUtilizationNormalized",
        "Average",
        Unit::Percent,
    ),
    number("cpu_utilization_ratio", "", COMPONENTS, "CPUUtilizationNormalized", "Average", Unit::Percent),
    number("memory_used_ratio", "", COMPONENTS, "MemoryUtilizationNormalized", "Average", Unit::Percent),
];

const OF_VARIANTS: &[Number] = &[
    number("gpu_utilization_ratio", "", ENDPOINTS, "GPUUtilizationNormalized", "Average", Unit::Percent),
    number("gpu_utilization_ratio", "", ENDPOINTS, "GPUUtilization", "Average", Unit::PercentOfGpus),
    number(
        "gpu_memory_used_ratio",
        "",
        ENDPOINTS,
        "GPUMemoryUtilizationNormalized",
        "Average",
        Unit::Percent,
    ),
    number("gpu_memory_used_ratio", "", ENDPOINTS, "GPUMemoryUtilization", "Average", Unit::PercentOfGpus),
    number("cpu_utilization_ratio", "", ENDPOINTS, "CPUUtilizationNormalized", "Average", Unit::Percent),
    number("memory_used_ratio", "", ENDPOINTS, "MemoryUtilization", "Average", Unit::Percent),
    number("disk_used_ratio", "", ENDPOINTS, "DiskUtilization", "Maximum", Unit::Percent),
];

/// Names of the dimension that tells GPUs apart.
const GPU_DIMENSIONS: [&str; 2] = ["GpuId", "AcceleratorId"];

/// The series to ask for: for each number of each target the one set of dimensions that it is read from, or, with
/// [`Detail::Gpu`], for numbers of GPUs each GPU's own series in place of the whole. Metrics of other targets and
/// other sets are left out.
pub fn choose(metrics: &[Metric], watched: &[Watched], detail: Detail) -> Choice {
    let mut chosen: Vec<Series> = Vec::new();
    for watched in watched {
        let own = if watched.target.inference_component().is_empty() { OF_VARIANTS } else { OF_COMPONENTS };
        let whole = whole_set(&watched.target);
        for number in OF_CALLS.iter().chain(own) {
            let Some(factor) = number.unit.factor(watched) else { continue };
            let is_taken = chosen.iter().any(|series| {
                series.target == watched.target
                    && series.signal == number.signal
                    && series.part == number.part
            });
            if is_taken {
                continue;
            }
            let found = metrics.iter().find(|metric| number.is(metric) && has_exactly(metric, &whole));
            if let Some(metric) = found {
                chosen.push(number.series(metric, watched, number.part.to_owned(), factor));
            }
        }
    }
    let too_many_gpus = match detail {
        Detail::Target => false,
        Detail::Gpu { series_max } => !by_gpu(metrics, watched, series_max, &mut chosen),
    };
    Choice { series: chosen, too_many_gpus }
}

/// Puts series of single GPUs in the place of the whole, if there is room for all of them: whether there was.
fn by_gpu(metrics: &[Metric], watched: &[Watched], series_max: usize, chosen: &mut Vec<Series>) -> bool {
    let mut fine = Vec::new();
    for watched in watched {
        let component = watched.target.inference_component();
        for number in OF_COMPONENTS.iter().filter(|number| number.signal.starts_with("gpu_")) {
            let of_gpus = metrics.iter().filter(|metric| {
                number.is(metric)
                    && metric.dimension("InferenceComponentName") == Some(component)
                    && metric.dimension("EndpointName") == Some(&watched.target.endpoint)
            });
            let Some(factor) = number.unit.factor(watched) else { continue };
            fine.extend(
                of_gpus.filter_map(|metric| Some(number.series(metric, watched, gpu_of(metric)?, factor))),
            );
        }
    }
    if fine.len() > series_max {
        return false;
    }
    let is_replaced =
        |whole: &Series| fine.iter().any(|gpu| gpu.target == whole.target && gpu.signal == whole.signal);
    chosen.retain(|series| !is_replaced(series));
    chosen.append(&mut fine);
    true
}

/// The GPU's name within its component: container and number. `None` for a set that is not of single GPUs.
fn gpu_of(metric: &Metric) -> Option<String> {
    const PLACE: [&str; 5] =
        ["ContainerId", "EndpointName", "InferenceComponentName", "InstanceId", "VariantName"];
    let gpu = GPU_DIMENSIONS.iter().find_map(|name| metric.dimension(name))?;
    let is_whole_set = metric.dimensions.len() == PLACE.len() + 1
        && PLACE.iter().all(|name| metric.dimension(name).is_some());
    is_whole_set.then(|| format!("{}/{gpu}", metric.dimension("ContainerId").unwrap_or_default()))
}

/// The set of dimensions under which a target is counted as a whole.
fn whole_set(target: &TargetKey) -> Vec<(&str, &str)> {
    match target.inference_component() {
        "" => vec![("EndpointName", &target.endpoint), ("VariantName", &target.variant)],
        component => vec![("InferenceComponentName", component)],
    }
}

fn has_exactly(metric: &Metric, set: &[(&str, &str)]) -> bool {
    metric.dimensions.len() == set.len()
        && set.iter().all(|(name, value)| metric.dimension(name) == Some(*value))
}

impl Number {
    fn is(&self, metric: &Metric) -> bool {
        metric.namespace == self.namespace && metric.metric_name == self.metric
    }

    fn series(&self, metric: &Metric, watched: &Watched, part: String, factor: f64) -> Series {
        Series {
            metric: metric.clone(),
            stat: self.stat,
            signal: self.signal,
            target: watched.target.clone(),
            part,
            factor,
        }
    }
}

impl Unit {
    fn factor(self, watched: &Watched) -> Option<f64> {
        match self {
            Self::PerSecond => Some(1.0 / f64::from(super::PERIOD)),
            Self::Microseconds => Some(1e-6),
            Self::AsIs => Some(1.0),
            Self::Percent => Some(0.01),
            Self::PercentOfGpus => {
                watched.gpus_per_instance.filter(|gpus| *gpus > 0.0).map(|gpus| 0.01 / gpus)
            }
        }
    }
}

#[cfg(test)]
mod tests;
