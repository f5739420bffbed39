//! A history of values with bounded length: when it is full, neighboring points are merged into their mean.

use serde::{Deserialize, Serialize};

/// Maximum number of points in a series; at the limit it is halved.
pub const SERIES_LIMIT: usize = 2_048;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Step of the last value of the point.
    pub step: f64,
    /// Mean of the values of the point.
    pub value: f64,
}

/// Values by step, in at most [`SERIES_LIMIT`] points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    points: Vec<Point>,
    /// Values per point, a power of two.
    stride: u32,
    /// Sum and number of the values of the next, incomplete point.
    pending: (f64, u32),
}

impl Default for Series {
    fn default() -> Self {
        Self { points: Vec::new(), stride: 1, pending: (0.0, 0) }
    }
}

impl Series {
    /// Appends a value. Values that are not finite are skipped: the run ends by itself and reports why.
    pub fn push(&mut self, step: f64, value: f64) {
        if !value.is_finite() {
            return;
        }
        let (sum, count) = self.pending;
        self.pending = (sum + value, count + 1);
        if count + 1 < self.stride {
            return;
        }
        self.points.push(Point { step, value: (sum + value) / f64::from(count + 1) });
        self.pending = (0.0, 0);
        if self.points.len() >= SERIES_LIMIT {
            self.halve();
        }
    }

    /// The series of a finished history.
    pub fn of(points: &[Point]) -> Self {
        Self { points: points.to_vec(), ..Self::default() }
    }

    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Number of values per point.
    pub fn stride(&self) -> u32 {
        self.stride
    }

    fn halve(&mut self) {
        self.points = self
            .points
            .chunks(2)
            .filter_map(|pair| {
                let last = pair.last()?;
                let value = pair.iter().map(|point| point.value).sum::<f64>() / pair.len() as f64;
                Some(Point { step: last.step, value })
            })
            .collect();
        self.stride *= 2;
    }
}

/// Maximum decay of the exponential moving average.
const SMOOTHING_LIMIT: f64 = 0.99;

/// Exponential moving average of the points, with bias correction as in Adam. `strength` is 0 (raw) to 1.
pub fn smooth(points: &[Point], strength: f64) -> Vec<Point> {
    let keep = strength.clamp(0.0, 1.0) * SMOOTHING_LIMIT;
    let (mut mean, mut weight) = (0.0, 0.0);
    points
        .iter()
        .map(|point| {
            mean = keep * mean + (1.0 - keep) * point.value;
            weight = keep * weight + (1.0 - keep);
            Point { step: point.step, value: mean / weight }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_series_is_halved_and_keeps_its_mean() {
        let mut series = Series::default();
        let n_values = 3 * SERIES_LIMIT as u32;
        for step in 1..=n_values {
            series.push(f64::from(step), f64::from(step));
        }
        let points = series.points();
        assert!(points.len() < SERIES_LIMIT);
        assert_eq!(points.len() as u32 * series.stride(), n_values);
        let mean = points.iter().map(|point| point.value).sum::<f64>() / points.len() as f64;
        assert!((mean - f64::from(n_values + 1) / 2.0).abs() < 1e-6, "{mean}");
        assert_eq!(points.last().map(|point| point.step), Some(f64::from(n_values)));
    }

    #[test]
    fn steps_stay_in_order() {
        let mut series = Series::default();
        for step in 1..=50_000 {
            series.push(f64::from(step), 1.0);
        }
        assert!(series.points().windows(2).all(|pair| pair[0].step < pair[1].step));
    }

    #[test]
    fn values_that_are_not_finite_are_left_out() {
        let mut series = Series::default();
        series.push(1.0, f64::NAN);
        series.push(2.0, f64::INFINITY);
        series.push(3.0, 0.5);
        assert_eq!(series.points(), [Point { step: 3.0, value: 0.5 }]);
    }

    #[test]
    fn smoothing_keeps_a_constant_and_calms_a_zigzag() {
        let constant: Vec<_> = (0..100).map(|step| Point { step: f64::from(step), value: 2.0 }).collect();
        assert!(smooth(&constant, 0.9).iter().all(|point| (point.value - 2.0).abs() < 1e-9));

        let zigzag: Vec<_> = (0..200).map(|step| Point { step: f64::from(step), value: f64::from(step % 2) }).collect();
        assert_eq!(smooth(&zigzag, 0.0), zigzag);
        let last = smooth(&zigzag, 0.95).pop().unwrap();
        assert!((last.value - 0.5).abs() < 0.05, "{last:?}");
    }
}
