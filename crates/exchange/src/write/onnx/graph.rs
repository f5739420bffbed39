//! Builds the graph of an ONNX file node by node.

use crate::onnx_messages::{
    Attribute, Graph, Node, Side, Sides, TensorProto, TensorType, ValueInfo, ValueType, element, kind,
};
use crate::trained::Tensor;

/// A graph that grows in the order of computation. Values are referred to by name.
#[derive(Default)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    constants: Vec<TensorProto>,
}

impl GraphBuilder {
    /// Adds an operation with one output, which gets the name `output` and is returned.
    pub fn node(&mut self, op: &str, inputs: &[&str], output: impl Into<String>, attributes: Vec<Attribute>) -> String {
        let output = output.into();
        self.nodes.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.clone()],
            name: output.clone(),
            op_type: op.to_owned(),
            attribute: attributes,
        });
        output
    }

    /// Adds an operation whose outputs are named, or left out by an empty name.
    pub fn node_with_outputs(&mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: Vec<Attribute>) {
        self.nodes.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: outputs.iter().map(|&output| output.to_owned()).collect(),
            name: outputs.iter().find(|output| !output.is_empty()).map(|&output| output.to_owned()).unwrap_or_default(),
            op_type: op.to_owned(),
            attribute: attributes,
        });
    }

    /// Adds a constant of floats and returns its name.
    pub fn constant(&mut self, name: impl Into<String>, tensor: &Tensor) -> String {
        let name = name.into();
        self.constants.push(TensorProto {
            dims: tensor.shape.iter().map(|&side| side as i64).collect(),
            data_type: element::FLOAT,
            name: name.clone(),
            raw_data: tensor.bytes(),
            ..TensorProto::default()
        });
        name
    }

    /// Adds a constant list of integers, as shapes are, and returns its name.
    pub fn integers(&mut self, name: impl Into<String>, values: &[i64]) -> String {
        let name = name.into();
        self.constants.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: element::INT64,
            name: name.clone(),
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        name
    }

    /// Adds a constant of integers of 8 bits and returns its name.
    pub fn bytes(&mut self, name: impl Into<String>, shape: &[usize], values: &[i8]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw(name.into(), shape, element::INT8, raw_data)
    }

    /// Adds a constant list of integers of 32 bits and returns its name.
    pub fn sums(&mut self, name: impl Into<String>, values: &[i32]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw(name.into(), &[values.len()], element::INT32, raw_data)
    }

    fn raw(&mut self, name: String, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let dims = shape.iter().map(|&side| side as i64).collect();
        let constant = TensorProto { dims, data_type, name: name.clone(), raw_data, ..TensorProto::default() };
        self.constants.push(constant);
        name
    }

    pub fn finish(self, name: &str, input: ValueInfo, output: Vec<ValueInfo>) -> Graph {
        Graph { node: self.nodes, name: name.to_owned(), initializer: self.constants, input: vec![input], output }
    }
}

/// An input or output: a batch of any size, each item of this shape.
pub fn value(name: &str, element: i32, sides: &[u64], doc: &str) -> ValueInfo {
    let batch = Side { dim_value: None, dim_param: Some("batch".to_owned()) };
    let fixed = sides.iter().map(|&side| Side { dim_value: Some(side as i64), dim_param: None });
    let shape = Sides { dim: std::iter::once(batch).chain(fixed).collect() };
    ValueInfo {
        name: name.to_owned(),
        kind: Some(ValueType { tensor_type: Some(TensorType { elem_type: element, shape: Some(shape) }) }),
        doc_string: doc.to_owned(),
    }
}

pub fn int(name: &str, value: impl Into<i64>) -> Attribute {
    Attribute { name: name.to_owned(), i: Some(value.into()), kind: kind::INT, ..Attribute::default() }
}

pub fn ints(name: &str, values: impl Into<Vec<i64>>) -> Attribute {
    Attribute { name: name.to_owned(), ints: values.into(), kind: kind::INTS, ..Attribute::default() }
}

pub fn float(name: &str, value: f32) -> Attribute {
    Attribute { name: name.to_owned(), f: Some(value), kind: kind::FLOAT, ..Attribute::default() }
}
