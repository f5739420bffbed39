//! Checks a run's config and works out its steps.

use kindling_core::config::{
    AdversarialConfig, AttackMethod, Decay, EarlyStopping, LossConfig, OptimizerConfig, RunConfig, RunLength,
    ScheduleConfig,
};
use kindling_core::protocol::{Failure, FailureKind, SplitCounts};
use kindling_core::random::Random;

pub const MAX_BATCH_SIZE: u32 = 4_096;

pub const MAX_EPOCHS: u32 = 10_000;

pub const MAX_BATCHES_PER_UPDATE: u32 = 1_000;

pub const MAX_ATTACK_STEPS: u32 = 100;

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
    Augmentation,
    Attack,
}

/// The generator for a purpose: the run's seed below, the purpose above.
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

/// Whether rates may be used together.
pub fn check_rates(learning_rate: f64, weight_decay: f64) -> Result<(), Failure> {
    require(learning_rate.is_finite() && learning_rate > 0.0, "the learning rate must be greater than 0")?;
    require(is_at_least_0(weight_decay), "the weight decay must be at least 0")?;
    require(learning_rate * weight_decay < 1.0, "learning rate times weight decay must be less than 1")
}

fn check(config: &RunConfig) -> Result<(), Failure> {
    require((1..=MAX_BATCH_SIZE).contains(&config.batch_size), "the batch size must be from 1 to 4096")?;
    require((1..=MAX_EPOCHS).contains(&config.epochs), "epochs must be from 1 to 10000")?;
    require(config.max_steps != Some(0), "the step limit must be at least 1")?;
    check_rates(config.learning_rate, config.weight_decay)?;
    check_loss(&config.loss)?;
    check_optimizer(config.optimizer)?;
    let decays_twice = matches!(config.optimizer, OptimizerConfig::AdamW { .. }) && config.decay == Decay::L2;
    require(!decays_twice, "AdamW's weight decay is decoupled: for L2, choose Adam")?;
    check_schedule(&config.schedule)?;
    require(config.clip_norm.is_none_or(is_above_0), "the gradient's largest norm must be greater than 0")?;
    require(
        (1..=MAX_BATCHES_PER_UPDATE).contains(&config.batches_per_update),
        "batches per update must be from 1 to 1000",
    )?;
    require(config.ema_decay.is_none_or(is_share), "the average's decay must be at least 0 and less than 1")?;
    if let Some(EarlyStopping { patience, least_improvement, .. }) = config.early_stopping {
        require(patience > 0, "the patience of early stopping must be at least 1")?;
        require(is_at_least_0(least_improvement), "the least improvement must be at least 0")?;
    }
    config.augment.check()?;
    config.adversarial.as_ref().map_or(Ok(()), check_adversarial)
}

/// Class weights are checked against the classes by [`super::loss::Loss::new`].
fn check_loss(loss: &LossConfig) -> Result<(), Failure> {
    match loss {
        LossConfig::CrossEntropy { label_smoothing, .. } => {
            require(is_share(*label_smoothing), "label smoothing must be at least 0 and less than 1")
        }
        LossConfig::BinaryCrossEntropy | LossConfig::MeanSquaredError => Ok(()),
    }
}

fn check_optimizer(optimizer: OptimizerConfig) -> Result<(), Failure> {
    const BETAS: &str = "beta 1 and beta 2 must be at least 0 and less than 1";
    const EPSILON: &str = "epsilon must be greater than 0";
    const MOMENTUM: &str = "the momentum must be at least 0 and less than 1";
    match optimizer {
        OptimizerConfig::Sgd { momentum, nesterov } => {
            require(is_share(momentum), MOMENTUM)?;
            require(!nesterov || momentum > 0.0, "Nesterov's way needs a momentum greater than 0")
        }
        OptimizerConfig::Adam { beta1, beta2, epsilon } | OptimizerConfig::AdamW { beta1, beta2, epsilon } => {
            require(is_share(beta1) && is_share(beta2), BETAS)?;
            require(is_above_0(epsilon), EPSILON)
        }
        OptimizerConfig::RmsProp { alpha, epsilon, momentum, .. } => {
            require(is_share(alpha), "alpha must be at least 0 and less than 1")?;
            require(is_share(momentum), MOMENTUM)?;
            require(is_above_0(epsilon), EPSILON)
        }
        OptimizerConfig::Adagrad { epsilon } => require(is_above_0(epsilon), EPSILON),
        OptimizerConfig::Lion { beta1, beta2 } => require(is_share(beta1) && is_share(beta2), BETAS),
        OptimizerConfig::Muon { momentum, adam_rate_share } => {
            require(is_share(momentum), MOMENTUM)?;
            require(is_above_0(adam_rate_share), "AdamW's share of the learning rate must be greater than 0")
        }
    }
}

fn check_schedule(schedule: &ScheduleConfig) -> Result<(), Failure> {
    let is_factor = |factor: f64| factor > 0.0 && factor <= 1.0;
    const FACTOR: &str = "the schedule's factor must be greater than 0 and at most 1";
    const LEAST: &str = "the schedule's least rate must be at least 0";
    match *schedule {
        ScheduleConfig::Constant => Ok(()),
        ScheduleConfig::Step { epochs, factor } => {
            require(epochs > 0, "the schedule's epochs must be at least 1")?;
            require(is_factor(factor), FACTOR)
        }
        ScheduleConfig::Exponential { factor } => require(is_factor(factor), FACTOR),
        ScheduleConfig::Cosine { least_rate, .. } => require(is_at_least_0(least_rate), LEAST),
        ScheduleConfig::OneCycle { rise, start_divisor, end_divisor } => {
            require((0.0..=1.0).contains(&rise), "the schedule's rise must be from 0 to 1")?;
            let are_divisors =
                [start_divisor, end_divisor].iter().all(|divisor| divisor.is_finite() && *divisor >= 1.0);
            require(are_divisors, "the schedule's divisors must be at least 1")
        }
        ScheduleConfig::Plateau { factor, threshold, least_rate, .. } => {
            require(is_factor(factor), FACTOR)?;
            require(is_share(threshold), "the schedule's threshold must be at least 0 and less than 1")?;
            require(is_at_least_0(least_rate), LEAST)
        }
    }
}

fn check_adversarial(adversarial: &AdversarialConfig) -> Result<(), Failure> {
    let is_strength = |value: f64| value > 0.0 && value <= 1.0;
    let AdversarialConfig { method, strength, share } = *adversarial;
    require(is_strength(strength), "the strength of the attack must be greater than 0 and at most 1")?;
    require((0.0..=1.0).contains(&share), "the attacked share of a batch must be from 0 to 1")?;
    match method {
        AttackMethod::Fgsm => Ok(()),
        AttackMethod::Pgd { steps, step_size } => {
            require((1..=MAX_ATTACK_STEPS).contains(&steps), "the steps of the attack must be from 1 to 100")?;
            require(is_strength(step_size), "the step of the attack must be greater than 0 and at most 1")
        }
    }
}

fn is_share(value: f64) -> bool {
    (0.0..1.0).contains(&value)
}

fn is_above_0(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

fn is_at_least_0(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

fn require(holds: bool, sentence: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(bad(sentence)) }
}

fn bad(sentence: &str) -> Failure {
    Failure::new(FailureKind::BadConfig, sentence)
}
