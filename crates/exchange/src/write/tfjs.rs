//! TensorFlow.js: a layers model with the metadata that ml5.js and Teachable Machine's library read, in one archive.
//!
//! Both give every model an image of 224 by 224 pixels, red, green and blue, scaled by `x / 127 - 1`, whatever the network wants. So the model
//! begins with layers that make the network's input of that: a crop to a multiple of its size, the mean of each square of pixels, and a 1x1
//! convolution that mixes gray and corrects the scale. Batch norms stay layers of their own.

/// The layers of a model in Keras's words, and their weights.
mod graph;

/// The layers of a layer.
mod layers;

use serde_json::json;

use self::graph::GraphBuilder;
use super::description::{HALF_RANGE, color_weights, described, plain};
use super::safetensors::CHECK;
use crate::archive::pack;
use crate::check::Check;
use crate::error::ExchangeError;
use crate::trained::{Tensor, TrainedNetwork};

/// Side of the images that ml5.js and Teachable Machine's library give to a model.
pub const SIDE: usize = 224;

const NAME: &str = "TensorFlow.js";

pub fn write(network: &TrainedNetwork, check: &Check) -> Result<Vec<u8>, ExchangeError> {
    let description = &network.description;
    let mut graph = GraphBuilder::default();
    let image = graph.input("image", &[SIDE, SIDE, 3]);
    let mut x = prepare(&mut graph, network, image)?;
    for (path, layer) in network.body() {
        x = layers::layer(&mut graph, network, layer, &path, x)?;
    }
    let (path, classifier) = network.classifier();
    let logits = layers::layer(&mut graph, network, classifier, &path, x)?;
    let probabilities =
        graph.layer("Activation", "probabilities", &[&logits], json!({ "activation": "softmax" }), vec![]);
    let (model, weights) = graph.finish("image", &probabilities);
    let metadata = json!({
        "tfjsVersion": "4.22.0",
        "packageName": "@teachablemachine/image",
        "packageVersion": "0.8.5",
        "modelName": description.network.name,
        "labels": description.classes,
        "imageSize": SIDE,
        "userMetadata": described(description),
    });
    let check = plain(check).to_string();
    pack(&[
        ("model.json", model.to_string().as_bytes()),
        ("weights.bin", &weights),
        ("metadata.json", metadata.to_string().as_bytes()),
        (CHECK, check.as_bytes()),
    ])
}

/// From the library's image to the network's input.
fn prepare(graph: &mut GraphBuilder, network: &TrainedNetwork, mut x: String) -> Result<String, ExchangeError> {
    let shape = network.description.input;
    let sides = [shape.height, shape.width].map(|side| side as usize);
    if sides.iter().any(|&side| side > SIDE) {
        let reason = "its readers give images of 224 by 224 pixels, and the network wants larger ones";
        return Err(ExchangeError::CannotHold { format: NAME, layer: "1".to_owned(), name: "input", reason });
    }
    let windows = sides.map(|side| SIDE / side.max(1));
    let crops: Vec<[usize; 2]> = sides
        .iter()
        .zip(windows)
        .map(|(side, window)| {
            let rest = SIDE - side * window;
            [rest / 2, rest - rest / 2]
        })
        .collect();
    if crops.iter().flatten().any(|&crop| crop > 0) {
        x = graph.layer(
            "Cropping2D",
            "crop",
            &[&x],
            json!({ "cropping": crops, "data_format": "channels_last" }),
            vec![],
        );
    }
    if windows != [1, 1] {
        x = graph.layer("AveragePooling2D", "shrink", &[&x], layers::window(windows, windows), vec![]);
    }
    // From `byte / 127 - 1` to `byte / 127.5 - 1`.
    let scale = 127.0 / HALF_RANGE;
    let channels = shape.channels as usize;
    let weights = color_weights(channels, scale);
    let kernel = Tensor::new([1, 1, 3, channels], weights);
    let bias = Tensor::new([channels], vec![scale - 1.0; channels]);
    let config = json!({
        "filters": channels, "kernel_size": [1, 1], "strides": [1, 1], "padding": "valid", "data_format": "channels_last",
        "dilation_rate": [1, 1], "activation": "linear", "use_bias": true,
    });
    Ok(graph.layer("Conv2D", "scale", &[&x], config, vec![("kernel", kernel), ("bias", bias)]))
}
