//! The memory order of images and weights. Convolutions and pooling on a GPU read channels last: weights that an update leaves in
//! that order need no copy in the forward and backward pass of every step.
//!
//! burn writes a fused kernel's outputs over inputs that are no longer needed, or else in the order of most of its inputs. An update
//! reads the weights, the optimizer's state, and a gradient with an order of its own. So weights and state must be channels last from the
//! first update on, and the gradient must not be overwritten.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};

use super::cpu::is_cpu;
use crate::module::Network;

/// Where the channels of images and convolution weights lie in memory. Code that creates tensors takes it from their device once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The order in which tensors are created. On the CPU.
    ChannelsFirst,
    /// On a GPU.
    ChannelsLast,
}

impl Layout {
    /// The layout in which a device computes fastest.
    pub fn of(device: &Device) -> Self {
        if is_cpu(device) { Self::ChannelsFirst } else { Self::ChannelsLast }
    }

    /// Permutes a parameter into the order of its values in memory, for element-wise operations; a view.
    pub fn in_memory_order<const D: usize>(self, parameter: Tensor<D>) -> Tensor<D> {
        match self {
            Self::ChannelsFirst => parameter,
            Self::ChannelsLast => channels_last(parameter),
        }
    }

    /// Undoes [`Layout::in_memory_order`]; also a view.
    pub fn in_parameter_order<const D: usize>(self, values: Tensor<D>) -> Tensor<D> {
        match self {
            Self::ChannelsFirst => values,
            Self::ChannelsLast => channels_second(values),
        }
    }

    /// The network with its weights copied into this order.
    pub fn lay_out(self, network: Network) -> Network {
        match self {
            Self::ChannelsFirst => network,
            Self::ChannelsLast => network.map(&mut LayOut { layout: self }),
        }
    }

    /// Copies values, whose shape is already in memory order, so that they are contiguous.
    pub fn laid_out<const D: usize>(self, values: Tensor<D>) -> Tensor<D> {
        let dims = values.dims();
        // Flattening forces the copy: a flat tensor has only one order.
        if self == Self::ChannelsLast && D == 4 { values.reshape([-1]).reshape(dims) } else { values }
    }

    /// Keeps a gradient alive during an update: otherwise burn writes the weights over it, and so in its order.
    pub fn hold<const D: usize>(self, gradient: &Tensor<D>) -> Option<Tensor<D>> {
        (self == Self::ChannelsLast && D == 4).then(|| gradient.clone())
    }
}

struct LayOut {
    layout: Layout,
}

impl ModuleMapper for LayOut {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = parameter.consume();
        if D != 4 {
            return Param::from_mapped_value(id, value, mapper);
        }
        let is_frozen = !value.is_require_grad();
        let Self { layout } = *self;
        let value = layout.in_parameter_order(layout.laid_out(layout.in_memory_order(value.without_autodiff())));
        let value = value.autodiff();
        Param::from_mapped_value(id, if is_frozen { value } else { value.require_grad() }, mapper)
    }
}

/// `[out, in, height, width]` to `[out, height, width, in]`; tensors other than convolution weights are unchanged.
fn channels_last<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let mut shape = tensor.dims();
    match shape.as_mut_slice() {
        // The same memory, so that burn's usual order will do; see `in_usual_order`.
        [_, axes @ ..] if axes.len() == 3 && axes.first() == Some(&1) => {
            axes.rotate_left(1);
            tensor.reshape(shape)
        }
        [_, _, _, _] => tensor.movedim(1, 3),
        _ => tensor,
    }
}

fn channels_second<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let mut shape = tensor.dims();
    match shape.as_mut_slice() {
        [_, axes @ ..] if axes.len() == 3 && axes.last() == Some(&1) => {
            axes.rotate_right(1);
            tensor.reshape(shape)
        }
        [_, _, _, _] => tensor.movedim(3, 1),
        _ => tensor,
    }
}

/// Maps whose memory has both orders, since they have one channel, with the strides of burn's usual one. Where the stride of an axis of one
/// is another, burn 0.22.1 fuses kernels that read and write the wrong places. So is the gradient at them.
pub fn in_usual_order(maps: Tensor<4>) -> Tensor<4> {
    match maps.dims() {
        [images, 1, height, width] => maps.reshape([images, height * width]).reshape([images, 1, height, width]),
        _ => maps,
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use burn::tensor::Int;

    use super::*;

    fn weight() -> Tensor<4> {
        Tensor::<1, Int>::arange(0..120, &Device::flex()).float().reshape([2, 3, 4, 5])
    }

    #[test]
    fn the_order_comes_and_goes() {
        let moved = channels_last(weight());
        assert_eq!(moved.dims(), [2, 4, 5, 3]);
        // The third channel's first value comes third.
        assert_eq!(moved.clone().into_data().iter::<f32>().take(4).collect::<Vec<_>>(), [0.0, 20.0, 40.0, 1.0]);
        assert_eq!(channels_second(moved).into_data(), weight().into_data());
        let one = weight().reshape([6, 1, 4, 5]);
        assert_eq!(channels_last(one.clone()).dims(), [6, 4, 5, 1]);
        assert_eq!(channels_second(channels_last(one.clone())).into_data(), one.into_data());
        let matrix = Tensor::<2>::ones([2, 3], &Device::flex());
        assert_eq!(channels_last(matrix).dims(), [2, 3]);
    }

    #[test]
    fn a_layout_changes_the_memory_and_no_value() {
        assert_eq!(Layout::of(&Device::flex().autodiff()), Layout::ChannelsFirst);
        for layout in [Layout::ChannelsFirst, Layout::ChannelsLast] {
            let value = layout.in_parameter_order(layout.laid_out(layout.in_memory_order(weight())));
            assert_eq!(value.into_data(), weight().into_data());
        }
    }
}
