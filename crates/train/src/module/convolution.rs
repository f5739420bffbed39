//! Convolutions and linear layers: kernels of Kindling's own on blocks of images, burn's on other features.

use burn::nn::conv::Conv2d;
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::Tensor;
use kindling_kernels::conv::{Conv, WeightOrder};

use super::features::Features;
use super::flow::Flow;
use crate::blocks::BlockTensor;

/// `relu` may be true only if the features are in blocks, or get there.
pub(super) fn convolve(layer: &Conv2d, flow: Flow, relu: bool) -> Flow {
    let blocks = match flow.in_blocks() {
        Flow::Blocks(blocks) => blocks,
        flow => return Flow::maps(layer.forward(flow.plain().maps())),
    };
    let [_, channels, height, width] = blocks.dims();
    let [filters, _, _, _] = layer.weight.dims();
    let PaddingConfig2d::Explicit(top, left, _, _) = layer.padding else {
        unreachable!("convolutions are built with equal padding on all sides")
    };
    let conv = Conv {
        channels,
        size: [height, width],
        filters,
        kernel: layer.kernel_size,
        stride: layer.stride,
        padding: [top, left],
        dilation: layer.dilation,
        groups: layer.groups,
        weights: WeightOrder::Conv,
    };
    Flow::Blocks(blocks.conv(conv, layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()), relu))
}

/// On a vector, or on each item of a sequence. `relu` may be true only for a vector in blocks.
pub(super) fn linear(layer: &Linear, flow: Flow, relu: bool) -> Flow {
    match flow {
        Flow::FlatBlocks(blocks) => {
            let [_, channels, height, width] = blocks.dims();
            let [_, units] = layer.weight.dims();
            let conv = Conv::linear(channels, [height, width], units);
            let bias = layer.bias.as_ref().map(|bias| bias.val());
            Flow::FlatBlocks(blocks.conv(conv, layer.weight.val(), bias, relu))
        }
        flow => Flow::Plain(match flow.plain() {
            Features::Sequence(sequence) => Features::Sequence(layer.forward(sequence)),
            features => Features::Vector(layer.forward(features.vector())),
        }),
    }
}

/// `scale · x + shift` for each channel: a convolution with one weight per channel.
pub(super) fn scale(blocks: BlockTensor, scale: Tensor<1>, shift: Tensor<1>, relu: bool) -> BlockTensor {
    let [_, channels, height, width] = blocks.dims();
    let conv = Conv {
        channels,
        size: [height, width],
        filters: channels,
        kernel: [1; 2],
        stride: [1; 2],
        padding: [0; 2],
        dilation: [1; 2],
        groups: channels,
        weights: WeightOrder::Conv,
    };
    blocks.conv(conv, scale.reshape([channels, 1, 1, 1]), Some(shift), relu)
}
