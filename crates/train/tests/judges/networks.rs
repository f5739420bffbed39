//! The networks that are judged: every preset, and networks that together have every kind of layer in every place where it differs.

use kindling_core::config::{Activation, Layer, NetworkConfig, Padding, States};
use kindling_core::dataset::{DrawingStyle, ReadAs};
use kindling_core::network::{Preset, presets};
use kindling_core::protocol::{DatasetSummary, ImageInput, ImageShape, InputKind, SplitCounts};
use kindling_exchange::Format;

pub struct Case {
    pub name: String,
    pub network: NetworkConfig,
    pub input: ImageShape,
    pub n_classes: usize,
}

const GRAY: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
const COLOR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
/// Not square, and odd on one side.
const WIDE: ImageShape = ImageShape { channels: 3, height: 19, width: 26 };

pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, input) in [("gray", GRAY), ("color", COLOR)] {
        // Fine-tuning has the network of the features.
        for Preset { id, config } in presets(&summary(input)).into_iter().filter(|preset| preset.id != "fine-tune") {
            cases.push(Case { name: format!("{id}-{name}"), network: config.network, input, n_classes: 10 });
        }
    }
    for (name, layers) in [
        ("maps", maps()),
        ("pools", pools()),
        ("vectors", vectors()),
        ("sequences", sequences()),
        ("patches", patches()),
        ("states", states()),
    ] {
        let network = NetworkConfig::new(format!("\"\"\" {name} </script>"), layers);
        cases.push(Case { name: name.to_owned(), network, input: WIDE, n_classes: 4 });
    }
    cases
}

/// Whether a format lacks a layer of this network.
pub fn cannot_hold(format: Format, name: &str) -> bool {
    match format {
        Format::Tfjs => name.starts_with("gru-rows") || name == "sequences",
        Format::Safetensors | Format::Onnx | Format::Tflite | Format::Page | Format::Module => false,
    }
}

fn conv(filters: u32, kernel: u32, stride: u32, padding: Padding) -> Layer {
    Layer::Conv { filters, kernel, stride, padding, dilation: 1, groups: 1, bias: true }
}

fn linear(units: u32) -> Layer {
    Layer::Linear { units, bias: true }
}

fn maps() -> Vec<Layer> {
    vec![
        conv(8, 3, 1, Padding::Same),
        Layer::Activation(Activation::LeakyRelu),
        Layer::Conv { filters: 12, kernel: 3, stride: 2, padding: Padding::Same, dilation: 2, groups: 4, bias: false },
        Layer::GroupNorm { groups: 3 },
        Layer::Activation(Activation::Silu),
        Layer::DepthwiseConv { kernel: 4, stride: 1, padding: Padding::Same, dilation: 1, bias: true },
        Layer::LayerNorm,
        Layer::Activation(Activation::Gelu),
        Layer::SqueezeExcitation { ratio: 4 },
        Layer::Residual {
            layers: vec![
                conv(12, 3, 1, Padding::Same),
                Layer::BatchNorm,
                Layer::Residual { layers: vec![Layer::Activation(Activation::Tanh), conv(12, 1, 1, Padding::Valid)] },
                conv(16, 3, 2, Padding::Same),
            ],
        },
        Layer::SpatialDropout { rate: 0.2 },
        Layer::DepthwiseSeparable { filters: 20, kernel: 3, stride: 1 },
        Layer::Activation(Activation::Sigmoid),
        Layer::GlobalAveragePool,
        Layer::Dropout { rate: 0.1 },
        Layer::Classifier { bias: true },
    ]
}

fn pools() -> Vec<Layer> {
    vec![
        conv(6, 5, 1, Padding::Valid),
        Layer::BatchNorm,
        Layer::MaxPool { size: 3, stride: 2 },
        Layer::Activation(Activation::Relu),
        Layer::AveragePool { size: 2, stride: 1 },
        Layer::Resize { size: 13 },
        Layer::PooledSkip {
            layers: vec![conv(9, 2, 1, Padding::Same), Layer::Activation(Activation::Relu6), Layer::GlobalMaxPool],
        },
        Layer::Classifier { bias: false },
    ]
}

fn vectors() -> Vec<Layer> {
    vec![
        Layer::AveragePool { size: 2, stride: 2 },
        Layer::Flatten,
        linear(20),
        Layer::BatchNorm,
        Layer::Activation(Activation::Relu),
        Layer::Residual { layers: vec![linear(24), Layer::LayerNorm, Layer::Activation(Activation::Tanh)] },
        Layer::Linear { units: 12, bias: false },
        Layer::Classifier { bias: true },
    ]
}

fn sequences() -> Vec<Layer> {
    vec![
        Layer::Rows,
        Layer::Lstm { units: 10, states: States::All },
        Layer::LayerNorm,
        Layer::Residual { layers: vec![linear(14), Layer::Activation(Activation::Relu)] },
        Layer::Gru { units: 8, states: States::All },
        Layer::Gru { units: 7, states: States::Last },
        Layer::Classifier { bias: true },
    ]
}

fn patches() -> Vec<Layer> {
    vec![
        Layer::PatchEmbedding { size: 5, features: 12 },
        Layer::PositionEmbedding,
        Layer::TransformerBlock { heads: 3, mlp_ratio: 2, dropout: 0.1 },
        Layer::Linear { units: 10, bias: false },
        Layer::GlobalMaxPool,
        Layer::Classifier { bias: true },
    ]
}

fn states() -> Vec<Layer> {
    vec![
        Layer::PatchEmbedding { size: 6, features: 9 },
        Layer::Lstm { units: 8, states: States::All },
        Layer::Residual { layers: vec![linear(5), Layer::LayerNorm] },
        Layer::Lstm { units: 6, states: States::Last },
        Layer::Classifier { bias: true },
    ]
}

fn summary(shape: ImageShape) -> DatasetSummary {
    DatasetSummary {
        id: "some".to_owned(),
        name: "Some".to_owned(),
        classes: (0..10).map(|class| class.to_string()).collect(),
        shape,
        counts: SplitCounts::default(),
        class_counts: Vec::new(),
        samples: Vec::new(),
        has_standard_test: true,
        style: DrawingStyle::Scene,
        read_as: ReadAs::default(),
        import: None,
    }
}

/// Drawings on transparent and on black paper, a photo of a figure on an even ground, and a photo of colors.
pub fn pictures() -> Vec<ImageInput> {
    let picture = |width: u32, height: u32, kind: InputKind, pixel: &dyn Fn(u32, u32) -> [u8; 4]| {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgba: Vec<u8> = places.flat_map(|(x, y)| pixel(x, y)).collect();
        ImageInput { width, height, rgba: rgba.into(), kind }
    };
    let is_stroke =
        |x: u32, y: u32| (40..60).contains(&x) && (20..150).contains(&y) || (x + y).abs_diff(160) < 9 && x < 120;
    vec![
        picture(200, 180, InputKind::Drawing, &|x, y| if is_stroke(x, y) { [0, 0, 0, 255] } else { [0; 4] }),
        picture(180, 200, InputKind::Drawing, &|x, y| if is_stroke(x, y) { [250, 240, 230, 255] } else { [0; 4] }),
        picture(310, 240, InputKind::Photo, &|x, y| {
            let ground = 200 + ((x * 7 + y * 13) % 9) as u8;
            if is_stroke(x, y) { [60, 30, 90, 255] } else { [ground, ground, ground - 20, 255] }
        }),
        picture(101, 57, InputKind::Photo, &|x, y| {
            [(x * 5 % 256) as u8, (y * 9 % 256) as u8, ((x * y) % 256) as u8, 255]
        }),
    ]
}
