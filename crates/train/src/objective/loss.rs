//! What a step minimizes: cross-entropy, binary cross-entropy or mean squared error, with PyTorch's definitions.
//!
//! The gradient with respect to the logits is written out, although autodiff could compute it: it is in every textbook, and as one run of
//! element-wise operations it takes few dispatches on WebGPU.

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};

use super::distillation::SoftTargets;
use crate::blocks::{cross_entropy, has_kernels};
use kindling_core::config::{ClassWeights, LossConfig};
use kindling_core::protocol::{Failure, FailureKind};

/// A loss with its tensors on the device. [`LossConfig`] has the definitions.
#[derive(Clone, Debug)]
pub enum Loss {
    /// Also binary cross-entropy, which is the same with two classes.
    CrossEntropy {
        label_smoothing: f64,
        /// `[1, classes]`
        class_weights: Option<Box<Tensor<2>>>,
    },
    MeanSquaredError,
}

/// A loss and its gradient at the logits of a batch.
#[derive(Clone, Debug)]
pub struct LossValue {
    /// `[batch, classes]`: terms that sum to the mean over the batch.
    pub parts: Tensor<2>,
    /// `[batch, classes]`: the gradient of the mean with respect to the logits.
    pub gradient: Tensor<2>,
}

/// The losses and predictions of a batch, before the update.
#[derive(Clone, Debug)]
pub struct BatchLoss {
    /// `[batch]`: each image's term of the mean over the batch.
    pub terms: Tensor<1>,
    /// `[batch]`: the classes of the largest logits.
    pub predicted: Tensor<1, Int>,
}

impl Loss {
    /// Cross-entropy in which all images and classes have the same weight.
    pub const CROSS_ENTROPY: Self = Self::CrossEntropy { label_smoothing: 0.0, class_weights: None };

    /// `class_counts` are the numbers of training images per class.
    pub fn new(config: &LossConfig, class_counts: &[u32], device: &Device) -> Result<Self, Failure> {
        let n_classes = class_counts.len();
        let row = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [1, n_classes]), device);
        Ok(match config {
            LossConfig::CrossEntropy { label_smoothing, class_weights } => Self::CrossEntropy {
                label_smoothing: *label_smoothing,
                class_weights: values_of(class_weights, class_counts)?.map(row).map(Box::new),
            },
            LossConfig::BinaryCrossEntropy if n_classes == 2 => Self::CROSS_ENTROPY,
            LossConfig::BinaryCrossEntropy => {
                return Err(bad(format!("binary cross-entropy is for 2 classes, the dataset has {n_classes}")));
            }
            LossConfig::MeanSquaredError => Self::MeanSquaredError,
        })
    }

    /// The loss, and the gradients of everything that the logits depend on. `logits` and `targets` are `[batch, classes]`; each row of
    /// `targets` sums to 1.
    pub fn backward(&self, logits: Tensor<2>, targets: Tensor<2>) -> (BatchLoss, Gradients) {
        self.backward_with(logits, targets, None)
    }

    /// The same, with the predictions of a teacher.
    pub fn backward_with(
        &self,
        logits: Tensor<2>,
        targets: Tensor<2>,
        soft: Option<SoftTargets>,
    ) -> (BatchLoss, Gradients) {
        let Shifted { logits, predicted } = Shifted::of(logits);
        let shifted = logits.clone().without_autodiff();
        let value = self.at_shifted(shifted.clone(), targets);
        let LossValue { parts, gradient } = match soft {
            None => value,
            Some(soft) => soft.mixed_with(value, shifted),
        };
        // The product of logits and constants has those constants as its gradient. It need not be summed: autodiff starts with a 1 at
        // every value. It precedes the sum of the parts, so that burn fuses it with them.
        let gradients = (logits * gradient).backward();
        (BatchLoss { terms: parts.sum_dim(1).squeeze_dim(1), predicted: predicted.squeeze_dim(1) }, gradients)
    }

    /// Like [`Loss::backward`], for logits without a computation graph.
    pub fn at(&self, logits: Tensor<2>, targets: Tensor<2>) -> LossValue {
        self.at_shifted(Shifted::of(logits).logits, targets)
    }

    pub(super) fn at_shifted(&self, shifted: Tensor<2>, targets: Tensor<2>) -> LossValue {
        let [n_images, n_classes] = targets.dims();
        match self {
            Self::CrossEntropy { label_smoothing, class_weights } => {
                let smoothed = match label_smoothing {
                    0.0 => targets.clone(),
                    smoothing => targets.clone() * (1.0 - smoothing) + smoothing / n_classes as f64,
                };
                let scale = 1.0 / n_images as f64;
                match class_weights {
                    None if has_kernels(&shifted) => LossValue::of_weights(shifted, smoothed * scale),
                    None => {
                        let softmax = Softmax::of(shifted);
                        LossValue {
                            parts: softmax.negative_log_likelihoods() * smoothed.clone() * scale,
                            gradient: (softmax.probabilities() - smoothed) * scale,
                        }
                    }
                    Some(weights) => {
                        let weights = weights.as_ref();
                        let weight_sum = (targets * weights.clone()).sum().reshape([1, 1]);
                        let weighted = smoothed * weights.clone() / weight_sum; // [batch, classes]
                        if has_kernels(&shifted) {
                            return LossValue::of_weights(shifted, weighted);
                        }
                        let softmax = Softmax::of(shifted);
                        LossValue {
                            parts: softmax.negative_log_likelihoods() * weighted.clone(),
                            gradient: softmax.probabilities() * weighted.clone().sum_dim(1) - weighted,
                        }
                    }
                }
            }
            Self::MeanSquaredError => {
                let probabilities = Softmax::of(shifted).probabilities(); // [batch, classes]
                let errors = probabilities.clone() - targets; // [batch, classes]
                // Softmax's derivative, ∂pᵢ/∂zⱼ = pᵢ (δᵢⱼ − pⱼ), subtracts from each error the errors' mean under the predicted probabilities.
                let expected = (errors.clone() * probabilities.clone()).sum_dim(1); // [batch, 1]
                let scale = 1.0 / (n_images * n_classes) as f64;
                LossValue {
                    parts: errors.clone().square() * scale,
                    gradient: probabilities * (errors - expected) * (2.0 * scale),
                }
            }
        }
    }
}

impl LossValue {
    /// Of a cross-entropy, by Kindling's own kernel.
    fn of_weights(shifted: Tensor<2>, weights: Tensor<2>) -> Self {
        let [parts, gradient] = cross_entropy(shifted, weights);
        Self { parts, gradient }
    }
}

/// Logits minus the image's largest, so that no exponential overflows. Softmax and all gradients are unchanged.
pub(super) struct Shifted {
    /// `[batch, classes]`
    pub logits: Tensor<2>,
    /// `[batch, 1]`: the classes of the largest. A reshape here would keep burn from fusing the operations before it with those after it.
    predicted: Tensor<2, Int>,
}

impl Shifted {
    pub fn of(logits: Tensor<2>) -> Self {
        let (largest, predicted) = logits.clone().without_autodiff().max_dim_with_indices(1); // [batch, 1] each
        Self { logits: logits - largest, predicted }
    }
}

/// Softmax probabilities, in the factors that the losses use.
pub(super) struct Softmax {
    /// `[batch, classes]`: the shifted logits.
    shifted: Tensor<2>,
    /// `[batch, 1]`: the sums of their exponentials.
    sums: Tensor<2>,
}

impl Softmax {
    pub fn of(shifted: Tensor<2>) -> Self {
        Self { sums: shifted.clone().exp().sum_dim(1), shifted }
    }

    /// `[batch, classes]`
    pub fn probabilities(&self) -> Tensor<2> {
        // Recomputes the exponentials: keeping those of the sums would take one more buffer, of which a GPU binds few.
        self.shifted.clone().exp() / self.sums.clone()
    }

    /// `[batch, classes]`: the negative logarithms of the probabilities.
    pub fn negative_log_likelihoods(&self) -> Tensor<2> {
        self.sums.clone().log() - self.shifted.clone()
    }
}

/// A weight for each class; none if all have the same weight.
fn values_of(weights: &ClassWeights, class_counts: &[u32]) -> Result<Option<Vec<f32>>, Failure> {
    match weights {
        ClassWeights::None => Ok(None),
        ClassWeights::Balanced => {
            let n_images: u32 = class_counts.iter().sum();
            let n_present = class_counts.iter().filter(|&&count| count > 0).count() as f64;
            let weight = |&count: &u32| match count {
                // No image has this label.
                0 => 0.0,
                count => (f64::from(n_images) / (n_present * f64::from(count))) as f32,
            };
            Ok(Some(class_counts.iter().map(weight).collect()))
        }
        ClassWeights::Given(given) if given.len() != class_counts.len() => {
            Err(bad(format!("class weights given: {}, classes: {}", given.len(), class_counts.len())))
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
