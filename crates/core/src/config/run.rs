//! The configuration of a run: everything that decides its outcome, and so enough to repeat it.

use serde::{Deserialize, Serialize};

use super::network::NetworkConfig;
use super::{
    AdversarialConfig, AugmentConfig, Decay, DistillationConfig, EarlyStopping, LossConfig, OptimizerConfig,
    ScheduleConfig, SparsityConfig,
};

/// The complete configuration of a run, saved with its weights. [`super::fields`] has the range of every number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunConfig {
    /// Id or name of the dataset to train on.
    pub dataset: String,
    /// How the dataset is split into train, validation and test.
    pub split: SplitConfig,
    /// Seeds the initial weights, the order of the batches, dropout, augmentation and attacks.
    pub seed: u32,
    pub network: NetworkConfig,
    pub optimizer: OptimizerConfig,
    /// η in `θ ← θ − η∇L − ηλθ`: the base learning rate of the schedule.
    pub learning_rate: f64,
    /// λ in `θ ← θ − η∇L − ηλθ`.
    pub weight_decay: f64,
    /// Images per step.
    pub batch_size: u32,
    /// Passes over the train split.
    pub epochs: u32,
    /// The run ends after this many steps, even in the middle of an epoch.
    pub max_steps: Option<u32>,
    // The fields below are newer than some stored configs, which leave them out. Their defaults keep those runs as they were.
    #[serde(default)]
    pub loss: LossConfig,
    /// Whether weight decay is decoupled or an L2 penalty.
    #[serde(default)]
    pub decay: Decay,
    /// The learning rate schedule.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// Gradient clipping: the maximum 2-norm of the gradient over all parameters together. A longer gradient is scaled down to it.
    #[serde(default)]
    pub clip_norm: Option<f64>,
    /// Gradient accumulation: the number of batches whose mean gradient makes one update. The last update of an epoch may have fewer.
    #[serde(default = "one")]
    pub batches_per_update: u32,
    /// Decay of the exponential moving average of the weights. When set, the average is evaluated, saved and used for predictions in place
    /// of the weights. Early updates use a lower decay, `min(decay, (1 + updates) / (10 + updates))`, as TensorFlow's
    /// `ExponentialMovingAverage` does.
    #[serde(default)]
    pub ema_decay: Option<f64>,
    /// Discriminative learning rates (Howard and Ruder, 2018): the learning rate of layers with pre-trained weights, as a multiple of the others'.
    #[serde(default = "tenth")]
    pub pretrained_rate_share: f64,
    #[serde(default)]
    pub early_stopping: Option<EarlyStopping>,
    /// Data augmentation of the train images.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// Adversarial training, applied after augmentation.
    #[serde(default)]
    pub adversarial: Option<AdversarialConfig>,
    /// Distillation from a teacher, which is given with the run.
    #[serde(default)]
    pub distillation: Option<DistillationConfig>,
    /// Magnitude pruning during the run.
    #[serde(default)]
    pub sparsity: Option<SparsityConfig>,
}

fn one() -> u32 {
    1
}

fn tenth() -> f64 {
    0.1
}

impl RunConfig {
    /// Adam at a learning rate of 0.001, batches of 64 images, five epochs, everything optional off.
    pub fn new(dataset: impl Into<String>, network: NetworkConfig) -> Self {
        Self {
            dataset: dataset.into(),
            split: SplitConfig::default(),
            seed: 0,
            network,
            optimizer: OptimizerConfig::ADAM,
            learning_rate: 0.001,
            weight_decay: 0.0,
            batch_size: 64,
            epochs: 5,
            max_steps: None,
            loss: LossConfig::default(),
            decay: Decay::default(),
            schedule: ScheduleConfig::default(),
            clip_norm: None,
            batches_per_update: 1,
            ema_decay: None,
            pretrained_rate_share: tenth(),
            early_stopping: None,
            augment: AugmentConfig::default(),
            adversarial: None,
            distillation: None,
            sparsity: None,
        }
    }

    /// The part of the config that decides which kernels a GPU runs. Two configs with equal parts differ only in numeric values.
    pub fn kernels(&self) -> Self {
        Self {
            seed: 0,
            learning_rate: 0.0,
            epochs: 0,
            max_steps: None,
            schedule: ScheduleConfig::default(),
            early_stopping: None,
            ..self.clone()
        }
    }

    /// The length of a run on `n_train` train images. If there are fewer images than a batch, they make one smaller batch; otherwise an
    /// epoch drops its incomplete last batch.
    pub fn length(&self, n_train: u32) -> RunLength {
        let batch_size = n_train.min(self.batch_size);
        let steps_per_epoch = n_train.checked_div(batch_size).unwrap_or(0);
        let steps = u64::from(steps_per_epoch) * u64::from(self.epochs);
        RunLength { batch_size, steps_per_epoch, total_steps: steps.min(self.max_steps.unwrap_or(u32::MAX).into()) }
    }
}

/// How long a run is if nothing ends it early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLength {
    /// Images per step; 0 if there are no train images.
    pub batch_size: u32,
    pub steps_per_epoch: u32,
    pub total_steps: u64,
}

/// How a dataset is split. Stratified: every class keeps its proportion in each split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SplitConfig {
    /// Fraction of the images outside the test set that is held out for validation.
    pub validation_fraction: f32,
    /// Fraction of all images that becomes the test set; ignored if the dataset has a standard test set.
    pub test_fraction: f32,
    pub seed: u32,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self { validation_fraction: 0.1, test_fraction: 0.1, seed: 0 }
    }
}
