//! Against ppi_py, SciPy and pseudo-outcomes written out in NumPy: `golden/make_estimation.py` makes the file.

use bifocal_stats::order_statistics::quantile;
use bifocal_stats::prediction::{horvitz_thompson, lambda, powered, powered_with};
use bifocal_stats::{Moments, PairSums};
use serde_json::Value;

fn golden(part: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../golden/estimation.json")).unwrap();
    all[part].as_array().unwrap().clone()
}

fn numbers(case: &Value, field: &str) -> Vec<f64> {
    case[field].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn number(case: &Value, field: &str) -> f64 {
    case[field].as_f64().unwrap()
}

fn all_of<'a>(values: impl Iterator<Item = &'a f64>) -> Moments {
    let mut moments = Moments::default();
    values.for_each(|f| moments.add(*f, 1.0));
    moments
}

fn near(got: f64, want: f64, relative: f64, what: &str) {
    assert!((got - want).abs() <= relative * want.abs(), "{what}: {got} is not {want}");
}

/// ppi_py takes f over the answers that were not judged, here it is over all: their lambda is n_other / (n + n_other)
/// of ours, and the estimates are the same. ppi_py divides by n where this divides by n - 2, and estimates the
/// variance of f over other answers: widths agree to 3%. Their lambda divides by the variance of f over all answers, ours by
/// that over the judged, and is shrunken: put the same, they agree to 3%.
#[test]
fn golden_ppi_mean() {
    for case in golden("ppi") {
        let (y, f, other) = (numbers(&case, "y"), numbers(&case, "f"), numbers(&case, "other"));
        let mut judged = PairSums::default();
        y.iter().zip(&f).for_each(|(y, f)| judged.add(*y, *f, 7.0));
        let all = all_of(f.iter().chain(&other));
        let scale = (y.len() + other.len()) as f64 / other.len() as f64;
        let ours = powered_with(&judged, &all, number(&case, "lambda") * scale).unwrap();
        near(ours.value, number(&case, "point"), 1e-9, "point");
        let half_width = 0.5 * (number(&case, "upper") - number(&case, "lower"));
        near(1.959_964 * ours.standard_error, half_width, 0.03, "half width");

        let shrunken = 1.0 - 2.0 / ((y.len() as f64 - 2.0) * judged.rho2());
        let spread_of_judged = judged.covariances().unwrap().2 / all.sd().unwrap().powi(2);
        let theirs = number(&case, "lambda") * scale / spread_of_judged;
        near(lambda(&judged, &all), (theirs * shrunken).clamp(0.0, 1.0), 0.03, "lambda");
        near(powered(&judged, &all).unwrap().value, number(&case, "point"), 0.01, "point at our lambda");
    }
}

#[test]
fn golden_pseudo_outcomes() {
    for case in golden("aipw") {
        let (y, f, pi) = (numbers(&case, "y"), numbers(&case, "f"), numbers(&case, "pi"));
        let mut judged = PairSums::default();
        y.iter().zip(&f).zip(&pi).for_each(|((y, f), pi)| judged.add(*y, *f, 1.0 / pi));
        let all = numbers(&case, "all_f");
        let ours = powered_with(&judged, &all_of(all.iter()), number(&case, "lambda")).unwrap();
        near(ours.value, number(&case, "mean"), 1e-9, "mean");
        // Where the sum of 1/pi is not N, the two estimates of the variance differ by that.
        near(ours.standard_error, number(&case, "standard_error"), 0.08, "standard error");
        let total = horvitz_thompson(&judged, all.len() as f64).unwrap();
        near(total.value, number(&case, "horvitz_thompson"), 1e-9, "Horvitz-Thompson");
        near(total.standard_error, number(&case, "horvitz_thompson_error"), 1e-9, "its error");
    }
}

#[test]
fn golden_quantile_intervals() {
    for case in golden("quantiles") {
        let items: Vec<(f64, f64)> = numbers(&case, "x").into_iter().map(|x| (x, 3.0)).collect();
        let ours = quantile(&items, number(&case, "q"), 0.05).unwrap();
        assert_eq!(
            (ours.lower, ours.upper),
            (case["lower"].as_f64(), case["upper"].as_f64()),
            "q {}",
            case["q"]
        );
    }
}
