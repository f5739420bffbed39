//! What each layer of a network puts out, and what it costs: shape inference over the description alone.

use std::fmt;

use crate::protocol::{Failure, FailureKind, ImageShape, Layer, NetworkConfig, Padding};

pub const MAX_LAYERS: usize = 100;

/// 400 MB of weights; the optimizer keeps up to three times as much beside them.
pub const MAX_PARAMETERS: u64 = 100_000_000;

/// Values that one layer may put out for one image: 64 MB.
pub const MAX_LAYER_VALUES: u64 = 16_000_000;

/// What flows from a layer to the next, for one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureShape {
    Maps { channels: u64, height: u64, width: u64 },
    Vector { length: u64 },
}

/// One layer, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    pub output: FeatureShape,
    /// Learned numbers. A batch norm's running mean and variance are not learned, so they do not count.
    pub parameters: u64,
    /// Floating-point operations for one image, forward: two for each multiply-add of a convolution or a linear layer, two for
    /// each value that a batch norm scales and shifts. The rest is small and left out, as is usual.
    pub flops: u64,
}

/// Why a network cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// `layer` counts from 0, as in the description; people count from 1.
    #[error("layer {} ({name}): {reason}", layer + 1)]
    Layer { layer: usize, name: &'static str, reason: LayerError },
    #[error("the last layer must be the classifier")]
    NoClassifier,
    #[error("{found} layers, at most {MAX_LAYERS} are allowed")]
    TooManyLayers { found: usize },
    #[error("{found} parameters, at most {MAX_PARAMETERS} are allowed")]
    TooManyParameters { found: u64 },
}

/// Why a layer does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    #[error("needs an image or feature maps, but comes after flattening")]
    NeedsMaps,
    #[error("needs a flat input: put a flatten or a global average pool before it")]
    NeedsVector,
    #[error("{what} must be at least 1")]
    Zero { what: &'static str },
    #[error("kernel {size} is larger than its input, {input}, padding included")]
    KernelTooLarge { size: u32, input: FeatureShape },
    #[error("pools {size} by {size}, but its input is only {input}")]
    PoolTooLarge { size: u32, input: FeatureShape },
    #[error("the rate must be at least 0 and less than 1")]
    RateOutOfRange,
    #[error("the classifier must be the last layer")]
    ClassifierNotLast,
    #[error("puts out {found} values for each image, at most {MAX_LAYER_VALUES} are allowed")]
    TooManyValues { found: u64 },
    #[error("the dataset has fewer than two classes")]
    TooFewClasses,
}

/// The output, parameters and cost of every layer, or what does not fit.
pub fn infer(network: &NetworkConfig, input: ImageShape, n_classes: usize) -> Result<Vec<LayerSummary>, NetworkError> {
    let n_layers = network.layers.len();
    if n_layers > MAX_LAYERS {
        return Err(NetworkError::TooManyLayers { found: n_layers });
    }
    if !matches!(network.layers.last(), Some(Layer::Classifier { .. })) {
        return Err(NetworkError::NoClassifier);
    }
    let mut summaries = Vec::with_capacity(n_layers);
    let mut shape = FeatureShape::from(input);
    for (index, layer) in network.layers.iter().enumerate() {
        let at_layer = |reason| NetworkError::Layer { layer: index, name: layer_name(layer), reason };
        if matches!(layer, Layer::Classifier { .. }) && index + 1 < n_layers {
            return Err(at_layer(LayerError::ClassifierNotLast));
        }
        let summary = infer_layer(layer, shape, n_classes as u64).map_err(at_layer)?;
        let n_values = summary.output.n_values();
        if n_values > MAX_LAYER_VALUES {
            return Err(at_layer(LayerError::TooManyValues { found: n_values }));
        }
        shape = summary.output;
        summaries.push(summary);
    }
    let parameters = summaries.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.parameters));
    if parameters > MAX_PARAMETERS {
        return Err(NetworkError::TooManyParameters { found: parameters });
    }
    Ok(summaries)
}

/// The field's word for a layer, in lower case.
pub fn layer_name(layer: &Layer) -> &'static str {
    match layer {
        Layer::Conv { .. } => "convolution",
        Layer::BatchNorm => "batch norm",
        Layer::Activation(_) => "activation",
        Layer::MaxPool { .. } => "max pool",
        Layer::GlobalAveragePool => "global average pool",
        Layer::Dropout { .. } => "dropout",
        Layer::Flatten => "flatten",
        Layer::Linear { .. } => "linear",
        Layer::Classifier { .. } => "classifier",
    }
}

/// Zeros around the input, on each side.
pub fn padding_of(kernel: u32, padding: Padding) -> u32 {
    match padding {
        Padding::Valid => 0,
        Padding::Same => kernel.saturating_sub(1) / 2,
    }
}

fn infer_layer(layer: &Layer, input: FeatureShape, n_classes: u64) -> Result<LayerSummary, LayerError> {
    match *layer {
        Layer::Conv { filters, kernel, stride, padding, bias } => {
            let (channels, height, width) = input.maps()?;
            at_least_one(filters, "filters")?;
            at_least_one(kernel, "kernel")?;
            at_least_one(stride, "stride")?;
            let padded = 2 * u64::from(padding_of(kernel, padding));
            let slide = |side: u64| slide(side + padded, kernel, stride);
            let (Some(height), Some(width)) = (slide(height), slide(width)) else {
                return Err(LayerError::KernelTooLarge { size: kernel, input });
            };
            let filters = u64::from(filters);
            let weights_per_filter = (u64::from(kernel) * u64::from(kernel)).saturating_mul(channels);
            let output = FeatureShape::Maps { channels: filters, height, width };
            Ok(LayerSummary {
                output,
                parameters: weights_per_filter.saturating_add(bias.into()).saturating_mul(filters),
                flops: output.n_values().saturating_mul(weights_per_filter).saturating_mul(2),
            })
        }
        Layer::BatchNorm => {
            let (channels, _, _) = input.maps()?;
            Ok(LayerSummary { output: input, parameters: 2 * channels, flops: 2 * input.n_values() })
        }
        Layer::Activation(_) => Ok(LayerSummary::free(input)),
        Layer::MaxPool { size, stride } => {
            let (channels, height, width) = input.maps()?;
            at_least_one(size, "size")?;
            at_least_one(stride, "stride")?;
            let (Some(height), Some(width)) = (slide(height, size, stride), slide(width, size, stride)) else {
                return Err(LayerError::PoolTooLarge { size, input });
            };
            Ok(LayerSummary::free(FeatureShape::Maps { channels, height, width }))
        }
        Layer::GlobalAveragePool => {
            let (channels, _, _) = input.maps()?;
            Ok(LayerSummary::free(FeatureShape::Vector { length: channels }))
        }
        Layer::Dropout { rate } => match (0.0..1.0).contains(&rate) {
            true => Ok(LayerSummary::free(input)),
            false => Err(LayerError::RateOutOfRange),
        },
        Layer::Flatten => {
            input.maps()?;
            Ok(LayerSummary::free(FeatureShape::Vector { length: input.n_values() }))
        }
        Layer::Linear { units, bias } => {
            at_least_one(units, "units")?;
            linear(input, units.into(), bias)
        }
        Layer::Classifier { bias } => match n_classes {
            0 | 1 => Err(LayerError::TooFewClasses),
            _ => linear(input, n_classes, bias),
        },
    }
}

fn linear(input: FeatureShape, units: u64, bias: bool) -> Result<LayerSummary, LayerError> {
    let FeatureShape::Vector { length } = input else { return Err(LayerError::NeedsVector) };
    Ok(LayerSummary {
        output: FeatureShape::Vector { length: units },
        parameters: (length + u64::from(bias)).saturating_mul(units),
        flops: length.saturating_mul(units).saturating_mul(2),
    })
}

/// How many times a window fits along a side; none where it does not fit at all.
fn slide(side: u64, window: u32, stride: u32) -> Option<u64> {
    Some(side.checked_sub(window.into())? / u64::from(stride) + 1)
}

fn at_least_one(value: u32, what: &'static str) -> Result<(), LayerError> {
    if value == 0 { Err(LayerError::Zero { what }) } else { Ok(()) }
}

impl LayerSummary {
    /// A layer that learns nothing and costs next to nothing.
    fn free(output: FeatureShape) -> Self {
        Self { output, parameters: 0, flops: 0 }
    }
}

impl FeatureShape {
    pub fn n_values(self) -> u64 {
        match self {
            Self::Maps { channels, height, width } => channels.saturating_mul(height).saturating_mul(width),
            Self::Vector { length } => length,
        }
    }

    fn maps(self) -> Result<(u64, u64, u64), LayerError> {
        match self {
            Self::Maps { channels, height, width } => Ok((channels, height, width)),
            Self::Vector { .. } => Err(LayerError::NeedsMaps),
        }
    }
}

impl From<ImageShape> for FeatureShape {
    fn from(ImageShape { channels, height, width }: ImageShape) -> Self {
        Self::Maps { channels: channels.into(), height: height.into(), width: width.into() }
    }
}

impl fmt::Display for FeatureShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maps { channels, height, width } => write!(formatter, "{channels}×{height}×{width}"),
            Self::Vector { length } => write!(formatter, "{length}"),
        }
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Self::new(FailureKind::BadNetwork, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::presets::lenet_network;
    use crate::protocol::Activation;

    const CIFAR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
    const MNIST: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
    const CLASSIFIER: Layer = Layer::Classifier { bias: true };

    #[test]
    fn lenet_has_the_shapes_and_parameters_of_the_tutorial() {
        let summaries = infer(&lenet_network(), CIFAR, 10).unwrap();
        let outputs: Vec<String> = summaries.iter().map(|layer| layer.output.to_string()).collect();
        let expected =
            "6×28×28 6×28×28 6×14×14 16×10×10 16×10×10 16×5×5 400 120 120 84 84 10".split(' ').collect::<Vec<_>>();
        assert_eq!(outputs, expected);
        let parameters: Vec<u64> = summaries.iter().map(|layer| layer.parameters).collect();
        assert_eq!(parameters, [456, 0, 0, 2_416, 0, 0, 0, 48_120, 0, 10_164, 0, 850]);
        // Convolution 1: 28·28·6 outputs of 75 multiply-adds each.
        assert_eq!((summaries[0].flops, summaries[7].flops), (2 * 28 * 28 * 6 * 75, 2 * 400 * 120));
    }

    #[test]
    fn lenet_takes_mnist_as_it_is() {
        let summaries = infer(&lenet_network(), MNIST, 10).unwrap();
        assert_eq!(summaries[6].output, FeatureShape::Vector { length: 16 * 4 * 4 });
    }

    #[test]
    fn strides_padding_and_pools_round_down() {
        check(&[conv(4, 3, 2, Padding::Same)], "4×14×14");
        check(&[conv(4, 4, 1, Padding::Same)], "4×27×27");
        check(&[conv(4, 28, 1, Padding::Valid)], "4×1×1");
        check(&[Layer::MaxPool { size: 3, stride: 2 }], "1×13×13");
        check(&[Layer::BatchNorm, Layer::Dropout { rate: 0.5 }], "1×28×28");
    }

    #[test]
    fn layers_that_do_not_fit_are_named_with_the_reason() {
        let relu = Layer::Activation(Activation::Relu);
        refuse(&[conv(4, 29, 1, Padding::Valid)], 0, "kernel 29 is larger than its input, 1×28×28, padding included");
        refuse(
            &[relu.clone(), Layer::MaxPool { size: 29, stride: 1 }],
            1,
            "pools 29 by 29, but its input is only 1×28×28",
        );
        refuse(&[conv(0, 3, 1, Padding::Valid)], 0, "filters must be at least 1");
        refuse(&[conv(1, 0, 1, Padding::Valid)], 0, "kernel must be at least 1");
        refuse(&[conv(1, 1, 0, Padding::Valid)], 0, "stride must be at least 1");
        refuse(&[Layer::MaxPool { size: 0, stride: 1 }], 0, "size must be at least 1");
        refuse(&[Layer::MaxPool { size: 2, stride: 0 }], 0, "stride must be at least 1");
        refuse(&[Layer::Flatten, Layer::Linear { units: 0, bias: true }], 1, "units must be at least 1");
        refuse(&[Layer::Linear { units: 3, bias: true }], 0, "needs a flat input");
        refuse(&[Layer::Flatten, Layer::BatchNorm], 1, "needs an image or feature maps");
        refuse(&[Layer::Flatten, Layer::Flatten], 1, "needs an image or feature maps");
        refuse(&[Layer::Flatten, CLASSIFIER], 1, "must be the last layer");
        refuse(&[Layer::Dropout { rate: 1.0 }], 0, "the rate must be");
        refuse(&[Layer::Dropout { rate: f32::NAN }], 0, "the rate must be");
        refuse(&[conv(u32::MAX, 1, 1, Padding::Valid)], 0, "at most 16000000 are allowed");
    }

    #[test]
    fn networks_without_end_or_bounds_are_refused() {
        let of = |layers: Vec<Layer>, n_classes| infer(&network(layers), MNIST, n_classes).unwrap_err();
        assert_eq!(of(vec![], 10), NetworkError::NoClassifier);
        assert_eq!(of(vec![Layer::Flatten], 10), NetworkError::NoClassifier);
        assert_eq!(of(vec![Layer::Flatten; 101], 10), NetworkError::TooManyLayers { found: 101 });
        let too_wide = vec![Layer::Flatten, Layer::Linear { units: 1_000_000, bias: false }, CLASSIFIER];
        assert!(matches!(of(too_wide, 10), NetworkError::TooManyParameters { .. }));
        let huge_kernel = vec![conv(9, u32::MAX, 1, Padding::Same), Layer::Flatten, CLASSIFIER];
        assert!(matches!(of(huge_kernel, 10), NetworkError::TooManyParameters { .. }));
        let one_class = of(vec![Layer::Flatten, CLASSIFIER], 1);
        assert_eq!(one_class.to_string(), "layer 2 (classifier): the dataset has fewer than two classes");
    }

    /// The output of the last of `layers` on an MNIST image.
    fn check(layers: &[Layer], expected: &str) {
        let mut all = layers.to_vec();
        all.extend([Layer::Flatten, CLASSIFIER]);
        let summaries = infer(&network(all), MNIST, 10).unwrap();
        assert_eq!(summaries[layers.len() - 1].output.to_string(), expected);
    }

    fn refuse(layers: &[Layer], at: usize, expected: &str) {
        let mut all = layers.to_vec();
        all.push(CLASSIFIER);
        match infer(&network(all), MNIST, 10) {
            Err(error @ NetworkError::Layer { layer, .. }) if layer == at => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }

    fn network(layers: Vec<Layer>) -> NetworkConfig {
        NetworkConfig { name: String::new(), layers }
    }

    fn conv(filters: u32, kernel: u32, stride: u32, padding: Padding) -> Layer {
        Layer::Conv { filters, kernel, stride, padding, bias: true }
    }
}
