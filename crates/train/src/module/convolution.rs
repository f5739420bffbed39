//! Convolutions and linear layers by kernels of Kindling's own: on a CPU on blocks of images, on a GPU on burn's tensors. burn computes
//! what is left: the linear layers of squeeze and excitation on a CPU, and everything in a build that has none of these kernels.

use burn::nn::conv::Conv2d;
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::Tensor;
use kindling_kernels::conv::{Conv, WeightOrder};

use super::features::Features;
use super::flow::Flow;
use crate::maps;

/// `relu` may be true only if the flow [takes kernels](Flow::takes_kernels).
pub(super) fn convolve(layer: &Conv2d, flow: Flow, relu: bool) -> Flow {
    let (weight, bias) = (layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()));
    match flow.in_blocks() {
        Flow::Blocks(blocks) => {
            let shape = shape(layer, blocks.dims());
            Flow::Blocks(blocks.conv(shape, weight, bias, relu))
        }
        flow => {
            let maps = flow.plain().maps();
            if !maps::has_kernels(&maps) {
                return Flow::maps(layer.forward(maps));
            }
            let shape = shape(layer, maps.dims());
            Flow::maps(maps::convolve(maps, shape, weight, bias, relu))
        }
    }
}

/// The shape of a layer on maps `[batch, channels, height, width]`.
fn shape(layer: &Conv2d, [_, channels, height, width]: [usize; 4]) -> Conv {
    let [filters, _, _, _] = layer.weight.dims();
    let PaddingConfig2d::Explicit(top, left, _, _) = layer.padding else {
        unreachable!("convolutions are built with equal padding on all sides")
    };
    Conv {
        channels,
        size: [height, width],
        filters,
        kernel: layer.kernel_size,
        stride: layer.stride,
        padding: [top, left],
        dilation: layer.dilation,
        groups: layer.groups,
        weights: WeightOrder::Conv,
    }
}

/// On a vector, or on each item of a sequence. `relu` may be true only if it is in blocks, or on a GPU.
pub(super) fn linear(layer: &Linear, flow: Flow, relu: bool) -> Flow {
    flow_product(flow, layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()), relu)
}

/// A vector, or each item of a sequence, times `[features, units]`, plus a bias. `relu` may be true only if it is in blocks, or on a GPU.
pub(super) fn flow_product(flow: Flow, weight: Tensor<2>, bias: Option<Tensor<1>>, relu: bool) -> Flow {
    let [_, units] = weight.dims();
    match flow.in_blocks() {
        Flow::FlatBlocks(blocks) => {
            let [_, channels, height, width] = blocks.dims();
            let conv = Conv::linear(channels, [height, width], units);
            Flow::FlatBlocks(blocks.conv(conv, weight, bias, relu))
        }
        Flow::SequenceBlocks(blocks) => {
            let [_, features, length, _] = blocks.dims();
            Flow::SequenceBlocks(blocks.conv(Conv::pointwise(features, length, units), weight, bias, relu))
        }
        Flow::FlatMaps(maps) => Flow::Plain(Features::Vector(maps::linear_of_maps(maps, weight, bias, relu))),
        flow => Flow::Plain(match flow.plain() {
            Features::Sequence(sequence) => Features::Sequence(product(sequence, weight, bias, relu)),
            features => Features::Vector(product(features.vector(), weight, bias, relu)),
        }),
    }
}

/// A linear layer on `[…, features]`. `relu` may be true only on a GPU.
pub(super) fn on_vectors<const D: usize>(layer: &Linear, vectors: Tensor<D>, relu: bool) -> Tensor<D> {
    product(vectors, layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()), relu)
}

/// `[…, features]` times `[features, units]`, plus a bias. `relu` may be true only on a GPU.
pub(super) fn product<const D: usize>(
    vectors: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    relu: bool,
) -> Tensor<D> {
    if maps::has_kernels(&vectors) {
        maps::linear(vectors, weight, bias, relu)
    } else {
        burn::tensor::module::linear(vectors, weight, bias)
    }
}
