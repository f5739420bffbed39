//! TFLite with floats of 32 bits, for LiteRT on phones and single-board computers: one image of bytes in, probabilities and logits out.
//!
//! The batch is one image, so sequences are matrices and vectors are rows. A batch norm that follows a convolution or a linear layer is folded into
//! its weights, any other into a scale and a shift; a ReLU is part of the operation before it.

/// A model as data, and its encoding.
mod model;

/// The operations of each layer.
mod layers;

/// Networks in integers of 8 bits.
pub mod int8;

use kindling_core::protocol::ImageShape;

use self::model::{Element, ModelBuilder, Options};
use super::description::{HALF_RANGE, color_weights, described, plain};
use crate::check::Check;
use crate::error::ExchangeError;
use crate::tflite_operators as op;
use crate::trained::{Tensor, TrainedNetwork};

pub fn write(network: &TrainedNetwork, check: &Check) -> Result<Vec<u8>, ExchangeError> {
    let description = &network.description;
    let mut model = ModelBuilder::default();
    let ImageShape { height, width, .. } = description.input;
    let image = model.input("image", &[1, height as usize, width as usize, 3], Element::Uint8);
    let x = normalize(&mut model, image, description.input);
    let logits = layers::chain(&mut model, network, &network.layers, "", x);
    let n_classes = description.classes.len();
    let probabilities =
        model.operation(op::SOFTMAX, &[logits], "probabilities".to_owned(), &[1, n_classes], Options::Softmax);
    Ok(model.finish(image, &[probabilities, logits], &metadata(network, check)))
}

/// Labels and preprocessing, and the check.
fn metadata(network: &TrainedNetwork, check: &Check) -> [(&'static str, String); 3] {
    let description = &network.description;
    [
        ("labels", serde_json::json!(description.classes).to_string()),
        ("kindling.config", described(description).to_string()),
        ("kindling.check", plain(check).to_string()),
    ]
}

/// Bytes of red, green and blue to the network's input, scaled to [-1, 1], gray where the network knows only brightness.
fn normalize(model: &mut ModelBuilder, image: i32, shape: ImageShape) -> i32 {
    let [channels, height, width] = [shape.channels, shape.height, shape.width].map(|side| side as usize);
    let cast = Options::Cast { from: Element::Uint8, to: Element::Float32 };
    let x = model.operation(op::CAST, &[image], "input.floats".to_owned(), &[1, height, width, 3], cast);
    // One 1x1 convolution scales, shifts, and mixes the colors.
    let weights = color_weights(channels, 1.0 / HALF_RANGE);
    let weight = model.constant("input.scale".to_owned(), &Tensor::new([channels, 1, 1, 3], weights));
    let shift = model.constant("input.shift".to_owned(), &Tensor::new([channels], vec![-1.0; channels]));
    let options = Options::Conv { stride: 1, dilation: 1, activation: model::Fused::None };
    let shape = [1, height, width, channels];
    model.operation(op::CONV_2D, &[x, weight, shift], "input".to_owned(), &shape, options)
}
