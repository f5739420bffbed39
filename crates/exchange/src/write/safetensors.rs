//! An archive for PyTorch, JAX, burn and Kindling: `model.safetensors`, `config.json`, `model.py` and `check.json`.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::Value;

use super::description::{described, plain};
use super::python;
use crate::archive::pack;
use crate::check::Check;
use crate::error::ExchangeError;
use crate::trained::TrainedNetwork;

pub const WEIGHTS: &str = "model.safetensors";
pub const DESCRIPTION: &str = "config.json";
pub const CHECK: &str = "check.json";
const CODE: &str = "model.py";

pub fn write(network: &TrainedNetwork, check: &Check) -> Result<Vec<u8>, ExchangeError> {
    let description = pretty(&described(&network.description));
    let check = plain(check).to_string();
    pack(&[
        (CODE, python::code(network).as_bytes()),
        (WEIGHTS, &weights(network)?),
        (DESCRIPTION, description.as_bytes()),
        (CHECK, check.as_bytes()),
    ])
}

/// The tensors under PyTorch's names, so that `load_state_dict` takes them.
pub fn weights(network: &TrainedNetwork) -> Result<Vec<u8>, ExchangeError> {
    let unwritable = |error: safetensors::SafeTensorError| ExchangeError::Unwritable(format!("the weights ({error})"));
    let bytes: BTreeMap<&String, Vec<u8>> =
        network.weights().iter().map(|(name, tensor)| (name, tensor.bytes())).collect();
    let views = network.weights().iter().zip(bytes.values()).map(|((name, tensor), bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(unwritable)?;
        Ok((name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, ExchangeError>>()?;
    // `safetensors.torch` refuses files that do not say so.
    serialize(views, Some([("format".to_owned(), "pt".to_owned())].into_iter().collect())).map_err(unwritable)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
