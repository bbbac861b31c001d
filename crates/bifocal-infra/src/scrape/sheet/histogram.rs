//! The histograms of one signal of all engines, as one.

use std::collections::BTreeMap;

use crate::scrape::map::Term;

/// Quantiles that are made of buckets.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.50), ("p95", 0.95), ("p99", 0.99)];

/// Growth since the last page, by engine.
#[derive(Debug, Default)]
pub(super) struct Pooled {
    engines: Vec<(u64, Engine)>,
}

#[derive(Debug, Default)]
struct Engine {
    sum: f64,
    count: f64,
    /// Upper end and growth, both cumulative over the ends.
    buckets: Vec<(f64, f64)>,
    /// One of its numbers is not known: a histogram of which a part was reset is none.
    spoilt: bool,
}

impl Pooled {
    pub(super) fn add(&mut self, engine: u64, term: Term, bucket: f64, amount: f64) {
        let engine = self.engine(engine);
        match term {
            Term::Sum => engine.sum += amount,
            Term::Count => engine.count += amount,
            _ => engine.buckets.push((bucket, amount)),
        }
    }

    pub(super) fn spoil(&mut self, engine: u64) {
        self.engine(engine).spoilt = true;
    }

    fn engine(&mut self, name: u64) -> &mut Engine {
        let at = self.engines.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.engines.push((name, Engine::default()));
            self.engines.len() - 1
        });
        &mut self.engines[at].1
    }

    /// Mean and quantiles of what was observed since the last page by the engines that can be read; nothing when
    /// nothing was.
    pub(super) fn values(&self) -> Vec<(&'static str, f64)> {
        let sound = || self.engines.iter().map(|(_, engine)| engine).filter(|engine| !engine.spoilt);
        let count: f64 = sound().map(|engine| engine.count).sum();
        if count <= 0.0 {
            return Vec::new();
        }
        let mut values = vec![("mean", sound().map(|engine| engine.sum).sum::<f64>() / count)];
        // Ends are not negative, so that their bits sort as they do.
        let mut buckets: BTreeMap<u64, f64> = BTreeMap::new();
        for (end, grown) in sound().flat_map(|engine| &engine.buckets).filter(|(end, _)| *end >= 0.0) {
            *buckets.entry(end.abs().to_bits()).or_default() += grown;
        }
        let buckets: Vec<(f64, f64)> = buckets.into_iter().map(|(end, n)| (f64::from_bits(end), n)).collect();
        for (name, q) in QUANTILES {
            values.extend(quantile(&buckets, q).map(|value| (name, value)));
        }
        values
    }
}

/// The quantile of cumulative buckets in ascending order, on a line inside of the bucket that holds it, as
/// Prometheus' `histogram_quantile` draws it. In the last bucket, which has no upper end, it is the end before:
/// the true value is at least that.
fn quantile(buckets: &[(f64, f64)], q: f64) -> Option<f64> {
    let &(last, total) = buckets.last()?;
    if !last.is_infinite() || total <= 0.0 || buckets.len() < 2 {
        return None;
    }
    let rank = q * total;
    let at = buckets.iter().position(|(_, n)| *n >= rank)?;
    let (end, n) = buckets[at];
    let (start, below) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
    if end.is_infinite() {
        return Some(start);
    }
    let inside = n - below;
    Some(if inside > 0.0 { start + (end - start) * (rank - below) / inside } else { end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_prometheus() {
        // histogram_quantile over buckets 0.1: 10, 0.5: 40, 1: 60, +Inf: 64.
        let buckets = [(0.1, 10.0), (0.5, 40.0), (1.0, 60.0), (f64::INFINITY, 64.0)];
        for (q, want) in
            [(0.0, 0.0), (0.125, 0.08), (0.5, 0.1 + 0.4 * 22.0 / 30.0), (0.9, 0.5 + 0.5 * 17.6 / 20.0)]
        {
            let got = quantile(&buckets, q).unwrap();
            assert!((got - want).abs() < 1e-12, "{q}: {got} for {want}");
        }
        assert_eq!(quantile(&buckets, 0.99), Some(1.0), "past the last end it is at least that end");
        assert_eq!(quantile(&buckets[..3], 0.5), None, "without +Inf the whole is not known");
        assert_eq!(quantile(&[(0.1, 0.0), (f64::INFINITY, 0.0)], 0.5), None);
    }

    #[test]
    fn engines_are_pooled_and_a_reset_one_is_left_out() {
        let mut pooled = Pooled::default();
        for (engine, sum, count) in [(1, 8.0, 2.0), (2, 1.0, 7.0), (3, 1e9, 1.0)] {
            pooled.add(engine, Term::Sum, 0.0, sum);
            pooled.add(engine, Term::Count, 0.0, count);
        }
        pooled.spoil(3);
        assert_eq!(pooled.values(), [("mean", 1.0)]);
        assert_eq!(Pooled::default().values(), [], "nothing observed is no zero");
    }
}
