//! Vectors: the kernel test, the classifier, topics.

use super::super::{
    DomainClassifier, FourierFeatures, MeanEmbedding, Seeded, TopicLearner, jensen_shannon, median_distance,
    mmd,
};
use crate::error::Error;
use crate::limits::{DIMENSIONS, POINTS};

fn cloud(random: &mut Seeded, n: usize, dimensions: usize, shift: f64) -> Vec<Vec<f64>> {
    (0..n).map(|_| (0..dimensions).map(|_| shift + random.normal()).collect()).collect()
}

fn below(runs: u64, mut p_value: impl FnMut(u64) -> f64) -> u64 {
    (0..runs).map(|run| u64::from(p_value(run) < 0.05)).sum()
}

#[test]
fn the_kernel_test_is_exact_without_a_change_and_sees_one() {
    let mut random = Seeded::new(41);
    let features = FourierFeatures::new(6, 6f64.sqrt() * 1.4, 7).unwrap();
    let mut test = |shift: f64, run: u64| {
        let (a, b) = (cloud(&mut random, 40, 6, 0.0), cloud(&mut random, 40, 6, shift));
        mmd(&a, &b, &features, run).unwrap().p_value
    };
    let hits = below(200, |run| test(0.0, run));
    assert!((2..=20).contains(&hits), "{hits} of 200");
    let found = below(50, |run| test(0.6, run));
    assert!(found >= 45, "{found} of 50");
}

#[test]
fn running_means_are_the_kernel_distance() {
    // Two pairs of clouds: the features' distance against the kernel's own sums.
    let mut random = Seeded::new(42);
    let (a, b) = (cloud(&mut random, 300, 4, 0.0), cloud(&mut random, 300, 4, 0.5));
    let bandwidth = median_distance(&a, 3).unwrap();
    let features = FourierFeatures::new(4, bandwidth, 8).unwrap();
    let (mut left, mut right, mut more) =
        (MeanEmbedding::default(), MeanEmbedding::default(), MeanEmbedding::default());
    a[..100].iter().for_each(|point| left.add(&features.of(point).unwrap()));
    a[100..].iter().for_each(|point| more.add(&features.of(point).unwrap()));
    b.iter().for_each(|point| right.add(&features.of(point).unwrap()));
    left.merge(&more);
    assert_eq!(left.count(), 300);
    let kernel = |x: &[f64], y: &[f64]| {
        let squared: f64 = x.iter().zip(y).map(|(u, v)| (u - v) * (u - v)).sum();
        (-0.5 * squared / (bandwidth * bandwidth)).exp()
    };
    let mean = |x: &[Vec<f64>], y: &[Vec<f64>]| {
        x.iter().flat_map(|u| y.iter().map(|v| kernel(u, v))).sum::<f64>() / (x.len() * y.len()) as f64
    };
    let exact = mean(&a, &a) + mean(&b, &b) - 2.0 * mean(&a, &b);
    let ours = left.squared_distance(&right).unwrap();
    assert!((ours - exact).abs() < 0.15 * exact, "{ours}, exact {exact}");
}

#[test]
fn the_classifier_tells_apart_what_differs_and_says_by_what() {
    let mut random = Seeded::new(43);
    let classifier = DomainClassifier::default();
    let mut p_value = |_| {
        let (a, b) = (cloud(&mut random, 80, 5, 0.0), cloud(&mut random, 60, 5, 0.0));
        classifier.separate(&a, &b, 9).unwrap().p_value
    };
    let hits = below(200, &mut p_value);
    assert!(hits <= 20, "{hits} of 200");
    let (a, mut b) = (cloud(&mut random, 200, 5, 0.0), cloud(&mut random, 200, 5, 0.0));
    for point in &mut b {
        point[3] += 1.5;
        point[4] = 2.0;
    }
    let mut constant = a.clone();
    constant.iter_mut().for_each(|point| point[4] = 2.0);
    let found = classifier.separate(&constant, &b, 9).unwrap();
    // Two normal distributions 1.5 apart: AUC is P(N(1.5, sqrt 2) > 0) = 0.856.
    assert!((found.auc - 0.856).abs() < 0.04 && found.p_value < 1e-6, "{found:?}");
    assert!(found.weights[3] > 1.0 && found.weights[4] == 0.0, "{found:?}");
}

#[test]
fn topics_are_found_frozen_and_their_mix_is_compared() {
    let mut random = Seeded::new(44);
    let mut mixed = |first: usize, second: usize| {
        let mut points = cloud(&mut random, first, 8, 0.0);
        points.extend(cloud(&mut random, second, 8, 4.0));
        points
    };
    let topics = TopicLearner { topics: 2, seed: 5 }.learn(&mixed(300, 200)).unwrap();
    let (before, same, after) = (mixed(300, 200), mixed(150, 100), mixed(50, 200));
    let mix = |points: &[Vec<f64>]| topics.mix(points).unwrap();
    let mut sizes = mix(&before);
    sizes.sort_unstable();
    assert_eq!(sizes, [200, 300]);
    let unchanged = jensen_shannon(&mix(&before), &mix(&same), 200, 1).unwrap();
    assert!(unchanged.p_value > 0.5, "{unchanged:?}");
    let changed = jensen_shannon(&mix(&before), &mix(&after), 200, 1).unwrap();
    assert!(changed.jsd > 0.1 && changed.p_value < 0.01, "{changed:?}");
    let again = TopicLearner { topics: 2, seed: 5 }.learn(&before).unwrap();
    assert_eq!(again, TopicLearner { topics: 2, seed: 5 }.learn(&before).unwrap());
}

#[test]
fn bad_clouds_get_typed_answers() {
    let features = FourierFeatures::new(2, 1.0, 1).unwrap();
    let (one, equal) = (vec![vec![1.0, 2.0]], vec![vec![1.0, 2.0]; 30]);
    assert_eq!(mmd(&[], &one, &features, 1), Err(Error::EmptySample));
    assert_eq!(mmd(&equal, &equal, &features, 1).unwrap().p_value, 1.0);
    let broken = vec![vec![f64::NAN, 1.0]];
    assert_eq!(mmd(&broken, &one, &features, 1), Err(Error::DimensionsDiffer { have: 1, need: 2 }));
    assert_eq!(median_distance(&one, 1), Err(Error::TooFew { have: 1, need: 2 }));
    assert_eq!(median_distance(&equal, 1), Err(Error::NoSpread));
    assert_eq!(FourierFeatures::new(2, 0.0, 1), Err(Error::NoSpread));
    let classifier = DomainClassifier::default();
    assert_eq!(classifier.separate(&one, &equal, 1), Err(Error::TooFew { have: 1, need: 10 }));
    assert_eq!(classifier.separate(&equal, &equal, 1), Err(Error::NoSpread));
    let learner = TopicLearner { topics: 3, seed: 1 };
    assert_eq!(learner.learn(&one), Err(Error::TooFew { have: 1, need: 3 }));
    assert_eq!(learner.learn(&equal), Err(Error::NoSpread));
    // At the limits and past them.
    assert!(FourierFeatures::new(DIMENSIONS, 1.0, 1).is_ok());
    let past = Err(Error::TooMany { have: DIMENSIONS + 1, limit: DIMENSIONS });
    assert_eq!(FourierFeatures::new(DIMENSIONS + 1, 1.0, 1), past);
    let many = vec![vec![1.0, 2.0]; POINTS];
    assert!(learner.learn(&many).is_err_and(|err| err == Error::NoSpread));
    let past = Error::TooMany { have: POINTS + 1, limit: POINTS };
    assert_eq!(mmd(&many, &one, &features, 1), Err(past));
}
