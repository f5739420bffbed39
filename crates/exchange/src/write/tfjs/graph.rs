//! Builds `model.json` and `weights.bin` layer by layer.

use serde_json::{Value, json};

use crate::trained::Tensor;
use crate::write::description::extended;

/// A Keras model that grows in the order of computation. Layers are referred to by name.
#[derive(Default)]
pub struct GraphBuilder {
    layers: Vec<Value>,
    manifest: Vec<Value>,
    weights: Vec<u8>,
}

impl GraphBuilder {
    pub fn input(&mut self, name: &str, shape: &[usize]) -> String {
        let batch_shape: Vec<Value> =
            std::iter::once(Value::Null).chain(shape.iter().map(|&side| side.into())).collect();
        let config = json!({ "name": name, "batch_input_shape": batch_shape, "dtype": "float32", "sparse": false });
        self.layers.push(json!({ "class_name": "InputLayer", "config": config, "name": name, "inbound_nodes": [] }));
        name.to_owned()
    }

    /// Adds a layer and returns its name. `config` gets the name; weights are stored as `name/weight`.
    pub fn layer(
        &mut self,
        class: &str,
        name: &str,
        inputs: &[&str],
        config: Value,
        weights: Vec<(&str, Tensor)>,
    ) -> String {
        // A slash would end the name in the names of weights.
        let config = extended(config, [("name", name.into())]);
        let inbound: Vec<Value> = inputs.iter().map(|input| json!([input, 0, 0, {}])).collect();
        self.layers.push(json!({ "class_name": class, "config": config, "name": name, "inbound_nodes": [inbound] }));
        for (part, tensor) in weights {
            self.manifest.push(json!({ "name": format!("{name}/{part}"), "shape": tensor.shape, "dtype": "float32" }));
            self.weights.extend(tensor.bytes());
        }
        name.to_owned()
    }

    /// `model.json` and `weights.bin`.
    pub fn finish(self, input: &str, output: &str) -> (Value, Vec<u8>) {
        let model = json!({
            "format": "layers-model",
            "generatedBy": "Kindling",
            "convertedBy": null,
            "modelTopology": {
                "class_name": "Model",
                "config": {
                    "name": "network", "layers": self.layers, "input_layers": [[input, 0, 0]], "output_layers": [[output, 0, 0]],
                },
                "keras_version": "2.1.6",
                "backend": "tensorflow",
            },
            "weightsManifest": [{ "paths": ["weights.bin"], "weights": self.manifest }],
        });
        (model, self.weights)
    }
}
