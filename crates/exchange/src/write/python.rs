//! The network as PyTorch code that a reader can change: one line a layer, a class for each layer that PyTorch lacks.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kindling_core::config::{Activation, Layer, States};
use kindling_core::dataset::DrawingStyle;
use kindling_core::network::shape::maps::padding_of;
use kindling_core::network::shape::{FeatureShape, PlacedLayer};

use crate::trained::TrainedNetwork;

/// `model.py`.
pub fn code(network: &TrainedNetwork) -> String {
    let mut classes = BTreeSet::new();
    let layers = sequence(&network.layers, 2, &mut classes);
    let description = &network.description;
    let shape = description.input;
    let definitions: Vec<&str> = classes.iter().map(|class| class.code()).collect();
    let layout = match description.style {
        DrawingStyle::Scene | DrawingStyle::Letterbox => "",
        DrawingStyle::Figure(style) if style.is_light_on_dark => LIGHT_FIGURES,
        DrawingStyle::Figure(_) => DARK_FIGURES,
    };
    let (framed, framing) = match description.style {
        DrawingStyle::Letterbox => ("whole, between two bars of the mean color of its border", LETTERBOX),
        DrawingStyle::Scene | DrawingStyle::Figure(_) => ("cropped to its aspect ratio, scaled", CROP),
    };
    TEMPLATE
        .replace("@LAYOUT@", layout)
        .replace("@FRAMED@", framed)
        .replace("@FRAMING@", framing)
        .replace("@CHANNELS@", &shape.channels.to_string())
        .replace("@HEIGHT@", &shape.height.to_string())
        .replace("@WIDTH@", &shape.width.to_string())
        .replace("@MODE@", if shape.channels == 1 { "L" } else { "RGB" })
        .replace("@DEFINITIONS@", &definitions.join("\n\n\n"))
        .replace("@LAYERS@", &layers)
        // The visitor's texts come last, so that nothing in them is replaced.
        .replace("@NAME@", &comment(&description.network.name))
        .replace("@CLASSES@", &python_strings(&description.classes))
}

const TEMPLATE: &str = include_str!("model.py.txt");

const LIGHT_FIGURES: &str =
    "\nIt was trained on light figures on a dark ground, all placed alike: give it such images.\n";
const DARK_FIGURES: &str =
    "\nIt was trained on dark figures on a light ground, all placed alike: give it such images.\n";

const CROP: &str = r"    scale = min(image.width / @WIDTH@, image.height / @HEIGHT@)
    left, top = (image.width - @WIDTH@ * scale) / 2, (image.height - @HEIGHT@ * scale) / 2
    box = (left, top, left + @WIDTH@ * scale, top + @HEIGHT@ * scale)
    framed = pixels(image.resize((@WIDTH@, @HEIGHT@), Image.BOX, box))
";

const LETTERBOX: &str = r"    scale = min(@WIDTH@ / image.width, @HEIGHT@ / image.height)
    width = max(1, min(@WIDTH@, round(image.width * scale)))
    height = max(1, min(@HEIGHT@, round(image.height * scale)))
    whole = pixels(image.resize((width, height), Image.BOX))
    is_border = torch.ones(height, width, dtype=torch.bool)
    is_border[1:-1, 1:-1] = False
    framed = whole[is_border].mean(0).repeat(@HEIGHT@, @WIDTH@, 1)
    top, left = (@HEIGHT@ - height) // 2, (@WIDTH@ - width) // 2
    framed[top : top + height, left : left + width] = whole
";

/// A layer that PyTorch has no module for, or none with Kindling's names of tensors. The names are those of the classes in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Block,
    DepthwiseSeparable,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    Lstm,
    PatchEmbedding,
    PooledSkip,
    PositionEmbedding,
    Residual,
    Resize,
    Rows,
    SqueezeExcitation,
}

impl Class {
    fn code(self) -> &'static str {
        match self {
            Self::Block => BLOCK,
            Self::DepthwiseSeparable => DEPTHWISE_SEPARABLE,
            Self::GlobalAveragePool => GLOBAL_AVERAGE_POOL,
            Self::GlobalMaxPool => GLOBAL_MAX_POOL,
            Self::Gru => GRU,
            Self::Lstm => LSTM,
            Self::PatchEmbedding => PATCH_EMBEDDING,
            Self::PooledSkip => POOLED_SKIP,
            Self::PositionEmbedding => POSITION_EMBEDDING,
            Self::Residual => RESIDUAL,
            Self::Resize => RESIZE,
            Self::Rows => ROWS,
            Self::SqueezeExcitation => SQUEEZE_EXCITATION,
        }
    }
}

/// The layers as arguments of `nn.Sequential`, each with its output shape as a comment.
fn sequence(layers: &[PlacedLayer], depth: usize, classes: &mut BTreeSet<Class>) -> String {
    let mut text = String::new();
    for layer in layers {
        let indent = "    ".repeat(depth);
        let expression = module(layer, depth, classes);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{indent}{expression},  # {}", layer.output);
    }
    text
}

fn module(placed: &PlacedLayer, depth: usize, classes: &mut BTreeSet<Class>) -> String {
    let channels = first_side(placed.input);
    let flag = |name: &str, value: bool| if value { String::new() } else { format!(", {name}=False") };
    let number = |name: &str, value: u64, default: u64| match value == default {
        true => String::new(),
        false => format!(", {name}={value}"),
    };
    match &placed.layer {
        Layer::Conv { filters, kernel, stride, padding, dilation, groups, bias } => {
            let padding = padding_of(*kernel, *dilation, *padding);
            let options = [
                number("stride", (*stride).into(), 1),
                number("padding", padding, 0),
                number("dilation", (*dilation).into(), 1),
                number("groups", (*groups).into(), 1),
                flag("bias", *bias),
            ];
            format!("nn.Conv2d({channels}, {filters}, {kernel}{})", options.concat())
        }
        Layer::DepthwiseConv { kernel, stride, padding, dilation, bias } => {
            let padding = padding_of(*kernel, *dilation, *padding);
            let options = [
                number("stride", (*stride).into(), 1),
                number("padding", padding, 0),
                number("dilation", (*dilation).into(), 1),
                format!(", groups={channels}"),
                flag("bias", *bias),
            ];
            format!("nn.Conv2d({channels}, {channels}, {kernel}{})", options.concat())
        }
        Layer::BatchNorm => match placed.input {
            FeatureShape::Maps { .. } => format!("nn.BatchNorm2d({channels})"),
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => format!("nn.BatchNorm1d({channels})"),
        },
        Layer::GroupNorm { groups } => format!("nn.GroupNorm({groups}, {channels})"),
        Layer::LayerNorm => match placed.input {
            FeatureShape::Maps { .. } => format!("nn.GroupNorm(1, {channels})"),
            FeatureShape::Sequence { features, .. } => format!("nn.LayerNorm({features})"),
            FeatureShape::Vector { length } => format!("nn.LayerNorm({length})"),
        },
        Layer::Activation(activation) => format!("nn.{}()", activation_name(*activation)),
        Layer::MaxPool { size, stride } => format!("nn.MaxPool2d({size}, {stride})"),
        Layer::AveragePool { size, stride } => format!("nn.AvgPool2d({size}, {stride})"),
        Layer::GlobalAveragePool => own(classes, Class::GlobalAveragePool, String::new()),
        Layer::GlobalMaxPool => own(classes, Class::GlobalMaxPool, String::new()),
        Layer::Dropout { rate } => format!("nn.Dropout({rate})"),
        Layer::SpatialDropout { rate } => format!("nn.Dropout2d({rate})"),
        Layer::Flatten => "nn.Flatten()".to_owned(),
        Layer::Linear { bias, .. } | Layer::Classifier { bias } => {
            format!("nn.Linear({}, {}{})", last_side(placed.input), last_side(placed.output), flag("bias", *bias))
        }
        Layer::Residual { .. } => {
            classes.insert(Class::Residual);
            let inner = sequence(&placed.inner, depth + 1, classes);
            let indent = "    ".repeat(depth);
            let shortcut = match &placed.shortcut {
                None => String::new(),
                Some(shortcut) => format!("{indent}    shortcut={},\n", module(shortcut, depth + 1, classes)),
            };
            format!("Residual(\n{inner}{shortcut}{indent})")
        }
        Layer::PooledSkip { .. } => {
            classes.insert(Class::GlobalAveragePool);
            classes.insert(Class::PooledSkip);
            let inner = sequence(&placed.inner, depth + 1, classes);
            format!("PooledSkip(\n{inner}{})", "    ".repeat(depth))
        }
        Layer::Resize { size } => own(classes, Class::Resize, size.to_string()),
        Layer::DepthwiseSeparable { filters, kernel, stride } => {
            classes.insert(Class::Block);
            own(classes, Class::DepthwiseSeparable, format!("{channels}, {filters}, {kernel}, {stride}"))
        }
        Layer::SqueezeExcitation { .. } => {
            let hidden = placed.tensors.first().and_then(|tensor| tensor.shape.first()).copied().unwrap_or_default();
            own(classes, Class::SqueezeExcitation, format!("{channels}, {hidden}"))
        }
        Layer::Rows => own(classes, Class::Rows, String::new()),
        Layer::Lstm { units, states } => {
            own(classes, Class::Lstm, format!("{}, {units}, {}", last_side(placed.input), all_states(*states)))
        }
        Layer::Gru { units, states } => {
            own(classes, Class::Gru, format!("{}, {units}, {}", last_side(placed.input), all_states(*states)))
        }
        Layer::PatchEmbedding { size, features } => {
            own(classes, Class::PatchEmbedding, format!("{channels}, {features}, {size}"))
        }
        Layer::PositionEmbedding => {
            let features = last_side(placed.input);
            own(classes, Class::PositionEmbedding, format!("{channels}, {features}"))
        }
        Layer::TransformerBlock { heads, mlp_ratio, dropout } => {
            let features = last_side(placed.input);
            let hidden = features * u64::from(*mlp_ratio);
            format!(
                "nn.TransformerEncoderLayer({features}, {heads}, {hidden}, {dropout}, \"gelu\", batch_first=True, norm_first=True)"
            )
        }
    }
}

/// A call of one of the classes, which gets defined.
fn own(classes: &mut BTreeSet<Class>, class: Class, arguments: String) -> String {
    classes.insert(class);
    format!("{class:?}({arguments})")
}

fn activation_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "ReLU",
        Activation::Relu6 => "ReLU6",
        Activation::LeakyRelu => "LeakyReLU",
        Activation::Gelu => "GELU",
        Activation::Silu => "SiLU",
        Activation::Tanh => "Tanh",
        Activation::Sigmoid => "Sigmoid",
    }
}

fn all_states(states: States) -> &'static str {
    match states {
        States::Last => "all_states=False",
        States::All => "all_states=True",
    }
}

/// Channels of maps, length of a sequence or vector.
fn first_side(shape: FeatureShape) -> u64 {
    match shape {
        FeatureShape::Maps { channels, .. } => channels,
        FeatureShape::Sequence { length, .. } | FeatureShape::Vector { length } => length,
    }
}

/// Width of maps, features of a sequence, length of a vector.
fn last_side(shape: FeatureShape) -> u64 {
    match shape {
        FeatureShape::Maps { width, .. } => width,
        FeatureShape::Sequence { features, .. } => features,
        FeatureShape::Vector { length } => length,
    }
}

/// A list of strings as Python reads it: JSON's escapes are Python's, surrogate pairs excepted, which serde_json does not write.
fn python_strings(texts: &[String]) -> String {
    serde_json::json!(texts).to_string()
}

/// A text that cannot leave a docstring.
fn comment(text: &str) -> String {
    text.replace(|letter: char| letter.is_control() || letter == '"' || letter == '\\', " ").trim().to_owned()
}

const BLOCK: &str = r"class Block(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)";

const DEPTHWISE_SEPARABLE: &str = r"class DepthwiseSeparable(Block):
    def __init__(self, channels, filters, kernel, stride):
        super().__init__(
            nn.Conv2d(channels, channels, kernel, stride, (kernel - 1) // 2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, filters, 1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
        )";

const GLOBAL_AVERAGE_POOL: &str = r"class GlobalAveragePool(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3) if x.dim() == 4 else 1)  # maps, or a sequence";

const GLOBAL_MAX_POOL: &str = r"class GlobalMaxPool(nn.Module):
    def forward(self, x):
        return x.amax(dim=(2, 3) if x.dim() == 4 else 1)  # maps, or a sequence";

const GRU: &str = r"class Gru(nn.GRU):
    def __init__(self, features, units, all_states):
        super().__init__(features, units, batch_first=True)
        self.all_states = all_states

    def forward(self, x):
        states, _ = super().forward(x)
        return states if self.all_states else states[:, -1]";

const LSTM: &str = r"class Lstm(nn.LSTM):
    def __init__(self, features, units, all_states):
        super().__init__(features, units, batch_first=True)
        self.all_states = all_states

    def forward(self, x):
        states, _ = super().forward(x)
        return states if self.all_states else states[:, -1]";

const PATCH_EMBEDDING: &str = r"class PatchEmbedding(nn.Module):
    def __init__(self, channels, features, size):
        super().__init__()
        self.projection = nn.Conv2d(channels, features, size, size)

    def forward(self, x):
        return self.projection(x).flatten(2).transpose(1, 2)  # batch, patches, features";

const POOLED_SKIP: &str = r"class PooledSkip(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return torch.cat([GlobalAveragePool()(x), self.layers(x)], dim=1)";

const POSITION_EMBEDDING: &str = r"class PositionEmbedding(nn.Module):
    def __init__(self, length, features):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(1, length, features))

    def forward(self, x):
        return x + self.positions";

const RESIDUAL: &str = r"class Residual(nn.Module):
    def __init__(self, *layers, shortcut=None):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = shortcut

    def forward(self, x):
        return self.layers(x) + (x if self.shortcut is None else self.shortcut(x))";

const RESIZE: &str = r#"class Resize(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return nn.functional.interpolate(x, (self.size, self.size), mode="bilinear", align_corners=False)"#;

const ROWS: &str = r"class Rows(nn.Module):
    def forward(self, x):
        return x.transpose(1, 2).flatten(2)  # batch, height, channels * width";

const SQUEEZE_EXCITATION: &str = r"class SqueezeExcitation(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x):
        gates = torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3))))))
        return x * gates[:, :, None, None]";
