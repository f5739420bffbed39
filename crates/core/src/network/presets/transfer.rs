//! Transfer learning: a classifier on the features of a network that was trained on ImageNet.

use super::{CLASSIFIER, Preset, defaults, mild_augmentation};
use crate::config::{AugmentConfig, Decay, EarlyStopping, Layer, NetworkConfig, Pretrained, RunConfig, ScheduleConfig};
use crate::network::pretrained::{feature_layers, n_shallow_layers};
use crate::protocol::DatasetSummary;

/// A linear classifier on frozen, standardized features: the layers before it compute them once for each image. Flips do not help it (BENCHMARKS.md).
pub(super) fn features(dataset: &DatasetSummary) -> Preset {
    let mut network = network("Pre-trained features");
    // All but the classifier.
    network.frozen = network.layers.len() as u32 - 1;
    Preset {
        id: "features",
        config: RunConfig {
            learning_rate: 0.003,
            weight_decay: ridge(dataset),
            decay: Decay::L2,
            schedule: ScheduleConfig::COSINE,
            batch_size: 64,
            epochs: 60,
            early_stopping: early_stopping(dataset, 15),
            ..defaults(dataset, network)
        },
    }
}

/// The blocks behind the features of the shallowest depth thaw, and learn at a tenth of the classifier's rate.
pub(super) fn fine_tune(dataset: &DatasetSummary) -> Preset {
    let mut network = network("Fine-tuning");
    network.frozen = n_shallow_layers() as u32;
    Preset {
        id: "fine-tune",
        config: RunConfig {
            learning_rate: 0.003,
            weight_decay: 0.05,
            schedule: ScheduleConfig::ONE_CYCLE,
            batch_size: 32,
            epochs: 6,
            augment: flips(dataset),
            ..defaults(dataset, network)
        },
    }
}

fn network(name: &str) -> NetworkConfig {
    let layers = [feature_layers(), vec![Layer::BatchNorm, CLASSIFIER]].concat();
    NetworkConfig { pretrained: Some(Pretrained::EfficientNetLite0), ..NetworkConfig::new(name, layers) }
}

/// λ of logistic regression with scikit-learn's `C = 3 / features`, of 624 standardized features: there, the mean loss is minimized plus
/// `‖W‖² / (2 · C · images)`.
fn ridge(dataset: &DatasetSummary) -> f64 {
    208.0 / f64::from(dataset.counts.train.max(1))
}

/// The only augmentation whose features can be kept; digits and letters are not flipped.
fn flips(dataset: &DatasetSummary) -> AugmentConfig {
    AugmentConfig { flip: mild_augmentation(dataset).flip, ..AugmentConfig::default() }
}

/// Few images are learned by heart soon.
fn early_stopping(dataset: &DatasetSummary, patience: u32) -> Option<EarlyStopping> {
    (dataset.counts.validation > 0).then(|| EarlyStopping { patience, ..EarlyStopping::default() })
}
