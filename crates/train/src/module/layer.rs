//! One layer of a network: its kinds, how it is built, and what it does.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, PaddingConfig2d};

use super::activation::Activate;
use super::block::{Chain, PooledSkip, Residual, SqueezeExcitation};
use super::builder::Builder;
use super::dropout::{Dropout, SpatialDropout};
use super::flow::Flow;
use super::norm::{BatchNorm, GroupNorm, LayerNorm};
use super::pool::{GlobalAveragePool, GlobalMaxPool};
use super::recurrent::{Cell, Recurrent};
use super::resize::Resize;
use super::transformer::{PatchEmbedding, PositionEmbedding, TransformerBlock};
use super::{convolution, pool, sequence};
use kindling_core::config::{Activation, Layer, Padding};
use kindling_core::network::shape::PlacedLayer;
use kindling_core::network::shape::maps::padding_of;
use kindling_core::random::Random;

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "burn has no boxed modules, and a network has few layers")]
pub(super) enum NetworkLayer {
    Conv(Conv2d),
    BatchNorm(BatchNorm),
    GroupNorm(GroupNorm),
    LayerNorm(LayerNorm),
    Activation(Activate),
    MaxPool(MaxPool2d),
    AveragePool(AvgPool2d),
    GlobalAveragePool(GlobalAveragePool),
    GlobalMaxPool(GlobalMaxPool),
    Dropout(Dropout),
    SpatialDropout(SpatialDropout),
    Flatten(Flatten),
    Linear(Linear),
    Residual(Residual),
    PooledSkip(PooledSkip),
    Resize(Resize),
    Chain(Chain),
    SqueezeExcitation(SqueezeExcitation),
    Rows(Rows),
    Recurrent(Recurrent),
    PatchEmbedding(PatchEmbedding),
    PositionEmbedding(PositionEmbedding),
    TransformerBlock(TransformerBlock),
}

/// Maps or a sequence to a vector.
#[derive(Module, Debug)]
pub(super) struct Flatten {}

/// Maps to the sequence of their rows.
#[derive(Module, Debug)]
pub(super) struct Rows {}

impl NetworkLayer {
    pub fn build(placed: &PlacedLayer, builder: &mut Builder) -> Self {
        match placed.layer {
            Layer::Conv { kernel, stride, padding, dilation, groups, bias, .. } => {
                Self::Conv(build_conv(Window { kernel, stride, padding, dilation }, groups as usize, bias, builder))
            }
            Layer::DepthwiseConv { kernel, stride, padding, dilation, bias } => {
                // There is a group per channel, and the weight has a filter for each.
                let conv = build_conv(Window { kernel, stride, padding, dilation }, 1, bias, builder);
                let [groups, _, _, _] = conv.weight.dims();
                Self::Conv(Conv2d { groups, ..conv })
            }
            Layer::BatchNorm => Self::BatchNorm(BatchNorm::build(builder)),
            Layer::GroupNorm { groups } => Self::GroupNorm(GroupNorm::build(groups, builder)),
            Layer::LayerNorm => Self::LayerNorm(LayerNorm::build(builder)),
            Layer::Activation(function) => Self::Activation(Activate { function }),
            Layer::MaxPool { size, stride } => {
                Self::MaxPool(MaxPool2dConfig::new([size as usize; 2]).with_strides([stride as usize; 2]).init())
            }
            Layer::AveragePool { size, stride } => {
                Self::AveragePool(AvgPool2dConfig::new([size as usize; 2]).with_strides([stride as usize; 2]).init())
            }
            Layer::GlobalAveragePool => Self::GlobalAveragePool(GlobalAveragePool {}),
            Layer::GlobalMaxPool => Self::GlobalMaxPool(GlobalMaxPool {}),
            Layer::Dropout { rate } => Self::Dropout(Dropout { rate }),
            Layer::SpatialDropout { rate } => Self::SpatialDropout(SpatialDropout { rate }),
            Layer::Flatten => Self::Flatten(Flatten {}),
            Layer::Linear { bias, .. } | Layer::Classifier { bias } => Self::Linear(builder.linear(bias)),
            Layer::Residual { .. } => Self::Residual(Residual::build(placed, builder)),
            Layer::PooledSkip { .. } => Self::PooledSkip(PooledSkip::build(placed, builder)),
            Layer::Resize { size } => Self::Resize(Resize { side: size as usize }),
            Layer::DepthwiseSeparable { .. } => Self::Chain(Chain { layers: builder.layers(&placed.inner) }),
            Layer::SqueezeExcitation { .. } => Self::SqueezeExcitation(SqueezeExcitation::build(builder)),
            Layer::Rows => Self::Rows(Rows {}),
            Layer::Lstm { states, .. } => Self::Recurrent(Recurrent::build(Cell::Lstm, states, builder)),
            Layer::Gru { states, .. } => Self::Recurrent(Recurrent::build(Cell::Gru, states, builder)),
            Layer::PatchEmbedding { size, .. } => {
                let window = Window { kernel: size, stride: size, padding: Padding::Valid, dilation: 1 };
                Self::PatchEmbedding(PatchEmbedding { projection: build_conv(window, 1, true, builder) })
            }
            Layer::PositionEmbedding => Self::PositionEmbedding(PositionEmbedding { positions: builder.learned() }),
            Layer::TransformerBlock { heads, dropout, .. } => {
                Self::TransformerBlock(TransformerBlock::build(heads, dropout, builder))
            }
        }
    }

    /// `relu` asks for a ReLU of the output, of layers that compute it.
    pub fn forward(&self, flow: Flow, relu: bool) -> Flow {
        match self {
            Self::Conv(layer) => convolution::convolve(layer, flow, relu),
            Self::BatchNorm(layer) => layer.forward(flow, relu),
            Self::Activation(layer) => layer.forward(flow),
            Self::MaxPool(layer) => pool::max(layer, flow, relu),
            Self::AveragePool(layer) => pool::average(layer, flow),
            Self::GlobalAveragePool(layer) => layer.forward(flow),
            Self::GlobalMaxPool(layer) => layer.forward(flow),
            Self::Dropout(_) | Self::SpatialDropout(_) => flow,
            Self::Flatten(_) => flow.flatten(),
            Self::Linear(layer) => convolution::linear(layer, flow, relu),
            Self::Residual(layer) => layer.forward(flow),
            Self::PooledSkip(layer) => layer.forward(flow),
            Self::Resize(layer) => Flow::maps(layer.forward(flow.plain().maps())),
            Self::Chain(layer) => sequence::forward(&layer.layers, flow),
            Self::GroupNorm(layer) => layer.forward(flow),
            Self::LayerNorm(layer) => layer.forward(flow),
            Self::SqueezeExcitation(layer) => Flow::maps(layer.forward(flow.plain().maps())),
            Self::Rows(_) => Flow::Plain(flow.plain().rows()),
            Self::Recurrent(layer) => layer.forward(flow),
            Self::PatchEmbedding(layer) => layer.forward(flow),
            Self::PositionEmbedding(layer) => layer.forward(flow),
            Self::TransformerBlock(layer) => layer.forward(flow),
        }
    }

    /// Differs from [`NetworkLayer::forward`] for layers that behave differently in training.
    pub fn forward_train(&mut self, flow: Flow, relu: bool, random: &mut Random) -> Flow {
        match self {
            Self::BatchNorm(layer) => layer.forward_train(flow, relu),
            Self::Dropout(layer) => layer.forward_train(flow, random),
            Self::SpatialDropout(layer) => layer.forward_train(flow, random),
            Self::Residual(layer) => layer.forward_train(flow, random),
            Self::PooledSkip(layer) => layer.forward_train(flow, random),
            Self::Chain(layer) => sequence::forward_train(&mut layer.layers, flow, random),
            Self::TransformerBlock(layer) => layer.forward_train(flow, random),
            layer => layer.forward(flow, relu),
        }
    }

    pub fn is(&self, activation: Activation) -> bool {
        matches!(self, Self::Activation(layer) if layer.function == activation)
    }

    pub fn is_max_pool(&self) -> bool {
        matches!(self, Self::MaxPool(_))
    }

    /// Whether the layer can compute a ReLU of its output, for this input.
    pub fn computes_relu(&self, input: &Flow) -> bool {
        match self {
            Self::Conv(_) => input.takes_kernels(),
            Self::Linear(_) => input.is_in_blocks() || input.is_on_gpu(),
            Self::BatchNorm(_) => input.is_on_gpu() || input.clone().vector_of_channels().is_in_blocks(),
            _ => false,
        }
    }
}

/// How a kernel moves over maps.
struct Window {
    kernel: u32,
    stride: u32,
    padding: Padding,
    dilation: u32,
}

fn build_conv(window: Window, groups: usize, has_bias: bool, builder: &mut Builder) -> Conv2d {
    let Window { kernel, stride, padding, dilation } = window;
    let side = padding_of(kernel, dilation, padding) as usize;
    Conv2d {
        weight: builder.learned(),
        bias: has_bias.then(|| builder.learned()),
        stride: [stride as usize; 2],
        kernel_size: [kernel as usize; 2],
        dilation: [dilation as usize; 2],
        groups,
        padding: PaddingConfig2d::Explicit(side, side, side, side),
    }
}
