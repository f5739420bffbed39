//! The parts of a vision transformer: patch embedding, positional embedding, and blocks of attention and MLP.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::activation::Activate;
use super::builder::Builder;
use super::convolution::{convolve, flow_product, linear};
use super::dropout::Dropout;
use super::features::Features;
use super::flow::Flow;
use super::norm::LayerNorm;
use kindling_core::config::Activation;
use kindling_core::random::Random;

/// Patches of an image as a sequence.
#[derive(Module, Debug)]
pub(super) struct PatchEmbedding {
    pub projection: Conv2d,
}

impl PatchEmbedding {
    pub fn forward(&self, flow: Flow) -> Flow {
        match convolve(&self.projection, flow, false) {
            Flow::Blocks(patches) => Flow::SequenceBlocks(patches.places()),
            flow => {
                let patches = flow.plain().maps(); // [batch, features, rows, columns]
                let patches = patches.flatten::<3>(2, 3).swap_dims(1, 2); // [batch, rows * columns, features]
                Flow::Plain(Features::Sequence(patches))
            }
        }
    }
}

/// A learned value for each feature of each position.
#[derive(Module, Debug)]
pub(super) struct PositionEmbedding {
    /// `[1, length, features]`
    pub positions: Param<Tensor<3>>,
}

impl PositionEmbedding {
    pub fn forward(&self, flow: Flow) -> Flow {
        match flow.in_blocks() {
            Flow::SequenceBlocks(items) => Flow::SequenceBlocks(items.plus_positions(self.positions.val())),
            flow => Flow::Plain(Features::Sequence(flow.plain().sequence() + self.positions.val())),
        }
    }
}

/// PyTorch's `TransformerEncoderLayer(norm_first=True, activation="gelu")`.
#[derive(Module, Debug)]
pub(super) struct TransformerBlock {
    self_attn: SelfAttention,
    linear1: Linear,
    linear2: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
    dropout: Dropout,
}

impl TransformerBlock {
    pub fn build(heads: u32, rate: f32, builder: &mut Builder) -> Self {
        Self {
            self_attn: SelfAttention::build(heads, builder),
            linear1: builder.linear(true),
            linear2: builder.linear(true),
            norm1: LayerNorm::build(builder),
            norm2: LayerNorm::build(builder),
            dropout: Dropout { rate },
        }
    }

    pub fn forward(&self, items: Flow) -> Flow {
        self.sums(items, |added| added)
    }

    pub fn forward_train(&self, items: Flow, random: &mut Random) -> Flow {
        self.sums(items, |added| self.dropout.forward_train(added, random))
    }

    fn sums(&self, items: Flow, mut drop: impl FnMut(Flow) -> Flow) -> Flow {
        let items = items.in_blocks();
        let attended = self.self_attn.forward(self.norm1.forward(items.clone()));
        let items = items.plus(drop(attended));
        let gelu = Activate { function: Activation::Gelu };
        let hidden = gelu.forward(linear(&self.linear1, self.norm2.forward(items.clone()), false)); // [batch, length, hidden]
        items.plus(drop(linear(&self.linear2, hidden, false)))
    }
}

/// PyTorch's `MultiheadAttention`, used as self-attention.
#[derive(Module, Debug)]
struct SelfAttention {
    /// Queries, keys and values side by side: `[features, 3 * features]`.
    in_proj_weight: Param<Tensor<2>>,
    in_proj_bias: Param<Tensor<1>>,
    out_proj: Linear,
    #[module(skip)]
    heads: usize,
}

impl SelfAttention {
    fn build(heads: u32, builder: &mut Builder) -> Self {
        Self {
            in_proj_weight: builder.learned(),
            in_proj_bias: builder.learned(),
            out_proj: builder.linear(true),
            heads: heads as usize,
        }
    }

    fn forward(&self, items: Flow) -> Flow {
        let projected = flow_product(items, self.in_proj_weight.val(), Some(self.in_proj_bias.val()), false);
        let attended = match projected {
            Flow::SequenceBlocks(projected) => Flow::SequenceBlocks(projected.attention(self.heads)),
            flow => Flow::Plain(Features::Sequence(self.attend(flow.plain().sequence()))),
        };
        linear(&self.out_proj, attended, false)
    }

    /// From `[batch, length, 3 * features]` to `[batch, length, features]`.
    fn attend(&self, projected: Tensor<3>) -> Tensor<3> {
        let [n_images, length, n_projected] = projected.dims();
        let features = n_projected / 3;
        let per_head = features / self.heads;
        let part = |index: usize| {
            let part = projected.clone().narrow(2, index * features, features);
            part.reshape([n_images, length, self.heads, per_head]).swap_dims(1, 2) // [batch, heads, length, per_head]
        };
        let scores = part(0).matmul(part(1).swap_dims(2, 3)) * (1.0 / (per_head as f64).sqrt());
        let attended = softmax(scores, 3).matmul(part(2)); // [batch, heads, length, per_head]
        attended.swap_dims(1, 2).reshape([n_images, length, features])
    }
}
