//! The parts of a vision transformer: patch embedding, positional embedding, and blocks of attention and MLP.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, softmax};

use super::builder::Builder;
use super::convolution::{convolve, on_vectors, product};
use super::dropout::Dropout;
use super::flow::Flow;
use super::norm::LayerNorm;
use kindling_core::random::Random;

/// Patches of an image as a sequence.
#[derive(Module, Debug)]
pub(super) struct PatchEmbedding {
    pub projection: Conv2d,
}

impl PatchEmbedding {
    pub fn forward(&self, flow: Flow) -> Tensor<3> {
        let patches = convolve(&self.projection, flow, false).plain().maps(); // [batch, features, rows, columns]
        patches.flatten::<3>(2, 3).swap_dims(1, 2) // [batch, rows * columns, features]
    }
}

/// A learned value for each feature of each position.
#[derive(Module, Debug)]
pub(super) struct PositionEmbedding {
    /// `[1, length, features]`
    pub positions: Param<Tensor<3>>,
}

impl PositionEmbedding {
    pub fn forward(&self, items: Tensor<3>) -> Tensor<3> {
        items + self.positions.val()
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

    pub fn forward(&self, items: Tensor<3>) -> Tensor<3> {
        self.sums(items, |added| added)
    }

    pub fn forward_train(&self, items: Tensor<3>, random: &mut Random) -> Tensor<3> {
        self.sums(items, |added| self.dropout.values(added, random))
    }

    fn sums(&self, items: Tensor<3>, mut drop: impl FnMut(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let attended = self.self_attn.forward(self.norm1.over_last_axis(items.clone()));
        let items = items + drop(attended);
        let hidden = gelu(on_vectors(&self.linear1, self.norm2.over_last_axis(items.clone()), false)); // [batch, length, hidden]
        items + drop(on_vectors(&self.linear2, hidden, false))
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

    fn forward(&self, items: Tensor<3>) -> Tensor<3> {
        let [n_images, length, features] = items.dims();
        let per_head = features / self.heads;
        let projected = product(items, self.in_proj_weight.val(), Some(self.in_proj_bias.val()), false); // [batch, length, 3 * features]
        let part = |index: usize| {
            let part = projected.clone().narrow(2, index * features, features);
            part.reshape([n_images, length, self.heads, per_head]).swap_dims(1, 2) // [batch, heads, length, per_head]
        };
        let scores = part(0).matmul(part(1).swap_dims(2, 3)) * (1.0 / (per_head as f64).sqrt());
        let attended = softmax(scores, 3).matmul(part(2)); // [batch, heads, length, per_head]
        on_vectors(&self.out_proj, attended.swap_dims(1, 2).reshape([n_images, length, features]), false)
    }
}
