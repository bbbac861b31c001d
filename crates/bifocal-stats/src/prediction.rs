//! Estimates of a mean from a judged sample and a cheap prediction of every answer's score.
//!
//! Pseudo-outcomes (AIPW; Robins, Rotnitzky and Zhao, 1994): with a prediction m_i for every answer and the judged ones
//! weighed by 1/pi, Z_i = m_i + (xi_i / pi_i)(Y_i - m_i) has mean E[Y], whatever m is. Here m = c + lambda f, with c
//! the weighted mean of Y - lambda f, so that the estimate is lambda mean(f over all) + the weighted mean of
//! Y - lambda f over the judged. With equal pi it is the PPI++ estimate of a mean (Angelopoulos, Duchi and Zrnic,
//! arXiv 2311.01453): over all answers lambda = Cov(Y, f) / Var(f), which is theirs, Cov / ((1 + n/N) Var), with f over
//! the answers that were not judged. lambda = 0 is the weighted mean alone (Hajek).
//!
//! Guards of lambda: an estimated one helps only if |rho| > 1 / sqrt(n - 2) ("No free lunch", arXiv 2505.20178), so it
//! is 0 below 30 judged and for rho^2 <= 2 / (n - 2), is shrunken by 1 - 2 / ((n - 2) rho^2), and lies in [0, 1].
//!
//! Assumes: pi known, inclusions independent of the scores given pi, f fitted on earlier answers only (or cross-fitted),
//! and f known for every answer, judged or not. Broken by an f that was fitted on the judged answers of the window.

use crate::moments::Moments;
use crate::pairs::PairSums;
use crate::planner::MIN_JUDGED_FOR_PROXY;

/// A mean with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Powered {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The weight of the prediction; 0 where it is not used.
    pub lambda: f64,
    /// Degrees of freedom of the standard error.
    pub degrees: f64,
}

/// Total over the number of answers (Horvitz and Thompson, 1952): sum(Y / pi) / N, with the standard error of the
/// pseudo-outcomes xi Y / pi over all N. Unbiased at any n, but much wider than [`powered`] where pi is small: the
/// number of judged answers is random, and so is then the estimate even of equal scores. `None` without judged
/// answers, or for fewer answers in total than judged ones.
pub fn horvitz_thompson(judged: &PairSums, n_total: f64) -> Option<Powered> {
    if judged.n() == 0 || !n_total.is_finite() || n_total < judged.n() as f64 {
        return None;
    }
    let (sum, squares) = judged.total();
    let value = sum / n_total;
    let variance = (squares / n_total - value * value).max(0.0);
    let standard_error = (variance / n_total).sqrt();
    Some(Powered { value, standard_error, lambda: 0.0, degrees: (judged.n() as f64 - 1.0).max(1.0) })
}

/// The estimate with the best guarded lambda. `judged` holds score and prediction of the judged, `all` the prediction of
/// every answer, judged or not. `None` below 2 judged answers.
pub fn powered(judged: &PairSums, all: &Moments) -> Option<Powered> {
    powered_with(judged, all, lambda(judged, all))
}

/// The estimate with a lambda that was chosen before looking. `None` below 2 judged answers, or 3 with a prediction.
pub fn powered_with(judged: &PairSums, all: &Moments, lambda: f64) -> Option<Powered> {
    let (fitted, lambda, f_mean) = match all.mean() {
        Some(f_mean) if lambda.is_finite() && lambda != 0.0 => (2, lambda, f_mean),
        _ => (1, 0.0, 0.0),
    };
    let value = lambda * f_mean + judged.mean_residual(lambda)?;
    let mut variance = judged.variance_of_mean_residual(lambda, fitted)?;
    if fitted == 2 {
        // Var(lambda f + residual) over all answers, but for the residual's own share, which is in the line above.
        let (_, yx, xx) = judged.covariances()?;
        let f_error = all.standard_error()?;
        let covariance = yx - lambda * xx;
        variance += (lambda * f_error).powi(2) + 2.0 * lambda * covariance / all.effective_n();
    }
    let degrees = judged.effective_n() - fitted as f64;
    Some(Powered { value, standard_error: variance.max(0.0).sqrt(), lambda, degrees: degrees.max(1.0) })
}

/// The best weight of the prediction, guarded and shrunken, in [0, 1].
///
/// The slope of Y on f, weighed by w^2: where N is much larger than n, it minimises the variance of the pseudo-outcomes,
/// and with equal pi it does for any N. Any other lambda costs width and no validity.
pub fn lambda(judged: &PairSums, all: &Moments) -> f64 {
    let n = judged.effective_n();
    let bar = 2.0 / (n - 2.0);
    let rho2 = judged.rho2();
    if n < MIN_JUDGED_FOR_PROXY || rho2 <= bar || all.n < judged.n() {
        return 0.0;
    }
    let Some((_, yx, xx)) = judged.variances_of_means() else { return 0.0 };
    let slope = if xx > 0.0 { yx / xx } else { 0.0 };
    (slope * (1.0 - bar / rho2)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(items: &[(f64, f64, f64)]) -> PairSums {
        let mut sums = PairSums::default();
        items.iter().for_each(|(y, f, w)| sums.add(*y, *f, *w));
        sums
    }

    fn all(values: impl Iterator<Item = f64>) -> Moments {
        let mut moments = Moments::default();
        values.for_each(|f| moments.add(f, 1.0));
        moments
    }

    #[test]
    fn without_a_prediction_it_is_the_weighted_mean() {
        let judged = sums(&[(0.2, 0.0, 2.0), (0.4, 0.0, 4.0), (0.9, 0.0, 2.0)]);
        let plain = powered(&judged, &Moments::default()).unwrap();
        assert!((plain.value - 0.475).abs() < 1e-12 && plain.lambda == 0.0);
        let mut moments = Moments::default();
        [(0.2, 2.0), (0.4, 4.0), (0.9, 2.0)].iter().for_each(|(y, w)| moments.add(*y, *w));
        assert!((plain.standard_error - moments.standard_error().unwrap()).abs() < 1e-12);
    }

    #[test]
    fn horvitz_thompson_counts_those_it_did_not_see() {
        let judged = sums(&[(0.5, 0.0, 10.0), (1.0, 0.0, 10.0)]);
        let total = horvitz_thompson(&judged, 20.0).unwrap();
        // 18 pseudo-outcomes of 0, one of 5 and one of 10.
        let variance: f64 = (125.0 - 20.0 * 0.75f64.powi(2)) / 20.0;
        assert!((total.value - 0.75).abs() < 1e-12);
        assert!((total.standard_error - (variance / 20.0).sqrt()).abs() < 1e-12);
        for n_total in [1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(horvitz_thompson(&judged, n_total), None);
        }
        assert_eq!(horvitz_thompson(&PairSums::default(), 20.0), None);
    }

    #[test]
    fn lambda_is_guarded() {
        let line = |n: u32| (0..n).map(|i| f64::from(i % 10) / 10.0).map(|f| (0.8 * f + 0.1, f, 10.0));
        let of = |items: Vec<(f64, f64, f64)>| {
            let traffic = all((0..1_000).map(|i| f64::from(i % 10) / 10.0));
            lambda(&sums(&items), &traffic)
        };
        assert_eq!(of(line(29).collect()), 0.0, "fewer than 30");
        let full = of(line(60).collect());
        assert!((full - 0.8 * (1.0 - 2.0 / 58.0)).abs() < 1e-9, "shrunken: {full}");
        // Orthogonal to the score: rho^2 below 2 / (n - 2).
        let unrelated = (0..60).map(|i| (f64::from(i % 10) / 10.0, f64::from(i % 2), 10.0)).collect();
        assert_eq!(of(unrelated), 0.0);
        let against = line(60).map(|(y, f, w)| (1.0 - y, f, w)).collect();
        assert_eq!(of(against), 0.0, "points the wrong way");
        assert_eq!(of(line(60).map(|(y, f, w)| (10.0 * y, f, w)).collect()), 1.0, "at most 1");
        assert_eq!(
            lambda(&sums(&line(60).collect::<Vec<_>>()), &Moments::default()),
            0.0,
            "no traffic known"
        );
    }

    #[test]
    fn one_sample_has_no_error() {
        assert_eq!(powered(&sums(&[(0.5, 0.5, 1.0)]), &Moments::default()), None);
        let two = sums(&[(0.5, 0.5, 1.0), (0.6, 0.7, 1.0)]);
        assert_eq!(
            powered_with(&two, &all([0.5, 0.6, 0.7].into_iter()), 0.5),
            None,
            "a line through two points"
        );
        assert_eq!(powered_with(&two, &Moments::default(), f64::NAN).unwrap().lambda, 0.0);
    }
}
