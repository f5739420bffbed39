//! A learning rate that is too high or too low, judged by the training loss.

use serde::Serialize;

use super::{Advice, Evidence};
use crate::config::LossConfig;
use crate::runs::series::Point;

/// Minimum number of points in a block of the curve; the means of blocks are compared.
const MIN_BLOCK_SIZE: usize = 20;

/// Maximum number of blocks of a curve; fewer if they would be too short.
const MAX_BLOCKS: usize = 12;

/// Minimum number of steps before any diagnosis.
const MIN_STEPS: f64 = 100.0;

/// Minimum fraction of the run before a loss that does not fall is reported: some networks start slowly.
const MIN_FRACTION: f64 = 0.3;

/// A single loss above this multiple of the reference is a jump; losses of small batches vary widely.
const JUMP: f64 = 3.0;

/// A block mean above this multiple of the reference is a jump.
const LASTING: f64 = 1.3;

/// The evidence of a learning rate that is too high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RateSign {
    /// The loss fell and has risen since. Losses are means over blocks of steps.
    Rose { lowest_loss: f64, lowest_step: u32, loss: f64 },
    /// The loss jumped, and is still no better than guessing.
    Jumped { highest_loss: f64, highest_step: u32, loss: f64, guess_loss: f64 },
}

pub fn too_high(evidence: &Evidence) -> Option<Advice> {
    let blocks = blocks(evidence.train_loss);
    let (newest, before) = blocks.split_last()?;
    let lowest = before.iter().min_by(|one, other| one.mean.total_cmp(&other.mean))?;
    if newest.step < MIN_STEPS {
        return None;
    }
    let guess = guess_loss(&evidence.config.loss, evidence.class_counts.len());
    let rise = newest.mean - lowest.mean;
    // Not noise: the rise is more than a fifth of the minimum, four standard errors, and a tenth of the loss of guessing (or half the
    // minimum, if that is unknown).
    let is_risen = rise > 0.2 * lowest.mean && rise > 4.0 * newest.error.hypot(lowest.error);
    let is_much = guess.map_or(rise > 0.5 * lowest.mean, |guess| rise > 0.1 * guess);
    let sign = if before.len() >= 3 && is_risen && is_much {
        Some(RateSign::Rose { lowest_loss: lowest.mean, lowest_step: lowest.step as u32, loss: newest.mean })
    } else {
        guess.and_then(|guess| jump(evidence.train_loss, &blocks, guess))
    };
    sign.map(|sign| Advice::RateTooHigh { learning_rate: evidence.learning_rate, sign })
}

pub fn too_low(evidence: &Evidence) -> Option<Advice> {
    let blocks = blocks(evidence.train_loss);
    let (newest, before) = blocks.split_last()?;
    let first = before.first()?;
    // Adversarial training can keep the loss high at any learning rate.
    if newest.step < MIN_STEPS || evidence.fraction < MIN_FRACTION || evidence.config.adversarial.is_some() {
        return None;
    }
    let guess = guess_loss(&evidence.config.loss, evidence.class_counts.len())?;
    let hardly_falls = newest.mean > 0.9 * first.mean;
    let has_much_to_learn = newest.mean > 0.7 * guess;
    (hardly_falls && has_much_to_learn).then_some(Advice::RateTooLow {
        learning_rate: evidence.learning_rate,
        first_loss: first.mean,
        loss: newest.mean,
        steps: (newest.step - first.step) as u32,
    })
}

/// Detects a jump of the loss. An untrained network may have a loss far above guessing and still learn, so the reference is the first loss,
/// if it is higher than guessing.
fn jump(points: &[Point], blocks: &[Block], guess: f64) -> Option<RateSign> {
    let (first, newest) = (points.first()?, blocks.last()?);
    // In a long run the first point is the mean of many steps, which may include the jump.
    let begins_with_first_step = first.step == 1.0;
    let reference = if begins_with_first_step { guess.max(first.value) } else { guess };
    let highest = points.iter().max_by(|one, other| one.value.total_cmp(&other.value))?;
    let is_jump = highest.value > JUMP * reference || blocks.iter().any(|block| block.mean > LASTING * reference);
    let is_stuck = newest.mean > 0.95 * guess && (begins_with_first_step || newest.mean < LASTING * guess);
    (is_jump && is_stuck).then_some(RateSign::Jumped {
        highest_loss: highest.value,
        highest_step: highest.step as u32,
        loss: newest.mean,
        guess_loss: guess,
    })
}

/// Consecutive points of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Block {
    /// Step of its last point.
    step: f64,
    mean: f64,
    /// Standard error of the mean.
    error: f64,
}

/// Cuts a curve into blocks of equal size, ending with the latest point; the remainder at the start is dropped.
fn blocks(points: &[Point]) -> Vec<Block> {
    let size = (points.len() / MAX_BLOCKS).max(MIN_BLOCK_SIZE);
    let mut blocks: Vec<Block> = points
        .rchunks_exact(size)
        .filter_map(|block| {
            let n_points = block.len() as f64;
            let mean = block.iter().map(|point| point.value).sum::<f64>() / n_points;
            let variance = block.iter().map(|point| (point.value - mean).powi(2)).sum::<f64>() / n_points;
            Some(Block { step: block.last()?.step, mean, error: (variance / n_points).sqrt() })
        })
        .collect();
    blocks.reverse();
    blocks
}

/// The loss of uniform predictions; `None` if the classes are unknown.
fn guess_loss(loss: &LossConfig, n_classes: usize) -> Option<f64> {
    let n_classes = Some(n_classes).filter(|n_classes| *n_classes > 1)? as f64;
    Some(match loss {
        LossConfig::CrossEntropy { .. } | LossConfig::BinaryCrossEntropy => n_classes.ln(),
        LossConfig::MeanSquaredError => (1.0 - 1.0 / n_classes) / n_classes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::tests::{Noise, config, evidence, points};
    use crate::config::AdversarialConfig;

    fn sign(loss: impl Fn(f64) -> f64, n_steps: u32) -> Option<RateSign> {
        let (config, points) = (config(), points(loss, n_steps, Noise(0.1)));
        too_high(&evidence(&config, &points)).map(|advice| match advice {
            Advice::RateTooHigh { sign, .. } => sign,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_loss_that_rises_again_has_too_high_a_rate() {
        let loss =
            |step: f64| if step < 300.0 { 2.3 - 1.7 * step / 300.0 } else { (0.6 + (step - 300.0) / 100.0).min(2.3) };
        let Some(RateSign::Rose { lowest_loss, lowest_step, loss }) = sign(loss, 600) else { panic!("it rose") };
        assert!((0.55..0.8).contains(&lowest_loss) && (2.2..2.4).contains(&loss), "{lowest_loss} {loss}");
        assert!((280..=330).contains(&lowest_step), "{lowest_step}");
    }

    #[test]
    fn a_loss_that_jumps_and_stays_at_guessing_has_too_high_a_rate() {
        let loss = |step: f64| if step == 3.0 { 150.0 } else { 2.31 };
        let Some(RateSign::Jumped { highest_loss, highest_step, guess_loss, .. }) = sign(loss, 200) else {
            panic!("it jumped")
        };
        assert!((130.0..170.0).contains(&highest_loss) && highest_step == 3, "{highest_loss} {highest_step}");
        assert!((guess_loss - 10.0_f64.ln()).abs() < 1e-9);
        // A smaller but lasting jump.
        let Some(RateSign::Jumped { .. }) = sign(|step| if step < 2.0 { 2.3 } else { 4.0 }, 200) else {
            panic!("it stays above guessing")
        };
        // A network that starts badly and then learns.
        assert_eq!(sign(|step| if step < 10.0 { 8.0 } else { 2.0 * (-step / 100.0).exp() }, 300), None);
        // A network that starts badly and learns slowly: no jump.
        assert_eq!(sign(|step| 8.0 - step / 100.0, 300), None);
    }

    #[test]
    fn a_loss_that_hardly_falls_has_too_low_a_rate() {
        let low = |loss: fn(f64) -> f64, fraction: f64, adversarial| {
            let config = crate::config::RunConfig { adversarial, ..config() };
            let points = points(loss, 500, Noise(0.1));
            too_low(&Evidence { fraction, ..evidence(&config, &points) })
        };
        let Some(Advice::RateTooLow { first_loss, loss, steps, .. }) = low(|step| 2.31 - step * 1e-4, 0.5, None) else {
            panic!("it hardly falls")
        };
        assert!(first_loss > loss && loss > 2.2 && (400..500).contains(&steps), "{first_loss} {loss} {steps}");
        assert_eq!(low(|step| 2.31 - step * 1e-4, 0.1, None), None, "too early to tell");
        assert_eq!(low(|step| 2.31 - step * 1e-4, 0.5, Some(AdversarialConfig::default())), None);
        assert_eq!(low(|step| 2.31 - step * 1e-3, 0.5, None), None, "it falls");
        assert_eq!(low(|_| 0.02, 0.5, None), None, "nothing is left to learn");
    }

    #[test]
    fn guessing_has_its_loss() {
        assert_eq!(guess_loss(&LossConfig::default(), 10), Some(10.0_f64.ln()));
        assert!((guess_loss(&LossConfig::MeanSquaredError, 10).unwrap() - 0.09).abs() < 1e-12);
        assert_eq!(guess_loss(&LossConfig::default(), 0), None);
    }
}
