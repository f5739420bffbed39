//! An archive for PyTorch, JAX, burn and Kindling: `model.safetensors`, `config.json`, `model.py` and `check.json`.

use serde_json::Value;

use super::description::{described, plain};
use super::python;
use crate::archive::pack;
use crate::check::Check;
use crate::error::ExchangeError;
use crate::trained::{TrainedNetwork, write_weights};

pub const WEIGHTS: &str = "model.safetensors";
pub const DESCRIPTION: &str = "config.json";
pub const CHECK: &str = "check.json";
const CODE: &str = "model.py";

pub fn write(network: &TrainedNetwork, check: &Check) -> Result<Vec<u8>, ExchangeError> {
    let description = pretty(&described(&network.description));
    let check = plain(check).to_string();
    pack(&[
        (CODE, python::code(network).as_bytes()),
        (WEIGHTS, &write_weights(network.weights())?),
        (DESCRIPTION, description.as_bytes()),
        (CHECK, check.as_bytes()),
    ])
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
