//! Values from `tests/golden/drift.py`.

use super::super::{Scale, distances, jensen_shannon, ks_p_value, psi};
use crate::error::Error;

const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;
const PLASTIC: f64 = 0.754_877_666_246_692_7;

fn sequence(n: u32, step: f64, of: impl Fn(f64) -> f64) -> Vec<f64> {
    (1..=n).map(|i| of(f64::from(i) * step % 1.0)).collect()
}

fn samples() -> (Vec<f64>, Vec<f64>) {
    let a = sequence(120, GOLDEN_RATIO, |x| x.powi(2) * 10.0);
    let b = sequence(90, PLASTIC, |x| x.powi(3) * 12.0 + 0.5);
    (a, b)
}

fn close(ours: f64, golden: f64, within: f64) {
    assert!((ours - golden).abs() <= within * golden.abs(), "{ours} is not {golden}");
}

#[test]
fn distances_are_those_of_scipy() {
    let (a, b) = samples();
    let plain = distances(&a, &b, Scale::Linear).unwrap();
    close(plain.ks, 0.225, 1e-12);
    close(plain.ks_p_value, 0.009_403_034_420_821_584, 1e-9);
    close(plain.wasserstein, 0.466_550_005_189_202_5, 1e-12);
    close(plain.energy, 0.059_759_849_562_349_36, 1e-11);
    close(distances(&a, &b, Scale::Log).unwrap().wasserstein, 0.140_370_397_201_472_65, 1e-12);
}

#[test]
fn tied_values_are_as_in_scipy() {
    let (a, b) = samples();
    let floor = |values: Vec<f64>| values.into_iter().map(f64::floor).collect::<Vec<_>>();
    let (a, b) = (floor(a), floor(b));
    let tied = distances(&a, &b, Scale::Linear).unwrap();
    close(tied.ks, 0.058_333_333_333_333_334, 1e-12);
    close(tied.ks_p_value, 0.991_200_855_348_13, 1e-9);
    close(tied.wasserstein, 0.388_888_888_888_888_8, 1e-12);
    close(tied.energy, 0.032_839_506_172_839_504, 1e-11);
    close(distances(&a, &b, Scale::Log).unwrap().wasserstein, 0.095_662_521_710_256_28, 1e-12);
}

#[test]
fn the_limit_law_is_near_scipys_finite_one() {
    let a = sequence(2_000, GOLDEN_RATIO, |x| x);
    let b = sequence(1_500, PLASTIC, |x| x.powf(1.08));
    let long = distances(&a, &b, Scale::Linear).unwrap();
    close(long.ks, 0.030_166_666_666_666_675, 1e-9);
    close(long.ks_p_value, 0.408_437_978_581_170_15, 0.02);
    // Where the exact law ends and the limit begins they agree.
    for d in [0.05, 0.07, 0.1, 0.13] {
        close(ks_p_value(d, 501, 500), ks_p_value(d, 501, 499), 0.03);
    }
}

#[test]
fn divergences_are_those_of_scipy_and_of_the_formula() {
    let (p, q) = ([30, 50, 0, 20, 7], [10, 40, 5, 35, 0]);
    close(jensen_shannon(&p, &q, 9, 1).unwrap().jsd, 0.114_084_067_696_858_36, 1e-12);
    close(super::super::psi::index(&p, &q), 0.591_538_214_194_752_8, 1e-12);
}

#[test]
fn nothing_constant_short_or_broken_gives_a_nan() {
    let empty: [f64; 0] = [];
    assert_eq!(distances(&empty, &[1.0], Scale::Linear), Err(Error::EmptySample));
    assert_eq!(distances(&[f64::NAN], &[1.0], Scale::Linear), Err(Error::EmptySample));
    let one = distances(&[f64::INFINITY, 3.0], &[3.0], Scale::Log).unwrap();
    assert_eq!((one.ks, one.ks_p_value, one.wasserstein, one.energy), (0.0, 1.0, 0.0, 0.0));
    let far = distances(&[-f64::MAX], &[f64::MAX], Scale::Linear).unwrap();
    assert!(far.wasserstein.is_finite() && far.energy.is_finite() && far.ks == 1.0);
    assert_eq!(ks_p_value(f64::NAN, 5, 5), 1.0);
    assert_eq!(ks_p_value(0.5, 0, 5), 1.0);
    assert_eq!(jensen_shannon(&[1, 0], &[0, 0], 9, 1), Err(Error::EmptySample));
    assert_eq!(jensen_shannon(&[1], &[1, 2], 9, 1), Err(Error::CategoriesDiffer { left: 1, right: 2 }));
    let none = super::super::Histogram::default();
    assert_eq!(psi(&none, &none, 9, 1), Err(Error::EmptySample));
}
