//! Checks a run's config and computes its number of steps.

use kindling_core::config::check::check;
pub use kindling_core::config::check::check_rates;
use kindling_core::config::{RunConfig, RunLength, ScheduleConfig};
use kindling_core::protocol::{Failure, FailureKind, SplitCounts};
use kindling_core::random::Random;

/// The number of steps, and their batch size. An epoch leaves out the images that do not fill a batch, different ones in every epoch: a
/// smaller last batch would need its own kernels on a GPU, and would weight its images more than the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub batch_size: usize,
    pub steps_per_epoch: u32,
    pub total_steps: u32,
}

impl Plan {
    /// A training split smaller than a batch makes one smaller batch.
    pub fn new(config: &RunConfig, counts: SplitCounts) -> Result<Self, Failure> {
        check(config)?;
        let watches_validation =
            config.early_stopping.is_some() || matches!(config.schedule, ScheduleConfig::Plateau { .. });
        if watches_validation && counts.validation == 0 {
            return Err(bad("early stopping and the plateau schedule need a validation split"));
        }
        let RunLength { batch_size, steps_per_epoch, total_steps } = config.length(counts.train);
        if batch_size == 0 {
            return Err(Failure::new(FailureKind::TooFewImages, "the train split is empty"));
        }
        let total_steps =
            u32::try_from(total_steps).map_err(|_| bad("too many steps: fewer epochs or a larger batch are needed"))?;
        Ok(Self { batch_size: batch_size as usize, steps_per_epoch, total_steps })
    }

    /// The order of an epoch's images: a new one for every epoch, the same for equal seeds.
    pub fn order(&self, train: &[u32], seed: u32, epoch: u32) -> Vec<u32> {
        let mut order = train.to_vec();
        random(seed, Purpose::Order { epoch }).shuffle(&mut order);
        order.truncate(self.batch_size * self.steps_per_epoch as usize);
        order
    }
}

/// What a run draws random numbers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Weights,
    Dropout,
    Order { epoch: u32 },
    Augmentation,
    Attack,
}

/// The generator for a purpose, seeded with the run's seed in the low bits and the purpose in the high bits.
pub fn random(seed: u32, purpose: Purpose) -> Random {
    let number = match purpose {
        Purpose::Weights => 0,
        Purpose::Dropout => 1,
        Purpose::Order { epoch } => 2 + u64::from(epoch),
        Purpose::Augmentation => u64::from(u32::MAX),
        Purpose::Attack => u64::from(u32::MAX) - 1,
    };
    Random::new((number << 32) | u64::from(seed))
}

fn bad(sentence: &str) -> Failure {
    Failure::new(FailureKind::BadConfig, sentence)
}
