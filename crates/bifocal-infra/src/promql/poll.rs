//! Asks for what is known and makes readings of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bifocal_aws::{Aws, Error};
use bifocal_model::{Reading, Source, Span, TargetKey, Timestamp};
use bifocal_telemetry::{Clock, Metric, Telemetry};
use bifocal_wire::promql::{Names, Series, Vector, names, vector};
use futures_util::{Stream, StreamExt as _, stream};

use super::lines::{Full, Histograms, Totals, is_delta, lines};
use super::query::{growth, selector};
use crate::limits::{PROMQL_AT_ONCE, PROMQL_NAMES};
use crate::scrape::{Labels, Scraper, map};

/// Between two looks. Each asks one query for each name and endpoint.
const EVERY: Span = Span::from_secs(60);
/// What is younger may still be added to.
const SETTLE: Span = Span::from_secs(60);
/// New names come with a new image or a new kind of instance.
const DISCOVER_EVERY: Span = Span::from_mins(15);
/// The labels of SageMaker's collector.
const LABELS: Labels = Labels { target: "aws.sagemaker.inference_component.name", host: "@resource.host.id" };

/// Endpoints with their targets.
pub type Endpoints = BTreeMap<String, Vec<TargetKey>>;

/// A look at PromQL that goes on from where it was.
#[derive(Debug)]
pub struct PromPoll {
    aws: Aws,
    origin: String,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    /// Names that the map knows, of those that there are.
    names: Vec<String>,
    pub(crate) names_max: usize,
    /// Those whose series are deltas.
    deltas: BTreeSet<String>,
    endpoints: BTreeMap<String, OfEndpoint>,
    discovered: Option<Timestamp>,
    asked: Option<Timestamp>,
    /// What the server said of its answers the last time.
    warnings: BTreeSet<String>,
}

#[derive(Debug)]
struct OfEndpoint {
    targets: Vec<TargetKey>,
    scraper: Scraper,
    totals: Totals,
    histograms: Histograms,
}

impl PromPoll {
    /// Nothing is asked yet.
    pub fn new(aws: Aws, origin: &str, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        Self {
            aws,
            origin: origin.to_owned(),
            clock,
            telemetry,
            names: Vec::new(),
            names_max: PROMQL_NAMES,
            deltas: BTreeSet::new(),
            endpoints: BTreeMap::new(),
            discovered: None,
            asked: None,
            warnings: BTreeSet::new(),
        }
    }

    /// Names that are asked for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What the server said of its answers the last time: that one was cut, for one.
    pub fn warnings(&self) -> &BTreeSet<String> {
        &self.warnings
    }

    /// Whether it is time to ask.
    pub fn is_due(&self) -> bool {
        self.asked.is_none_or(|asked| self.clock.now().since(asked) >= EVERY)
    }

    /// Looks which names there are.
    pub async fn discover(&mut self) -> Result<(), Error> {
        let now = self.clock.now();
        let body = self.aws.promql_names().await?;
        let Names { names: found, warnings, left_out } = names(&body).map_err(|err| malformed(&err))?;
        self.told(warnings, left_out);
        let map = map::builtin();
        let is_known = |name: &String| {
            [name.clone(), format!("{name}_bucket")].iter().any(|name| !map.roles(name).is_empty())
        };
        self.names = found.into_iter().filter(is_known).collect();
        if self.names.len() > self.names_max {
            self.telemetry.limit_hit("promql_names");
            self.names.truncate(self.names_max);
        }
        // Not before: what failed is tried again at the next look.
        self.discovered = Some(now);
        Ok(())
    }

    /// The readings of these endpoints now. After an error growth is unknown for one look: a mean over what was missed
    /// would hide what happened in it.
    pub async fn poll(&mut self, endpoints: &Endpoints) -> Result<Vec<Reading>, Error> {
        let now = self.clock.now();
        self.warnings.clear();
        if self.discovered.is_none_or(|at| now.since(at) >= DISCOVER_EVERY) {
            self.discover().await?;
        }
        let before = self.asked.replace(now);
        let time = (now - SETTLE).floor_to(Span::from_secs(1));
        let over = before.map_or(EVERY, |before| {
            (now - SETTLE).floor_to(Span::from_secs(1)).since((before - SETTLE).floor_to(Span::from_secs(1)))
        });
        self.follow(endpoints);
        let mut readings = Vec::new();
        let mut following = std::mem::take(&mut self.endpoints);
        let mut failed = None;
        for (name, endpoint) in &mut following {
            endpoint.turn(time);
            match self.ask(name, &mut endpoint.totals, time, over).await {
                Ok(series) => {
                    let (read, left_out) = endpoint.read(&series, time);
                    readings.extend(read);
                    (0..left_out).for_each(|_| self.telemetry.limit_hit("series"));
                }
                Err(err) => {
                    endpoint.forget();
                    failed = Some(err);
                }
            }
        }
        self.endpoints = following;
        match failed {
            // What others gave stands; nothing of it is lost for one that failed.
            Some(err) if readings.is_empty() => Err(err),
            Some(err) => {
                self.warnings.insert(format!("failed to {err}"));
                Ok(readings)
            }
            None => Ok(readings),
        }
    }

    /// All series of an endpoint.
    async fn ask(
        &mut self,
        endpoint: &str,
        totals: &mut Totals,
        time: Timestamp,
        over: Span,
    ) -> Result<Vec<Series>, Error> {
        let mut all = Vec::new();
        let query = |name: &String| {
            let is_known_delta = self.deltas.contains(name);
            let query = if is_known_delta { growth(name, endpoint, over) } else { selector(name, endpoint) };
            (name.clone(), is_known_delta, query)
        };
        let queries: Vec<_> = self.names.iter().map(query).collect();
        let aws = self.aws.clone();
        let asked = queries.into_iter().map(|(name, is_known_delta, query)| {
            let aws = &aws;
            async move { (name, is_known_delta, aws.promql(&query, time).await) }
        });
        let mut answers = std::pin::pin!(at_once(asked));
        // In the order of the names, whichever answer comes first: the same answers give the same readings.
        while let Some((name, is_known_delta, answer)) = answers.next().await {
            let body = answer?;
            let Vector { series, warnings, left_out } = vector(&body).map_err(|err| malformed(&err))?;
            self.told(warnings, left_out);
            for mut series in series {
                if is_known_delta {
                    // The function took the name away.
                    series.name.clone_from(&name);
                    match totals.add(series, time) {
                        Ok(total) => all.push(total),
                        Err(Full) => self.telemetry.limit_hit("series"),
                    }
                } else if is_delta(&series) {
                    // The newest delta alone says nothing; from the next look on they are added up.
                    self.deltas.insert(name.clone());
                } else {
                    all.push(series);
                }
            }
        }
        Ok(all)
    }

    fn told(&mut self, warnings: Vec<String>, left_out: u64) {
        let cut = (left_out > 0).then(|| format!("{left_out} series or names could not be read"));
        for warning in warnings.into_iter().chain(cut) {
            self.telemetry.count(Metric::PromqlWarnings, &[], 1);
            self.warnings.insert(warning);
        }
    }

    /// Takes up new endpoints and those whose targets changed, forgets the others.
    fn follow(&mut self, endpoints: &Endpoints) {
        self.endpoints.retain(|name, known| endpoints.get(name).is_some_and(|now| *now == known.targets));
        for (name, targets) in endpoints {
            let by_name: HashMap<String, TargetKey> = targets
                .iter()
                .filter(|target| !target.inference_component().is_empty())
                .map(|target| (target.inference_component().to_owned(), target.clone()))
                .collect();
            // What names no component is the only one's, or of the model that the variant serves.
            let other = match targets.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            };
            self.endpoints.entry(name.clone()).or_insert_with(|| OfEndpoint {
                targets: targets.clone(),
                scraper: Scraper::labelled(&self.origin, LABELS, by_name, other),
                totals: Totals::default(),
                histograms: Histograms::default(),
            });
        }
    }
}

impl OfEndpoint {
    /// A look begins.
    fn turn(&mut self, time: Timestamp) {
        self.totals.turn(time);
        self.histograms.turn(time);
    }

    /// The readings of a look, and how many series were left out because there are too many.
    fn read(&mut self, series: &[Series], time: Timestamp) -> (Vec<Reading>, u64) {
        let mut left_out = 0;
        for series in series {
            match self.histograms.before(series, time) {
                Ok(Some((before, at))) => self.scraper.recall(lines(&before).into_iter(), at),
                Ok(None) => {}
                Err(Full) => left_out += 1,
            }
        }
        let before = self.scraper.oddities().left_out;
        let readings = self.scraper.read_lines(series.iter().flat_map(lines), time, Source::CloudWatch);
        (readings, left_out + self.scraper.oddities().left_out - before)
    }

    /// After a look that failed.
    fn forget(&mut self) {
        self.scraper.forget();
        self.histograms = Histograms::default();
    }
}

/// The answers in the order of the questions, so many of which are on their way at once.
fn at_once<F: Future>(asked: impl IntoIterator<Item = F>) -> impl Stream<Item = F::Output> {
    stream::iter(asked).buffered(PROMQL_AT_ONCE)
}

fn malformed(err: &bifocal_wire::WireError) -> Error {
    Error::Malformed { action: "cloudwatch:QueryMetrics", what: err.to_string() }
}

#[cfg(test)]
mod tests;
