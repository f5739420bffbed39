//! How a layer's output size and its number of parameters come about, as formulas with the layer's numbers. Pure.

use kindling_core::config::Layer;
use kindling_core::network::FeatureShape;
use kindling_core::network::shape::maps::padding_of;

/// A formula with numbers, and what it is equal to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula {
    pub text: String,
    pub result: u64,
}

/// None where there is nothing to compute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arithmetic {
    /// The height of the output's maps, or the length of the output.
    pub output: Option<Formula>,
    pub parameters: Option<Formula>,
}

pub fn arithmetic(layer: &Layer, input: FeatureShape, output: FeatureShape) -> Arithmetic {
    Arithmetic { output: output_size(layer, input), parameters: parameters(layer, input, output) }
}

fn output_size(layer: &Layer, input: FeatureShape) -> Option<Formula> {
    match (layer, input) {
        (
            Layer::Conv { kernel, stride, padding, dilation, .. }
            | Layer::DepthwiseConv { kernel, stride, padding, dilation, .. },
            FeatureShape::Maps { height, .. },
        ) => {
            let padding = padding_of(*kernel, *dilation, *padding);
            let extent = match dilation {
                1 => kernel.to_string(),
                _ => format!("({dilation}·({kernel} − 1) + 1)"),
            };
            let window = u64::from(*dilation) * u64::from(kernel.saturating_sub(1)) + 1;
            let result = (height + 2 * padding).checked_sub(window)? / u64::from(*stride).max(1) + 1;
            Some(Formula { text: format!("⌊({height} − {extent} + 2·{padding}) / {stride}⌋ + 1"), result })
        }
        (Layer::MaxPool { size, stride } | Layer::AveragePool { size, stride }, FeatureShape::Maps { height, .. }) => {
            let result = height.checked_sub(u64::from(*size))? / u64::from(*stride).max(1) + 1;
            Some(Formula { text: format!("⌊({height} − {size}) / {stride}⌋ + 1"), result })
        }
        (Layer::Resize { size }, FeatureShape::Maps { .. }) => {
            Some(Formula { text: size.to_string(), result: (*size).into() })
        }
        (Layer::Flatten, FeatureShape::Maps { channels, height, width }) => {
            Some(Formula { text: format!("{channels}·{height}·{width}"), result: channels * height * width })
        }
        (Layer::Flatten, FeatureShape::Sequence { length, features }) => {
            Some(Formula { text: format!("{length}·{features}"), result: length * features })
        }
        (Layer::PatchEmbedding { size, .. }, FeatureShape::Maps { height, width, .. }) => {
            let side = u64::from(*size).max(1);
            let text = format!("⌊{height} / {size}⌋·⌊{width} / {size}⌋");
            Some(Formula { text, result: (height / side) * (width / side) })
        }
        _ => None,
    }
}

fn parameters(layer: &Layer, input: FeatureShape, output: FeatureShape) -> Option<Formula> {
    // The channels or features, which are what weights are shared over.
    let depth = |shape: FeatureShape| match shape {
        FeatureShape::Maps { channels, .. } => channels,
        FeatureShape::Sequence { features, .. } => features,
        FeatureShape::Vector { length } => length,
    };
    let (from, to) = (depth(input), depth(output));
    let formula = match layer {
        Layer::Conv { kernel, groups, bias, .. } => {
            let in_group = from / u64::from(*groups).max(1);
            products(&[&[(*kernel).into(), (*kernel).into(), in_group, to], bias_of(*bias, &[to])])
        }
        Layer::DepthwiseConv { kernel, bias, .. } => {
            products(&[&[(*kernel).into(), (*kernel).into(), from], bias_of(*bias, &[from])])
        }
        Layer::BatchNorm | Layer::GroupNorm { .. } | Layer::LayerNorm => products(&[&[2, from]]),
        Layer::Linear { bias, .. } | Layer::Classifier { bias } => products(&[&[from, to], bias_of(*bias, &[to])]),
        Layer::DepthwiseSeparable { kernel, .. } => {
            let side = u64::from(*kernel);
            products(&[&[side, side, from], &[2, from], &[from, to], &[2, to]])
        }
        Layer::SqueezeExcitation { ratio } => {
            let hidden = (from / u64::from(*ratio).max(1)).max(1);
            products(&[&[from, hidden], &[hidden], &[hidden, from], &[from]])
        }
        // Weights of the input and of the state, and two biases, for each gate.
        Layer::Lstm { units, .. } => recurrent(4, from, (*units).into()),
        Layer::Gru { units, .. } => recurrent(3, from, (*units).into()),
        Layer::PatchEmbedding { size, .. } => products(&[&[(*size).into(), (*size).into(), from, to], &[to]]),
        Layer::PositionEmbedding => match input {
            FeatureShape::Sequence { length, features } => products(&[&[length, features]]),
            FeatureShape::Maps { .. } | FeatureShape::Vector { .. } => return None,
        },
        // Attention has four square matrices with biases, the MLP two matrices with biases, and there are two norms.
        Layer::TransformerBlock { mlp_ratio, .. } => {
            let hidden = from * u64::from(*mlp_ratio);
            products(&[&[4, from, from], &[4, from], &[2, from, hidden], &[hidden], &[from], &[4, from]])
        }
        Layer::Activation(_)
        | Layer::MaxPool { .. }
        | Layer::AveragePool { .. }
        | Layer::GlobalAveragePool
        | Layer::GlobalMaxPool
        | Layer::Dropout { .. }
        | Layer::SpatialDropout { .. }
        | Layer::Flatten
        | Layer::Residual { .. }
        | Layer::PooledSkip { .. }
        | Layer::Resize { .. }
        | Layer::Rows => return None,
    };
    Some(formula)
}

fn bias_of(has_bias: bool, bias: &[u64]) -> &[u64] {
    if has_bias { bias } else { &[] }
}

/// A sum of products: `5·5·1·16 + 16`. An empty product is left out.
fn products(products: &[&[u64]]) -> Formula {
    let products = products.iter().filter(|factors| !factors.is_empty());
    let text = |factors: &&&[u64]| factors.iter().map(u64::to_string).collect::<Vec<_>>().join("·");
    let result = products.clone().map(|factors| factors.iter().copied().fold(1, u64::saturating_mul));
    Formula {
        text: products.clone().map(|factors| text(&factors)).collect::<Vec<_>>().join(" + "),
        result: result.fold(0, u64::saturating_add),
    }
}

fn recurrent(n_gates: u64, features: u64, units: u64) -> Formula {
    Formula {
        text: format!("{n_gates}·{units}·({features} + {units} + 2)"),
        result: n_gates.saturating_mul(units).saturating_mul(features.saturating_add(units).saturating_add(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::network::designer::palette::palette;
    use kindling_core::config::{NetworkConfig, Padding, States};
    use kindling_core::network::shape::survey;
    use kindling_core::protocol::ImageShape;

    const MNIST: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

    #[test]
    fn the_formulas_have_the_layer_s_numbers() {
        let conv = |padding, dilation, bias| Layer::Conv {
            filters: 16,
            kernel: 5,
            stride: 2,
            padding,
            dilation,
            groups: 1,
            bias,
        };
        let input = FeatureShape::from(MNIST);
        let output = |side| FeatureShape::Maps { channels: 16, height: side, width: side };
        let formula = |text: &str, result| Some(Formula { text: text.into(), result });
        let plain = arithmetic(&conv(Padding::Valid, 1, false), input, output(12));
        assert_eq!(plain.output, formula("⌊(28 − 5 + 2·0) / 2⌋ + 1", 12));
        assert_eq!(plain.parameters, formula("5·5·1·16", 400));
        let dilated = arithmetic(&conv(Padding::Same, 2, true), input, output(14));
        assert_eq!(dilated.output, formula("⌊(28 − (2·(5 − 1) + 1) + 2·4) / 2⌋ + 1", 14));
        assert_eq!(dilated.parameters, formula("5·5·1·16 + 16", 416));
    }

    /// What shape inference finds for a layer on feature maps, on a sequence and on a vector is what the formulas give.
    #[test]
    fn the_formulas_agree_with_shape_inference() {
        let conv = Layer::Conv {
            filters: 8,
            kernel: 3,
            stride: 1,
            padding: Padding::Same,
            dilation: 1,
            groups: 1,
            bias: true,
        };
        let patches = Layer::PatchEmbedding { size: 7, features: 32 };
        let lstm = Layer::Lstm { units: 12, states: States::Last };
        let befores = [vec![], vec![conv], vec![patches], vec![Layer::Rows, lstm]];
        let mut n_checked = 0;
        for (_, layer) in palette().into_iter().flat_map(|(_, kinds)| kinds) {
            for before in &befores {
                let layers = [&before[..], std::slice::from_ref(&layer)].concat();
                let network = NetworkConfig::new("N", layers);
                let survey = survey(&network, MNIST, 10);
                let Some(found) = survey.layers.get(before.len()) else { continue };
                let input = survey.input_of(before.len(), MNIST).unwrap();
                let computed = arithmetic(&layer, input, found.output);
                if let Some(formula) = &computed.output {
                    let size = match found.output {
                        FeatureShape::Maps { height, .. } => height,
                        FeatureShape::Sequence { length, .. } | FeatureShape::Vector { length } => length,
                    };
                    assert_eq!(formula.result, size, "{layer:?} on {input}: {}", formula.text);
                }
                if !matches!(layer, Layer::Residual { .. } | Layer::PooledSkip { .. }) {
                    let result = computed.parameters.as_ref().map_or(0, |formula| formula.result);
                    assert_eq!(result, found.parameters, "{layer:?} on {input}: {computed:?}");
                    n_checked += 1;
                }
            }
        }
        assert!(n_checked > 40, "only {n_checked} layers fit");
    }
}
