//! A network as data: its layers, and how its first weights are drawn.

use serde::{Deserialize, Serialize};

/// A network. Its input shape and number of classes come from the dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkConfig {
    pub name: String,
    pub layers: Vec<Layer>,
    /// How the first weights are drawn.
    #[serde(default)]
    pub init: InitConfig,
}

/// One layer. As JSON: `"flatten"`, `{"conv": {"filters": 6, "kernel": 5, …}}`. What flows between layers are maps `[channels, height,
/// width]`, a sequence `[length, features]`, or a vector `[length]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Layer {
    /// Square two-dimensional convolution (cross-correlation, as in PyTorch's `Conv2d`).
    Conv {
        filters: u32,
        kernel: u32,
        stride: u32,
        padding: Padding,
        /// Distance between the kernel's cells.
        #[serde(default = "one")]
        dilation: u32,
        /// Channels and filters are cut into so many groups that do not see each other.
        #[serde(default = "one")]
        groups: u32,
        bias: bool,
    },
    /// A convolution with one filter for each channel: PyTorch's `Conv2d` with as many groups and filters as channels.
    DepthwiseConv {
        kernel: u32,
        stride: u32,
        padding: Padding,
        #[serde(default = "one")]
        dilation: u32,
        bias: bool,
    },
    /// PyTorch's `BatchNorm2d` on maps, `BatchNorm1d` on a vector: epsilon 1e-5, momentum 0.1, learned scale and shift.
    BatchNorm,
    /// PyTorch's `GroupNorm` on maps: epsilon 1e-5, learned scale and shift for each channel.
    GroupNorm {
        groups: u32,
    },
    /// PyTorch's `LayerNorm` over the features of each item of a sequence, or over a vector: epsilon 1e-5, learned scale and shift for
    /// each feature. On maps it is `GroupNorm` with one group: over channels, height and width, with scale and shift for each channel,
    /// so that the weights do not depend on the image's size.
    LayerNorm,
    Activation(Activation),
    /// PyTorch's `MaxPool2d(size, stride)`, no padding, floor.
    MaxPool {
        size: u32,
        stride: u32,
    },
    /// PyTorch's `AvgPool2d(size, stride)`, no padding, floor.
    AveragePool {
        size: u32,
        stride: u32,
    },
    /// Mean over height and width, or over the items of a sequence: one number for each channel or feature.
    GlobalAveragePool,
    /// Maximum over height and width, or over the items of a sequence: one number for each channel or feature.
    GlobalMaxPool,
    /// Zeroes each value with probability `rate` while training, and scales the rest by `1 / (1 - rate)`.
    Dropout {
        rate: f32,
    },
    /// As dropout, but for whole channels: PyTorch's `Dropout2d`.
    SpatialDropout {
        rate: f32,
    },
    /// Maps or a sequence to a vector.
    Flatten,
    /// `y = W x + b`, on a vector or on each item of a sequence.
    Linear {
        units: u32,
        bias: bool,
    },
    /// Adds its input to what its layers put out. Where they change the shape, the input is projected: maps by a 1x1 convolution with a
    /// stride, vectors and sequences by a linear layer, both without bias or norm, as in pre-activation ResNets (He and others, 2016).
    Residual {
        layers: Vec<Layer>,
    },
    /// MobileNet's block: depthwise convolution (same padding), batch norm, ReLU, 1x1 convolution, batch norm, ReLU.
    DepthwiseSeparable {
        filters: u32,
        kernel: u32,
        stride: u32,
    },
    /// Weighs each channel by what all channels hold on average (Hu and others, 2018): mean, linear to `channels / ratio`, ReLU, linear
    /// back, sigmoid.
    SqueezeExcitation {
        ratio: u32,
    },
    /// An image as the sequence of its rows, from above: length `height`, features `channels · width`, channel by channel.
    Rows,
    /// PyTorch's `LSTM` with one layer, over a sequence.
    Lstm {
        units: u32,
        #[serde(default)]
        states: States,
    },
    /// PyTorch's `GRU` with one layer, over a sequence.
    Gru {
        units: u32,
        #[serde(default)]
        states: States,
    },
    /// Cuts maps into squares of `size` and weighs each into `features` numbers: a sequence, row by row. What does not fill a square is
    /// left out.
    PatchEmbedding {
        size: u32,
        features: u32,
    },
    /// Adds a learned number to each feature of each item of a sequence, so that the items' places can be told apart.
    PositionEmbedding,
    /// PyTorch's `TransformerEncoderLayer` with the norms first and GELU: self-attention, then an MLP on each item with `features ·
    /// mlp_ratio` hidden units. The dropout is on what each of the two adds.
    TransformerBlock {
        heads: u32,
        mlp_ratio: u32,
        #[serde(default)]
        dropout: f32,
    },
    /// The last layer: linear, one output per class of the dataset.
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
    /// Slope 0.01 below zero.
    LeakyRelu,
    /// `x Φ(x)`, the exact form.
    Gelu,
    /// `x σ(x)`
    Silu,
    Tanh,
    Sigmoid,
}

impl Activation {
    pub const ALL: [Self; 6] = [Self::Relu, Self::LeakyRelu, Self::Gelu, Self::Silu, Self::Tanh, Self::Sigmoid];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Padding {
    /// No padding: the output shrinks by `dilation · (kernel - 1)`.
    Valid,
    /// `dilation · (kernel - 1) / 2` on each side: at stride 1 and odd kernels the output keeps its size.
    Same,
}

/// Which states a recurrent layer hands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum States {
    /// The one after the last item: a vector.
    #[default]
    Last,
    /// The one after each item: a sequence, for another recurrent layer.
    All,
}

/// How the first weights are drawn, from the run's seed. Norms start as the identity whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InitConfig {
    /// What PyTorch draws for each kind of layer, mostly uniform in ±1/√fan-in.
    #[default]
    Pytorch,
    /// PyTorch's `kaiming_uniform_`: uniform in ±√(6/fan-in), made for ReLU (He and others, 2015); biases 0.
    He,
    /// PyTorch's `xavier_uniform_`: uniform in ±√(6/(fan-in + fan-out)), made for tanh (Glorot and Bengio, 2010); biases 0.
    Xavier,
    /// All 0, so that all units of a layer stay alike and hardly anything is learned: to see why chance is needed.
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
        assert_eq!(network.init, InitConfig::Pytorch);
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
