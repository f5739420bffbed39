//! Adversarial training: a part of each batch is changed so that the network errs most, and learned with its true labels.

use serde::{Deserialize, Serialize};

/// An attack on the train images. Every pixel may change by `strength` at most (the L∞ norm). Labels stay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdversarialConfig {
    pub method: AttackMethod,
    /// ε: the largest change of a value, as a fraction of the way from black to white.
    pub strength: f64,
    /// Fraction of each batch that is attacked, rounded to whole images. The rest is learned as it is.
    pub share: f64,
}

impl Default for AdversarialConfig {
    fn default() -> Self {
        Self { method: AttackMethod::Fgsm, strength: 0.1, share: 0.5 }
    }
}

/// How the worst change is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum AttackMethod {
    /// The fast gradient sign method (Goodfellow et al., "Explaining and Harnessing Adversarial Examples", 2015): one step of
    /// the whole strength, `x + ε sign(∇ₓL)`.
    Fgsm,
    /// Projected gradient descent (Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018): from a
    /// random place within the strength, several such steps of `step_size`, each followed by the way back to within it.
    Pgd {
        /// Each costs about as much as a step of training.
        steps: u32,
        /// As `strength`.
        step_size: f64,
    },
}

impl AttackMethod {
    /// Madry's for color images: seven steps of a quarter of the strength.
    pub const PGD: Self = Self::Pgd { steps: 7, step_size: 0.025 };
    pub const ALL: [Self; 2] = [Self::Fgsm, Self::PGD];
}
