//! Runs TensorFlow.js layers models of the layers that Kindling writes, by Keras's definitions: maps are `[batch, height, width, channels]`.

use std::collections::BTreeMap;

use kindling_core::protocol::ImageShape;
use serde::Deserialize;
use serde_json::Value;

use super::kernels::{self, Outcome, Pooling, Recurrence, Window};
use crate::archive::unpack;
use crate::error::ExchangeError;
use crate::trained::{Tensor, floats};

/// Maximum number of layers; each costs memory for its output until the end.
const MAX_LAYERS: usize = 10_000;

/// The probabilities for images of the network's input shape, given to the model as ml5.js and Teachable Machine's library give it images: in
/// color, of the model's size, scaled by `byte / 127 - 1`.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`], naming the layer.
pub fn run(archive: &[u8], images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let [model, weights, metadata] = ["model.json", "weights.bin", "metadata.json"].map(|name| unpack(archive, name));
    let (model, weights, metadata) = (model?, weights?, metadata?);
    // One by one: a batch of large maps may not fit into a browser's memory.
    let probabilities = Network::parse(&model, &weights, &metadata)
        .and_then(|network| images.iter().map(|image| network.run(image)).collect());
    probabilities.map_err(|why| ExchangeError::Unreadable(format!("the TensorFlow.js model ({why})")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    model_topology: Topology,
    weights_manifest: Vec<WeightGroup>,
}

#[derive(Deserialize)]
struct Topology {
    config: Graph,
}

#[derive(Deserialize)]
struct Graph {
    layers: Vec<Layer>,
    output_layers: Vec<(String, usize, usize)>,
}

#[derive(Deserialize)]
struct WeightGroup {
    weights: Vec<WeightEntry>,
}

#[derive(Deserialize)]
struct WeightEntry {
    name: String,
    shape: Vec<usize>,
}

#[derive(Deserialize)]
struct Layer {
    class_name: String,
    name: String,
    config: Value,
    inbound_nodes: Vec<Vec<(String, usize, usize, Value)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    user_metadata: UserMetadata,
}

#[derive(Deserialize)]
struct UserMetadata {
    input: ImageShape,
}

/// A model with its weights.
struct Network {
    graph: Graph,
    tensors: BTreeMap<String, Tensor>,
    /// Channels, height and width of the network's input, which only the metadata says: the model wants larger images.
    shape: [usize; 3],
}

impl Network {
    fn parse(model: &[u8], weights: &[u8], metadata: &[u8]) -> Result<Self, String> {
        let model: Model = serde_json::from_slice(model).map_err(|error| error.to_string())?;
        let graph = model.model_topology.config;
        if graph.layers.len() > MAX_LAYERS {
            return Err(format!("more than {MAX_LAYERS} layers"));
        }
        let values = floats(weights);
        let mut tensors = BTreeMap::new();
        let mut start = 0_usize;
        for entry in model.weights_manifest.into_iter().flat_map(|group| group.weights) {
            let end = start.saturating_add(kernels::n_values(&entry.shape)?);
            let part = values.get(start..end).ok_or_else(|| format!("the weights end before {}", entry.name))?;
            tensors.insert(entry.name, kernels::tensor(entry.shape, part.to_vec())?);
            start = end;
        }
        let metadata: Metadata = serde_json::from_slice(metadata).map_err(|error| error.to_string())?;
        let ImageShape { channels, height, width } = metadata.user_metadata.input;
        let shape = [channels, height, width].map(|side| side as usize);
        if !matches!(channels, 1 | 3) || kernels::n_values(&shape)? == 0 {
            return Err("its images are neither gray nor in color".to_owned());
        }
        Ok(Self { graph, tensors, shape })
    }

    fn run(&self, image: &[u8]) -> Result<Vec<f32>, String> {
        let mut values: BTreeMap<&str, Tensor> = BTreeMap::new();
        for layer in &self.graph.layers {
            let inputs = layer.inbound_nodes.iter().flatten();
            let inputs =
                inputs.map(|(name, ..)| values.get(name.as_str()).ok_or_else(|| format!("{name} is not computed")));
            let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
            let operation = Operation { layer, inputs, tensors: &self.tensors };
            let output = match layer.class_name.as_str() {
                "InputLayer" => operation.side().and_then(|side| self.enlarged(image, side)),
                _ => operation.run(),
            };
            let output = output.map_err(|why| format!("{} {}: {why}", layer.class_name, layer.name))?;
            values.insert(&layer.name, output);
        }
        let (output, ..) = self.graph.output_layers.first().ok_or("it has no output")?;
        let output = values.remove(output.as_str()).ok_or_else(|| format!("nothing computes {output}"))?;
        Ok(output.values)
    }

    /// An image of the network's input shape as `[1, side, side, 3]`: enlarged without smoothing, black where it does not fill the square.
    fn enlarged(&self, image: &[u8], side: usize) -> Outcome {
        let [channels, rows, columns] = self.shape;
        if image.len() != channels * rows * columns {
            return Err("the image has another size".to_owned());
        }
        let (tall, wide) = ((side / rows).max(1), (side / columns).max(1));
        let border = |n: usize, enlarged: usize| side.saturating_sub(n * enlarged) / 2;
        let (top, left) = (border(rows, tall), border(columns, wide));
        let mut values = Vec::with_capacity(kernels::n_outputs(&[side, side, 3])?);
        for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
            let row = y.checked_sub(top).map(|y| y / tall).filter(|&row| row < rows);
            let column = x.checked_sub(left).map(|x| x / wide).filter(|&column| column < columns);
            values.extend((0..3).map(|color| {
                let channel = if channels == 1 { 0 } else { color };
                let place = row.zip(column).map(|(row, column)| (channel * rows + row) * columns + column);
                let byte = place.and_then(|place| image.get(place)).copied().unwrap_or_default();
                f32::from(byte) / 127.0 - 1.0
            }));
        }
        kernels::tensor([1, side, side, 3], values)
    }
}

struct Operation<'a> {
    layer: &'a Layer,
    inputs: Vec<&'a Tensor>,
    tensors: &'a BTreeMap<String, Tensor>,
}

impl Operation<'_> {
    fn run(&self) -> Outcome {
        let x = self.x(0)?;
        match self.layer.class_name.as_str() {
            "Cropping2D" => self.crop(x),
            "ZeroPadding2D" => self.pad(x),
            "AveragePooling2D" => self.pool(x, Pooling::Average),
            "MaxPooling2D" => self.pool(x, Pooling::Max),
            "Conv2D" => self.conv(x, "kernel", [3, 2, 0, 1], 1),
            "DepthwiseConv2D" => {
                let channels = x.shape.last().copied().unwrap_or_default();
                self.conv(x, "depthwise_kernel", [2, 3, 0, 1], channels)
            }
            "BatchNormalization" => self.batch_norm(x),
            "LayerNormalization" => self.layer_norm(x),
            "Activation" => self.activate(x.clone()),
            "ReLU" => {
                let most = self.number("max_value")? as f32;
                Ok(kernels::map(x, |value| value.max(0.0).min(most)))
            }
            "LeakyReLU" => {
                let slope = self.number("alpha")? as f32;
                Ok(kernels::map(x, |value| if value < 0.0 { slope * value } else { value }))
            }
            "GlobalAveragePooling2D" => kernels::fold_last(&kernels::transpose(x, &[0, 3, 1, 2])?, 2, Pooling::Average),
            "GlobalMaxPooling2D" => kernels::fold_last(&kernels::transpose(x, &[0, 3, 1, 2])?, 2, Pooling::Max),
            "GlobalAveragePooling1D" => kernels::fold_last(&kernels::transpose(x, &[0, 2, 1])?, 1, Pooling::Average),
            "GlobalMaxPooling1D" => kernels::fold_last(&kernels::transpose(x, &[0, 2, 1])?, 1, Pooling::Max),
            "Reshape" => {
                let n_images = x.shape.first().copied().unwrap_or_default();
                let shape: Vec<usize> = self.list("target_shape")?;
                kernels::reshape(x.clone(), std::iter::once(n_images).chain(shape).collect::<Vec<_>>())
            }
            "Permute" => {
                let order: Vec<usize> = self.list("dims")?;
                kernels::transpose(x, &std::iter::once(0).chain(order).collect::<Vec<_>>())
            }
            "Dense" => {
                let product = kernels::matmul(x, self.weight("kernel")?)?;
                let sum = match self.flag("use_bias") {
                    true => kernels::binary(&product, self.weight("bias")?, |one, other| one + other)?,
                    false => product,
                };
                self.activate(sum)
            }
            "Add" => kernels::binary(x, self.x(1)?, |one, other| one + other),
            "Multiply" => kernels::binary(x, self.x(1)?, |one, other| one * other),
            "Concatenate" => self.concatenate(),
            "Dot" => match self.list::<usize>("axes")?[..] {
                [2, 2] => kernels::matmul(x, &kernels::transpose(self.x(1)?, &[0, 2, 1])?),
                [2, 1] => kernels::matmul(x, self.x(1)?),
                _ => Err("a product over other axes".to_owned()),
            },
            "LSTM" => self.lstm(x),
            other => Err(format!("the layer {other} is not known")),
        }
    }

    fn x(&self, index: usize) -> Result<&Tensor, String> {
        self.inputs.get(index).copied().ok_or_else(|| "an input is missing".to_owned())
    }

    fn weight(&self, part: &str) -> Result<&Tensor, String> {
        let name = format!("{}/{part}", self.layer.name);
        self.tensors.get(&name).ok_or_else(|| format!("{name} is missing"))
    }

    fn field<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<T, String> {
        let value = self.layer.config.get(name).ok_or_else(|| format!("{name} is missing"))?;
        T::deserialize(value).map_err(|error| format!("{name}: {error}"))
    }

    fn list<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Vec<T>, String> {
        self.field(name)
    }

    fn number(&self, name: &str) -> Result<f64, String> {
        self.field(name)
    }

    fn flag(&self, name: &str) -> bool {
        self.field(name).unwrap_or_default()
    }

    /// Of the square images that an input layer takes.
    fn side(&self) -> Result<usize, String> {
        const SIDE_LIMIT: usize = 1_024;
        match self.list::<Option<usize>>("batch_input_shape")?[..] {
            [None, Some(side), Some(width), Some(3)] if side == width && side <= SIDE_LIMIT => Ok(side),
            _ => Err("its input is no batch of square color images".to_owned()),
        }
    }

    fn crop(&self, x: &Tensor) -> Outcome {
        let [_, height, width, channels] = kernels::dims(x)?;
        let [[top, bottom], [left, right]]: [[usize; 2]; 2] = self.field("cropping")?;
        let rows = height.checked_sub(top.saturating_add(bottom)).ok_or("nothing is left")?;
        let columns = width.checked_sub(left.saturating_add(right)).ok_or("nothing is left")?;
        let n_images = x.shape.first().copied().unwrap_or_default();
        let kept = x.values.chunks_exact((height * width * channels).max(1)).flat_map(|image| {
            let rows = image.chunks_exact((width * channels).max(1)).skip(top).take(rows);
            rows.flat_map(|row| row.iter().skip(left * channels).take(columns * channels))
        });
        kernels::tensor([n_images, rows, columns, channels], kept.copied().collect())
    }

    fn pad(&self, x: &Tensor) -> Outcome {
        let [n_images, height, width, channels] = kernels::dims(x)?;
        let [[top, bottom], [left, right]]: [[usize; 2]; 2] = self.field("padding")?;
        if [top, bottom, left, right].iter().any(|&pad| pad > 1 << 16) {
            return Err("too much padding".to_owned());
        }
        let shape = [n_images, height + top + bottom, width + left + right, channels];
        let mut values = Vec::with_capacity(kernels::n_outputs(&shape)?);
        let zeros = |values: &mut Vec<f32>, n: usize| values.resize(values.len() + n, 0.0);
        for image in x.values.chunks_exact((height * width * channels).max(1)) {
            zeros(&mut values, top * (width + left + right) * channels);
            for row in image.chunks_exact((width * channels).max(1)) {
                zeros(&mut values, left * channels);
                values.extend(row);
                zeros(&mut values, right * channels);
            }
            zeros(&mut values, bottom * (width + left + right) * channels);
        }
        kernels::tensor(shape, values)
    }

    fn pool(&self, x: &Tensor, pooling: Pooling) -> Outcome {
        self.check_is_valid()?;
        let x = kernels::transpose(x, &[0, 3, 1, 2])?;
        kernels::transpose(
            &kernels::pool(&x, pooling, self.field("pool_size")?, self.field("strides")?)?,
            &[0, 2, 3, 1],
        )
    }

    /// `order` turns the kernel into `[out, in / groups, height, width]`.
    fn conv(&self, x: &Tensor, kernel: &str, order: [usize; 4], groups: usize) -> Outcome {
        self.check_is_valid()?;
        let window =
            Window { stride: self.field("strides")?, pads: [0; 4], dilation: self.field("dilation_rate")?, groups };
        let kernel = kernels::transpose(self.weight(kernel)?, &order)?;
        let bias = self.flag("use_bias").then(|| self.weight("bias")).transpose()?;
        let maps = kernels::conv(&kernels::transpose(x, &[0, 3, 1, 2])?, &kernel, bias, window)?;
        self.activate(kernels::transpose(&maps, &[0, 2, 3, 1])?)
    }

    fn check_is_valid(&self) -> Result<(), String> {
        let is_valid = self.field::<String>("padding")? == "valid";
        if is_valid { Ok(()) } else { Err("padding of its own".to_owned()) }
    }

    fn batch_norm(&self, x: &Tensor) -> Outcome {
        let statistics = ["gamma", "beta", "moving_mean", "moving_variance"].map(|part| self.weight(part));
        let [scale, shift, mean, variance] = statistics;
        let epsilon = self.number("epsilon")? as f32;
        let (scale, shift) = kernels::norm_scale_and_shift([scale?, shift?, mean?, variance?], epsilon);
        let vector = |values: Vec<f32>| kernels::tensor([values.len()], values);
        let scaled = kernels::binary(x, &vector(scale)?, |value, scale| value * scale)?;
        kernels::binary(&scaled, &vector(shift)?, |value, shift| value + shift)
    }

    fn layer_norm(&self, x: &Tensor) -> Outcome {
        let standardized = kernels::standardize(x, self.number("epsilon")? as f32)?;
        if !self.flag("scale") && !self.flag("center") {
            return Ok(standardized);
        }
        let scaled = kernels::binary(&standardized, self.weight("gamma")?, |value, scale| value * scale)?;
        kernels::binary(&scaled, self.weight("beta")?, |value, shift| value + shift)
    }

    fn activate(&self, x: Tensor) -> Outcome {
        let function: String = self.field("activation")?;
        match function.as_str() {
            "linear" => Ok(x),
            "relu" => Ok(kernels::map(&x, |value| value.max(0.0))),
            "tanh" => Ok(kernels::map(&x, f32::tanh)),
            "sigmoid" => Ok(kernels::map(&x, kernels::sigmoid)),
            "swish" => Ok(kernels::map(&x, |value| value * kernels::sigmoid(value))),
            "gelu" => {
                Ok(kernels::map(&x, |value| 0.5 * value * (1.0 + libm::erff(value * std::f32::consts::FRAC_1_SQRT_2))))
            }
            "softmax" => kernels::softmax(&x),
            other => Err(format!("the activation {other} is not known")),
        }
    }

    /// Along the last axis.
    fn concatenate(&self) -> Outcome {
        let first = self.x(0)?;
        let leading = first.shape.split_last().map(|(_, leading)| leading).unwrap_or_default();
        let side = |x: &Tensor| x.shape.last().copied().unwrap_or_default();
        if self.inputs.iter().any(|x| x.shape.split_last().map(|(_, leading)| leading) != Some(leading) || side(x) == 0)
        {
            return Err("parts that do not fit".to_owned());
        }
        let n_rows = kernels::n_values(leading)?;
        let mut values = Vec::new();
        for row in 0..n_rows {
            for x in &self.inputs {
                values.extend(x.values.chunks_exact(side(x)).nth(row).unwrap_or_default());
            }
        }
        let total = self.inputs.iter().map(|x| side(x)).sum();
        kernels::tensor(leading.iter().copied().chain([total]).collect::<Vec<_>>(), values)
    }

    fn lstm(&self, x: &Tensor) -> Outcome {
        let turned = |part: &str| kernels::transpose(self.weight(part)?, &[1, 0]);
        let bias = self.weight("bias")?;
        let none = kernels::map(bias, |_| 0.0);
        let recurrence = Recurrence {
            of_item: &turned("kernel")?,
            of_state: &turned("recurrent_kernel")?,
            item_bias: bias,
            state_bias: &none,
            gates: &[0, 1, 2, 3],
        };
        let states = recurrence.states(x)?;
        if self.flag("return_sequences") { Ok(states) } else { kernels::last_item(&states) }
    }
}
