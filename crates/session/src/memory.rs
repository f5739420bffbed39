//! Refuses a run whose batches no buffer of the device can hold, before it begins: an allocation that fails ends the engine.

use kindling_core::config::RunConfig;
use kindling_core::network::shape::{LayerSummary, infer};
use kindling_core::protocol::{Failure, FailureKind, ImageShape};

const VALUE_BYTES: u64 = 4;

/// Checks the outputs of each layer for one batch, which are one buffer, against the device's largest.
///
/// # Errors
///
/// `OutOfMemory`, with the sizes and the largest batch that fits. A network that cannot be built is reported where it is built.
pub fn check(config: &RunConfig, shape: ImageShape, n_classes: usize, max_buffer_bytes: u64) -> Result<(), Failure> {
    let layers = infer(&config.network, shape, n_classes).unwrap_or_default();
    let image_bytes = layers.iter().map(output_bytes).max().unwrap_or_default().max(1);
    let batch_bytes = image_bytes.saturating_mul(config.batch_size.into());
    if batch_bytes <= max_buffer_bytes {
        return Ok(());
    }
    let detail = format!(
        "a layer's output for a batch of {} images takes {}, and the largest buffer here is {}: {} images fit",
        config.batch_size,
        megabytes(batch_bytes),
        megabytes(max_buffer_bytes),
        max_buffer_bytes / image_bytes,
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
    use kindling_core::config::{Layer, NetworkConfig};

    use super::*;

    #[test]
    fn a_batch_beyond_the_largest_buffer_is_refused_with_the_one_that_fits() {
        let shape = ImageShape { channels: 1, height: 28, width: 28 };
        let layers = vec![Layer::Flatten, Layer::Classifier { bias: true }];
        let network = NetworkConfig::new("t", layers);
        let config = RunConfig { batch_size: 1000, ..RunConfig::new("mnist", network) };
        let image_bytes = 28 * 28 * 4;
        assert_eq!(check(&config, shape, 10, 1000 * image_bytes), Ok(()));
        let failure = check(&config, shape, 10, 1000 * image_bytes - 1).unwrap_err();
        assert_eq!(failure.kind, FailureKind::OutOfMemory);
        assert!(
            failure.detail.ends_with("takes 3 MB, and the largest buffer here is 3 MB: 999 images fit"),
            "{failure}"
        );
    }
}
