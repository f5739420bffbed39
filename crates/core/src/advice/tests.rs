//! Whole runs: a healthy run gets no advice, an unhealthy one the advice that matches. Also the helpers of the rules' tests.

use super::*;
use crate::config::{NetworkConfig, OptimizerConfig};
use crate::random::Random;

/// Class counts as balanced as MNIST's.
const CLASSES: [u32; 10] = [5331, 6068, 5362, 5518, 5258, 4879, 5326, 5639, 5266, 5354];

pub fn config() -> RunConfig {
    let network = NetworkConfig::new("Test", vec![]);
    RunConfig::new("mnist", network)
}

pub fn evidence<'a>(config: &'a RunConfig, train_loss: &'a [Point]) -> Evidence<'a> {
    Evidence {
        config,
        learning_rate: config.learning_rate,
        train_loss,
        epochs: &[],
        fraction: 1.0,
        class_counts: &CLASSES,
        layers: &[],
    }
}

/// Noise of a step's loss, as a fraction of its mean; it is large for small batches.
#[derive(Clone, Copy)]
pub struct Noise(pub f64);

/// The loss of each step, from step 1.
pub fn points(loss: impl Fn(f64) -> f64, n_steps: u32, Noise(noise): Noise) -> Vec<Point> {
    let mut random = Random::new(5);
    let point = |step: u32| {
        let step = f64::from(step);
        Point { step, value: loss(step) * (1.0 + noise * (2.0 * random.unit() - 1.0)) }
    };
    (1..=n_steps).map(point).collect()
}

/// Training and validation loss of each epoch; a validation loss of NaN stands for none.
pub fn epochs(losses: &[(f32, f32)]) -> Vec<EpochReport> {
    let report = |(epoch, (train_loss, validation_loss)): (u32, (f32, f32))| EpochReport {
        epoch,
        step: (epoch + 1) * 100,
        train_loss,
        train_accuracy: 0.5,
        validation_loss: Some(validation_loss).filter(|loss| !loss.is_nan()),
        validation_accuracy: Some(0.5),
        is_best: false,
        elapsed_ms: 0.0,
    };
    (0..).zip(losses.iter().copied()).map(report).collect()
}

/// Asserts that there is no advice at any point of the run.
fn check_silent(name: &str, config: &RunConfig, points: &[Point]) {
    for n_points in (0..=points.len()).step_by(50) {
        let fraction = n_points as f64 / points.len() as f64;
        let advice = advise(&Evidence { fraction, ..evidence(config, &points[..n_points]) });
        assert_eq!(advice, [], "{name}, step {n_points}");
    }
}

#[test]
fn healthy_runs_get_no_advice() {
    let falling = |from: f64, to: f64, steps: f64| move |step: f64| to + (from - to) * (-step / steps).exp();
    check_silent("MNIST with Adam", &config(), &points(falling(2.3, 0.03, 60.0), 2_000, Noise(0.6)));
    check_silent("color images", &config(), &points(falling(2.3, 0.6, 900.0), 2_000, Noise(0.2)));
    check_silent("batches of four", &config(), &points(falling(2.3, 1.1, 700.0), 2_000, Noise(0.9)));
    // LeNet with SGD at 0.001 stays at the loss of guessing for a sixth of the run, then improves.
    let late = |step: f64| if step < 330.0 { 2.302 } else { 1.2 + 1.1 * (-(step - 330.0) / 300.0).exp() };
    check_silent("a slow beginning", &config(), &points(late, 2_000, Noise(0.1)));
    // One-cycle schedule: the loss plateaus while the learning rate is high.
    let cycle =
        |step: f64| 0.4 + 1.9 * (-step / 200.0).exp() + 0.15 * (step / 300.0).sin().max(0.0) * (-step / 900.0).exp();
    check_silent("one cycle", &config(), &points(cycle, 2_000, Noise(0.3)));
    check_silent("a bad start", &config(), &points(falling(6.0, 0.5, 80.0), 800, Noise(0.3)));
    check_silent("a curve of noise at its floor", &config(), &points(|_| 0.01, 2_000, Noise(1.0)));
    let squared = RunConfig { loss: crate::config::LossConfig::MeanSquaredError, ..config() };
    check_silent("squared errors", &squared, &points(falling(0.09, 0.01, 150.0), 1_000, Noise(0.3)));
}

#[test]
fn a_rate_that_is_much_too_high_is_reported_and_nothing_else() {
    let config = RunConfig { learning_rate: 10.0, optimizer: OptimizerConfig::ADAM, ..config() };
    let loss = |step: f64| match step as u32 {
        1 => 2.3,
        2..30 => 4_000.0 / step,
        _ => 2.35,
    };
    let points = points(loss, 300, Noise(0.1));
    let advice = advise(&evidence(&config, &points));
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert!(matches!(advice[0], Advice::RateTooHigh { learning_rate: 10.0, .. }), "{advice:?}");
}

#[test]
fn a_dead_network_gets_no_advice_to_raise_the_rate() {
    let (config, points) = (config(), points(|_| 2.302, 300, Noise(0.01)));
    let is_low = |advice: &[Advice]| advice.iter().any(|advice| matches!(advice, Advice::RateTooLow { .. }));
    assert!(is_low(&advise(&evidence(&config, &points))));
    let dead = [LayerHealth { layer: 1, dead_fraction: Some(1.0), saturated_fraction: None }];
    let advice = advise(&Evidence { layers: &dead, ..evidence(&config, &points) });
    assert_eq!(advice, [Advice::DeadUnits { layer: 1, share: 1.0 }]);
}

#[test]
fn programs_get_the_figures() {
    let advice = Advice::RateTooHigh {
        learning_rate: 1.0,
        sign: RateSign::Rose { lowest_loss: 0.5, lowest_step: 10, loss: 2.0 },
    };
    let expected = serde_json::json!({
        "kind": "rateTooHigh",
        "learningRate": 1.0,
        "sign": { "rose": { "lowestLoss": 0.5, "lowestStep": 10, "loss": 2.0 } },
    });
    assert_eq!(serde_json::json!(advice), expected);
}
