//! What every format says of a network beside its layers: the description for programs, and how bytes become the network's input.

use kindling_core::dataset::DrawingStyle;
use serde::Serialize;
use serde_json::{Value, json};

use crate::trained::Description;

/// ITU-R BT.601, as the page computes grayscale.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Half the range of a byte: `byte / 127.5 - 1` is from -1 to 1.
pub const HALF_RANGE: f32 = 127.5;

/// The weights of a 1x1 convolution from red, green and blue to the network's channels, `[channels, 3]`: gray where the network knows only
/// brightness, else each color for itself.
pub fn color_weights(channels: usize, scale: f32) -> Vec<f32> {
    match channels {
        1 => LUMA.map(|weight| weight * scale).to_vec(),
        _ => (0..9).map(|place| if place % 4 == 0 { scale } else { 0.0 }).collect(),
    }
}

/// The description with all that a reader who does not know Kindling needs to prepare an image.
pub fn described(description: &Description) -> Value {
    let framing = match description.style {
        DrawingStyle::Letterbox => "the whole image, centered between two bars of the mean color of its border",
        DrawingStyle::Scene | DrawingStyle::Figure(_) => "centered crop of the input's aspect ratio",
    };
    let preprocessing = json!({
        "layout": "channels, height, width",
        "resize": format!("{framing}; each pixel is the mean of the pixels that it covers"),
        "gray": [0.299, 0.587, 0.114],
        "mean": 127.5,
        "std": 127.5,
    });
    extended(plain(description), [("format", "kindling-network-1".into()), ("preprocessing", preprocessing)])
}

/// An object with more fields.
pub fn extended<'a>(mut document: Value, fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    if let Value::Object(object) = &mut document {
        object.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    document
}

/// As JSON, through text: a float of 32 bits stays as short as it is, instead of being lengthened to 64.
pub fn plain(data: &impl Serialize) -> Value {
    let value = serde_json::to_string(data).and_then(|text| serde_json::from_str(&text));
    let Ok(value) = value else { unreachable!("plain data is JSON") };
    value
}
