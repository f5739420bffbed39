//! Names and descriptions of layers in the visitor's language.

use crate::page::text::format::list;
use crate::page::text::i18n::{TextKey, key_tr, tr};
use kindling_core::config::{Activation, Layer, Padding, States};

/// The layer's name with its parameters; tracks the language.
pub fn layer_title(layer: &Layer) -> String {
    match *layer {
        Layer::Conv { filters, kernel, stride, padding, dilation, groups, .. } => with_details([
            Some(tr!(layer.conv, kernel = kernel, filters = filters)),
            (stride != 1).then(|| tr!(layer.stride, stride = stride)),
            (padding == Padding::Same).then(|| tr!(layer.same)),
            (dilation != 1).then(|| tr!(layer.dilation, dilation = dilation)),
            (groups != 1).then(|| tr!(layer.groups, groups = groups)),
        ]),
        Layer::DepthwiseConv { kernel, stride, padding, dilation, .. } => with_details([
            Some(tr!(layer.depthwise_conv, kernel = kernel)),
            (stride != 1).then(|| tr!(layer.stride, stride = stride)),
            (padding == Padding::Same).then(|| tr!(layer.same)),
            (dilation != 1).then(|| tr!(layer.dilation, dilation = dilation)),
        ]),
        Layer::BatchNorm => tr!(layer.batch_norm),
        Layer::GroupNorm { groups } => tr!(layer.group_norm, groups = groups),
        Layer::LayerNorm => tr!(layer.layer_norm),
        Layer::Activation(activation) => activation_name(activation),
        Layer::MaxPool { size, .. } => tr!(layer.max_pool, size = size),
        Layer::AveragePool { size, .. } => tr!(layer.average_pool, size = size),
        Layer::GlobalAveragePool => tr!(layer.global_average_pool),
        Layer::GlobalMaxPool => tr!(layer.global_max_pool),
        Layer::Dropout { rate } => tr!(layer.dropout, rate = rate),
        Layer::SpatialDropout { rate } => tr!(layer.spatial_dropout, rate = rate),
        Layer::Flatten => tr!(layer.flatten),
        Layer::Linear { units, .. } => tr!(layer.linear, units = units),
        Layer::Residual { ref layers } => tr!(layer.residual, count = layers.len()),
        Layer::PooledSkip { ref layers } => tr!(layer.pooled_skip, count = layers.len()),
        Layer::Resize { size } => tr!(layer.resize, size = size),
        Layer::DepthwiseSeparable { filters, kernel, stride } => with_details([
            Some(tr!(layer.depthwise_separable, kernel = kernel, filters = filters)),
            (stride != 1).then(|| tr!(layer.stride, stride = stride)),
        ]),
        Layer::SqueezeExcitation { ratio } => tr!(layer.squeeze_excitation, ratio = ratio),
        Layer::Rows => tr!(layer.rows),
        Layer::Lstm { units, states } => {
            with_details([Some(tr!(layer.lstm, units = units)), (states == States::All).then(|| tr!(layer.all_states))])
        }
        Layer::Gru { units, states } => {
            with_details([Some(tr!(layer.gru, units = units)), (states == States::All).then(|| tr!(layer.all_states))])
        }
        Layer::PatchEmbedding { size, features } => tr!(layer.patch_embedding, size = size, features = features),
        Layer::PositionEmbedding => tr!(layer.position_embedding),
        Layer::TransformerBlock { heads, .. } => tr!(layer.transformer_block, heads = heads),
        Layer::Classifier { .. } => tr!(layer.classifier),
    }
}

/// The layer's kind in a word or two, with its most important number; tracks the language.
pub fn layer_short(layer: &Layer) -> String {
    match *layer {
        Layer::Conv { kernel, .. } => tr!(layer_short.conv, kernel = kernel),
        Layer::DepthwiseConv { kernel, .. } => tr!(layer_short.depthwise_conv, kernel = kernel),
        Layer::BatchNorm => tr!(layer_short.batch_norm),
        Layer::GroupNorm { .. } => tr!(layer_short.group_norm),
        Layer::LayerNorm => tr!(layer_short.layer_norm),
        Layer::Activation(activation) => activation_name(activation),
        Layer::MaxPool { size, .. } => tr!(layer_short.max_pool, size = size),
        Layer::AveragePool { size, .. } => tr!(layer_short.average_pool, size = size),
        Layer::GlobalAveragePool => tr!(layer_short.global_average_pool),
        Layer::GlobalMaxPool => tr!(layer_short.global_max_pool),
        Layer::Dropout { rate } | Layer::SpatialDropout { rate } => tr!(layer.dropout, rate = rate),
        Layer::Flatten => tr!(layer.flatten),
        Layer::Linear { units, .. } => tr!(layer_short.linear, units = units),
        Layer::Residual { .. } => tr!(layer_short.residual),
        Layer::PooledSkip { .. } => tr!(layer_short.pooled_skip),
        Layer::Resize { size } => tr!(layer.resize, size = size),
        Layer::DepthwiseSeparable { kernel, .. } => tr!(layer_short.depthwise_separable, kernel = kernel),
        Layer::SqueezeExcitation { .. } => tr!(layer_short.squeeze_excitation),
        Layer::Rows => tr!(layer_short.rows),
        Layer::Lstm { units, .. } => format!("LSTM {units}"),
        Layer::Gru { units, .. } => format!("GRU {units}"),
        Layer::PatchEmbedding { size, .. } => tr!(layer_short.patch_embedding, size = size),
        Layer::PositionEmbedding => tr!(layer_short.position_embedding),
        Layer::TransformerBlock { .. } => tr!(layer_short.transformer_block),
        Layer::Classifier { .. } => tr!(layer_short.classifier),
    }
}

/// The key of the sentence that says what the layer is for.
pub fn layer_why(layer: &Layer) -> TextKey {
    match layer {
        Layer::Conv { .. } => key_tr!(layer.conv_why),
        Layer::DepthwiseConv { .. } => key_tr!(layer.depthwise_conv_why),
        Layer::BatchNorm => key_tr!(layer.batch_norm_why),
        Layer::GroupNorm { .. } => key_tr!(layer.group_norm_why),
        Layer::LayerNorm => key_tr!(layer.layer_norm_why),
        Layer::Activation(activation) => activation_why(*activation),
        Layer::MaxPool { .. } => key_tr!(layer.max_pool_why),
        Layer::AveragePool { .. } => key_tr!(layer.average_pool_why),
        Layer::GlobalAveragePool => key_tr!(layer.global_average_pool_why),
        Layer::GlobalMaxPool => key_tr!(layer.global_max_pool_why),
        Layer::Dropout { .. } => key_tr!(layer.dropout_why),
        Layer::SpatialDropout { .. } => key_tr!(layer.spatial_dropout_why),
        Layer::Flatten => key_tr!(layer.flatten_why),
        Layer::Linear { .. } => key_tr!(layer.linear_why),
        Layer::Residual { .. } => key_tr!(layer.residual_why),
        Layer::PooledSkip { .. } => key_tr!(layer.pooled_skip_why),
        Layer::Resize { .. } => key_tr!(layer.resize_why),
        Layer::DepthwiseSeparable { .. } => key_tr!(layer.depthwise_separable_why),
        Layer::SqueezeExcitation { .. } => key_tr!(layer.squeeze_excitation_why),
        Layer::Rows => key_tr!(layer.rows_why),
        Layer::Lstm { .. } => key_tr!(layer.lstm_why),
        Layer::Gru { .. } => key_tr!(layer.gru_why),
        Layer::PatchEmbedding { .. } => key_tr!(layer.patch_embedding_why),
        Layer::PositionEmbedding => key_tr!(layer.position_embedding_why),
        Layer::TransformerBlock { .. } => key_tr!(layer.transformer_block_why),
        Layer::Classifier { .. } => key_tr!(layer.classifier_why),
    }
}

pub fn activation_name(activation: Activation) -> String {
    match activation {
        Activation::Relu => tr!(layer.relu),
        Activation::Relu6 => tr!(layer.relu6),
        Activation::LeakyRelu => tr!(layer.leaky_relu),
        Activation::Gelu => tr!(layer.gelu),
        Activation::Silu => tr!(layer.silu),
        Activation::Tanh => tr!(layer.tanh),
        Activation::Sigmoid => tr!(layer.sigmoid),
    }
}

fn activation_why(activation: Activation) -> TextKey {
    match activation {
        Activation::Relu => key_tr!(layer.relu_why),
        Activation::Relu6 => key_tr!(layer.relu6_why),
        Activation::LeakyRelu => key_tr!(layer.leaky_relu_why),
        Activation::Gelu => key_tr!(layer.gelu_why),
        Activation::Silu => key_tr!(layer.silu_why),
        Activation::Tanh => key_tr!(layer.tanh_why),
        Activation::Sigmoid => key_tr!(layer.sigmoid_why),
    }
}

/// Joins a name with those of its details that are present.
fn with_details<const N: usize>(parts: [Option<String>; N]) -> String {
    list(parts.into_iter().flatten())
}
