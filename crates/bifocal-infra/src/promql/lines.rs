//! Series of an answer as the lines of a page: native histograms become buckets, deltas become totals.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use bifocal_wire::prometheus::Line;
use bifocal_wire::promql::{Point, Series};

use crate::limits::SERIES;

/// How a series counts.
pub(super) const TEMPORALITY: &str = "__temporality__";

/// What series of deltas came to since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals(HashMap<String, Total>);

#[derive(Clone, Debug, Default)]
struct Total {
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
    /// Adds a series of deltas, and gives what it came to; `None` where there are too many.
    pub(super) fn add(&mut self, series: Series) -> Option<Series> {
        let key = format!("{}{:?}", series.name, series.labels);
        if self.0.len() >= SERIES && !self.0.contains_key(&key) {
            return None;
        }
        let total = self.0.entry(key).or_default();
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
        Some(Series { point, ..series })
    }
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

    #[test]
    fn deltas_add_up() {
        let mut totals = Totals::default();
        assert!(is_delta(&series(Point::Number(1.0))));
        let two = |totals: &mut Totals, n| totals.add(series(Point::Number(n))).unwrap().point;
        assert_eq!([two(&mut totals, 2.0), two(&mut totals, 3.0)], [Point::Number(2.0), Point::Number(5.0)]);
        let histogram = |n| series(Point::Histogram { count: n, sum: n, buckets: vec![(0.1, n)] });
        totals.add(histogram(2.0));
        let after = totals.add(histogram(3.0)).unwrap().point;
        assert_eq!(after, Point::Histogram { count: 5.0, sum: 5.0, buckets: vec![(0.1, 5.0)] });
    }
}
