//! A network's weights as a safetensors file, in PyTorch's names and layouts: `safetensors.torch.load_file` reads it.

use burn::tensor::TensorData;

use super::tensor_file::{self, Metadata};
use crate::device::tensors::{NamedTensor, NamedTensors};
use kindling_core::protocol::{Failure, FailureKind};

/// The weights as a file with this metadata.
pub fn to_bytes(tensors: &[NamedTensor], metadata: &Metadata) -> Result<Vec<u8>, Failure> {
    let data = |NamedTensor { name, shape, values }: &NamedTensor| {
        (name.clone(), TensorData::new(values.clone(), shape.clone()))
    };
    let tensors: NamedTensors = tensors.iter().map(data).collect();
    tensor_file::write(tensors.iter().map(|(name, data)| (name.as_str(), data)), metadata).map_err(unreadable)
}

/// Fails on bytes that are not a safetensors file, and on tensors of anything but 32-bit floats.
pub fn from_bytes(bytes: &[u8]) -> Result<(Vec<NamedTensor>, Metadata), Failure> {
    let (tensors, metadata) = tensor_file::read(bytes).map_err(unreadable)?;
    let tensors = tensors.into_iter().map(|(name, data)| NamedTensor::new(name, data).map_err(unreadable));
    Ok((tensors.collect::<Result<_, _>>()?, metadata))
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::BadFile, format!("the weights cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::{Dtype, TensorView, serialize};

    use super::*;

    fn tensors() -> Vec<NamedTensor> {
        let tensor = |name: &str, shape: &[usize], values: &[f32]| NamedTensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        vec![tensor("0.bias", &[2], &[1.5, f32::MIN_POSITIVE]), tensor("0.weight", &[1, 3], &[0.1, -2.0, 1e30])]
    }

    #[test]
    fn weights_and_metadata_come_back_to_the_last_bit() {
        let metadata = Metadata::from([("format", "pt"), ("run", "{\"seed\": 1}")].map(|(k, v)| (k.into(), v.into())));
        for metadata in [metadata, Metadata::default()] {
            let bytes = to_bytes(&tensors(), &metadata).unwrap();
            assert_eq!(from_bytes(&bytes).unwrap(), (tensors(), metadata));
        }
    }

    #[test]
    fn the_layout_of_files_that_visitors_have_stays_readable() {
        // Written by hand: a header's length, the header in JSON, and the values.
        let header = br#"{"0.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}     "#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend([1.5_f32, f32::MIN_POSITIVE].map(f32::to_le_bytes).as_flattened());
        assert_eq!(from_bytes(&bytes).unwrap(), (tensors()[..1].to_vec(), Metadata::default()));
        assert_eq!(to_bytes(&tensors()[..1], &Metadata::default()).unwrap(), bytes);
    }

    #[test]
    fn a_cut_or_foreign_file_is_an_error() {
        let bytes = to_bytes(&tensors(), &Metadata::default()).unwrap();
        for length in 0..bytes.len() {
            assert_eq!(from_bytes(&bytes[..length]).unwrap_err().kind, FailureKind::BadFile);
        }
        for (dtype, bytes) in [(Dtype::F16, &[0_u8, 0][..]), (Dtype::U8, &[0][..])] {
            let view = TensorView::new(dtype, vec![1], bytes).unwrap();
            assert!(from_bytes(&serialize([("0.weight", view)], None).unwrap()).is_err());
        }
    }
}
