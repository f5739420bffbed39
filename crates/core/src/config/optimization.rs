//! Optimization: loss, optimizer, learning rate schedule, early stopping.

use serde::{Deserialize, Serialize};

/// The loss to minimize. Validation and evaluations always report cross-entropy, so runs with different losses can be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum LossConfig {
    /// PyTorch's `CrossEntropyLoss`.
    CrossEntropy {
        /// Fraction of the target probability that is spread evenly over all classes.
        label_smoothing: f64,
        class_weights: ClassWeights,
    },
    /// For two classes: PyTorch's `BCEWithLogitsLoss` on the second logit minus the first. The sigmoid of that difference is the softmax
    /// probability of the second class, so this equals cross-entropy up to rounding.
    BinaryCrossEntropy,
    /// PyTorch's `MSELoss` between the softmax probabilities and one-hot targets, averaged over images and classes. Its gradient vanishes
    /// where the network is confidently wrong.
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

/// The weight of each class in the loss. As in PyTorch, the mean over a batch is weighted: divided by the sum of the weights of its images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClassWeights {
    #[default]
    None,
    /// `images / (classes · images of the class)` over the train split, counting only classes that occur in it: scikit-learn's "balanced".
    Balanced,
    /// One weight per class, greater than 0.
    Given(Vec<f32>),
}

/// Optimizers, with PyTorch's definitions and default values where it has them. One exception: SGD's momentum defaults to 0.9 here, to 0 in
/// PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// PyTorch's `SGD`: `v ← μ v + g`, `θ ← θ − η v`, with Nesterov `θ ← θ − η (g + μ v)`; dampening 0.
    Sgd {
        momentum: f64,
        // Older configs leave this out.
        #[serde(default)]
        nesterov: bool,
    },
    /// PyTorch's `Adam`; with decoupled weight decay it is AdamW.
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
    /// PyTorch's `AdamW`: Adam with weight decay that is always decoupled.
    AdamW { beta1: f64, beta2: f64, epsilon: f64 },
    /// PyTorch's `RMSprop`: `s ← α s + (1 − α) g²`, `θ ← θ − η g / (√s + ε)`.
    RmsProp {
        alpha: f64,
        epsilon: f64,
        momentum: f64,
        /// Whether `s` is a variance estimate: the square of the mean gradient is subtracted.
        centered: bool,
    },
    /// PyTorch's `Adagrad`: `s ← s + g²`, `θ ← θ − η g / (√s + ε)`.
    Adagrad { epsilon: f64 },
    /// Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023: `θ ← θ − η sign(β₁ m + (1 − β₁) g)`, `m ← β₂ m + (1 − β₂) g`.
    /// Needs a learning rate three to ten times lower than Adam's.
    Lion { beta1: f64, beta2: f64 },
    /// Keller Jordan's Muon (kellerjordan.github.io/posts/muon, 2024): Nesterov momentum whose update of each weight, as a matrix, is
    /// orthogonalized by five Newton-Schulz iterations. Biases and norms use AdamW (β₁ 0.9, β₂ 0.95, ε 1e-10). Jordan also uses AdamW for
    /// the weight of the last layer; here Muon updates it.
    Muon {
        momentum: f64,
        /// AdamW's learning rate as a multiple of Muon's.
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
    /// Jordan's learning rates are 0.02 for Muon and 3e-4 for AdamW.
    pub const MUON: Self = Self::Muon { momentum: 0.95, adam_rate_share: 0.015 };

    /// Every optimizer with its defaults.
    pub const ALL: [Self; 7] =
        [Self::SGD, Self::ADAM, Self::ADAM_W, Self::RMS_PROP, Self::ADAGRAD, Self::LION, Self::MUON];

    /// The momentum, if the optimizer has one.
    pub fn momentum_mut(&mut self) -> Option<&mut f64> {
        match self {
            Self::Sgd { momentum, .. } | Self::RmsProp { momentum, .. } | Self::Muon { momentum, .. } => Some(momentum),
            Self::Adam { .. } | Self::AdamW { .. } | Self::Adagrad { .. } | Self::Lion { .. } => None,
        }
    }
}

/// How weight decay is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decay {
    /// Separately from the gradient: `θ ← θ − η·direction − ηλθ`.
    #[default]
    Decoupled,
    /// As an L2 penalty in the gradient, `g + λθ`: what `weight_decay` means in PyTorch's `SGD` and `Adam`.
    L2,
}

/// The learning rate schedule. The config's learning rate is its base; [`super::schedule`] computes each step's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ScheduleConfig {
    #[default]
    Constant,
    /// PyTorch's `StepLR`: multiplied by `factor` after every `epochs` epochs.
    Step { epochs: u32, factor: f64 },
    /// PyTorch's `ExponentialLR`: multiplied by `factor` after every epoch.
    Exponential { factor: f64 },
    /// Linear warm-up to the base, then cosine annealing: PyTorch's `LinearLR` and `CosineAnnealingLR`.
    Cosine {
        /// Steps of the linear warm-up.
        warm_up_steps: u32,
        least_rate: f64,
    },
    /// PyTorch's `OneCycleLR` with cosine annealing: from `base / start_divisor` up to the base, then down to that start divided by
    /// `end_divisor`. Momentum stays constant.
    OneCycle {
        /// Fraction of the steps in which the learning rate rises; PyTorch's `pct_start`.
        rise: f64,
        start_divisor: f64,
        end_divisor: f64,
    },
    /// PyTorch's `ReduceLROnPlateau` on the validation loss: multiplied by `factor` when the loss has not improved for more than `patience`
    /// epochs.
    Plateau {
        factor: f64,
        patience: u32,
        /// An improvement counts only if the loss is lower than the lowest so far by more than this fraction of it.
        threshold: f64,
        /// Epochs after a reduction that do not count as epochs without improvement.
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
    /// Every schedule, with PyTorch's defaults where it has them.
    pub const ALL: [Self; 6] =
        [Self::Constant, Self::STEP, Self::EXPONENTIAL, Self::COSINE, Self::ONE_CYCLE, Self::PLATEAU];
}

/// Ends a run that no longer improves. The best checkpoint is then chosen by the same metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EarlyStopping {
    pub metric: Metric,
    /// Consecutive epochs without an improvement after which the run ends.
    pub patience: u32,
    /// Min delta: an improvement counts only if it is larger than this, in units of the loss or as a fraction of the images.
    pub least_improvement: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self { metric: Metric::ValidationLoss, patience: 5, least_improvement: 0.0 }
    }
}

/// A metric of the validation split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    ValidationLoss,
    ValidationAccuracy,
}
