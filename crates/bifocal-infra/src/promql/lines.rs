//! Series of an answer as the lines of a page: native histograms become buckets, deltas become totals.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use bifocal_model::{Span, Timestamp};
use bifocal_wire::prometheus::Line;
use bifocal_wire::promql::{Point, Series};

use crate::limits::SERIES;
use crate::scrape::FORGOTTEN_AFTER;

/// How a series counts.
pub(super) const TEMPORALITY: &str = "__temporality__";

/// A total that nothing was added to for so long is forgotten: its copy is gone. It outlives the counters that are made
/// of it, so that one that comes back begins anew there too.
const TOTALS_FORGOTTEN_AFTER: Span = Span::from_mins(60);

/// What series of deltas came to since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals(HashMap<String, Total>);

/// The native histograms of earlier looks. A bucket is given only when something is in it: one that is filled for the
/// first time held nothing before, where its histogram was there.
#[derive(Clone, Debug, Default)]
pub(super) struct Histograms(HashMap<String, Seen>);

#[derive(Clone, Debug)]
struct Seen {
    series: Series,
    time: Timestamp,
}

/// There is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Clone, Debug, Default)]
struct Total {
    time: Timestamp,
    value: f64,
    count: f64,
    sum: f64,
    /// By the bits of the upper end.
    buckets: BTreeMap<u64, f64>,
}

/// Whether the series counts what came since the last time, and not since the start.
pub(super) fn is_delta(series: &Series) -> bool {
    series.labels.get(TEMPORALITY).is_some_and(|said| said.eq_ignore_ascii_case("delta"))
}

impl Totals {
    /// A look begins: what was not added to for long is forgotten.
    pub(super) fn turn(&mut self, now: Timestamp) {
        self.0.retain(|_, total| now.since(total.time) < TOTALS_FORGOTTEN_AFTER);
    }

    /// Adds a series of deltas, and gives what it came to.
    pub(super) fn add(&mut self, series: Series, now: Timestamp) -> Result<Series, Full> {
        let key = key(&series);
        if self.0.len() >= SERIES && !self.0.contains_key(&key) {
            return Err(Full);
        }
        let total = self.0.entry(key).or_default();
        total.time = now;
        let point = match series.point {
            // What cannot be read makes the total unknown until the next one, and is not kept.
            Point::Number(value) if !value.is_finite() => Point::Number(value),
            Point::Number(value) => {
                total.value += value;
                Point::Number(total.value)
            }
            Point::Histogram { count, sum, buckets } => {
                total.count += count;
                total.sum += sum;
                for (upper, n) in buckets {
                    *total.buckets.entry(upper.to_bits()).or_default() += n;
                }
                let buckets = total.buckets.iter().map(|(bits, n)| (f64::from_bits(*bits), *n)).collect();
                Point::Histogram { count: total.count, sum: total.sum, buckets }
            }
        };
        Ok(Series { point, ..series })
    }
}

impl Histograms {
    /// A look begins: what was not seen for long is forgotten, as its counters are.
    pub(super) fn turn(&mut self, now: Timestamp) {
        self.0.retain(|_, seen| now.since(seen.time) < FORGOTTEN_AFTER);
    }

    /// What a histogram was when it was last seen, and when that was, with nothing in the buckets that are filled since;
    /// `None` where there are none such, and for numbers.
    pub(super) fn before(
        &mut self,
        series: &Series,
        now: Timestamp,
    ) -> Result<Option<(Series, Timestamp)>, Full> {
        let Point::Histogram { buckets: filled, .. } = &series.point else { return Ok(None) };
        let key = key(series);
        if self.0.len() >= SERIES && !self.0.contains_key(&key) {
            return Err(Full);
        }
        let Some(Seen { series: mut before, time }) =
            self.0.insert(key, Seen { series: series.clone(), time: now })
        else {
            return Ok(None);
        };
        let Point::Histogram { buckets, .. } = &mut before.point else { return Ok(None) };
        let known: BTreeSet<u64> = buckets.iter().map(|(upper, _)| upper.to_bits()).collect();
        let fresh = filled.iter().filter(|(upper, _)| !known.contains(&upper.to_bits()));
        let fresh: Vec<(f64, f64)> = fresh.map(|(upper, _)| (*upper, 0.0)).collect();
        let is_any = !fresh.is_empty();
        buckets.extend(fresh);
        Ok(is_any.then_some((before, time)))
    }
}

fn key(series: &Series) -> String {
    format!("{}{:?}", series.name, series.labels)
}

/// The lines of a series.
pub(super) fn lines(series: &Series) -> Vec<Line<'_>> {
    let labels = || -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
        let told = series.labels.iter().filter(|(name, _)| *name != TEMPORALITY);
        told.map(|(name, value)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(value.as_str()))).collect()
    };
    let line = |name: Cow<'static, str>, value| Line { name, labels: labels(), value };
    match &series.point {
        Point::Number(value) => {
            vec![Line { name: Cow::Borrowed(series.name.as_str()), labels: labels(), value: *value }]
        }
        Point::Histogram { count, sum, buckets } => {
            let named = |end: &str| Cow::<'static, str>::Owned(format!("{}_{end}", series.name));
            let mut lines = vec![line(named("sum"), *sum), line(named("count"), *count)];
            let mut sorted = buckets.clone();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut below = 0.0;
            let mut bucket = |upper: String, n: f64| {
                let mut bucket = line(named("bucket"), n);
                bucket.labels.push((Cow::Borrowed("le"), Cow::Owned(upper)));
                lines.push(bucket);
            };
            for (upper, n) in sorted.iter().filter(|(upper, _)| upper.is_finite()) {
                below += n;
                bucket(upper.to_string(), below);
            }
            bucket("+Inf".to_owned(), *count);
            lines
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(point: Point) -> Series {
        let labels = BTreeMap::from([
            ("a.b".to_owned(), "c".to_owned()),
            (TEMPORALITY.to_owned(), "delta".to_owned()),
        ]);
        Series { name: "h".to_owned(), labels, point }
    }

    #[test]
    fn a_native_histogram_becomes_buckets_that_count_from_below() {
        let series = series(Point::Histogram {
            count: 6.0,
            sum: 1.5,
            buckets: vec![(0.2, 2.0), (0.1, 3.0), (f64::INFINITY, 1.0)],
        });
        let lines = lines(&series);
        let shown: Vec<(String, Option<String>, f64)> = lines
            .iter()
            .map(|line| (line.name.to_string(), line.label("le").map(str::to_owned), line.value))
            .collect();
        let bucket = |le: &str, n| ("h_bucket".to_owned(), Some(le.to_owned()), n);
        assert_eq!(
            shown,
            [
                ("h_sum".to_owned(), None, 1.5),
                ("h_count".to_owned(), None, 6.0),
                bucket("0.1", 3.0),
                bucket("0.2", 5.0),
                bucket("+Inf", 6.0)
            ]
        );
        assert!(lines.iter().all(|line| line.label("a.b") == Some("c") && line.label(TEMPORALITY).is_none()));
    }

    const T0: Timestamp = Timestamp::from_secs(1_000);

    fn histogram(count: f64, buckets: &[(f64, f64)]) -> Series {
        series(Point::Histogram { count, sum: count, buckets: buckets.to_vec() })
    }

    #[test]
    fn deltas_add_up() {
        let mut totals = Totals::default();
        assert!(is_delta(&series(Point::Number(1.0))));
        let two = |totals: &mut Totals, n| totals.add(series(Point::Number(n)), T0).unwrap().point;
        assert_eq!([two(&mut totals, 2.0), two(&mut totals, 3.0)], [Point::Number(2.0), Point::Number(5.0)]);
        let one = |n| histogram(n, &[(0.1, n)]);
        totals.add(one(2.0), T0).unwrap();
        let after = totals.add(one(3.0), T0).unwrap().point;
        assert_eq!(after, Point::Histogram { count: 5.0, sum: 5.0, buckets: vec![(0.1, 5.0)] });
    }

    #[test]
    fn totals_of_what_is_gone_are_forgotten() {
        let mut totals = Totals::default();
        totals.add(series(Point::Number(2.0)), T0).unwrap();
        totals.turn(T0 + Span::from_mins(59));
        let later = T0 + Span::from_mins(59);
        assert_eq!(totals.add(series(Point::Number(3.0)), later).unwrap().point, Point::Number(5.0));
        totals.turn(later + Span::from_mins(60));
        assert!(totals.0.is_empty());
        assert_eq!(totals.add(series(Point::Number(3.0)), later).unwrap().point, Point::Number(3.0));
    }

    #[test]
    fn a_bucket_that_is_filled_later_held_nothing_before() {
        let mut histograms = Histograms::default();
        let first = histogram(5.0, &[(0.1, 3.0), (0.4, 2.0)]);
        assert_eq!(histograms.before(&first, T0), Ok(None), "nothing is known of what was before the first");
        let same = histogram(6.0, &[(0.1, 3.0), (0.4, 3.0)]);
        let t1 = T0 + Span::from_secs(60);
        assert_eq!(histograms.before(&same, t1), Ok(None));
        let more = histogram(9.0, &[(0.1, 4.0), (0.2, 1.0), (0.4, 3.0), (0.8, 1.0)]);
        let (before, time) = histograms.before(&more, t1 + Span::from_secs(60)).unwrap().unwrap();
        assert_eq!(time, t1);
        let shown: Vec<(String, f64)> = lines(&before)
            .iter()
            .filter_map(|line| Some((line.label("le")?.to_owned(), line.value)))
            .collect();
        let cumulative = [("0.1", 3.0), ("0.2", 3.0), ("0.4", 6.0), ("0.8", 6.0), ("+Inf", 6.0)];
        assert_eq!(shown, cumulative.map(|(le, n)| (le.to_owned(), n)));
        histograms.turn(t1 + Span::from_secs(60) + FORGOTTEN_AFTER);
        assert!(histograms.0.is_empty());
        assert_eq!(histograms.before(&series(Point::Number(1.0)), t1), Ok(None));
    }

    /// limit series
    #[test]
    fn totals_and_histograms_past_the_limit_are_left_out() {
        let (mut totals, mut histograms) = (Totals::default(), Histograms::default());
        let named = |n: usize, point: Point| Series { name: format!("h{n}"), ..series(point) };
        for n in 0..SERIES {
            assert!(totals.add(named(n, Point::Number(1.0)), T0).is_ok());
            assert!(histograms.before(&named(n, histogram(1.0, &[]).point), T0).is_ok());
        }
        assert_eq!(totals.add(named(SERIES, Point::Number(1.0)), T0), Err(Full));
        assert_eq!(histograms.before(&named(SERIES, histogram(1.0, &[]).point), T0), Err(Full));
        assert!(totals.add(named(0, Point::Number(1.0)), T0).is_ok(), "those that are known go on");
    }
}
