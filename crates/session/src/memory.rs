//! Refuses a run whose steps the device's memory cannot hold, before it begins: an allocation that fails ends the engine.

use kindling_core::config::RunConfig;
use kindling_core::network::shape::{LayerSummary, infer};
use kindling_core::protocol::{Failure, FailureKind, ImageShape};
use kindling_train::device::EngineDevice;

const VALUE_BYTES: u64 = 4;

/// The share of all layers' outputs that a step keeps at least for its backward pass: kernels of Kindling's own keep less than all. For each image
/// of a batch, the peak memory of LeNet, the small CNN and the VGG-like preset grows by 88, 76 and 72 % of them on the CPU.
const KEPT_PERCENT: u64 = 70;

/// Checks the outputs of the layers for one batch: those of each layer, which are one buffer, against the device's largest, and those of all
/// trained layers against its memory.
///
/// # Errors
///
/// `OutOfMemory`, with the sizes and the largest batch that fits. A network that cannot be built is reported where it is built.
pub fn check(config: &RunConfig, shape: ImageShape, n_classes: usize, device: &EngineDevice) -> Result<(), Failure> {
    let layers = infer(&config.network, shape, n_classes).unwrap_or_default();
    let largest = layers.iter().map(output_bytes).max().unwrap_or_default();
    let trained = layers.iter().skip(config.network.frozen as usize);
    let all = trained.map(|layer| layer.activation_bytes).fold(0, u64::saturating_add);
    let kept = all.saturating_mul(KEPT_PERCENT) / 100;
    fit("a layer's output", largest, config.batch_size, ("the largest buffer here", device.max_buffer_bytes))?;
    fit("what a step keeps", kept, config.batch_size, ("all memory here", device.memory_bytes))
}

/// Checks that so many bytes of each image fit into a limit.
fn fit(what: &str, image_bytes: u64, batch_size: u32, (place, limit_bytes): (&str, u64)) -> Result<(), Failure> {
    let batch_bytes = image_bytes.saturating_mul(batch_size.into());
    if batch_bytes <= limit_bytes {
        return Ok(());
    }
    let detail = format!(
        "{what} for a batch of {batch_size} images takes {}, and {place} is {}: {} images fit",
        megabytes(batch_bytes),
        megabytes(limit_bytes),
        limit_bytes / image_bytes.max(1),
    );
    Err(Failure::new(FailureKind::OutOfMemory, detail))
}

fn output_bytes(layer: &LayerSummary) -> u64 {
    layer.output.n_values().saturating_mul(VALUE_BYTES)
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use kindling_core::config::{Activation, Layer, NetworkConfig};

    use super::*;

    const IMAGE_BYTES: u64 = 28 * 28 * 4;

    /// Checks batches of 1,000 images whose layers all have outputs as large as the images, but for the classifier's.
    fn checked(layers: Vec<Layer>, frozen: u32, max_buffer_bytes: u64, memory_bytes: u64) -> Result<(), Failure> {
        let shape = ImageShape { channels: 1, height: 28, width: 28 };
        let network = NetworkConfig { frozen, ..NetworkConfig::new("t", layers) };
        let config = RunConfig { batch_size: 1000, ..RunConfig::new("mnist", network) };
        let device = EngineDevice { device: Device::flex(), max_buffer_bytes, memory_bytes, compiles_kernels: false };
        check(&config, shape, 10, &device)
    }

    fn expect_refused(checked: Result<(), Failure>, end: &str) {
        let failure = checked.unwrap_err();
        assert_eq!(failure.kind, FailureKind::OutOfMemory);
        assert!(failure.detail.ends_with(end), "{failure}");
    }

    #[test]
    fn a_batch_beyond_the_largest_buffer_is_refused_with_the_one_that_fits() {
        let layers = || vec![Layer::Flatten, Layer::Classifier { bias: true }];
        assert_eq!(checked(layers(), 0, 1000 * IMAGE_BYTES, u64::MAX), Ok(()));
        let refused = checked(layers(), 0, 1000 * IMAGE_BYTES - 1, u64::MAX);
        expect_refused(refused, "takes 3 MB, and the largest buffer here is 3 MB: 999 images fit");
    }

    #[test]
    fn a_step_beyond_the_memory_is_refused_but_frozen_layers_keep_nothing() {
        let relu = || Layer::Activation(Activation::Relu);
        let layers = || vec![relu(), relu(), Layer::Flatten, Layer::Classifier { bias: true }];
        let memory_bytes = 2000 * IMAGE_BYTES;
        expect_refused(
            checked(layers(), 0, u64::MAX, memory_bytes),
            "takes 6 MB, and all memory here is 6 MB: 948 images fit",
        );
        assert_eq!(checked(layers(), 1, u64::MAX, memory_bytes), Ok(()));
    }
}
