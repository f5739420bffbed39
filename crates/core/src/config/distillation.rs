//! Distillation: a network learns from the predictions of a trained one, its teacher.

use serde::{Deserialize, Serialize};

/// The loss is `(1 − α) · loss + α · T² · KL(p ∥ q)`, where `p` and `q` are the predictions of teacher and network at temperature T, softmax(z / T)
/// (Hinton, Vinyals and Dean, 2015, arXiv:1503.02531). T² keeps the gradient's size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DistillationConfig {
    /// T: the higher, the more the small probabilities count.
    pub temperature: f64,
    /// α: the weight of the teacher's predictions against that of the labels.
    pub weight: f64,
}

impl Default for DistillationConfig {
    fn default() -> Self {
        Self { temperature: 4.0, weight: 0.7 }
    }
}
