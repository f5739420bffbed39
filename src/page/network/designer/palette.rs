//! The layers that can be added, each with default parameters.

use kindling_core::config::Layer::{
    BatchNorm, Classifier, Flatten, GlobalAveragePool, GlobalMaxPool, LayerNorm, PositionEmbedding, Rows,
};
use kindling_core::config::{Activation, Layer, Padding, States};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Convolution,
    Normalization,
    Activation,
    Pooling,
    Regularization,
    Shape,
    Blocks,
    Sequences,
    Attention,
}

/// Every kind of layer by group. The keys are stable; the menu uses them as values.
pub fn palette() -> Vec<(Group, Vec<(&'static str, Layer)>)> {
    let conv =
        Layer::Conv { filters: 16, kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, groups: 1, bias: true };
    let depthwise = Layer::DepthwiseConv { kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, bias: true };
    // Keeps the shape, so it accepts any feature maps or vector.
    let residual = Layer::Residual { layers: vec![BatchNorm, Layer::Activation(Activation::Relu)] };
    vec![
        (Group::Convolution, vec![("conv", conv), ("depthwiseConv", depthwise)]),
        (
            Group::Normalization,
            vec![("batchNorm", BatchNorm), ("groupNorm", Layer::GroupNorm { groups: 4 }), ("layerNorm", LayerNorm)],
        ),
        (Group::Activation, Activation::ALL.map(|kind| (activation_key(kind), Layer::Activation(kind))).to_vec()),
        (
            Group::Pooling,
            vec![
                ("maxPool", Layer::MaxPool { size: 2, stride: 2 }),
                ("averagePool", Layer::AveragePool { size: 2, stride: 2 }),
                ("globalAveragePool", GlobalAveragePool),
                ("globalMaxPool", GlobalMaxPool),
            ],
        ),
        (
            Group::Regularization,
            vec![("dropout", Layer::Dropout { rate: 0.25 }), ("spatialDropout", Layer::SpatialDropout { rate: 0.1 })],
        ),
        (
            Group::Shape,
            vec![
                ("flatten", Flatten),
                ("linear", Layer::Linear { units: 64, bias: true }),
                ("classifier", Classifier { bias: true }),
                ("resize", Layer::Resize { size: 64 }),
            ],
        ),
        (
            Group::Blocks,
            vec![
                ("residual", residual),
                ("pooledSkip", Layer::PooledSkip { layers: vec![GlobalMaxPool] }),
                ("depthwiseSeparable", Layer::DepthwiseSeparable { filters: 32, kernel: 3, stride: 1 }),
                ("squeezeExcitation", Layer::SqueezeExcitation { ratio: 4 }),
            ],
        ),
        (
            Group::Sequences,
            vec![
                ("rows", Rows),
                ("lstm", Layer::Lstm { units: 64, states: States::Last }),
                ("gru", Layer::Gru { units: 64, states: States::Last }),
            ],
        ),
        (
            Group::Attention,
            vec![
                ("patchEmbedding", Layer::PatchEmbedding { size: 4, features: 32 }),
                ("positionEmbedding", PositionEmbedding),
                ("transformerBlock", Layer::TransformerBlock { heads: 4, mlp_ratio: 2, dropout: 0.0 }),
            ],
        ),
    ]
}

/// The group that the layer is in.
pub fn group_of(layer: &Layer) -> Group {
    match layer {
        Layer::Conv { .. } | Layer::DepthwiseConv { .. } => Group::Convolution,
        BatchNorm | Layer::GroupNorm { .. } | LayerNorm => Group::Normalization,
        Layer::Activation(_) => Group::Activation,
        Layer::MaxPool { .. } | Layer::AveragePool { .. } | GlobalAveragePool | GlobalMaxPool => Group::Pooling,
        Layer::Dropout { .. } | Layer::SpatialDropout { .. } => Group::Regularization,
        Flatten | Layer::Linear { .. } | Classifier { .. } | Layer::Resize { .. } => Group::Shape,
        Layer::Residual { .. }
        | Layer::PooledSkip { .. }
        | Layer::DepthwiseSeparable { .. }
        | Layer::SqueezeExcitation { .. } => Group::Blocks,
        Rows | Layer::Lstm { .. } | Layer::Gru { .. } => Group::Sequences,
        Layer::PatchEmbedding { .. } | PositionEmbedding | Layer::TransformerBlock { .. } => Group::Attention,
    }
}

fn activation_key(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "relu",
        Activation::Relu6 => "relu6",
        Activation::LeakyRelu => "leakyRelu",
        Activation::Gelu => "gelu",
        Activation::Silu => "silu",
        Activation::Tanh => "tanh",
        Activation::Sigmoid => "sigmoid",
    }
}

/// The layer with this key.
pub fn layer_of(key: &str) -> Option<Layer> {
    let kinds = palette().into_iter().flat_map(|(_, kinds)| kinds);
    kinds.into_iter().find_map(|(name, layer)| (name == key).then_some(layer))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_of_layer_is_offered_under_the_name_that_json_has() {
        let mut found = BTreeSet::new();
        let kinds = palette().into_iter().flat_map(|(group, kinds)| kinds.into_iter().map(move |kind| (group, kind)));
        for (group, (key, layer)) in kinds {
            assert_eq!(group_of(&layer), group, "{key}");
            let json = serde_json::to_value(&layer).unwrap();
            let kind = match &json {
                serde_json::Value::String(name) => name.clone(),
                object => object.as_object().unwrap().keys().next().unwrap().clone(),
            };
            assert!(kind == key || json["activation"] == key, "{key}: {json}");
            found.insert(kind);
            assert_eq!(layer_of(key), Some(layer));
        }
        // For an unknown variant, serde's error message lists all variants.
        let message = serde_json::from_str::<Layer>("\"none\"").unwrap_err().to_string();
        let all: BTreeSet<String> = message.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        assert_eq!(found, all);
        assert_eq!(layer_of("none"), None);
    }
}
