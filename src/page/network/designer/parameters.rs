//! A layer's numbers and choices as uniform parameters, so that one form field component handles them all.

use kindling_core::config::{Activation, Layer, Padding, States};
use kindling_core::decimal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    Activation,
    Bias,
    Dilation,
    Dropout,
    Features,
    Filters,
    Groups,
    Heads,
    Kernel,
    MlpRatio,
    Padding,
    Rate,
    Ratio,
    Size,
    States,
    Stride,
    Units,
}

/// The values that a parameter can have. A choice's value is its option's index; for a yes/no choice, 1 is yes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    Whole { min: f64, max: f64 },
    Fraction { max: f64 },
    Choice { n_options: usize },
}

impl Parameter {
    pub fn range(self) -> Range {
        match self {
            Self::Activation => Range::Choice { n_options: Activation::ALL.len() },
            Self::Bias | Self::Padding | Self::States => Range::Choice { n_options: 2 },
            // A dropout rate must be below 1.
            Self::Dropout | Self::Rate => Range::Fraction { max: 0.99 },
            Self::Dilation | Self::Kernel | Self::Size | Self::Stride => Range::Whole { min: 1.0, max: 255.0 },
            Self::Features
            | Self::Filters
            | Self::Groups
            | Self::Heads
            | Self::MlpRatio
            | Self::Ratio
            | Self::Units => Range::Whole { min: 1.0, max: 65_536.0 },
        }
    }

    /// The minimum value; 0 for choices and fractions.
    pub fn min_value(self) -> f64 {
        match self.range() {
            Range::Whole { min, .. } => min,
            Range::Fraction { .. } | Range::Choice { .. } => 0.0,
        }
    }

    /// A stable key for DOM ids.
    pub fn key(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::Bias => "bias",
            Self::Dilation => "dilation",
            Self::Dropout => "dropout",
            Self::Features => "features",
            Self::Filters => "filters",
            Self::Groups => "groups",
            Self::Heads => "heads",
            Self::Kernel => "kernel",
            Self::MlpRatio => "mlp-ratio",
            Self::Padding => "padding",
            Self::Rate => "rate",
            Self::Ratio => "ratio",
            Self::Size => "size",
            Self::States => "states",
            Self::Stride => "stride",
            Self::Units => "units",
        }
    }
}

pub fn parameters(layer: &Layer) -> Vec<Parameter> {
    slots(&mut layer.clone()).into_iter().map(|(parameter, _)| parameter).collect()
}

/// None if the layer does not have the parameter.
pub fn value(layer: &Layer, parameter: Parameter) -> Option<f64> {
    let mut layer = layer.clone();
    let slot = slots(&mut layer).into_iter().find_map(|(found, slot)| (found == parameter).then_some(slot))?;
    Some(match slot {
        Slot::Whole(number) => (*number).into(),
        // The shortest decimal that is the same f32: 0.1, not 0.10000000149.
        Slot::Real(number) => decimal::parse(&number.to_string()).unwrap_or((*number).into()),
        Slot::Bias(is_there) => f64::from(u8::from(*is_there)),
        Slot::Padding(padding) => f64::from(u8::from(*padding == Padding::Same)),
        Slot::States(states) => f64::from(u8::from(*states == States::All)),
        Slot::Activation(kind) => Activation::ALL.iter().position(|other| other == kind).unwrap_or_default() as f64,
    })
}

/// The layer with the parameter set; unchanged if it does not have the parameter.
pub fn with_value(layer: &Layer, parameter: Parameter, value: f64) -> Layer {
    let mut next = layer.clone();
    for (found, slot) in slots(&mut next) {
        if found != parameter {
            continue;
        }
        // The casts saturate; the form fields enforce the ranges.
        match slot {
            Slot::Whole(number) => *number = value as u32,
            Slot::Real(number) => *number = value as f32,
            Slot::Bias(is_there) => *is_there = value > 0.0,
            Slot::Padding(padding) => *padding = if value > 0.0 { Padding::Same } else { Padding::Valid },
            Slot::States(states) => *states = if value > 0.0 { States::All } else { States::Last },
            Slot::Activation(kind) => *kind = Activation::ALL.get(value as usize).copied().unwrap_or(*kind),
        }
    }
    next
}

enum Slot<'a> {
    Whole(&'a mut u32),
    Real(&'a mut f32),
    Bias(&'a mut bool),
    Padding(&'a mut Padding),
    States(&'a mut States),
    Activation(&'a mut Activation),
}

/// Every parameter of the layer with a reference to its value. A block's inner layers are not parameters.
fn slots(layer: &mut Layer) -> Vec<(Parameter, Slot<'_>)> {
    use Parameter as P;
    use Slot::{Real, Whole};
    match layer {
        Layer::Conv { filters, kernel, stride, padding, dilation, groups, bias } => vec![
            (P::Filters, Whole(filters)),
            (P::Kernel, Whole(kernel)),
            (P::Stride, Whole(stride)),
            (P::Padding, Slot::Padding(padding)),
            (P::Dilation, Whole(dilation)),
            (P::Groups, Whole(groups)),
            (P::Bias, Slot::Bias(bias)),
        ],
        Layer::DepthwiseConv { kernel, stride, padding, dilation, bias } => vec![
            (P::Kernel, Whole(kernel)),
            (P::Stride, Whole(stride)),
            (P::Padding, Slot::Padding(padding)),
            (P::Dilation, Whole(dilation)),
            (P::Bias, Slot::Bias(bias)),
        ],
        Layer::GroupNorm { groups } => vec![(P::Groups, Whole(groups))],
        Layer::Activation(kind) => vec![(P::Activation, Slot::Activation(kind))],
        Layer::MaxPool { size, stride } | Layer::AveragePool { size, stride } => {
            vec![(P::Size, Whole(size)), (P::Stride, Whole(stride))]
        }
        Layer::Dropout { rate } | Layer::SpatialDropout { rate } => vec![(P::Rate, Real(rate))],
        Layer::Linear { units, bias } => vec![(P::Units, Whole(units)), (P::Bias, Slot::Bias(bias))],
        Layer::DepthwiseSeparable { filters, kernel, stride } => {
            vec![(P::Filters, Whole(filters)), (P::Kernel, Whole(kernel)), (P::Stride, Whole(stride))]
        }
        Layer::Resize { size } => vec![(P::Size, Whole(size))],
        Layer::SqueezeExcitation { ratio } => vec![(P::Ratio, Whole(ratio))],
        Layer::Lstm { units, states } | Layer::Gru { units, states } => {
            vec![(P::Units, Whole(units)), (P::States, Slot::States(states))]
        }
        Layer::PatchEmbedding { size, features } => vec![(P::Size, Whole(size)), (P::Features, Whole(features))],
        Layer::TransformerBlock { heads, mlp_ratio, dropout } => {
            vec![(P::Heads, Whole(heads)), (P::MlpRatio, Whole(mlp_ratio)), (P::Dropout, Real(dropout))]
        }
        Layer::Classifier { bias } => vec![(P::Bias, Slot::Bias(bias))],
        Layer::BatchNorm
        | Layer::LayerNorm
        | Layer::GlobalAveragePool
        | Layer::GlobalMaxPool
        | Layer::Flatten
        | Layer::Residual { .. }
        | Layer::PooledSkip { .. }
        | Layer::Rows
        | Layer::PositionEmbedding => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::network::designer::palette::palette;

    #[test]
    fn every_parameter_can_be_read_and_set() {
        for (_, layer) in palette().into_iter().flat_map(|(_, kinds)| kinds) {
            for parameter in parameters(&layer) {
                let before = value(&layer, parameter).unwrap();
                let other = match parameter.range() {
                    Range::Whole { max, .. } => max,
                    Range::Fraction { max } => max,
                    Range::Choice { n_options } => (before + 1.0) % n_options as f64,
                };
                let changed = with_value(&layer, parameter, other);
                assert_ne!(changed, layer, "{parameter:?}");
                assert_eq!(value(&changed, parameter), Some(other), "{layer:?}, {parameter:?}");
                assert_eq!(with_value(&changed, parameter, before), layer, "{parameter:?}");
            }
        }
    }

    #[test]
    fn a_layer_has_only_its_own_parameters() {
        assert_eq!(value(&Layer::Flatten, Parameter::Units), None);
        assert_eq!(with_value(&Layer::Flatten, Parameter::Units, 3.0), Layer::Flatten);
        assert_eq!(value(&Layer::Dropout { rate: 0.1 }, Parameter::Rate), Some(0.1));
    }
}
