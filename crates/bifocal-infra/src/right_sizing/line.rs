//! A line through points, and how far points lie above it.

/// y = at_zero + slope x, fitted by least squares; a slope below 0 is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) at_zero: f64,
    pub(super) slope: f64,
    /// 95% of the points lie no further above the line than this, and at least 0.
    pub(super) above: f64,
    /// Standard deviation of x by its mean: without spread the slope is a guess.
    pub(super) spread: f64,
}

impl Line {
    /// Through at least ten points. Latency grows with concurrency: a falling line is noise and becomes level.
    pub(super) fn through(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < 10 {
            return None;
        }
        let n = points.len() as f64;
        let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
        let (mean_x, mean_y) = (sum_x / n, sum_y / n);
        let (mut xx, mut xy) = (0.0, 0.0);
        for (x, y) in points {
            xx += (x - mean_x) * (x - mean_x);
            xy += (x - mean_x) * (y - mean_y);
        }
        let spread = if mean_x > 0.0 { (xx / n).sqrt() / mean_x } else { 0.0 };
        let slope = if spread > 1e-6 { (xy / xx).max(0.0) } else { 0.0 };
        let at_zero = mean_y - slope * mean_x;
        let mut residuals: Vec<f64> = points.iter().map(|(x, y)| y - at_zero - slope * x).collect();
        residuals.sort_by(f64::total_cmp);
        let rank = (residuals.len() * 95).div_ceil(100);
        Some(Self { at_zero, slope, above: residuals[rank - 1].max(0.0), spread })
    }

    pub(super) fn at(&self, x: f64) -> f64 {
        self.at_zero + self.slope * x
    }

    /// The x from which 95% of the points would lie above `limit`; infinite for a level line below it.
    pub(super) fn reaches(&self, limit: f64) -> f64 {
        let room = limit - self.above - self.at_zero;
        if room <= 0.0 {
            0.0
        } else if self.slope > 0.0 {
            room / self.slope
        } else {
            f64::INFINITY
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_with_its_spread_and_where_it_reaches_a_limit() {
        let points: Vec<(f64, f64)> = (0..100)
            .map(|i| (f64::from(i), 2.0 + 0.5 * f64::from(i) + if i % 2 == 0 { 1.0 } else { -1.0 }))
            .collect();
        let line = Line::through(&points).unwrap();
        assert!((line.slope - 0.5).abs() < 1e-3 && (line.at_zero - 2.0).abs() < 0.05, "{line:?}");
        assert!((line.above - 1.0).abs() < 0.05);
        assert!((line.reaches(13.0) - 20.0).abs() < 0.2);
        assert_eq!(line.reaches(1.0), 0.0);
        assert_eq!(Line::through(&points[..9]), None);
    }

    #[test]
    fn a_falling_line_is_level() {
        let points: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i), 5.0 - 0.1 * f64::from(i))).collect();
        let line = Line::through(&points).unwrap();
        assert_eq!((line.slope, line.reaches(10.0)), (0.0, f64::INFINITY));
        let still = Line::through(&[(0.1 + 0.2, 1.0), (0.3, 2.0)].repeat(10)).unwrap();
        assert_eq!((still.slope, still.at_zero), (0.0, 1.5), "rounding is no spread");
    }
}
