//! How a run's weights are moved: loss, optimizer, schedule, early stopping.

use serde::{Deserialize, Serialize};

/// What is minimized. Validation and evaluations always state cross-entropy, so that runs with different losses compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum LossConfig {
    /// PyTorch's `CrossEntropyLoss`.
    CrossEntropy {
        /// Share of the target that is spread evenly over all classes.
        label_smoothing: f64,
        class_weights: ClassWeights,
    },
    /// For two classes: PyTorch's `BCEWithLogitsLoss` on the second logit minus the first. The sigmoid of that difference is the
    /// softmax's probability of the second class, so this agrees with cross-entropy but for rounding.
    BinaryCrossEntropy,
    /// PyTorch's `MSELoss` between the softmax's probabilities and one-hot targets, a mean over images and classes. As textbooks
    /// show, its gradient vanishes where the network is surely wrong.
    MeanSquaredError,
}

impl LossConfig {
    pub const CROSS_ENTROPY: Self = Self::CrossEntropy { label_smoothing: 0.0, class_weights: ClassWeights::None };
    pub const ALL: [Self; 3] = [Self::CROSS_ENTROPY, Self::BinaryCrossEntropy, Self::MeanSquaredError];
}

impl Default for LossConfig {
    fn default() -> Self {
        Self::CROSS_ENTROPY
    }
}

/// How much each class counts in the loss. The mean over a batch is weighted, as PyTorch's: divided by the sum of its images'
/// weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClassWeights {
    #[default]
    None,
    /// `images / (classes · images of the class)` over the train split, counting the classes that occur in it: scikit-learn's
    /// "balanced".
    Balanced,
    /// One for each class, greater than 0.
    Given(Vec<f32>),
}

/// Optimizers with PyTorch's definitions. The constants have its defaults; only SGD's momentum is not 0 here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// PyTorch's `SGD`: `v ← μ v + g`, `θ ← θ − η v`, with Nesterov `θ ← θ − η (g + μ v)`; dampening 0.
    Sgd {
        momentum: f64,
        // Configs from before it existed leave it out.
        #[serde(default)]
        nesterov: bool,
    },
    /// PyTorch's `Adam`; with decoupled decay it is AdamW.
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
    /// PyTorch's `AdamW`: Adam whose decay is always decoupled.
    AdamW { beta1: f64, beta2: f64, epsilon: f64 },
    /// PyTorch's `RMSprop`: `s ← α s + (1 − α) g²`, `θ ← θ − η g / (√s + ε)`.
    RmsProp {
        alpha: f64,
        epsilon: f64,
        momentum: f64,
        /// Whether `s` becomes a variance: the squared mean of the gradients is taken off.
        centered: bool,
    },
    /// PyTorch's `Adagrad`: `s ← s + g²`, `θ ← θ − η g / (√s + ε)`.
    Adagrad { epsilon: f64 },
    /// Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023: `θ ← θ − η sign(β₁ m + (1 − β₁) g)`,
    /// `m ← β₂ m + (1 − β₂) g`. Wants a learning rate three to ten times smaller than Adam's.
    Lion { beta1: f64, beta2: f64 },
    /// Keller Jordan's Muon (kellerjordan.github.io/posts/muon, 2024): Nesterov momentum whose update of each weight, seen as a
    /// matrix, is made orthogonal by five Newton-Schulz steps. Biases and norms have AdamW (β₁ 0.9, β₂ 0.95, ε 1e-10). Jordan gives AdamW
    /// the last layer's weight too; here it has Muon.
    Muon {
        momentum: f64,
        /// AdamW's learning rate as a share of Muon's.
        adam_rate_share: f64,
    },
}

impl OptimizerConfig {
    pub const SGD: Self = Self::Sgd { momentum: 0.9, nesterov: false };
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    pub const ADAM_W: Self = Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    pub const RMS_PROP: Self = Self::RmsProp { alpha: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false };
    pub const ADAGRAD: Self = Self::Adagrad { epsilon: 1e-10 };
    pub const LION: Self = Self::Lion { beta1: 0.9, beta2: 0.99 };
    /// Jordan's rates are 0.02 for Muon and 3e-4 for AdamW.
    pub const MUON: Self = Self::Muon { momentum: 0.95, adam_rate_share: 0.015 };

    /// Each with its defaults.
    pub const ALL: [Self; 7] =
        [Self::SGD, Self::ADAM, Self::ADAM_W, Self::RMS_PROP, Self::ADAGRAD, Self::LION, Self::MUON];

    /// The momentum, of optimizers that have one.
    pub fn momentum_mut(&mut self) -> Option<&mut f64> {
        match self {
            Self::Sgd { momentum, .. } | Self::RmsProp { momentum, .. } | Self::Muon { momentum, .. } => Some(momentum),
            Self::Adam { .. } | Self::AdamW { .. } | Self::Adagrad { .. } | Self::Lion { .. } => None,
        }
    }
}

/// How the weight decay acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decay {
    /// Apart from the gradient: `θ ← θ − η·direction − ηλθ`.
    #[default]
    Decoupled,
    /// As part of the gradient, `g + λθ`: what `weight_decay` means in PyTorch's `SGD` and `Adam`.
    L2,
}

/// How the learning rate changes; the config's learning rate is its base. [`super::schedule`] computes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ScheduleConfig {
    #[default]
    Constant,
    /// PyTorch's `StepLR`: times `factor` after every `epochs` epochs.
    Step { epochs: u32, factor: f64 },
    /// PyTorch's `ExponentialLR`: times `factor` after every epoch.
    Exponential { factor: f64 },
    /// Rises in equal steps to the base, then falls along half a cosine: PyTorch's `LinearLR` and `CosineAnnealingLR`.
    Cosine {
        /// Steps of the rise.
        warm_up_steps: u32,
        least_rate: f64,
    },
    /// PyTorch's `OneCycleLR`, which anneals along cosines: from `base / start_divisor` up to the base, and down to the start divided
    /// by `end_divisor`. The momentum stays as it is.
    OneCycle {
        /// Share of the steps in which the rate rises.
        rise: f64,
        start_divisor: f64,
        end_divisor: f64,
    },
    /// PyTorch's `ReduceLROnPlateau` on the validation loss: times `factor` once it has not fallen for more than `patience`
    /// epochs.
    Plateau {
        factor: f64,
        patience: u32,
        /// Share of the lowest loss by which a lower one must be lower to count.
        threshold: f64,
        /// Epochs after a reduction that are not counted.
        cooldown: u32,
        least_rate: f64,
    },
}

impl ScheduleConfig {
    pub const STEP: Self = Self::Step { epochs: 10, factor: 0.1 };
    pub const EXPONENTIAL: Self = Self::Exponential { factor: 0.95 };
    pub const COSINE: Self = Self::Cosine { warm_up_steps: 0, least_rate: 0.0 };
    pub const ONE_CYCLE: Self = Self::OneCycle { rise: 0.3, start_divisor: 25.0, end_divisor: 1e4 };
    pub const PLATEAU: Self =
        Self::Plateau { factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, least_rate: 0.0 };
    /// Each with PyTorch's defaults, where it has them.
    pub const ALL: [Self; 6] =
        [Self::Constant, Self::STEP, Self::EXPONENTIAL, Self::COSINE, Self::ONE_CYCLE, Self::PLATEAU];
}

/// Ends a run that no longer gets better. The weights that are kept are then the best by the same metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EarlyStopping {
    pub metric: Metric,
    /// Epochs in a row without an improvement after which the run ends.
    pub patience: u32,
    /// What a smaller improvement than this is not: loss, or share of the images.
    pub least_improvement: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self { metric: Metric::ValidationLoss, patience: 5, least_improvement: 0.0 }
    }
}

/// A figure of the validation split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    ValidationLoss,
    ValidationAccuracy,
}
