//! Weights as a safetensors file, in PyTorch's names and layouts: `safetensors.torch.load_file` reads it.

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::device::tensors::NamedTensor;
use kindling_core::protocol::{Failure, FailureKind};

pub fn to_bytes(tensors: &[NamedTensor]) -> Result<Vec<u8>, Failure> {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(unreadable)?;
        Ok((tensor.name.as_str(), view))
    });
    serialize(views.collect::<Result<Vec<_>, Failure>>()?, None).map_err(unreadable)
}

/// Fails on bytes that are no such file, and on tensors of anything but 32-bit floats.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<NamedTensor>, Failure> {
    let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        if view.dtype() != Dtype::F32 {
            return Err(unreadable(format!("{name} is not of 32-bit floats")));
        }
        let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok(NamedTensor { name, shape: view.shape().to_vec(), values })
    });
    tensors.collect()
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::BadFile, format!("the weights cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
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
    fn weights_come_back_to_the_last_bit() {
        let mut read = from_bytes(&to_bytes(&tensors()).unwrap()).unwrap();
        read.sort_by(|left, right| left.name.cmp(&right.name));
        assert_eq!(read, tensors());
    }

    #[test]
    fn a_cut_or_foreign_file_is_an_error() {
        let bytes = to_bytes(&tensors()).unwrap();
        for length in 0..bytes.len() {
            assert_eq!(from_bytes(&bytes[..length]).unwrap_err().kind, FailureKind::BadFile);
        }
        let half = TensorView::new(Dtype::F16, vec![1], &[0, 0]).unwrap();
        assert!(from_bytes(&serialize([("0.weight", half)], None).unwrap()).is_err());
    }
}
