//! Distillation (Hinton, Vinyals and Dean, 2015, arXiv:1503.02531): a network learns the predictions of its teacher.

use burn::module::Module;
use burn::tensor::Tensor;
use kindling_core::config::DistillationConfig;
use kindling_core::protocol::{Failure, FailureKind, Teacher};

use super::loss::{Loss, LossValue, Shifted, Softmax};
use crate::device::DeviceDataset;
use crate::exchange::weight_file;
use crate::module::Network;

/// A teacher on the device, in inference mode.
#[derive(Debug)]
pub struct Lesson {
    network: Network,
    config: DistillationConfig,
}

/// The teacher's predictions for a batch.
#[derive(Debug)]
pub struct SoftTargets {
    /// `[batch, classes]`
    pub logits: Tensor<2>,
    pub config: DistillationConfig,
}

impl Lesson {
    /// The lesson of a config with distillation; none of another one.
    ///
    /// # Errors
    ///
    /// `BadConfig` without a teacher, `BadNetwork` for one of another dataset, `BadFile` for bytes that are no weights.
    pub fn new(
        config: Option<DistillationConfig>,
        teacher: Option<&Teacher>,
        data: &DeviceDataset,
    ) -> Result<Option<Self>, Failure> {
        let Some(config) = config else { return Ok(None) };
        let Some(Teacher { network, weights }) = teacher else {
            let detail = "distillation needs a teacher: a kept run whose predictions are learned";
            return Err(Failure::new(FailureKind::BadConfig, detail));
        };
        let (weights, _) = weight_file::from_bytes(weights)?;
        let network = Network::with_weights(network, data.shape(), data.n_classes(), weights, &data.device())?.valid();
        Ok(Some(Self { network, config }))
    }

    /// `images` are `[batch, channels, height, width]`, without a computation graph.
    pub fn targets(&self, images: Tensor<4>) -> SoftTargets {
        SoftTargets { logits: self.network.forward(images), config: self.config }
    }
}

impl SoftTargets {
    /// The loss of the labels, mixed with that of the teacher. `shifted` are the network's logits less the largest of each image.
    pub(super) fn mixed_with(self, of_labels: LossValue, shifted: Tensor<2>) -> LossValue {
        let DistillationConfig { temperature, weight } = self.config;
        let [n_images, _] = shifted.dims();
        let teacher = Softmax::of(Shifted::of(self.logits / temperature).logits);
        let probabilities = teacher.probabilities(); // [batch, classes]
        let entropy = probabilities.clone() * teacher.negative_log_likelihoods() / n_images as f64;
        // The divergence is the cross-entropy less the teacher's entropy, which has no gradient.
        let LossValue { parts, gradient } = Loss::CROSS_ENTROPY.at_shifted(shifted / temperature, probabilities);
        LossValue {
            parts: of_labels.parts * (1.0 - weight) + (parts - entropy) * (weight * temperature * temperature),
            // The logits were divided by the temperature once.
            gradient: of_labels.gradient * (1.0 - weight) + gradient * (weight * temperature),
        }
    }
}
