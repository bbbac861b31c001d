//! What is sent to collectors: the page of `/metrics` and each judgement.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use bifocal_model::Span;
use bifocal_publish::export::{
    Evaluation, EvaluationBook, Series, evaluations_body, metrics_body, remote_write_body, series_of,
};
use bifocal_publish::prometheus::Form;
use bifocal_telemetry::{Clock, Metric, TaskGroup, Telemetry};

use super::page;
use crate::config::Resolved;
use crate::limits::{EVALUATIONS_PER_BATCH, EXPORT_BATCHES, EXPORT_PAGES, SERIES_PER_BATCH};
use crate::outbound::{Collector, Exporter};
use crate::pipeline::Pipeline;
use crate::user_error::{Code, UserError};

/// What may wait for a collector.
const BATCHES: (&str, usize) = ("export_batches", EXPORT_BATCHES);
const PAGES: (&str, usize) = ("export_pages", EXPORT_PAGES);

/// Where things go, checked before anything is watched.
pub(super) struct Collectors {
    metrics: Option<Collector>,
    events: Option<Collector>,
    written: Option<Collector>,
}

/// The collectors of a configuration.
pub(super) fn exporters(config: &Resolved) -> Result<Collectors, UserError> {
    let wrong =
        |section: &str, what: String| UserError::new(Code::ConfigInvalid, format!("[{section}]: {what}"));
    let otlp = config.otlp.as_ref();
    let to = |path: &str, is_wanted: bool, label| {
        let otlp = otlp.filter(|_| is_wanted);
        otlp.map(|otlp| Collector::otlp(&otlp.endpoint, path, otlp.headers_env.as_deref(), label)).transpose()
    };
    let metrics = to("/v1/metrics", otlp.is_some_and(|otlp| otlp.metrics), "otlp_metrics");
    let events = to("/v1/logs", otlp.is_some_and(|otlp| otlp.evaluations), "otlp_events");
    let written = config.remote_write.as_ref();
    let written = written.map(|to| Collector::remote_write(&to.url, to.token_env.as_deref())).transpose();
    Ok(Collectors {
        metrics: metrics.map_err(|what| wrong("otlp", what))?,
        events: events.map_err(|what| wrong("otlp", what))?,
        written: written.map_err(|what| wrong("remote_write", what))?,
    })
}

/// Starts what sends.
pub(super) fn start(
    config: &Resolved,
    collectors: Collectors,
    pipeline: &mut Pipeline,
    (clock, telemetry): (&Arc<dyn Clock>, &Telemetry),
    tasks: &TaskGroup,
) {
    let every = |seconds: u32| Span::from_secs(i64::from(seconds));
    let exporter = |collector, seconds, waiting_max| Exporter {
        collector,
        every: every(seconds),
        clock: Arc::clone(clock),
        telemetry: telemetry.clone(),
        waiting: VecDeque::new(),
        waiting_max,
        refusal_told: false,
    };
    let page_of = || page::metrics(Form::Plain, pipeline, telemetry);
    if let (Some(otlp), Some(collector)) = (&config.otlp, collectors.metrics) {
        let (page, clock, since) = (page_of(), Arc::clone(clock), clock.now());
        let make = move || vec![metrics_body(&read(&page()), since, clock.now())];
        tasks.spawn("otlp metrics", exporter(collector, otlp.every_seconds, PAGES).run(make, tasks.drain()));
    }
    if let (Some(to), Some(collector)) = (&config.remote_write, collectors.written) {
        let (page, clock) = (page_of(), Arc::clone(clock));
        let make = move || {
            let series = read(&page());
            series.chunks(SERIES_PER_BATCH).map(|part| remote_write_body(part, clock.now())).collect()
        };
        let exporter = exporter(collector, to.every_seconds, BATCHES);
        tasks.spawn("remote write", exporter.run(make, tasks.drain()));
    }
    if let (Some(otlp), Some(collector)) = (&config.otlp, collectors.events) {
        let book = pipeline.tell_evaluations(EvaluationBook::new(otlp.explanations));
        let counters = telemetry.clone();
        let make = move || {
            let (all, dropped) = book.lock().unwrap_or_else(PoisonError::into_inner).take();
            if dropped > 0 {
                counters.limit_hit("evaluations_waiting");
                counters.count(Metric::ExportedEvaluations, &["dropped"], dropped);
            }
            counters.count(Metric::ExportedEvaluations, &["queued"], all.len() as u64);
            event_batches(&all)
        };
        let exporter = exporter(collector, otlp.every_seconds, BATCHES);
        tasks.spawn("otlp events", exporter.run(make, tasks.drain()));
    }
}

/// Events, so many in a batch.
fn event_batches(all: &[Evaluation]) -> Vec<Vec<u8>> {
    all.chunks(EVALUATIONS_PER_BATCH).map(evaluations_body).collect()
}

/// The series of our own page.
fn read(page: &str) -> Vec<Series> {
    let Ok(parsed) = bifocal_wire::prometheus::parse(page.as_bytes()) else { return Vec::new() };
    let lines =
        parsed.samples.iter().map(|sample| (sample.name.as_str(), sample.labels.clone(), sample.value));
    series_of(page, lines)
}

#[cfg(test)]
mod tests {
    use bifocal_model::{TargetKey, Timestamp};

    use super::*;

    /// limit evaluations_per_batch.
    #[test]
    fn many_judgements_are_several_batches() {
        let one = Evaluation {
            time: Timestamp::from_secs(1),
            target: TargetKey::of_model("local", "m"),
            inference: "i".into(),
            dimension: "relevance".into(),
            verdict: Ok((0.75, true)),
            explanation: None,
            evaluator: ("judge:small".into(), "7".into(), "judge"),
            probabilities: (0.5, 1.0),
            stratum: String::new(),
        };
        assert_eq!(event_batches(&vec![one.clone(); EVALUATIONS_PER_BATCH]).len(), 1);
        assert_eq!(event_batches(&vec![one; EVALUATIONS_PER_BATCH + 1]).len(), 2);
        assert_eq!(event_batches(&[]).len(), 0, "nothing is sent of nothing");
    }

    /// limit series_per_batch: what is more goes in a further one.
    #[test]
    fn our_own_page_is_read_and_cut_into_batches() {
        let mut page = "# TYPE a gauge\n".to_owned();
        (0..=SERIES_PER_BATCH).for_each(|i| page.push_str(&format!("a{{i=\"{i}\"}} {i}\n")));
        let series = read(&page);
        assert_eq!(series.len(), SERIES_PER_BATCH + 1);
        assert_eq!(
            series.chunks(SERIES_PER_BATCH).map(<[Series]>::len).collect::<Vec<_>>(),
            [SERIES_PER_BATCH, 1]
        );
        assert_eq!(series[7].labels, [("i".to_owned(), "7".to_owned())]);
    }
}
