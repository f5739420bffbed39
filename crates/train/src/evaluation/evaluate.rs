//! Loss, accuracy and every prediction of a network on a split.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use super::views::ViewSet;
use crate::device::DeviceDataset;
use crate::module::Network;
use crate::training::Host;
use crate::training::predict::{Between, mean_loss_and_accuracy, predict_by};
use kindling_core::protocol::{Evaluation, Failure, FailureKind, SplitName};

/// The split to evaluate, and the views of each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluateConfig {
    pub split: SplitName,
    pub views: ViewSet,
}

impl From<SplitName> for EvaluateConfig {
    fn from(split: SplitName) -> Self {
        Self { split, views: ViewSet::One }
    }
}

/// Evaluates a network in inference mode. `progress` receives the completed fraction after each batch.
pub async fn evaluate(
    network: &Network,
    data: &DeviceDataset,
    config: impl Into<EvaluateConfig>,
    host: &impl Host,
    progress: impl Fn(f32),
) -> Result<Evaluation, Failure> {
    let EvaluateConfig { split, views } = config.into();
    evaluate_by(|images| views.log_probabilities(network, images), network, data, split, host, progress).await
}

/// Like [`evaluate`], but never predicts a class that the network does not know, of which it has a unit without training.
pub async fn evaluate_known(
    network: &Network,
    data: &DeviceDataset,
    (split, is_known): (SplitName, &[bool]),
    host: &impl Host,
    progress: impl Fn(f32),
) -> Result<Evaluation, Failure> {
    /// Added to a logit, it makes its probability 0.
    const NEVER: f32 = -1e9;
    let mask: Vec<f32> = is_known.iter().map(|is_known| if *is_known { 0.0 } else { NEVER }).collect();
    let mask = Tensor::<2>::from_data(TensorData::new(mask, [1, is_known.len()]), &data.device());
    let log_probabilities = |images| log_softmax(network.forward(images) + mask.clone(), 1);
    evaluate_by(log_probabilities, network, data, split, host, progress).await
}

async fn evaluate_by(
    log_probabilities: impl Fn(Tensor<4>) -> Tensor<2>,
    network: &Network,
    data: &DeviceDataset,
    split: SplitName,
    host: &impl Host,
    progress: impl Fn(f32),
) -> Result<Evaluation, Failure> {
    let indices = data.part(split);
    if indices.is_empty() {
        return Err(Failure::new(FailureKind::TooFewImages, format!("the {} split is empty", split_name(split))));
    }
    let mut reporting = Reporting { host, progress };
    let Some(predictions) = predict_by(log_probabilities, network, data, indices, &mut reporting).await? else {
        unreachable!("only `between` ends it early, and ours never does")
    };
    let (loss, accuracy) = mean_loss_and_accuracy(&predictions);
    Ok(Evaluation { split, loss, accuracy, predictions })
}

fn split_name(split: SplitName) -> &'static str {
    match split {
        SplitName::Train => "train",
        SplitName::Validation => "validation",
        SplitName::Test => "test",
    }
}

/// Reports progress and yields between two batches.
pub(super) struct Reporting<'a, H, P> {
    pub host: &'a H,
    pub progress: P,
}

impl<H: Host, P: Fn(f32)> Between for Reporting<'_, H, P> {
    async fn between(&mut self, fraction: f32) -> bool {
        (self.progress)(fraction);
        self.host.yield_now().await;
        true
    }

    fn now_ms(&self) -> f64 {
        self.host.now_ms()
    }
}
