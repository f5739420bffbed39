//! What frozen layers cost: their outputs are computed once for each image and kept, where they are small enough and training leaves the images as
//! they are or only flips them.

use super::LayerSummary;
use crate::config::RunConfig;
use crate::protocol::SplitCounts;

/// Maximum size of the kept outputs, and of those of the mirrored images, each of which is one buffer: any WebGPU device binds so much. Beyond it,
/// they are computed in every step.
pub const KEPT_LIMIT_BYTES: usize = 128 << 20;

/// The work of a run's frozen layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrozenWork {
    /// How many images pass through the frozen layers during the run, counted as often as they do.
    pub n_passes: u64,
    /// FLOPs of the frozen layers for one image.
    pub flops: u64,
    /// FLOPs of the forward pass through the layers that learn, and what they store for the backward pass, for one image.
    pub learning_flops: u64,
    pub learning_bytes: u64,
    /// Size of the outputs that are kept; 0 if those for the train images are not.
    pub kept_bytes: u64,
}

impl FrozenWork {
    /// The work of a run, if its network has frozen layers. `layers` are those of its network.
    pub fn of(config: &RunConfig, layers: &[LayerSummary], counts: SplitCounts) -> Option<Self> {
        let n_frozen = config.network.frozen as usize;
        let (frozen, learning) = layers.split_at_checked(n_frozen)?;
        let sum = |layers: &[LayerSummary], of: fn(&LayerSummary) -> u64| {
            layers.iter().map(of).fold(0_u64, u64::saturating_add)
        };
        let (train, validation) = (u64::from(counts.train), u64::from(counts.validation));
        let last = frozen.last()?;
        let bytes_of = |n_images: u64| last.output.n_values().saturating_mul(4 * n_images);
        let bytes = bytes_of(train + validation);
        let is_small = bytes <= KEPT_LIMIT_BYTES as u64;
        let is_attacked = config.adversarial.is_some();
        // How many versions of each train image are kept.
        let n_versions = if is_attacked || !is_small {
            0
        } else if config.augment.is_nothing() {
            1
        } else if config.augment.only_flips() {
            2
        } else {
            0
        };
        let epochs = u64::from(config.epochs);
        let train_passes = if n_versions == 0 { epochs } else { n_versions };
        let validation_passes = if is_small { 1 } else { epochs };
        Some(Self {
            n_passes: train * train_passes + validation * validation_passes,
            flops: sum(frozen, |layer| layer.flops),
            learning_flops: sum(learning, |layer| layer.flops),
            learning_bytes: sum(learning, |layer| layer.activation_bytes),
            kept_bytes: if n_versions == 0 { 0 } else { bytes_of(train * n_versions + validation) },
        })
    }

    /// FLOPs of the frozen layers during the run.
    pub fn total_flops(&self) -> u64 {
        self.n_passes.saturating_mul(self.flops)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AdversarialConfig, AugmentConfig, Layer, NetworkConfig};
    use crate::network::shape::infer;
    use crate::protocol::ImageShape;

    fn work(change: impl FnOnce(&mut RunConfig), train: u32) -> Option<FrozenWork> {
        let layers = vec![Layer::Flatten, Layer::Linear { units: 10, bias: false }, Layer::Classifier { bias: false }];
        let network = NetworkConfig { frozen: 2, ..NetworkConfig::new("n", layers) };
        let mut config = RunConfig { epochs: 3, ..RunConfig::new("some", network) };
        change(&mut config);
        let layers = infer(&config.network, ImageShape { channels: 1, height: 2, width: 2 }, 5).unwrap();
        FrozenWork::of(&config, &layers, SplitCounts { train, validation: 20, test: 1 })
    }

    #[test]
    fn outputs_are_kept_for_images_that_stay_or_are_flipped() {
        let plain =
            FrozenWork { n_passes: 120, flops: 80, learning_flops: 100, learning_bytes: 20, kept_bytes: 120 * 40 };
        assert_eq!(work(|_| {}, 100), Some(plain));
        let flip = AugmentConfig { flip: 0.5, ..AugmentConfig::default() };
        assert_eq!(
            work(|config| config.augment = flip, 100),
            Some(FrozenWork { n_passes: 220, kept_bytes: 220 * 40, ..plain })
        );
        let computed = Some(FrozenWork { n_passes: 320, kept_bytes: 0, ..plain });
        assert_eq!(work(|config| config.augment = AugmentConfig { shift: 0.1, ..flip }, 100), computed);
        assert_eq!(work(|config| config.adversarial = Some(AdversarialConfig::default()), 100), computed);
        assert_eq!(work(|config| config.network.frozen = 0, 100), None);
    }

    #[test]
    fn outputs_beyond_the_limit_are_computed_in_every_epoch() {
        let most = (KEPT_LIMIT_BYTES / 40 - 20) as u32;
        assert_eq!(work(|_| {}, most).unwrap().n_passes, u64::from(most) + 20);
        assert_eq!(work(|_| {}, most + 1).unwrap().n_passes, 3 * (u64::from(most) + 21));
    }
}
