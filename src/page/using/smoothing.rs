//! Predictions for the frames of a camera, averaged over time, so that a frame that is blurred or between two objects does not flicker through the
//! answer. Pure.

use kindling_core::protocol::ClassProbability;

/// The time after which a frame counts a third: short enough to follow a hand.
const TIME_CONSTANT_MS: f64 = 250.0;

/// Frames further apart are not of one scene.
const GAP_MS: f64 = 1_500.0;

/// Smaller probabilities count as this one: beyond it, 32-bit floats say nothing.
const LEAST_PROBABILITY: f64 = 1e-7;

/// The exponential moving average of the logarithms of the probabilities, that is, of the logits up to a constant: a threshold means the same for
/// the average as for a single prediction, while an average of probabilities would stay below 0.999 for seconds after one doubtful frame.
#[derive(Clone, Debug, Default)]
pub struct Smoothing {
    /// By class.
    logarithms: Vec<f64>,
    at_ms: f64,
}

impl Smoothing {
    /// Replaces the probabilities of a frame, which are those of all classes, by the average. They come out in descending order.
    pub fn add(&mut self, classes: &mut [ClassProbability], now_ms: f64) {
        let elapsed_ms = now_ms - self.at_ms;
        self.at_ms = now_ms;
        let is_new = self.logarithms.len() != classes.len() || !(0.0..GAP_MS).contains(&elapsed_ms);
        if is_new {
            self.logarithms = vec![0.0; classes.len()];
        }
        let weight = if is_new { 1.0 } else { 1.0 - (-elapsed_ms / TIME_CONSTANT_MS).exp() };
        for class in &*classes {
            let logarithm = f64::from(class.probability).max(LEAST_PROBABILITY).ln();
            if let Some(average) = self.logarithms.get_mut(usize::from(class.class)) {
                *average += weight * (logarithm - *average);
            }
        }
        let total: f64 = self.logarithms.iter().map(|average| average.exp()).sum();
        for class in &mut *classes {
            let average = self.logarithms.get(usize::from(class.class)).copied().unwrap_or(f64::NEG_INFINITY);
            class.probability = (average.exp() / total) as f32;
        }
        classes.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    }
}

/// How many predictions were made in each of the last seconds.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    /// When the predictions of the last [`Rate::WINDOW_MS`] came.
    times: std::collections::VecDeque<f64>,
}

impl Rate {
    const WINDOW_MS: f64 = 2_000.0;

    /// Counts a prediction. Returns predictions per second; none before there are enough to tell.
    pub fn add(&mut self, now_ms: f64) -> Option<f64> {
        while self.times.front().is_some_and(|time| now_ms - time > Self::WINDOW_MS) {
            self.times.pop_front();
        }
        self.times.push_back(now_ms);
        let elapsed_ms = now_ms - self.times.front()?;
        (elapsed_ms >= Self::WINDOW_MS / 4.0).then(|| (self.times.len() - 1) as f64 * 1_000.0 / elapsed_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(probabilities: &[f32]) -> Vec<ClassProbability> {
        let classes = probabilities.iter().zip(0..);
        classes.map(|(&probability, class)| ClassProbability { class, probability }).collect()
    }

    fn smoothed(smoothing: &mut Smoothing, probabilities: &[f32], now_ms: f64) -> Vec<(u16, f32)> {
        let mut classes = frame(probabilities);
        smoothing.add(&mut classes, now_ms);
        classes.into_iter().map(|class| (class.class, class.probability)).collect()
    }

    #[test]
    fn the_first_frame_and_one_after_a_gap_are_as_they_are() {
        let mut smoothing = Smoothing::default();
        for now_ms in [10_000.0, 60_000.0, 5_000.0] {
            let found = smoothed(&mut smoothing, &[0.2, 0.8], now_ms);
            assert_eq!(found.iter().map(|(class, _)| *class).collect::<Vec<_>>(), [1, 0]);
            assert!((found[0].1 - 0.8).abs() < 1e-6, "{found:?}");
            smoothed(&mut smoothing, &[0.9, 0.1], now_ms + 1.0);
        }
    }

    #[test]
    fn one_frame_does_not_turn_the_answer_and_a_new_object_does() {
        let mut smoothing = Smoothing::default();
        let mut now_ms = 10_000.0;
        let mut next = |probabilities: &[f32]| {
            now_ms += 50.0;
            smoothed(&mut smoothing, probabilities, now_ms)
        };
        for _ in 0..40 {
            next(&[0.999, 0.001]);
        }
        assert_eq!(next(&[0.01, 0.99])[0].0, 0);
        assert!(next(&[0.999, 0.001])[0].1 > 0.98);
        let answers: Vec<u16> = (0..10).map(|_| next(&[0.001, 0.999])[0].0).collect();
        assert_eq!(answers.last(), Some(&1));
        let found = next(&[0.001, 0.999]);
        assert!((found[0].1 + found[1].1 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn zeros_and_other_classes_are_no_trouble() {
        let mut smoothing = Smoothing::default();
        smoothed(&mut smoothing, &[1.0, 0.0], 10_000.0);
        assert!(smoothed(&mut smoothing, &[0.0, 1.0], 10_010.0).iter().all(|(_, probability)| probability.is_finite()));
        assert_eq!(smoothed(&mut smoothing, &[0.1, 0.2, 0.7], 10_020.0)[0].0, 2);
        assert!(smoothed(&mut smoothing, &[], 10_030.0).is_empty());
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut rate = Rate::default();
        assert_eq!(rate.add(0.0), None);
        let rates: Vec<_> = (1..=100).filter_map(|number| rate.add(f64::from(number) * 40.0)).collect();
        assert!(rates.iter().all(|rate| (rate - 25.0).abs() < 1e-9), "{rates:?}");
        assert_eq!(rate.add(60_000.0), None);
    }
}
