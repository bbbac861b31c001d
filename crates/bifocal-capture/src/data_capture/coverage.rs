//! How much of what Data Capture should have captured is there.
//!
//! Each call that is no stream is captured with probability p, independently: of N calls the number captured is
//! Binomial(N, p). Fewer than its lower tail allows are a shortfall: calls were lost, or are still to be delivered.
//! What breaks it: an N that counts streams too, or a window whose files are not all delivered.

/// What was seen of a window that is fully delivered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coverage {
    /// Calls that are no streams, as CloudWatch counts them.
    pub calls: u64,
    /// Calls in the capture files.
    pub captured: u64,
    /// `InitialSamplingPercentage` as a probability.
    pub probability: f64,
}

impl Coverage {
    /// Captured by expected; `None` where nothing is expected. Chance moves it around 1.
    pub fn ratio(&self) -> Option<f64> {
        let expected = self.calls as f64 * self.probability;
        (expected > 0.0).then(|| self.captured as f64 / expected)
    }

    /// The chance of so few or fewer if nothing was lost: P(X <= captured), X of Binomial(calls, probability).
    pub fn chance(&self) -> f64 {
        lower_tail(self.captured, self.calls, self.probability)
    }

    /// Whether that chance is below `alpha`.
    pub fn is_short(&self, alpha: f64) -> bool {
        self.chance() < alpha
    }

    /// The greatest share of the calls that is still open to capture, if a chance of no more than `alpha` is not believed
    /// in: the c with P(X <= captured) = alpha, X of Binomial(calls, c x probability). `None` where nothing is expected.
    pub fn upper(&self, alpha: f64) -> Option<f64> {
        let most = 1.0 / self.probability;
        let believable =
            |ratio: f64| lower_tail(self.captured, self.calls, ratio * self.probability) >= alpha;
        let (mut low, mut high) = (self.ratio()?.min(most), most);
        if believable(high) {
            return Some(high);
        }
        while high - low > 1e-6 * high {
            let middle = f64::midpoint(low, high);
            if believable(middle) { low = middle } else { high = middle }
        }
        Some(high)
    }

    /// More captured than there were calls: the two are not of the same calls.
    pub fn contradicts_itself(&self) -> bool {
        self.captured > self.calls
    }
}

/// P(X <= k) of Binomial(n, p), summed from k downwards in units of its largest term.
fn lower_tail(k: u64, n: u64, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let mean = n as f64 * p;
    if k as f64 > mean {
        // The upper tail is the shorter one: P(X <= k) = 1 - P(n - X <= n - k - 1).
        return 1.0 - lower_tail(n - k - 1, n, 1.0 - p);
    }
    let ln_choose = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let ln_first = ln_choose + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p();
    let (mut sum, mut term) = (1.0, 1.0);
    for j in (1..=k).rev() {
        term *= j as f64 / (n - j + 1) as f64 * ((1.0 - p) / p);
        sum += term;
        // Each further term is smaller than this one by at least the ratio of this step.
        if term < sum * 1e-17 {
            break;
        }
    }
    (ln_first + sum.ln()).exp().min(1.0)
}

/// ln n!, by its product up to 20 and by Stirling's series beyond (error below 1e-12).
fn ln_factorial(n: u64) -> f64 {
    if n <= 20 {
        return (2..=n).map(|k| (k as f64).ln()).sum();
    }
    let x = n as f64;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    x * x.ln() - x + 0.5 * (std::f64::consts::TAU * x).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_binomial_tails() {
        // Summed term by term with 60 digits (Python's decimal).
        for (k, n, p, want) in GOLDEN {
            let got = lower_tail(k, n, p);
            assert!((got - want).abs() <= 1e-9 * want.max(1e-3), "{k} {n} {p}: {got} for {want}");
        }
    }

    #[test]
    fn a_shortfall_is_told_from_chance() {
        let seen = |captured| Coverage { calls: 10_000, captured, probability: 0.1 };
        assert!(!seen(960).is_short(0.001) && !seen(1_040).is_short(0.001));
        assert!(seen(880).is_short(0.001));
        assert_eq!(seen(500).ratio(), Some(0.5));
        let all = |captured| Coverage { calls: 100, captured, probability: 1.0 };
        assert!(all(99).is_short(0.001) && !all(100).is_short(0.001), "at 100% one missing is a shortfall");
        let none = Coverage { calls: 0, captured: 0, probability: 0.5 };
        assert_eq!((none.ratio(), none.is_short(0.001), none.contradicts_itself()), (None, false, false));
        assert!(all(101).contradicts_itself());
    }

    const GOLDEN: [(u64, u64, f64, f64); 9] = [
        (0, 10, 0.3, 0.0282475249),
        (3, 10, 0.3, 0.6496107184),
        (9, 10, 0.3, 0.9999940951),
        (880, 10000, 0.1, 2.52609591184787e-05),
        (960, 10000, 0.1, 0.0934135609313335),
        (1040, 10000, 0.1, 0.9109207338200422),
        (99, 100, 0.999, 0.09520785288629095),
        (49000, 1000000, 0.05, 2.1131824147903485e-06),
        (21, 50, 0.5, 0.16111816017877345),
    ];
}
