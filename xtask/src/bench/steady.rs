//! Time per step once a run is steady: windows of time, cut at the run's reports.

/// A position of a run: `step` steps done after `elapsed_ms` of training.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
pub struct Point {
    pub step: u32,
    pub elapsed_ms: f64,
}

/// The warm-up that is left out, and the minimum length of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowConfig {
    pub warm_up_ms: f64,
    pub window_ms: f64,
}

/// Milliseconds per step in each whole window after the warm-up. Time in which no step was done, such as a validation, is
/// left out.
pub fn windows(points: &[Point], config: WindowConfig) -> Vec<f64> {
    let warm = points.iter().position(|point| point.elapsed_ms >= config.warm_up_ms);
    let points = warm.and_then(|first| points.get(first..)).unwrap_or_default();
    let (mut windows, mut steps, mut taken_ms) = (Vec::new(), 0, 0.0);
    for pair in points.windows(2) {
        if let [before, after] = pair
            && after.step > before.step
        {
            steps += after.step - before.step;
            taken_ms += after.elapsed_ms - before.elapsed_ms;
        }
        if taken_ms >= config.window_ms {
            windows.push(taken_ms / f64::from(steps));
            (steps, taken_ms) = (0, 0.0);
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(points: &[(u32, f64)], expected: &[f64]) {
        let points: Vec<_> = points.iter().map(|&(step, elapsed_ms)| Point { step, elapsed_ms }).collect();
        let config = WindowConfig { warm_up_ms: 100.0, window_ms: 200.0 };
        assert_eq!(windows(&points, config), expected);
    }

    #[test]
    fn the_beginning_and_what_fills_no_window_are_left_out() {
        check(&[(1, 90.0), (2, 100.0), (12, 200.0), (22, 300.0), (62, 500.0), (72, 600.0)], &[10.0, 5.0]);
        check(&[(1, 90.0), (2, 100.0), (12, 299.0)], &[]);
        check(&[], &[]);
    }

    #[test]
    fn a_validation_is_no_part_of_a_step() {
        check(&[(10, 100.0), (20, 200.0), (20, 900.0), (30, 1_000.0)], &[10.0]);
    }
}
