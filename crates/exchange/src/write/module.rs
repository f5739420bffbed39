//! A module for web developers: a web component and a function, an example page, and the network as JSON, in one archive.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::description::extended;
use super::page::{ENGINE, PREPARE, carried};
use crate::archive::pack;
use crate::check::Check;
use crate::error::ExchangeError;
use crate::trained::TrainedNetwork;

const MODULE: &str = include_str!("../../web/module.js");
const TYPES: &str = include_str!("../../web/module.d.ts");
const EXAMPLE: &str = include_str!("../../web/module.html");

/// The runtime, which is the same for every network.
pub fn runtime() -> String {
    MODULE.replace("@ENGINE@", ENGINE).replace("@PREPARE@", PREPARE)
}

pub fn write(network: &TrainedNetwork, check: &Check) -> Result<Vec<u8>, ExchangeError> {
    let (document, weights) = carried(network, check);
    let document = extended(document, [("weights", STANDARD.encode(weights).into())]);
    pack(&[
        ("kindling-classifier.js", runtime().as_bytes()),
        ("kindling-classifier.d.ts", TYPES.as_bytes()),
        ("network.json", document.to_string().as_bytes()),
        ("index.html", EXAMPLE.as_bytes()),
    ])
}
