//! A trained network, independent of any device: its description and its weights.

use std::collections::BTreeMap;

use kindling_core::config::NetworkConfig;
use kindling_core::dataset::DrawingStyle;
use kindling_core::network::shape::{PlacedLayer, network_tensors, place};
use kindling_core::protocol::{ImageShape, Origin};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use crate::error::ExchangeError;

/// Everything about a trained network but its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    pub network: NetworkConfig,
    /// The shape of the network's input.
    pub input: ImageShape,
    /// Class names, in the order of the network's outputs.
    pub classes: Vec<String>,
    /// How figures are laid out in the dataset's images.
    pub style: DrawingStyle,
    /// `None` where a file does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Numbers in row-major order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// A description that is sound, with a tensor for each name that it implies.
#[derive(Clone, Debug)]
pub struct TrainedNetwork {
    pub description: Description,
    pub layers: Vec<PlacedLayer>,
    // Private, because writers rely on every tensor being there, with the shape that inference gives it.
    weights: BTreeMap<String, Tensor>,
}

impl TrainedNetwork {
    /// A network with the weights of a safetensors file: 32-bit floats in PyTorch's names and layouts.
    ///
    /// # Errors
    ///
    /// A network that does not fit its input, a file that cannot be read, a tensor that is missing or has another shape.
    pub fn from_file(description: Description, file: &[u8]) -> Result<Self, ExchangeError> {
        Self::new(description, read_weights(file)?)
    }

    /// A network with the given weights; names that it does not have are ignored.
    ///
    /// # Errors
    ///
    /// A network that does not fit its input, images that are neither gray nor in color, a tensor that is missing or has another shape.
    pub fn new(description: Description, mut given: BTreeMap<String, Tensor>) -> Result<Self, ExchangeError> {
        if !matches!(description.input.channels, 1 | 3) {
            return Err(ExchangeError::Channels { found: description.input.channels });
        }
        let layers = place(&description.network, description.input, description.classes.len())?;
        let mut weights = BTreeMap::new();
        for (name, spec) in network_tensors(&layers) {
            let needed: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
            let tensor = given.remove(&name).filter(|tensor| tensor.shape == needed);
            let tensor = tensor.ok_or_else(|| ExchangeError::NoTensor { name: name.clone(), shape: needed })?;
            weights.insert(name, tensor);
        }
        Ok(Self { description, layers, weights })
    }

    /// All tensors by their PyTorch names: `0.weight`, `3.layers.1.running_mean`.
    pub fn weights(&self) -> &BTreeMap<String, Tensor> {
        &self.weights
    }

    /// A tensor of the layer at `path`, which is part of the tensor's full name.
    pub fn tensor(&self, path: &str, name: &str) -> &Tensor {
        let Some(tensor) = self.weights.get(&format!("{path}.{name}")) else {
            unreachable!("a trained network has every tensor that its layers name")
        };
        tensor
    }

    /// The layers before the classifier, each with its path.
    pub fn body(&self) -> impl Iterator<Item = (String, &PlacedLayer)> {
        let n_body = self.layers.len().saturating_sub(1);
        self.layers.iter().take(n_body).enumerate().map(|(index, layer)| (index.to_string(), layer))
    }

    /// The classifier with its path. A network without one cannot be placed.
    pub fn classifier(&self) -> (String, &PlacedLayer) {
        let Some(layer) = self.layers.last() else { unreachable!("the last layer of a network is its classifier") };
        ((self.layers.len() - 1).to_string(), layer)
    }
}

impl Tensor {
    pub fn new(shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Self {
        Self { shape: shape.into(), values }
    }

    /// The values as little-endian bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}

/// The tensors of a safetensors file.
///
/// # Errors
///
/// Bytes that are no such file, tensors of anything but 32-bit floats.
pub fn read_weights(file: &[u8]) -> Result<BTreeMap<String, Tensor>, ExchangeError> {
    let unreadable = |error: &dyn std::fmt::Display| ExchangeError::Unreadable(format!("the weights: {error}"));
    let file = SafeTensors::deserialize(file).map_err(|error| unreadable(&error))?;
    let tensors = file.tensors().into_iter().map(|(name, view)| match view.dtype() {
        Dtype::F32 => Ok((name, Tensor::new(view.shape(), floats(view.data())))),
        _ => Err(unreadable(&format!("{name} is not of 32-bit floats"))),
    });
    tensors.collect()
}

/// The tensors as a safetensors file, under the names and in the layouts that they have here.
///
/// # Errors
///
/// `Unwritable`, for a tensor whose values do not fill its shape.
pub fn write_weights(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, ExchangeError> {
    let unwritable = |error: safetensors::SafeTensorError| ExchangeError::Unwritable(format!("the weights ({error})"));
    let bytes: Vec<Vec<u8>> = tensors.values().map(Tensor::bytes).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(unwritable)?;
        Ok((name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, ExchangeError>>()?;
    // `safetensors.torch` refuses files that do not say so.
    serialize(views, Some([("format".to_owned(), "pt".to_owned())].into_iter().collect())).map_err(unwritable)
}

/// Little-endian bytes as floats; an incomplete last one is dropped.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
