//! A network as data: its layers and their weight initialization.

use serde::{Deserialize, Serialize};

/// A network. Its input shape and number of classes come from the dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkConfig {
    pub name: String,
    pub layers: Vec<Layer>,
    /// Weight initialization.
    #[serde(default)]
    pub init: InitConfig,
    /// Published weights that the layers start with, as far as they are those of the published network; the others are initialized.
    #[serde(default)]
    pub pretrained: Option<Pretrained>,
    /// How many layers are frozen, counted from the first: training leaves their parameters and running statistics as they are, and they compute
    /// as in inference. A frozen batch norm without pre-trained statistics takes those of the train images, which are measured once, before the
    /// first step.
    #[serde(default)]
    pub frozen: u32,
}

impl NetworkConfig {
    /// A network with PyTorch's initialization that learns all of its parameters.
    pub fn new(name: impl Into<String>, layers: Vec<Layer>) -> Self {
        Self { name: name.into(), layers, init: InitConfig::default(), pretrained: None, frozen: 0 }
    }
}

/// A published network whose weights the page serves: `static/pretrained`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pretrained {
    /// EfficientNet-Lite0 (Tan and Le, 2019; github.com/tensorflow/tpu), trained on ImageNet, without its head, batch norms folded into the
    /// convolutions. Its images are RGB of 32k + 1 pixels a side.
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0,
}

impl Pretrained {
    pub const ALL: [Self; 1] = [Self::EfficientNetLite0];
}

/// One layer. In JSON: `"flatten"`, `{"conv": {"filters": 6, "kernel": 5, …}}`. Layers pass on feature maps `[channels, height, width]`, a
/// sequence `[length, features]`, or a vector `[length]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Layer {
    /// Two-dimensional convolution with a square kernel (cross-correlation, as in PyTorch's `Conv2d`).
    Conv {
        filters: u32,
        kernel: u32,
        stride: u32,
        padding: Padding,
        /// Spacing between kernel elements, as in PyTorch.
        #[serde(default = "one")]
        dilation: u32,
        /// Channels and filters are divided into this many groups; a filter sees only the channels of its own group.
        #[serde(default = "one")]
        groups: u32,
        bias: bool,
    },
    /// One filter per channel: PyTorch's `Conv2d` with `groups` and filters equal to the number of channels.
    DepthwiseConv {
        kernel: u32,
        stride: u32,
        padding: Padding,
        #[serde(default = "one")]
        dilation: u32,
        bias: bool,
    },
    /// PyTorch's `BatchNorm2d` on feature maps, `BatchNorm1d` on a vector: epsilon 1e-5, momentum 0.1, learned scale and shift.
    BatchNorm,
    /// PyTorch's `GroupNorm` on feature maps: epsilon 1e-5, learned scale and shift per channel.
    GroupNorm {
        groups: u32,
    },
    /// PyTorch's `LayerNorm` over the features of each item of a sequence, or over a vector: epsilon 1e-5, learned scale and shift per
    /// feature. On feature maps it is `GroupNorm` with one group, over channels, height and width, with scale and shift per channel, so its
    /// weights do not depend on the image size.
    LayerNorm,
    Activation(Activation),
    /// PyTorch's `MaxPool2d(size, stride)`, without padding, output size rounded down.
    MaxPool {
        size: u32,
        stride: u32,
    },
    /// PyTorch's `AvgPool2d(size, stride)`, without padding, output size rounded down.
    AveragePool {
        size: u32,
        stride: u32,
    },
    /// Mean over height and width, or over the items of a sequence: one value per channel or feature.
    GlobalAveragePool,
    /// Maximum over height and width, or over the items of a sequence: one value per channel or feature.
    GlobalMaxPool,
    /// Zeroes each value with probability `rate` during training, and scales the rest by `1 / (1 - rate)`.
    Dropout {
        rate: f32,
    },
    /// Dropout of whole channels: PyTorch's `Dropout2d`.
    SpatialDropout {
        rate: f32,
    },
    /// Feature maps or a sequence to a vector.
    Flatten,
    /// `y = W x + b`, on a vector or on each item of a sequence.
    Linear {
        units: u32,
        bias: bool,
    },
    /// Adds its input to the output of its layers. If they change the shape, the input is projected: feature maps by a strided 1x1
    /// convolution, vectors and sequences by a linear layer, both without bias or norm, as in pre-activation ResNets (He et al., 2016).
    Residual {
        layers: Vec<Layer>,
    },
    /// A skip connection for features of several depths: the global average of its input, followed by the output of its layers, in one vector.
    /// Its layers must end in a vector.
    PooledSkip {
        layers: Vec<Layer>,
    },
    /// Scales feature maps or images to `size · size` places by bilinear interpolation between the centers of pixels: PyTorch's
    /// `interpolate(mode="bilinear", align_corners=False)`.
    Resize {
        size: u32,
    },
    /// MobileNet's block: depthwise convolution (same padding), batch norm, ReLU, 1x1 convolution, batch norm, ReLU.
    DepthwiseSeparable {
        filters: u32,
        kernel: u32,
        stride: u32,
    },
    /// Squeeze and excitation (Hu et al., 2018): channel weights from the mean of every channel, through a linear layer to
    /// `channels / ratio`, ReLU, a linear layer back, and sigmoid.
    SqueezeExcitation {
        ratio: u32,
    },
    /// Reshapes an image to the sequence of its rows, top to bottom: length `height`, features `channels · width`, channel by channel.
    Rows,
    /// PyTorch's single-layer `LSTM` over a sequence.
    Lstm {
        units: u32,
        #[serde(default)]
        states: States,
    },
    /// PyTorch's single-layer `GRU` over a sequence.
    Gru {
        units: u32,
        #[serde(default)]
        states: States,
    },
    /// Cuts feature maps into squares of side `size` and projects each to `features` values: a sequence in row-major order. Pixels that do
    /// not fill a square are dropped.
    PatchEmbedding {
        size: u32,
        features: u32,
    },
    /// Learned positional embedding: adds a learned value to each feature of each item of a sequence.
    PositionEmbedding,
    /// PyTorch's `TransformerEncoderLayer` with `norm_first` and GELU: self-attention, then an MLP on each item with `features · mlp_ratio`
    /// hidden units. Dropout applies to the output of both before the residual additions.
    TransformerBlock {
        heads: u32,
        mlp_ratio: u32,
        #[serde(default)]
        dropout: f32,
    },
    /// The output layer: linear, one logit per class of the dataset.
    Classifier {
        bias: bool,
    },
}

fn one() -> u32 {
    1
}

/// Activations with PyTorch's definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Activation {
    Relu,
    /// `min(max(x, 0), 6)`: PyTorch's `ReLU6`.
    Relu6,
    /// Negative slope 0.01.
    LeakyRelu,
    /// `x Φ(x)`, exact rather than the tanh approximation.
    Gelu,
    /// `x σ(x)`
    Silu,
    Tanh,
    Sigmoid,
}

impl Activation {
    pub const ALL: [Self; 7] =
        [Self::Relu, Self::Relu6, Self::LeakyRelu, Self::Gelu, Self::Silu, Self::Tanh, Self::Sigmoid];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Padding {
    /// No padding: the output is `dilation · (kernel - 1)` smaller.
    Valid,
    /// `dilation · (kernel - 1) / 2` zeros on each side: with stride 1 and an odd kernel, the output keeps its size.
    Same,
}

/// Which hidden states a recurrent layer returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum States {
    /// The hidden state after the last item: a vector.
    #[default]
    Last,
    /// The hidden state after every item: a sequence, for another recurrent layer.
    All,
}

/// How initial weights are drawn, from the run's seed. Norms always start as the identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InitConfig {
    /// PyTorch's default for each kind of layer, mostly uniform in ±1/√fan-in.
    #[default]
    Pytorch,
    /// PyTorch's `kaiming_uniform_`: uniform in ±√(6/fan-in), made for ReLU (He et al., 2015); biases 0.
    He,
    /// PyTorch's `xavier_uniform_`: uniform in ±√(6/(fan-in + fan-out)), made for tanh (Glorot and Bengio, 2010); biases 0.
    Xavier,
    /// All weights 0. All units of a layer then stay equal and the network learns next to nothing, which shows why initialization must be
    /// random.
    Zeros,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn networks_without_the_newer_fields_are_read() {
        let old = json!({
            "name": "Old",
            "layers": [
                { "conv": { "filters": 6, "kernel": 5, "stride": 1, "padding": "valid", "bias": true } },
                { "activation": "relu" },
                { "lstm": { "units": 8 } },
                { "transformerBlock": { "heads": 2, "mlpRatio": 4 } },
                { "classifier": { "bias": true } },
            ],
        });
        let network: NetworkConfig = serde_json::from_value(old).unwrap();
        assert_eq!((network.init, network.pretrained, network.frozen), (InitConfig::Pytorch, None, 0));
        let conv = Layer::Conv {
            filters: 6,
            kernel: 5,
            stride: 1,
            padding: Padding::Valid,
            dilation: 1,
            groups: 1,
            bias: true,
        };
        assert_eq!(network.layers[0], conv);
        assert_eq!(network.layers[2], Layer::Lstm { units: 8, states: States::Last });
        assert_eq!(network.layers[3], Layer::TransformerBlock { heads: 2, mlp_ratio: 4, dropout: 0.0 });
    }

    #[test]
    fn blocks_nest_in_json_and_on_the_channel() {
        let text = json!({ "residual": { "layers": [{ "conv": {
            "filters": 4, "kernel": 3, "stride": 2, "padding": "same", "dilation": 2, "groups": 2, "bias": false,
        } }, "batchNorm", { "residual": { "layers": ["layerNorm"] } }] } });
        let layer: Layer = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&layer).unwrap(), text);
        let bytes = postcard::to_stdvec(&layer).unwrap();
        assert_eq!(postcard::from_bytes::<Layer>(&bytes).unwrap(), layer);
    }

    #[test]
    fn unknown_fields_are_refused() {
        let unknown = json!({ "gru": { "units": 8, "layers": 2 } });
        assert!(serde_json::from_value::<Layer>(unknown).unwrap_err().to_string().contains("unknown field `layers`"));
    }
}
