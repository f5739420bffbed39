//! Everything that decides the outcome of a run: enough to repeat it.

use serde::{Deserialize, Serialize};

use super::network::NetworkConfig;

/// The complete configuration of a run, saved with its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunConfig {
    /// Id or name of the dataset that the run is for.
    pub dataset: String,
    /// How the dataset is cut into train, validation and test.
    pub split: SplitConfig,
    /// Seeds the initial weights and the order of the batches.
    pub seed: u32,
    pub network: NetworkConfig,
    pub optimizer: OptimizerConfig,
    /// η in `θ ← θ − η∇L − ηλθ`.
    pub learning_rate: f64,
    /// λ in `θ ← θ − η∇L − ηλθ`.
    pub weight_decay: f64,
    /// Images per step, 1 to 4096.
    pub batch_size: u32,
    /// Passes over the train split, at least 1.
    pub epochs: u32,
    /// End after this many steps, whatever the epoch.
    pub max_steps: Option<u32>,
}

/// How a dataset is cut. Stratified: every class keeps its share in each part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SplitConfig {
    /// Share of the images outside the test set that is held out for validation, 0 to 0.5.
    pub validation_fraction: f32,
    /// Share of all images that becomes the test set, 0 to 0.5; ignored where the dataset has a standard test set.
    pub test_fraction: f32,
    pub seed: u32,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self { validation_fraction: 0.1, test_fraction: 0.1, seed: 0 }
    }
}

/// Optimizers with PyTorch's definitions and defaults. The decay is decoupled in both: `θ ← θ − η·direction − ηλθ`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// PyTorch's `SGD`: `v ← μ v + g`, `θ ← θ − η v`; dampening 0.
    Sgd { momentum: f64 },
    /// PyTorch's `Adam` (`AdamW` where there is decay): β₁ 0.9, β₂ 0.999, ε 1e-8.
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
}

impl OptimizerConfig {
    pub const SGD: Self = Self::Sgd { momentum: 0.9 };
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}
