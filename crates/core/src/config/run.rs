//! Everything that decides the outcome of a run: enough to repeat it.

use serde::{Deserialize, Serialize};

use super::network::NetworkConfig;
use super::{AdversarialConfig, AugmentConfig, Decay, EarlyStopping, LossConfig, OptimizerConfig, ScheduleConfig};

/// The complete configuration of a run, saved with its weights. [`super::fields`] has the range of every number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunConfig {
    /// Id or name of the dataset that the run is for.
    pub dataset: String,
    /// How the dataset is cut into train, validation and test.
    pub split: SplitConfig,
    /// Seeds the initial weights, the order of the batches, and the changes to them.
    pub seed: u32,
    pub network: NetworkConfig,
    pub optimizer: OptimizerConfig,
    /// η in `θ ← θ − η∇L − ηλθ`. The schedule starts from it.
    pub learning_rate: f64,
    /// λ in `θ ← θ − η∇L − ηλθ`.
    pub weight_decay: f64,
    /// Images per step.
    pub batch_size: u32,
    /// Passes over the train split.
    pub epochs: u32,
    /// End after this many steps, whatever the epoch.
    pub max_steps: Option<u32>,
    // Below: what configs from before these existed leave out, and then run as they did.
    #[serde(default)]
    pub loss: LossConfig,
    /// How the weight decay acts.
    #[serde(default)]
    pub decay: Decay,
    /// How the learning rate changes during the run.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// The longest that the gradient of all parameters together may be (its 2-norm); longer ones are scaled down to it.
    #[serde(default)]
    pub clip_norm: Option<f64>,
    /// Batches whose mean gradient makes one update. The last update of an epoch may have fewer.
    #[serde(default = "one")]
    pub batches_per_update: u32,
    /// Share of the old average in the moving average of the weights. With it, the average is evaluated, kept and
    /// asked instead of the weights. Early averages use less of it, `(1 + updates) / (10 + updates)`, as TensorFlow's do.
    #[serde(default)]
    pub ema_decay: Option<f64>,
    #[serde(default)]
    pub early_stopping: Option<EarlyStopping>,
    /// Random changes to the train images.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// Train images are changed against the network, after the random changes.
    #[serde(default)]
    pub adversarial: Option<AdversarialConfig>,
}

fn one() -> u32 {
    1
}

impl RunConfig {
    /// Adam at 0.001 for five epochs of batches of 64, with none of the extras.
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
            early_stopping: None,
            augment: AugmentConfig::default(),
            adversarial: None,
        }
    }

    /// What of it decides which kernels a GPU runs: two configs that give the same differ in numbers only.
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

    /// With this many train images: fewer than a batch make one smaller batch, and an epoch leaves out those that fill none.
    pub fn length(&self, n_train: u32) -> RunLength {
        let batch_size = n_train.min(self.batch_size);
        let steps_per_epoch = n_train.checked_div(batch_size).unwrap_or(0);
        let steps = u64::from(steps_per_epoch) * u64::from(self.epochs);
        RunLength { batch_size, steps_per_epoch, total_steps: steps.min(self.max_steps.unwrap_or(u32::MAX).into()) }
    }
}

/// How long a run is, unless it is ended before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLength {
    /// Images per step; 0 without train images.
    pub batch_size: u32,
    pub steps_per_epoch: u32,
    pub total_steps: u64,
}

/// How a dataset is cut. Stratified: every class keeps its share in each part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SplitConfig {
    /// Share of the images outside the test set that is held out for validation.
    pub validation_fraction: f32,
    /// Share of all images that becomes the test set; ignored where the dataset has a standard test set.
    pub test_fraction: f32,
    pub seed: u32,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self { validation_fraction: 0.1, test_fraction: 0.1, seed: 0 }
    }
}
