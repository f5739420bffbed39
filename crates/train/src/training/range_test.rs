//! The learning rate range test: the rate rises from step to step while the loss is recorded. Smith, "Cyclical Learning Rates for
//! Training Neural Networks", 2015.

use super::control::{Control, Wish};
use super::host::Host;
use super::kept::keep;
use super::optimizer::Rates;
use super::plan::Plan;
use super::run::{new_network, new_trainer};
use super::step::StepSettings;
use super::tally::Tally;
use crate::device::images::{Batch, DeviceDataset};
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Failure, FailureKind, RatePoint, RateTest, SplitName};

/// From rates at which nothing changes to rates at which training diverges, for every optimizer here.
const MIN_RATE: f64 = 1e-6;
const MAX_RATE: f64 = 10.0;

const STEPS: u32 = 100;

/// Weight of the old mean in the running mean of the losses: about the last ten steps count.
const SMOOTHING: f64 = 0.9;

/// The test ends when the loss exceeds the lowest by this factor, as in fastai.
const DIVERGED: f64 = 4.0;

/// The proposed rate is lower by this factor than the one with the lowest loss, at which training is about to diverge: fastai's rule.
const CAUTION: f64 = 10.0;

/// Maximum time between reads, and maximum number of steps.
const READ_INTERVAL_MS: f64 = 100.0;
const MAX_STEPS_PER_READ: usize = 25;

/// Trains a throw-away network of this config for a few steps, each with a higher rate than the one before, exponentially. Schedule,
/// accumulation and weight averaging are left out. `progress` receives the completed fraction, and the points since its last call. Ends
/// early, with `Canceled`, when `control` is stopped.
pub async fn find_rate(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    progress: impl Fn(f32, &[RatePoint]),
) -> Result<RateTest, Failure> {
    let plan = Plan::new(config, data.counts())?;
    let mut network = new_network(host, data, config).await?;
    let kept = keep(host, control, data, config, &mut network, true).await?;
    let mut trainer = new_trainer(network, data, &RunConfig { ema_decay: None, ..config.clone() })?;
    let order = data.select(plan.order(data.part(SplitName::Train), config.seed, 0));
    let mut curve = Curve::default();
    let mut tally = Tally::default();
    let mut last_read_ms = host.now_ms();
    for step in 0..STEPS {
        if control.wish() == Wish::Stop {
            return Err(Failure::new(FailureKind::Canceled, "the range test was stopped"));
        }
        let position = (step % plan.steps_per_epoch) as usize;
        let selection = order.narrow(position * plan.batch_size, plan.batch_size);
        let features = kept.as_ref().and_then(|kept| kept.for_step(&selection, &mut trainer));
        let batch = Batch { features, ..data.batch(selection) };
        let rates = Rates { learning_rate: rate_of(step), weight_decay: config.weight_decay };
        tally.add(trainer.step(batch, StepSettings { rates, is_update: true }));
        let is_due = host.now_ms() - last_read_ms >= READ_INTERVAL_MS;
        if is_due || tally.n_steps() >= MAX_STEPS_PER_READ || step + 1 == STEPS {
            let n_known = curve.points.len();
            let (losses, _) = std::mem::take(&mut tally).read().await?;
            let continues = curve.extend(&losses);
            progress((step + 1) as f32 / STEPS as f32, curve.points.get(n_known..).unwrap_or_default());
            if !continues {
                break;
            }
            last_read_ms = host.now_ms();
        }
        host.yield_now().await;
    }
    let proposed = curve.proposed();
    Ok(RateTest { points: curve.points, proposed })
}

fn rate_of(step: u32) -> f64 {
    MIN_RATE * (MAX_RATE / MIN_RATE).powf(f64::from(step) / f64::from(STEPS - 1))
}

/// The smoothed losses so far.
#[derive(Debug, Default)]
struct Curve {
    points: Vec<RatePoint>,
    /// Exponential moving average, which starts at 0 and is corrected for that.
    mean: f64,
}

impl Curve {
    /// Adds the losses of the next steps; returns whether more steps are worthwhile.
    fn extend(&mut self, losses: &[f32]) -> bool {
        for &loss in losses {
            self.mean = self.mean * SMOOTHING + f64::from(loss) * (1.0 - SMOOTHING);
            let step = self.points.len() as u32;
            let smoothed = self.mean / (1.0 - SMOOTHING.powi(step as i32 + 1));
            let lowest = self.lowest().map_or(f64::INFINITY, |point| point.loss.into());
            if !smoothed.is_finite() || smoothed > DIVERGED * lowest {
                return false;
            }
            self.points.push(RatePoint { learning_rate: rate_of(step), loss: smoothed as f32 });
        }
        true
    }

    fn proposed(&self) -> Option<f64> {
        let lowest = self.lowest()?;
        // A loss that is lowest at the first point means that nothing was learned.
        (Some(lowest) != self.points.first()).then_some(lowest.learning_rate / CAUTION)
    }

    fn lowest(&self) -> Option<&RatePoint> {
        self.points.iter().min_by(|one, other| one.loss.total_cmp(&other.loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_by_equal_factors() {
        assert_eq!(rate_of(0), MIN_RATE);
        assert!((rate_of(STEPS - 1) / MAX_RATE - 1.0).abs() < 1e-12);
        assert!((rate_of(51) / rate_of(50) - rate_of(2) / rate_of(1)).abs() < 1e-12);
    }

    #[test]
    fn the_proposal_is_well_below_the_lowest_loss() {
        // Falls from step 40 on, is lowest at 70, and explodes.
        let loss = |step: i32| match step {
            0..40 => 2.0,
            40..70 => 2.0 - 0.05 * (step - 40) as f32,
            _ => 0.5 * 2.0_f32.powi(step - 70),
        };
        let mut curve = Curve::default();
        assert!(curve.extend(&(0..70).map(loss).collect::<Vec<_>>()));
        assert!(!curve.extend(&(70..100).map(loss).collect::<Vec<_>>()), "it ends where the loss explodes");
        assert!((70..80).contains(&curve.points.len()), "{}", curve.points.len());
        let proposed = curve.proposed().unwrap();
        assert!(proposed >= rate_of(68) / CAUTION && proposed <= rate_of(74) / CAUTION, "{proposed}");
    }

    #[test]
    fn a_loss_that_never_falls_proposes_nothing() {
        let mut curve = Curve::default();
        assert!(!curve.extend(&[2.0, 2.1, f32::NAN, 2.0]));
        assert_eq!(curve.points.len(), 2);
        assert_eq!(curve.proposed(), None);
    }

    #[test]
    fn the_first_losses_are_not_pulled_to_zero() {
        let mut curve = Curve::default();
        curve.extend(&[2.0; 5]);
        assert!(curve.points.iter().all(|point| (point.loss - 2.0).abs() < 1e-6));
    }
}
