//! Adversarial training: a fraction of each batch is perturbed to maximize the loss, and trained on with its true labels.

use serde::{Deserialize, Serialize};

/// An attack on the train images. No pixel changes by more than `strength` (the L∞ norm). Labels stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdversarialConfig {
    pub method: AttackMethod,
    /// ε: the maximum change of a value, as a fraction of the pixel range.
    pub strength: f64,
    /// Fraction of each batch that is attacked, rounded to whole images. The rest is trained on unperturbed.
    pub share: f64,
}

impl Default for AdversarialConfig {
    fn default() -> Self {
        Self { method: AttackMethod::Fgsm, strength: 0.1, share: 0.5 }
    }
}

/// How the perturbation is found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum AttackMethod {
    /// The fast gradient sign method (Goodfellow et al., "Explaining and Harnessing Adversarial Examples", 2015): one step of size ε,
    /// `x + ε sign(∇ₓL)`.
    Fgsm,
    /// Projected gradient descent (Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018): from a random
    /// point within ε, several sign steps of `step_size`, each projected back to within ε.
    Pgd {
        /// PGD iterations. Each costs about as much as a training step.
        steps: u32,
        /// α: the size of one step, as a fraction of the pixel range.
        step_size: f64,
    },
}

impl AttackMethod {
    /// Madry's settings for color images: seven steps of a quarter of ε.
    pub const PGD: Self = Self::Pgd { steps: 7, step_size: 0.025 };
    pub const ALL: [Self; 2] = [Self::Fgsm, Self::PGD];
}
