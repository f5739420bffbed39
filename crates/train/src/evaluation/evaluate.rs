//! Loss, accuracy and every prediction of a network on a split.

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
    let indices = data.part(split);
    if indices.is_empty() {
        return Err(Failure::new(FailureKind::TooFewImages, format!("the {} split is empty", split_name(split))));
    }
    let mut reporting = Reporting { host, progress };
    let Some(predictions) =
        predict_by(|images| views.log_probabilities(network, images), network, data, indices, &mut reporting).await?
    else {
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
