//! Checks a config before a run: each number against its range in the table, and combinations of fields.

use super::fields::find;
use super::{
    AdversarialConfig, AttackMethod, AugmentConfig, Decay, DistillationConfig, EarlyStopping, LossConfig,
    OptimizerConfig, RunConfig, ScheduleConfig, SparsityConfig, SplitConfig,
};
use crate::protocol::{Failure, FailureKind};

/// Checks whether a run can use this config. `network::shape` checks the network against the image shape; class weights are checked against
/// the classes where the loss is built.
///
/// # Errors
///
/// `BadConfig`, naming the field and its range, or what does not go together.
pub fn check(config: &RunConfig) -> Result<(), Failure> {
    check_ranges(config)?;
    check_rates(config.learning_rate, config.weight_decay)?;
    let decays_twice = matches!(config.optimizer, OptimizerConfig::AdamW { .. }) && config.decay == Decay::L2;
    require(!decays_twice, "AdamW's weight decay is decoupled: for L2, choose Adam")?;
    let is_plain = |momentum: f64| momentum == 0.0;
    let lacks_momentum =
        matches!(config.optimizer, OptimizerConfig::Sgd { momentum, nesterov: true } if is_plain(momentum));
    require(!lacks_momentum, "Nesterov's way needs a momentum greater than 0")
}

/// Checks that every number is in its range.
///
/// # Errors
///
/// `BadConfig`, naming the field and its range.
pub fn check_ranges(config: &RunConfig) -> Result<(), Failure> {
    numbers(config).into_iter().try_for_each(|(path, number)| check_number(path, number))
}

/// Checks the learning rate and the weight decay, each by itself and together: with ηλ of 1 or more, weight decay would zero or flip the
/// weights.
///
/// # Errors
///
/// `BadConfig`, naming the field and its range.
pub fn check_rates(learning_rate: f64, weight_decay: f64) -> Result<(), Failure> {
    check_number("learningRate", learning_rate)?;
    check_number("weightDecay", weight_decay)?;
    require(learning_rate * weight_decay < 1.0, "learning rate times weight decay must be less than 1")
}

pub(super) fn check_augment(augment: &AugmentConfig) -> Result<(), Failure> {
    strengths(augment).into_iter().try_for_each(|(path, strength)| check_number(path, strength))
}

/// Checks a number against the range of the field with this path.
///
/// # Errors
///
/// `BadConfig`, also for a path that is not in the table.
pub fn check_number(path: &str, number: f64) -> Result<(), Failure> {
    match find(path).and_then(|field| field.range()) {
        Some(range) if !range.contains(number) => Err(bad(format!("{path} must be {range}"))),
        Some(_) => Ok(()),
        None => Err(bad(format!("{path}: the config has no such number"))),
    }
}

/// Every number of a config that has a range, with its path. Destructuring names each field, so a new field does not compile until it is
/// handled here.
fn numbers(config: &RunConfig) -> Vec<(&'static str, f64)> {
    let RunConfig {
        dataset: _,
        split: SplitConfig { validation_fraction, test_fraction, seed: split_seed },
        seed,
        network: _,
        optimizer,
        learning_rate,
        weight_decay,
        batch_size,
        epochs,
        max_steps,
        loss,
        decay: _,
        schedule,
        clip_norm,
        batches_per_update,
        ema_decay,
        pretrained_rate_share,
        early_stopping,
        augment,
        adversarial,
        distillation,
        sparsity,
    } = config;
    let mut numbers = vec![
        ("split.validationFraction", f64::from(*validation_fraction)),
        ("split.testFraction", f64::from(*test_fraction)),
        ("split.seed", f64::from(*split_seed)),
        ("seed", f64::from(*seed)),
        ("learningRate", *learning_rate),
        ("weightDecay", *weight_decay),
        ("batchSize", f64::from(*batch_size)),
        ("epochs", f64::from(*epochs)),
        ("batchesPerUpdate", f64::from(*batches_per_update)),
    ];
    numbers.extend(max_steps.map(|steps| ("maxSteps", f64::from(steps))));
    numbers.extend(clip_norm.map(|norm| ("clipNorm", norm)));
    numbers.extend(ema_decay.map(|decay| ("emaDecay", decay)));
    numbers.push(("pretrainedRateShare", *pretrained_rate_share));
    numbers.extend(of_optimizer(optimizer));
    numbers.extend(of_schedule(schedule));
    if let LossConfig::CrossEntropy { label_smoothing, class_weights: _ } = loss {
        numbers.push(("loss.labelSmoothing", *label_smoothing));
    }
    if let Some(EarlyStopping { metric: _, patience, least_improvement }) = early_stopping {
        numbers.push(("earlyStopping.patience", f64::from(*patience)));
        numbers.push(("earlyStopping.leastImprovement", *least_improvement));
    }
    numbers.extend(strengths(augment));
    if let Some(DistillationConfig { temperature, weight }) = distillation {
        numbers.push(("distillation.temperature", *temperature));
        numbers.push(("distillation.weight", *weight));
    }
    if let Some(SparsityConfig { target, ramp }) = sparsity {
        numbers.push(("sparsity.target", *target));
        numbers.push(("sparsity.ramp", *ramp));
    }
    if let Some(AdversarialConfig { method, strength, share }) = adversarial {
        numbers.push(("adversarial.strength", *strength));
        numbers.push(("adversarial.share", *share));
        if let AttackMethod::Pgd { steps, step_size } = method {
            numbers.push(("adversarial.method.steps", f64::from(*steps)));
            numbers.push(("adversarial.method.stepSize", *step_size));
        }
    }
    numbers
}

fn of_optimizer(optimizer: &OptimizerConfig) -> Vec<(&'static str, f64)> {
    const MOMENTUM: &str = "optimizer.momentum";
    const BETA1: &str = "optimizer.beta1";
    const BETA2: &str = "optimizer.beta2";
    const EPSILON: &str = "optimizer.epsilon";
    match *optimizer {
        OptimizerConfig::Sgd { momentum, nesterov: _ } => vec![(MOMENTUM, momentum)],
        OptimizerConfig::Adam { beta1, beta2, epsilon } | OptimizerConfig::AdamW { beta1, beta2, epsilon } => {
            vec![(BETA1, beta1), (BETA2, beta2), (EPSILON, epsilon)]
        }
        OptimizerConfig::RmsProp { alpha, epsilon, momentum, centered: _ } => {
            vec![("optimizer.alpha", alpha), (EPSILON, epsilon), (MOMENTUM, momentum)]
        }
        OptimizerConfig::Adagrad { epsilon } => vec![(EPSILON, epsilon)],
        OptimizerConfig::Lion { beta1, beta2 } => vec![(BETA1, beta1), (BETA2, beta2)],
        OptimizerConfig::Muon { momentum, adam_rate_share } => {
            vec![(MOMENTUM, momentum), ("optimizer.adamRateShare", adam_rate_share)]
        }
    }
}

fn of_schedule(schedule: &ScheduleConfig) -> Vec<(&'static str, f64)> {
    const FACTOR: &str = "schedule.factor";
    const MIN_RATE: &str = "schedule.leastRate";
    match *schedule {
        ScheduleConfig::Constant => vec![],
        ScheduleConfig::Step { epochs, factor } => vec![("schedule.epochs", epochs.into()), (FACTOR, factor)],
        ScheduleConfig::Exponential { factor } => vec![(FACTOR, factor)],
        ScheduleConfig::Cosine { warm_up_steps, least_rate } => {
            vec![("schedule.warmUpSteps", warm_up_steps.into()), (MIN_RATE, least_rate)]
        }
        ScheduleConfig::OneCycle { rise, start_divisor, end_divisor } => vec![
            ("schedule.rise", rise),
            ("schedule.startDivisor", start_divisor),
            ("schedule.endDivisor", end_divisor),
        ],
        ScheduleConfig::Plateau { factor, patience, threshold, cooldown, least_rate } => vec![
            (FACTOR, factor),
            ("schedule.patience", patience.into()),
            ("schedule.threshold", threshold),
            ("schedule.cooldown", cooldown.into()),
            (MIN_RATE, least_rate),
        ],
    }
}

fn strengths(augment: &AugmentConfig) -> [(&'static str, f64); 13] {
    let AugmentConfig {
        flip,
        shift,
        rotation_degrees,
        zoom,
        shear_degrees,
        brightness,
        contrast,
        saturation,
        hue,
        noise,
        cutout,
        mixup,
        cutmix,
    } = *augment;
    [
        ("augment.flip", flip),
        ("augment.shift", shift),
        ("augment.rotationDegrees", rotation_degrees),
        ("augment.zoom", zoom),
        ("augment.shearDegrees", shear_degrees),
        ("augment.brightness", brightness),
        ("augment.contrast", contrast),
        ("augment.saturation", saturation),
        ("augment.hue", hue),
        ("augment.noise", noise),
        ("augment.cutout", cutout),
        ("augment.mixup", mixup),
        ("augment.cutmix", cutmix),
    ]
}

fn require(holds: bool, sentence: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(bad(sentence)) }
}

fn bad(sentence: impl Into<String>) -> Failure {
    Failure::new(FailureKind::BadConfig, sentence)
}

#[cfg(test)]
mod tests;
