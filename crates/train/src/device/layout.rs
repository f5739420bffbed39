//! The order in which weights lie in memory. burn's convolutions on WebGPU read channels last: weights that an update leaves in that
//! order they need not copy into it, forward and backward, in every step.
//!
//! burn writes a fused kernel's outputs over inputs that nobody needs any more, or else in the order that most of its inputs have. An update
//! reads the weights, what the optimizer remembers of them, and a gradient in an order of its own. So the first two must be channels last
//! from the first update on, and the gradient must not be written over.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;

use crate::module::Network;

const IS_CHANNELS_LAST: bool = cfg!(feature = "gpu");

/// A parameter in the order that its values are to lie in, for what computes them element by element; a view.
pub fn in_memory_order<const D: usize>(parameter: Tensor<D>) -> Tensor<D> {
    if IS_CHANNELS_LAST { channels_last(parameter) } else { parameter }
}

/// Undoes [`in_memory_order`]; a view, too.
pub fn in_parameter_order<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    if IS_CHANNELS_LAST { channels_second(values) } else { values }
}

/// The network with its weights in that order.
pub fn lay_out(network: Network) -> Network {
    if IS_CHANNELS_LAST { network.map(&mut LayOut) } else { network }
}

/// Values of a shape in memory order, which do lie so.
pub fn laid_out<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    let dims = values.dims();
    // What is flat can only lie in one order.
    if IS_CHANNELS_LAST && D == 4 { values.reshape([-1]).reshape(dims) } else { values }
}

/// While somebody holds a gradient, burn does not write the weights over it, and so in its order.
pub fn hold<const D: usize>(gradient: &Tensor<D>) -> Option<Tensor<D>> {
    (IS_CHANNELS_LAST && D == 4).then(|| gradient.clone())
}

struct LayOut;

impl ModuleMapper for LayOut {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = parameter.consume();
        if D != 4 || !value.is_require_grad() {
            return Param::from_mapped_value(id, value, mapper);
        }
        let value = in_parameter_order(laid_out(in_memory_order(value.without_autodiff())));
        Param::from_mapped_value(id, value.autodiff().require_grad(), mapper)
    }
}

/// `[out, in, height, width]` to `[out, height, width, in]`; all that is no convolution's weight stays.
fn channels_last<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if D == 4 { tensor.movedim(1, 3) } else { tensor }
}

fn channels_second<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if D == 4 { tensor.movedim(3, 1) } else { tensor }
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(feature = "cpu")]
    fn the_order_comes_and_goes() {
        use burn::tensor::{Device, Int, Tensor};

        use super::{channels_last, channels_second};

        let weight = Tensor::<1, Int>::arange(0..120, &Device::flex()).float().reshape([2, 3, 4, 5]);
        let moved = channels_last(weight.clone());
        assert_eq!(moved.dims(), [2, 4, 5, 3]);
        // The third channel's first value comes third.
        assert_eq!(moved.clone().into_data().iter::<f32>().take(4).collect::<Vec<_>>(), [0.0, 20.0, 40.0, 1.0]);
        assert_eq!(channels_second(moved).into_data(), weight.into_data());
        let matrix = Tensor::<2>::ones([2, 3], &Device::flex());
        assert_eq!(channels_last(matrix).dims(), [2, 3]);
    }
}
