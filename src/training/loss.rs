//! What a step minimizes: cross-entropy, binary cross-entropy or mean squared error, with PyTorch's definitions.

use burn::tensor::activation::{log_sigmoid, log_softmax, softmax};
use burn::tensor::{Device, Tensor, TensorData};

use crate::protocol::{ClassWeights, Failure, FailureKind, LossConfig};

/// A loss with what it needs on the device. [`LossConfig`] defines them.
#[derive(Clone, Debug)]
pub enum Loss {
    CrossEntropy {
        label_smoothing: f64,
        /// `[1, classes]`
        class_weights: Option<Tensor<2>>,
    },
    BinaryCrossEntropy {
        /// `[1, 2]`: -1, 1.
        signs: Tensor<2>,
    },
    MeanSquaredError,
}

impl Loss {
    /// `class_counts` are the train images of each class.
    pub fn new(config: &LossConfig, class_counts: &[u32], device: &Device) -> Result<Self, Failure> {
        let n_classes = class_counts.len();
        let row = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [1, n_classes]), device);
        Ok(match config {
            LossConfig::CrossEntropy { label_smoothing, class_weights } => Self::CrossEntropy {
                label_smoothing: *label_smoothing,
                class_weights: values_of(class_weights, class_counts)?.map(row),
            },
            LossConfig::BinaryCrossEntropy if n_classes == 2 => {
                Self::BinaryCrossEntropy { signs: row(vec![-1.0, 1.0]) }
            }
            LossConfig::BinaryCrossEntropy => {
                return Err(bad(format!("binary cross-entropy is for 2 classes, the dataset has {n_classes}")));
            }
            LossConfig::MeanSquaredError => Self::MeanSquaredError,
        })
    }

    /// Mean over the batch, `[1]`. `logits` and `targets` are `[batch, classes]`; each row of `targets` sums to 1.
    pub fn of(&self, logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        match self {
            Self::CrossEntropy { label_smoothing: 0.0, class_weights: None } => cross_entropy(logits, targets),
            Self::CrossEntropy { label_smoothing, class_weights } => {
                let [n_images, n_classes] = targets.dims();
                let smoothed = targets.clone() * (1.0 - label_smoothing) + label_smoothing / n_classes as f64;
                let log_probabilities = log_softmax(logits, 1);
                match class_weights {
                    None => (log_probabilities * smoothed).sum() * (-1.0 / n_images as f64),
                    Some(weights) => {
                        let weight_sum = (targets * weights.clone()).sum(); // [1]
                        -(log_probabilities * (smoothed * weights.clone())).sum() / weight_sum
                    }
                }
            }
            Self::BinaryCrossEntropy { signs } => {
                let [n_images, _] = targets.dims();
                // Softmax's probabilities of both classes, as sigmoids of the difference: p₁ = σ(z), p₀ = σ(−z).
                let difference = (logits * signs.clone()).sum_dim(1); // [batch, 1]
                (log_sigmoid(difference * signs.clone()) * targets).sum() * (-1.0 / n_images as f64)
            }
            Self::MeanSquaredError => {
                let errors = softmax(logits, 1) - targets; // [batch, classes]
                (errors.clone() * errors).mean()
            }
        }
    }
}

/// Mean over the batch. `logits` and `targets` are `[batch, classes]`; each row of `targets` is 1 at the label. A product with the
/// targets instead of a gather: its gradient is a product too, not a scatter.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let [n_images, _] = targets.dims();
    (log_softmax(logits, 1) * targets).sum() * (-1.0 / n_images as f64)
}

/// A weight for each class; none where all count the same.
fn values_of(weights: &ClassWeights, class_counts: &[u32]) -> Result<Option<Vec<f32>>, Failure> {
    match weights {
        ClassWeights::None => Ok(None),
        ClassWeights::Balanced => {
            let n_images: u32 = class_counts.iter().sum();
            let n_present = class_counts.iter().filter(|&&count| count > 0).count() as f64;
            let weight = |&count: &u32| match count {
                // No image has this class as its label.
                0 => 0.0,
                count => (f64::from(n_images) / (n_present * f64::from(count))) as f32,
            };
            Ok(Some(class_counts.iter().map(weight).collect()))
        }
        ClassWeights::Given(given) if given.len() != class_counts.len() => {
            Err(bad(format!("{} class weights are given for {} classes", given.len(), class_counts.len())))
        }
        ClassWeights::Given(given) if given.iter().all(|weight| weight.is_finite() && *weight > 0.0) => {
            Ok(Some(given.clone()))
        }
        ClassWeights::Given(_) => Err(bad("class weights must be greater than 0")),
    }
}

fn bad(sentence: impl Into<String>) -> Failure {
    Failure::new(FailureKind::BadConfig, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_are_scikit_learns() {
        // compute_class_weight("balanced", classes=[0, 2], y=[0, 0, 0, 2]) is [2/3, 2]; class 1 does not occur.
        let weights = values_of(&ClassWeights::Balanced, &[3, 0, 1]).unwrap().unwrap();
        assert_eq!(weights, [2.0 / 3.0, 0.0, 2.0]);
    }

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        for given in [vec![1.0], vec![1.0, 0.0, 1.0], vec![1.0, f32::NAN, 1.0]] {
            let failure = values_of(&ClassWeights::Given(given), &[1, 1, 1]).unwrap_err();
            assert_eq!(failure.kind, FailureKind::BadConfig);
        }
    }
}
