//! Files of golden values, and comparisons with them.

use burn::tensor::{Device, Tensor};
use kindling_core::config::NetworkConfig;
use kindling_core::dataset::{Dataset, Split};
use kindling_core::protocol::ImageShape;
use kindling_train::device::images::{Batch, DeviceDataset};
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::Network;
use safetensors::SafeTensors;

/// Largest difference allowed, as a fraction of the largest value in the compared tensor: f32 sums have another order here.
pub const TOLERANCE: f32 = 1e-5;

/// make_golden.py keeps every 17th value of a long tensor.
const LONG: usize = 2_000;
const STRIDE: usize = 17;

/// A file of golden values.
pub struct Golden(pub SafeTensors<'static>);

impl Golden {
    pub fn open(bytes: &'static [u8]) -> Self {
        Self(SafeTensors::deserialize(bytes).unwrap())
    }

    pub fn network(&self, description: &NetworkConfig, input: ImageShape, n_classes: usize) -> Network {
        Network::with_weights(description, input, n_classes, self.start(""), &Device::flex()).unwrap()
    }

    /// The initial weights; `case` is empty, or the name of one of a file's cases with a slash.
    pub fn start(&self, case: &str) -> Vec<NamedTensor> {
        let of_case = |name: &str| Some(name.strip_prefix(case)?.strip_prefix("start/")?.to_owned());
        let named = self.0.names().into_iter().filter_map(|name| Some((name, of_case(name)?)));
        named
            .map(|(key, name)| NamedTensor {
                name,
                shape: self.0.tensor(key).unwrap().shape().to_vec(),
                values: self.floats(key),
            })
            .collect()
    }

    /// A batch, made like every batch: packed, gathered, unpacked.
    pub fn batch(&self, images: &str, labels: &str, shape: ImageShape, n_classes: usize) -> Batch {
        let labels: Vec<u16> =
            self.0.tensor(labels).unwrap().data().chunks_exact(8).map(|label| u16::from(label[0])).collect();
        let n_images = labels.len() as u32;
        let dataset = Dataset {
            name: String::new(),
            classes: (0..n_classes).map(|class| class.to_string()).collect(),
            shape,
            pixels: self.0.tensor(images).unwrap().data().to_vec(),
            labels,
            n_standard_test: 0,
            imported: None,
        };
        let data = DeviceDataset::new(&dataset, Split::default(), &Device::flex(), u64::MAX).unwrap();
        data.batch(data.select(0..n_images))
    }

    pub fn doubles(&self, name: &str) -> Vec<f64> {
        let bytes = self.0.tensor(name).unwrap_or_else(|_| panic!("{name} is missing")).data();
        bytes.chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().unwrap())).collect()
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.0.tensor(name).unwrap_or_else(|_| panic!("{name} is missing")).data();
        bytes.chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap())).collect()
    }

    pub fn check(&self, name: &str, found: &[f32], tolerance: f32) {
        let expected = self.floats(name);
        assert_eq!(found.len(), expected.len(), "{name}");
        let scale = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(scale > 0.0, "{name} is all zero, which would compare equal to a broken gradient");
        let difference =
            found.iter().zip(&expected).fold(0.0_f32, |largest, (one, other)| largest.max((one - other).abs()));
        assert!(difference <= tolerance * scale, "{name} differs by {difference}, the largest value is {scale}");
    }
}

pub fn thinned(values: Vec<f32>) -> Vec<f32> {
    if values.len() > LONG { values.into_iter().step_by(STRIDE).collect() } else { values }
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
