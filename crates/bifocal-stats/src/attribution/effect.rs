//! How large a fall is, measured on the samples after the alarm, at looks whose counts are fixed in advance.
//!
//! The looks are at 50, 100, 200, 400 and 800 samples after the alarm. Each interval is made at 99%, so that by the union
//! bound all five hold at once with 95%: it may be read at any look, and stopping at one because of what it shows
//! breaks nothing. Two fixed-n intervals become one of their difference by MOVER (Zou and Donner 2008): each end
//! takes the distances of the ends that matter to it, in quadrature. Assumes that both samples are independent of
//! each other and of the alarm; that is why the samples that raised it are not among them.

use bifocal_model::Difference;

use super::reference::Level;

/// Samples after the alarm at which the fall is measured.
pub const LOOKS: [usize; 5] = [50, 100, 200, 400, 800];
/// Two-sided error of one look: 5% over all five.
pub const ALPHA_LOOK: f64 = 0.01;
/// The normal quantile of one look, two-sided: 99%.
pub const Z_LOOK: f64 = 2.575_829_303_548_901;

/// The difference of two levels, before minus after, cut to [-1, 1].
pub fn difference(before: &Level, after: &Level) -> Difference {
    let value = before.value - after.value;
    let down = (before.value - before.lower).hypot(after.upper - after.value);
    let up = (before.upper - before.value).hypot(after.value - after.lower);
    Difference {
        value,
        lower: (value - down).max(-1.0),
        upper: (value + up).min(1.0),
        n_before: before.n,
        n_after: after.n,
    }
}

/// The last look that this many samples have passed.
pub(super) fn look(samples: usize) -> Option<usize> {
    LOOKS.into_iter().rev().find(|look| samples >= *look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::normal_quantile;

    #[test]
    fn the_constants_belong_together() {
        assert!((LOOKS.len() as f64 * ALPHA_LOOK - 0.05).abs() < 1e-12);
        assert!((normal_quantile(1.0 - ALPHA_LOOK / 2.0) - Z_LOOK).abs() < 1e-9);
        assert_eq!([look(49), look(50), look(399), look(1_000)], [None, Some(50), Some(200), Some(800)]);
    }

    #[test]
    fn each_end_takes_the_distances_that_matter_to_it() {
        let before = Level { value: 0.8, lower: 0.77, upper: 0.81, n: 500 };
        let after = Level { value: 0.7, lower: 0.62, upper: 0.74, n: 50 };
        let fall = difference(&before, &after);
        assert!((fall.value - 0.1).abs() < 1e-12 && (fall.lower - 0.05).abs() < 1e-12, "{fall:?}");
        assert!((fall.upper - (0.1 + 0.01f64.hypot(0.08))).abs() < 1e-12, "{fall:?}");
        assert!(fall.is_fall());
    }
}
