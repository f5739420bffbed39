//! Checks a run's config and works out its steps.

use crate::dataset::random::Random;
use crate::protocol::{Failure, FailureKind, OptimizerConfig, RunConfig};

pub const MAX_BATCH_SIZE: u32 = 4_096;

pub const MAX_EPOCHS: u32 = 10_000;

/// How many steps, of how many images. An epoch leaves out the images that fill no batch, other ones in every epoch: a smaller last
/// batch would need its own kernels on a GPU, and would count more per image than the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub batch_size: usize,
    pub steps_per_epoch: u32,
    pub total_steps: u32,
}

impl Plan {
    /// A train split smaller than a batch makes one smaller batch.
    pub fn new(config: &RunConfig, n_train: usize) -> Result<Self, Failure> {
        check(config)?;
        let batch_size = n_train.min(config.batch_size as usize);
        if batch_size == 0 {
            return Err(Failure::new(FailureKind::TooFewImages, "the train split is empty"));
        }
        let steps_per_epoch = (n_train / batch_size) as u32;
        let steps = u64::from(steps_per_epoch) * u64::from(config.epochs);
        let total_steps = u32::try_from(steps.min(config.max_steps.unwrap_or(u32::MAX).into()))
            .map_err(|_| bad("too many steps: fewer epochs or a larger batch are needed"))?;
        Ok(Self { batch_size, steps_per_epoch, total_steps })
    }

    /// The order of an epoch: a new one for every epoch, the same for equal seeds.
    pub fn order(&self, train: &[u32], seed: u32, epoch: u32) -> Vec<u32> {
        let mut order = train.to_vec();
        random(seed, Purpose::Order { epoch }).shuffle(&mut order);
        order.truncate(self.batch_size * self.steps_per_epoch as usize);
        order
    }
}

/// What a run draws numbers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Weights,
    Dropout,
    Order { epoch: u32 },
}

/// The generator for a purpose: the run's seed below, the purpose above.
pub fn random(seed: u32, purpose: Purpose) -> Random {
    let number = match purpose {
        Purpose::Weights => 0,
        Purpose::Dropout => 1,
        Purpose::Order { epoch } => 2 + u64::from(epoch),
    };
    Random::new((number << 32) | u64::from(seed))
}

fn check(config: &RunConfig) -> Result<(), Failure> {
    let unit = 0.0..1.0;
    let require = |holds: bool, sentence: &str| if holds { Ok(()) } else { Err(bad(sentence)) };
    require((1..=MAX_BATCH_SIZE).contains(&config.batch_size), "the batch size must be from 1 to 4096")?;
    require((1..=MAX_EPOCHS).contains(&config.epochs), "epochs must be from 1 to 10000")?;
    require(config.max_steps != Some(0), "the step limit must be at least 1")?;
    let rate = config.learning_rate;
    require(rate.is_finite() && rate > 0.0, "the learning rate must be greater than 0")?;
    let decay = config.weight_decay;
    require(decay.is_finite() && decay >= 0.0, "the weight decay must be at least 0")?;
    require(rate * decay < 1.0, "learning rate times weight decay must be less than 1")?;
    match config.optimizer {
        OptimizerConfig::Sgd { momentum } => {
            require(unit.contains(&momentum), "the momentum must be at least 0 and less than 1")
        }
        OptimizerConfig::Adam { beta1, beta2, epsilon } => {
            require(
                unit.contains(&beta1) && unit.contains(&beta2),
                "beta 1 and beta 2 must be at least 0 and less than 1",
            )?;
            require(epsilon.is_finite() && epsilon > 0.0, "epsilon must be greater than 0")
        }
    }
}

fn bad(sentence: &str) -> Failure {
    Failure::new(FailureKind::BadConfig, sentence)
}
