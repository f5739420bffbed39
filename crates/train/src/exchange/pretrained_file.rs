//! The weights of a published network, in a safetensors file: 8-bit integers with a factor for each filter, and biases of 32-bit floats.

use kindling_core::network::pretrained::Source;
use kindling_core::protocol::{Failure, FailureKind};
use safetensors::tensor::{Dtype, SafeTensors};

use crate::device::tensors::NamedTensor;

/// Puts the values of a published network in the place of initial ones. Weights of three channels become the sum over them where a network has
/// one channel, which computes the same of gray images.
///
/// # Errors
///
/// `BadFile`: not such a file, or a tensor that is missing or of another shape.
pub fn fill(weights: &mut [NamedTensor], sources: &[(String, Source)], file: &[u8]) -> Result<(), Failure> {
    let file = SafeTensors::deserialize(file).map_err(unreadable)?;
    for (name, source) in sources {
        let Some(tensor) = weights.iter_mut().find(|tensor| tensor.name == *name) else { continue };
        let (from, values) = match source {
            Source::Constant(value) => (name.as_str(), vec![*value; tensor.values.len()]),
            Source::Bias(layer) => (layer.as_str(), floats(&file, &format!("{layer}.bias"))?),
            Source::Weight(layer) => (layer.as_str(), weight(&file, layer, tensor)?),
        };
        if values.len() != tensor.values.len() {
            let (found, needed) = (values.len(), &tensor.shape);
            return Err(unreadable(format!("{from} has {found} values, and the network's {needed:?}")));
        }
        tensor.values = values;
    }
    Ok(())
}

/// The weight of a convolution for a tensor `[filters, channels, height, width]`.
fn weight(file: &SafeTensors<'_>, layer: &str, tensor: &NamedTensor) -> Result<Vec<f32>, Failure> {
    let view = file.tensor(&format!("{layer}.weight")).map_err(unreadable)?;
    let scale = floats(file, &format!("{layer}.scale"))?;
    let (&[filters, channels, height, width], Dtype::I8) = (view.shape(), view.dtype()) else {
        return Err(unreadable(format!("{layer} is no weight of 8-bit integers")));
    };
    if scale.len() != filters {
        return Err(unreadable(format!("{layer} has {} factors for {filters} filters", scale.len())));
    }
    let n_places = (height * width).max(1);
    let is_summed = channels == 3 && tensor.shape.get(1) == Some(&1);
    let mut values = Vec::with_capacity(tensor.values.len());
    for (filter, scale) in view.data().chunks_exact((channels * n_places).max(1)).zip(scale) {
        let value = |byte: &u8| f32::from(byte.cast_signed()) * scale;
        match is_summed {
            false => values.extend(filter.iter().map(value)),
            true => {
                let places = 0..n_places;
                values.extend(places.map(|place| filter.iter().skip(place).step_by(n_places).map(value).sum::<f32>()));
            }
        }
    }
    Ok(values)
}

fn floats(file: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, Failure> {
    let view = file.tensor(name).map_err(unreadable)?;
    match view.dtype() {
        Dtype::F32 => {
            let (numbers, _) = view.data().as_chunks::<4>();
            Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        }
        _ => Err(unreadable(format!("{name} is not of 32-bit floats"))),
    }
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::BadFile, format!("the pre-trained weights cannot be used: {error}"))
}
