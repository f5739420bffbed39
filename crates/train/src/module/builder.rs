//! Builds layers on the device from a list of tensors in their order.

use burn::module::{Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};

use super::layer::NetworkLayer;
use crate::device::tensors::NamedTensor;
use kindling_core::network::shape::PlacedLayer;

pub(super) struct Builder {
    tensors: std::vec::IntoIter<NamedTensor>,
    device: Device,
    /// Whether the layers that are being built are frozen.
    is_frozen: bool,
}

impl Builder {
    /// `weights` are in the order of [`kindling_core::network::shape::network_tensors`].
    pub fn new(weights: Vec<NamedTensor>, device: &Device) -> Self {
        Self { tensors: weights.into_iter(), device: device.clone().autodiff(), is_frozen: false }
    }

    /// The layers of a network, the first of which are frozen.
    pub fn network(&mut self, layers: &[PlacedLayer], n_frozen: usize) -> Vec<NetworkLayer> {
        let build = |(index, layer)| {
            self.is_frozen = index < n_frozen;
            NetworkLayer::build(layer, self)
        };
        layers.iter().enumerate().map(build).collect()
    }

    pub fn layers(&mut self, layers: &[PlacedLayer]) -> Vec<NetworkLayer> {
        layers.iter().map(|layer| NetworkLayer::build(layer, self)).collect()
    }

    pub fn linear(&mut self, has_bias: bool) -> Linear {
        Linear { weight: self.learned(), bias: has_bias.then(|| self.learned()) }
    }

    pub fn learned<const D: usize>(&mut self) -> Param<Tensor<D>> {
        match self.is_frozen {
            true => self.fixed(),
            false => Param::initialized(ParamId::new(), self.next().require_grad()),
        }
    }

    pub fn fixed<const D: usize>(&mut self) -> Param<Tensor<D>> {
        Param::initialized(ParamId::new(), self.next())
    }

    fn next<const D: usize>(&mut self) -> Tensor<D> {
        let Some(tensor) = self.tensors.next() else { unreachable!("shape inference lists every tensor") };
        let NamedTensor { shape, values, .. } = tensor.linear_transposed();
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}
