//! How soon a fall is seen: the detector itself, run on simulated scores.
//!
//! Scores are normal with the given mean and standard deviation, cut to [0, 1]; the baseline is learnt from 500 of them as
//! live; then the mean falls by d standard deviations and judged scores are counted until the evidence reaches the
//! threshold. 100 runs with a fixed seed, so that the same plan gives the same numbers. Real scores are not normal: on
//! public data a fall of 0.3 took 181 to 195 judged where this says about 250, at a threshold of 5,000. `bifocal backtest`
//! measures those of one's own.

use bifocal_model::Timestamp;
use bifocal_stats::budget;
use bifocal_stats::distribution::normal_quantile;
use bifocal_stats::monitor::{Monitor, Seen, Settings};
use serde::Serialize;

/// Falls in standard deviations of scores.
const EFFECTS: [f64; 3] = [0.3, 0.5, 0.8];
const RUNS: u64 = 100;
/// Judged after which a run counts as not seen.
const MOST: u64 = 20_000;

/// How soon a fall is seen, in judged scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delays {
    effect_sd: f64,
    fall: f64,
    mean: f64,
    p90: u64,
    missed: u64,
}

/// How soon a fall is seen on a target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// The fall, in standard deviations of scores.
    pub effect_sd: f64,
    /// The fall, on [0, 1].
    pub fall: f64,
    /// Judged scores from the change to the alarm, mean over runs.
    pub judged_mean: f64,
    /// The same, that nine of ten runs do not exceed.
    pub judged_p90: u64,
    /// Share of runs that saw nothing within 20,000 judged.
    pub missed: f64,
    /// Hours to the mean; `null` where nothing is judged.
    pub hours_mean: Option<f64>,
    /// Dollars of judging until the mean; `null` where the price is not known.
    pub usd_mean: Option<f64>,
}

impl Delays {
    /// On a target that is judged so often on each dimension.
    pub(super) fn at(&self, judged_per_day: f64, usd_per_judgement: Option<f64>) -> Detection {
        Detection {
            effect_sd: self.effect_sd,
            fall: self.fall,
            judged_mean: self.mean,
            judged_p90: self.p90,
            missed: self.missed as f64 / RUNS as f64,
            hours_mean: (judged_per_day > 0.0).then(|| 24.0 * self.mean / judged_per_day),
            usd_mean: usd_per_judgement.map(|usd| usd * self.mean),
        }
    }
}

/// Delays of the three falls. `baseline`: judged of a provisional and of a complete one.
pub(super) fn simulate(mean: f64, sd: f64, threshold: f64, baseline: [u64; 2]) -> Vec<Delays> {
    EFFECTS.into_iter().map(|effect| of_effect(mean, sd, threshold, baseline, effect)).collect()
}

fn of_effect(mean: f64, sd: f64, threshold: f64, [provisional, full]: [u64; 2], effect: f64) -> Delays {
    let mut uniforms = Uniforms(0x6269_666f_6361_6c21);
    let fall = effect * sd;
    let mut delays: Vec<u64> = (0..RUNS)
        .map(|_| {
            let mut monitor = Monitor::new(Settings { provisional, full, ..Settings::default() });
            monitor.set_level(budget::baseline_level(threshold));
            let mut take = |shift: f64| {
                let score = (mean - shift + sd * normal_quantile(uniforms.next())).clamp(0.0, 1.0);
                monitor.take(score, None, Timestamp::default())
            };
            while !matches!(take(0.0), Seen::Froze | Seen::Evidence(_)) {}
            let seen = |seen| matches!(seen, Seen::Evidence(evidence) if evidence >= threshold);
            (1..MOST).find(|_| seen(take(fall))).unwrap_or(MOST)
        })
        .collect();
    delays.sort_unstable();
    let missed = delays.iter().filter(|delay| **delay == MOST).count() as u64;
    Delays {
        effect_sd: effect,
        fall,
        mean: delays.iter().sum::<u64>() as f64 / delays.len() as f64,
        p90: delays.get(delays.len() * 9 / 10).copied().unwrap_or(MOST),
        missed,
    }
}

/// splitmix64, in (0, 1).
struct Uniforms(u64);

impl Uniforms {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + 1e-16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On public data at A = 5,000 with the bound of 500: 181 to 195 for d = 0.3, 69 to 78 for d = 0.5, 28 to 38 for
    /// d = 0.77 to 0.85. Normal scores are a little harder, for they have no heavy lower end.
    #[test]
    fn simulated_delays_are_of_the_size_that_was_measured() {
        let delays = simulate(0.7, 0.18, 5_000.0, [200, 500]);
        for (delay, (low, high)) in delays.iter().zip([(180.0, 300.0), (65.0, 125.0), (27.0, 60.0)]) {
            assert!((low..high).contains(&delay.mean), "{delay:?}");
            assert!(delay.p90 as f64 > delay.mean && delay.missed == 0, "{delay:?}");
        }
        let higher = simulate(0.7, 0.18, 1e6, [200, 500]);
        assert!(higher.iter().zip(&delays).all(|(high, low)| high.mean > 1.3 * low.mean));
        assert_eq!(simulate(0.7, 0.18, 5_000.0, [200, 500]), delays, "the same plan gives the same numbers");
        assert_eq!(delays[0].at(0.0, None).hours_mean, None);
    }

    #[test]
    fn no_spread_and_no_fall_end() {
        for (mean, sd) in [(0.5, 0.0), (0.0, 0.1), (1.0, 0.0)] {
            let delays = simulate(mean, sd, f64::MAX, [2, 5]);
            assert!(delays.iter().all(|delay| delay.mean.is_finite() && delay.missed <= RUNS), "{delays:?}");
        }
    }
}
