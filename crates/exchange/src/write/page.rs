//! A page of one file: the network, an engine of plain JavaScript, and a page around it that draws, opens files and cameras, and checks itself.
//! It makes no request, so it runs from a disk.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::description::{described, extended, plain};
use crate::check::Check;
use crate::error::ExchangeError;
use crate::trained::TrainedNetwork;

const TEMPLATE: &str = include_str!("../../web/page.html");
const STYLE: &str = include_str!("../../web/page.css");
pub const ENGINE: &str = include_str!("../../web/engine.js");
pub const PREPARE: &str = include_str!("../../web/prepare.js");
const PAGE: &str = include_str!("../../web/page.js");

pub fn write(network: &TrainedNetwork, check: &Check) -> Result<Vec<u8>, ExchangeError> {
    let (document, weights) = carried(network, check);
    let page = TEMPLATE
        .replace("@STYLE@", STYLE)
        .replace("@ENGINE@", ENGINE)
        .replace("@PREPARE@", PREPARE)
        .replace("@PAGE@", PAGE)
        .replace("@WEIGHTS@", &STANDARD.encode(weights))
        // Last, so that nothing in the visitor's texts is replaced.
        .replace("@NETWORK@", &for_script(&document));
    Ok(page.into_bytes())
}

/// What the engine needs: the description, where each tensor is among the weights, and the check; and the weights.
pub fn carried(network: &TrainedNetwork, check: &Check) -> (Value, Vec<u8>) {
    let mut tensors = Vec::new();
    let mut weights = Vec::new();
    for (name, tensor) in network.weights() {
        tensors.push(json!({ "name": name, "shape": tensor.shape, "offset": weights.len() / size_of::<f32>() }));
        weights.extend(tensor.bytes());
    }
    let fields = [("tensors", tensors.into()), ("check", plain(check))];
    (extended(described(&network.description), fields), weights)
}

/// JSON that cannot end the script element that it is in.
fn for_script(document: &Value) -> String {
    document.to_string().replace('<', "\\u003c")
}
