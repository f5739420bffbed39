//! Runs Kindling's own description with its weights, as they are in an archive or in a page of one file.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kindling_core::config::{Activation, Layer, States};
use kindling_core::network::shape::maps::padding_of;
use kindling_core::network::shape::{PlacedLayer, place};
use serde::Deserialize;
use serde_json::Value;

use super::kernels::{self, Outcome, Pooling, Recurrence, Window};
use crate::archive::unpack;
use crate::error::ExchangeError;
use crate::trained::{Description, Tensor, floats, read_weights};

const EPSILON: f32 = 1e-5;

/// The probabilities for images of the network's input shape, by the files of an archive.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`], [`ExchangeError::Network`].
pub fn run_archive(archive: &[u8], images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let description = unpack(archive, "config.json")?;
    let description: Description = serde_json::from_slice(&description)
        .map_err(|error| ExchangeError::Unreadable(format!("config.json ({error})")))?;
    run(&description, &read_weights(&unpack(archive, "model.safetensors")?)?, images)
}

/// The probabilities for images of the network's input shape, by what a page of one file carries.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`], [`ExchangeError::Network`].
pub fn run_page(page: &[u8], images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let unreadable = |why: String| ExchangeError::Unreadable(format!("the page ({why})"));
    let text = str::from_utf8(page).map_err(|error| unreadable(error.to_string()))?;
    let carried: Carried = script(text, "network")
        .and_then(|json| serde_json::from_str(json).map_err(|error| error.to_string()))
        .map_err(unreadable)?;
    let weights = script(text, "weights").map_err(unreadable)?;
    carried.run(weights, images).map_err(unreadable)?
}

/// The probabilities for images of the network's input shape, by what a module's archive carries.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`], [`ExchangeError::Network`].
pub fn run_module(archive: &[u8], images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let unreadable = |why: String| ExchangeError::Unreadable(format!("network.json ({why})"));
    let mut document: Value =
        serde_json::from_slice(&unpack(archive, "network.json")?).map_err(|error| unreadable(error.to_string()))?;
    let weights = document.get_mut("weights").map(Value::take).unwrap_or_default();
    let carried = Carried::deserialize(document).map_err(|error| unreadable(error.to_string()))?;
    carried.run(weights.as_str().unwrap_or_default(), images).map_err(unreadable)?
}

/// What a page of one file, or a module, carries beside the weights.
#[derive(Deserialize)]
struct Carried {
    #[serde(flatten)]
    description: Description,
    tensors: Vec<Entry>,
}

impl Carried {
    /// `weights` are in base64. The outer error is about them, the inner one about the network.
    fn run(self, weights: &str, images: &[Vec<u8>]) -> Result<Result<Vec<Vec<f32>>, ExchangeError>, String> {
        let values = floats(&STANDARD.decode(weights.trim()).map_err(|error| error.to_string())?);
        let tensors = self.tensors.into_iter().map(|entry| {
            let n_values = kernels::n_values(&entry.shape)?;
            let values = entry.offset.checked_add(n_values).and_then(|end| values.get(entry.offset..end));
            let values = values.ok_or_else(|| format!("its weights end before {}", entry.name))?;
            Ok((entry.name, Tensor::new(entry.shape, values.to_vec())))
        });
        let tensors = tensors.collect::<Result<BTreeMap<_, _>, String>>()?;
        Ok(run(&self.description, &tensors, images))
    }
}

/// Where a tensor is among the weights; in values, not bytes.
#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    offset: usize,
}

/// The content of the script element with this id.
fn script<'a>(page: &'a str, id: &str) -> Result<&'a str, String> {
    let (_, rest) = page.split_once(&format!("id=\"{id}\">")).ok_or_else(|| format!("it has no {id}"))?;
    rest.split_once("</script>").map(|(content, _)| content).ok_or_else(|| format!("its {id} does not end"))
}

/// The probabilities for images of the network's input shape.
pub(crate) fn run(
    description: &Description,
    weights: &BTreeMap<String, Tensor>,
    images: &[Vec<u8>],
) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let layers = place(&description.network, description.input, description.classes.len())?;
    let runner = Runner { weights };
    let shape =
        [1, description.input.channels, description.input.height, description.input.width].map(|side| side as usize);
    // One by one: a batch of large maps may not fit into a browser's memory.
    let probabilities = images.iter().map(|image| {
        let values = image.iter().map(|byte| f32::from(*byte) / 127.5 - 1.0).collect();
        let logits = runner.chain(&layers, "", kernels::tensor(shape, values)?)?;
        kernels::softmax(&logits).map(|probabilities| probabilities.values)
    });
    probabilities.collect::<Result<_, String>>().map_err(ExchangeError::Unreadable)
}

/// Runs layers with weights by name.
pub(super) struct Runner<'a> {
    pub weights: &'a BTreeMap<String, Tensor>,
}

impl Runner<'_> {
    /// `prefix` ends with a point, if it is not empty.
    fn chain(&self, layers: &[PlacedLayer], prefix: &str, mut x: Tensor) -> Outcome {
        for (index, layer) in layers.iter().enumerate() {
            let path = format!("{prefix}{index}");
            x = self.layer(layer, &path, x).map_err(|why| format!("layer {path}: {why}"))?;
        }
        Ok(x)
    }

    fn weight(&self, path: &str, name: &str) -> Result<&Tensor, String> {
        let name = format!("{path}.{name}");
        self.weights.get(&name).ok_or_else(|| format!("{name} is missing"))
    }

    /// Weight and bias under these names; the bias may be missing.
    fn pair(&self, path: &str, part: &str, has_bias: bool) -> Result<(&Tensor, Option<&Tensor>), String> {
        let weight = self.weight(path, &format!("{part}weight"))?;
        Ok((weight, has_bias.then(|| self.weight(path, &format!("{part}bias"))).transpose()?))
    }

    fn linear(&self, path: &str, part: &str, has_bias: bool, x: &Tensor) -> Outcome {
        let (weight, bias) = self.pair(path, part, has_bias)?;
        kernels::linear(x, weight, bias)
    }

    pub fn layer(&self, placed: &PlacedLayer, path: &str, x: Tensor) -> Outcome {
        let n_images = x.shape.first().copied().unwrap_or_default();
        match &placed.layer {
            Layer::Conv { kernel, stride, padding, dilation, groups, bias, .. } => {
                let pad = padding_of(*kernel, *dilation, *padding) as usize;
                let (weight, bias) = self.pair(path, "", *bias)?;
                kernels::conv(&x, weight, bias, window(*stride, pad, *dilation, *groups as usize))
            }
            Layer::DepthwiseConv { kernel, stride, padding, dilation, bias } => {
                let pad = padding_of(*kernel, *dilation, *padding) as usize;
                let (weight, bias) = self.pair(path, "", *bias)?;
                let [channels, ..] = kernels::dims::<4>(weight)?;
                kernels::conv(&x, weight, bias, window(*stride, pad, *dilation, channels))
            }
            Layer::BatchNorm => {
                let names = ["weight", "bias", "running_mean", "running_var"];
                let [scale, shift, mean, variance] = names.map(|name| self.weight(path, name));
                let (scale, shift) = kernels::norm_scale_and_shift([scale?, shift?, mean?, variance?], EPSILON);
                kernels::scale_channels(&x, &scale, &shift)
            }
            Layer::GroupNorm { groups } => self.group_norm(path, *groups as usize, x),
            Layer::LayerNorm if x.shape.len() == 4 => self.group_norm(path, 1, x),
            Layer::LayerNorm => self.layer_norm(path, "", &x),
            Layer::Activation(activation) => Ok(kernels::map(&x, |value| activate(*activation, value))),
            Layer::MaxPool { size, stride } => {
                kernels::pool(&x, Pooling::Max, [*size as usize; 2], [*stride as usize; 2])
            }
            Layer::AveragePool { size, stride } => {
                kernels::pool(&x, Pooling::Average, [*size as usize; 2], [*stride as usize; 2])
            }
            Layer::GlobalAveragePool => kernels::fold_last(&channels_first(x)?, 1, Pooling::Average),
            Layer::GlobalMaxPool => kernels::fold_last(&channels_first(x)?, 1, Pooling::Max),
            Layer::Dropout { .. } | Layer::SpatialDropout { .. } => Ok(x),
            Layer::Flatten => {
                let length = kernels::n_values(x.shape.get(1..).unwrap_or_default())?;
                kernels::reshape(x, [n_images, length])
            }
            Layer::Linear { bias, .. } | Layer::Classifier { bias } => self.linear(path, "", *bias, &x),
            Layer::Residual { .. } => {
                let shortcut = match &placed.shortcut {
                    None => x.clone(),
                    Some(shortcut) => self.layer(shortcut, &format!("{path}.shortcut"), x.clone())?,
                };
                let x = self.chain(&placed.inner, &format!("{path}.layers."), x)?;
                kernels::binary(&x, &shortcut, |one, other| one + other)
            }
            Layer::PooledSkip { .. } => {
                let averages = kernels::fold_last(&channels_first(x.clone())?, 1, Pooling::Average)?;
                let rest = self.chain(&placed.inner, &format!("{path}.layers."), x)?;
                kernels::beside(&[&averages, &rest])
            }
            Layer::Resize { size } => kernels::resize(&x, *size as usize),
            Layer::DepthwiseSeparable { .. } => self.chain(&placed.inner, &format!("{path}.layers."), x),
            Layer::SqueezeExcitation { .. } => {
                let [_, channels, _, _] = kernels::dims(&x)?;
                let means = kernels::fold_last(&x, 2, Pooling::Average)?;
                let hidden = kernels::map(&self.linear(path, "fc1.", true, &means)?, |value| value.max(0.0));
                let gates = kernels::map(&self.linear(path, "fc2.", true, &hidden)?, kernels::sigmoid);
                let gates = kernels::reshape(gates, [n_images, channels, 1, 1])?;
                kernels::binary(&x, &gates, |value, gate| value * gate)
            }
            Layer::Rows => {
                let [_, channels, height, width] = kernels::dims(&x)?;
                kernels::reshape(kernels::transpose(&x, &[0, 2, 1, 3])?, [n_images, height, channels * width])
            }
            Layer::Lstm { states, .. } => self.recurrent(path, &[0, 1, 2, 3], *states, &x),
            Layer::Gru { states, .. } => self.recurrent(path, &[0, 1, 2], *states, &x),
            Layer::PatchEmbedding { size, .. } => {
                let (weight, bias) = self.pair(path, "projection.", true)?;
                let patches = kernels::conv(&x, weight, bias, window(*size, 0, 1, 1))?;
                kernels::transpose(&channels_first(patches)?, &[0, 2, 1])
            }
            Layer::PositionEmbedding => {
                kernels::binary(&x, self.weight(path, "positions")?, |value, position| value + position)
            }
            Layer::TransformerBlock { heads, .. } => {
                let attended = self.attention(path, *heads as usize, &self.layer_norm(path, "norm1.", &x)?)?;
                let x = kernels::binary(&x, &attended, |one, other| one + other)?;
                let hidden = self.linear(path, "linear1.", true, &self.layer_norm(path, "norm2.", &x)?)?;
                let hidden = kernels::map(&hidden, |value| activate(Activation::Gelu, value));
                let added = self.linear(path, "linear2.", true, &hidden)?;
                kernels::binary(&x, &added, |one, other| one + other)
            }
        }
    }

    fn group_norm(&self, path: &str, groups: usize, x: Tensor) -> Outcome {
        let shape = x.shape.clone();
        let [n_images, ..] = kernels::dims::<4>(&x)?;
        let per_group = kernels::n_values(&shape)? / (n_images * groups).max(1);
        let standardized = kernels::standardize(&kernels::reshape(x, [n_images, groups, per_group])?, EPSILON)?;
        let [scale, shift] = [self.weight(path, "weight")?, self.weight(path, "bias")?];
        kernels::scale_channels(&kernels::reshape(standardized, shape)?, &scale.values, &shift.values)
    }

    fn layer_norm(&self, path: &str, part: &str, x: &Tensor) -> Outcome {
        let (scale, shift) = self.pair(path, part, true)?;
        let scaled = kernels::binary(&kernels::standardize(x, EPSILON)?, scale, |value, scale| value * scale)?;
        kernels::binary(&scaled, shift.unwrap_or(scale), |value, shift| value + shift)
    }

    fn recurrent(&self, path: &str, gates: &[usize], states: States, x: &Tensor) -> Outcome {
        let recurrence = Recurrence {
            of_item: self.weight(path, "weight_ih_l0")?,
            of_state: self.weight(path, "weight_hh_l0")?,
            item_bias: self.weight(path, "bias_ih_l0")?,
            state_bias: self.weight(path, "bias_hh_l0")?,
            gates,
        };
        let all = recurrence.states(x)?;
        match states {
            States::All => Ok(all),
            States::Last => kernels::last_item(&all),
        }
    }

    fn attention(&self, path: &str, heads: usize, x: &Tensor) -> Outcome {
        let [n_images, length, features] = kernels::dims(x)?;
        let per_head = features.checked_div(heads).ok_or("attention without heads")?;
        let (weight, bias) =
            (self.weight(path, "self_attn.in_proj_weight")?, self.weight(path, "self_attn.in_proj_bias")?);
        let projected = kernels::linear(x, weight, Some(bias))?;
        let split = kernels::reshape(projected, [n_images * length, 3, heads, per_head])?;
        let split = kernels::transpose(&split, &[1, 0, 2, 3])?;
        let mut parts = split.values.chunks_exact((n_images * length * features).max(1));
        let mut part = |order: &[usize]| {
            let values = parts.next().unwrap_or_default().to_vec();
            kernels::transpose(&kernels::tensor([n_images, length, heads, per_head], values)?, order)
        };
        let (queries, keys, values) = (part(&[0, 2, 1, 3])?, part(&[0, 2, 3, 1])?, part(&[0, 2, 1, 3])?);
        let scale = 1.0 / (per_head as f32).sqrt();
        let scores = kernels::map(&kernels::matmul(&queries, &keys)?, |score| score * scale);
        let attended = kernels::matmul(&kernels::softmax(&scores)?, &values)?;
        let joined = kernels::reshape(kernels::transpose(&attended, &[0, 2, 1, 3])?, [n_images, length, features])?;
        self.linear(path, "self_attn.out_proj.", true, &joined)
    }
}

fn window(stride: u32, pad: usize, dilation: u32, groups: usize) -> Window {
    Window { stride: [stride as usize; 2], pads: [pad; 4], dilation: [dilation as usize; 2], groups }
}

/// Maps or a sequence to `[batch, channels, places]`.
fn channels_first(x: Tensor) -> Outcome {
    match x.shape[..] {
        [n_images, channels, height, width] => kernels::reshape(x, [n_images, channels, height * width]),
        _ => kernels::transpose(&x, &[0, 2, 1]),
    }
}

pub(super) fn activate(activation: Activation, value: f32) -> f32 {
    match activation {
        Activation::Relu => value.max(0.0),
        Activation::Relu6 => value.clamp(0.0, 6.0),
        Activation::LeakyRelu => value.max(0.01 * value),
        Activation::Gelu => 0.5 * value * (1.0 + libm::erff(value * std::f32::consts::FRAC_1_SQRT_2)),
        Activation::Silu => value * kernels::sigmoid(value),
        Activation::Tanh => value.tanh(),
        Activation::Sigmoid => kernels::sigmoid(value),
    }
}
