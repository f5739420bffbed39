//! ONNX that Kindling has written: its metadata describes the layers, its initializers are their tensors.

use std::collections::BTreeMap;

use kindling_core::network::shape::{TensorSpec, network_tensors, place};

use super::{Imported, check_input, proven};
use crate::error::ExchangeError;
use crate::onnx_messages::{Entry, Model};
use crate::read;
use crate::read::onnx::{Constant, constants};
use crate::trained::{Description, Tensor, TrainedNetwork};

/// The metadata's key of the description.
pub const CONFIG: &str = "kindling.config";

/// `bytes` are those of the model.
pub fn import(model: Model, bytes: &[u8]) -> Result<Imported, ExchangeError> {
    let unreadable = |why: String| ExchangeError::Unreadable(format!("the ONNX file ({why})"));
    let graph = model.graph.ok_or_else(|| unreadable("it has no graph".to_owned()))?;
    if let Some(node) = graph.node.iter().find(|node| node.op_type == "QuantizeLinear") {
        let reason = "networks in integers of 8 bits are not trained further: import the one in floats".to_owned();
        return Err(ExchangeError::Node { node: super::graph::named(node), reason });
    }
    let config = model.metadata_props.into_iter().find(|Entry { key, .. }| key == CONFIG);
    let config = config.map(|entry| entry.value).unwrap_or_default();
    let description: Description =
        serde_json::from_str(&config).map_err(|error| unreadable(format!("{CONFIG}: {error}")))?;
    check_input(&description)?;
    let layers = place(&description.network, description.input, description.classes.len())?;
    let found = Found(constants(&graph).map_err(unreadable)?);
    let tensors = network_tensors(&layers).into_iter().filter_map(|(name, spec)| {
        let tensor = found.tensor(&name, spec)?;
        Some((name, tensor))
    });
    let tensors = tensors.collect::<BTreeMap<_, _>>();
    let network = TrainedNetwork::new(description, tensors)?;
    proven(network, true, |images| read::onnx::run(bytes, images))
}

struct Found(BTreeMap<String, Constant>);

impl Found {
    fn floats(&self, name: &str) -> Option<&[f32]> {
        match self.0.get(name)? {
            Constant::Floats(tensor) => Some(&tensor.values),
            Constant::Integers(_) => None,
        }
    }

    /// `None` where it is missing, or has another number of values.
    fn tensor(&self, name: &str, spec: &TensorSpec) -> Option<Tensor> {
        let (path, last) = name.rsplit_once('.')?;
        let values = match last {
            "weight_ih_l0" => self.in_pytorchs_order(path, self.floats(&format!("{path}.of_item"))?)?,
            "weight_hh_l0" => self.in_pytorchs_order(path, self.floats(&format!("{path}.of_state"))?)?,
            "bias_ih_l0" => self.recurrent_bias(path, 0)?,
            "bias_hh_l0" => self.recurrent_bias(path, 1)?,
            "in_proj_weight" => self.projections(path, "weight")?,
            "in_proj_bias" => self.projections(path, "bias")?,
            _ => self.floats(name)?.to_vec(),
        };
        let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
        (spec.n_values() == values.len() as u64).then(|| Tensor::new(shape, values))
    }

    /// The weights of the queries, the keys and the values, one after the other.
    fn projections(&self, path: &str, part: &str) -> Option<Vec<f32>> {
        let parts = ["queries", "keys", "values"].map(|name| self.floats(&format!("{path}.{name}.{part}")));
        let parts: Vec<&[f32]> = parts.into_iter().collect::<Option<_>>()?;
        Some(parts.concat())
    }

    /// ONNX has both biases in one tensor.
    fn recurrent_bias(&self, path: &str, half: usize) -> Option<Vec<f32>> {
        let both = self.floats(&format!("{path}.biases"))?;
        self.in_pytorchs_order(path, both.chunks_exact((both.len() / 2).max(1)).nth(half)?)
    }

    /// The gates in ONNX: input, output, forget, candidate; or update, reset, candidate. In PyTorch: input, forget, candidate, output; or reset,
    /// update, candidate.
    fn in_pytorchs_order(&self, path: &str, values: &[f32]) -> Option<Vec<f32>> {
        // [1, gates · units, units]
        let of_state = match self.0.get(&format!("{path}.of_state"))? {
            Constant::Floats(tensor) => tensor,
            Constant::Integers(_) => return None,
        };
        let [_, rows, units] = of_state.shape[..] else { return None };
        let order: &[usize] = if rows == units.checked_mul(4)? { &[0, 2, 3, 1] } else { &[1, 0, 2] };
        let gates: Vec<&[f32]> = values.chunks_exact((values.len() / order.len()).max(1)).collect();
        Some(order.iter().filter_map(|&gate| gates.get(gate)).flat_map(|gate| gate.iter().copied()).collect())
    }
}
