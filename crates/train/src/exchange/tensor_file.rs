//! Reads and writes burn's tensors as safetensors files (github.com/huggingface/safetensors): tensors of 32-bit floats or of bytes by name,
//! and metadata strings by key.

use std::collections::BTreeMap;

use burn::tensor::{DType, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::device::tensors::NamedTensors;

/// Strings by key, stored in the file under `__metadata__`.
pub type Metadata = BTreeMap<String, String>;

/// Fails if a tensor holds anything but 32-bit floats or bytes.
pub fn write<'a>(
    tensors: impl IntoIterator<Item = (&'a str, &'a TensorData)>,
    metadata: &Metadata,
) -> Result<Vec<u8>, String> {
    let view = |(name, data): (&'a str, &'a TensorData)| {
        let dtype = match data.dtype() {
            DType::F32 => Dtype::F32,
            DType::U8 => Dtype::U8,
            _ => return Err(unknown_type(name)),
        };
        let view = TensorView::new(dtype, data.shape().to_vec(), data.as_bytes()).map_err(|error| error.to_string())?;
        Ok((name, view))
    };
    let views: Vec<_> = tensors.into_iter().map(view).collect::<Result<_, _>>()?;
    // A file without metadata has no `__metadata__` entry.
    let metadata = (!metadata.is_empty()).then(|| metadata.clone().into_iter().collect());
    serialize(views, metadata).map_err(|error| error.to_string())
}

/// Fails on bytes that are not a safetensors file, and on tensors of anything but 32-bit floats or bytes.
pub fn read(bytes: &[u8]) -> Result<(NamedTensors, Metadata), String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let dtype = match view.dtype() {
            Dtype::F32 => DType::F32,
            Dtype::U8 => DType::U8,
            _ => return Err(unknown_type(&name)),
        };
        let data = TensorData::try_from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), dtype);
        data.map(|data| (name, data)).map_err(|error| error.to_string())
    });
    let metadata = header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
    Ok((tensors.collect::<Result<_, _>>()?, metadata.collect()))
}

fn unknown_type(name: &str) -> String {
    format!("{name} is neither of 32-bit floats nor of bytes")
}
