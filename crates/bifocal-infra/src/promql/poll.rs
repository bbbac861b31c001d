//! Asks for what is known and makes readings of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bifocal_aws::{Aws, Error};
use bifocal_model::{Reading, Source, Span, TargetKey, Timestamp};
use bifocal_telemetry::{Clock, Metric, Telemetry};
use bifocal_wire::promql::{Names, Series, Vector, names, vector};

use super::lines::{Totals, is_delta, lines};
use super::query::{growth, selector};
use crate::limits::PROMQL_NAMES;
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
        self.discovered = Some(self.clock.now());
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
            match self.ask(name, &mut endpoint.totals, time, over).await {
                Ok(series) => {
                    let page = series.iter().flat_map(lines);
                    readings.extend(endpoint.scraper.read_lines(page, time, Source::CloudWatch));
                }
                Err(err) => {
                    endpoint.scraper.forget();
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
        for name in self.names.clone() {
            let is_known_delta = self.deltas.contains(&name);
            let query =
                if is_known_delta { growth(&name, endpoint, over) } else { selector(&name, endpoint) };
            let body = self.aws.promql(&query, time).await?;
            let Vector { series, warnings, left_out } = vector(&body).map_err(|err| malformed(&err))?;
            self.told(warnings, left_out);
            for mut series in series {
                if is_known_delta {
                    // The function took the name away.
                    series.name.clone_from(&name);
                    match totals.add(series) {
                        Some(total) => all.push(total),
                        None => self.telemetry.limit_hit("series"),
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
            });
        }
    }
}

fn malformed(err: &bifocal_wire::WireError) -> Error {
    Error::Malformed { action: "cloudwatch:QueryMetrics", what: err.to_string() }
}

#[cfg(test)]
mod tests;
