//! A TFLite model as data, and its encoding as a FlatBuffer (schema.fbs of LiteRT) slot by slot: no schema compiler.

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, UnionWIPOffset, VOffsetT, WIPOffset};

use crate::tflite_operators as op;
use crate::trained::Tensor;

/// `TensorType`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    Float32 = 0,
    Int32 = 2,
    Uint8 = 3,
    Int8 = 9,
}

/// What the integers of a tensor stand for: `scale · (integer - zero_point)`.
#[derive(Clone, Debug)]
pub struct Scales {
    /// One, or one for each index along the axis.
    pub scales: Vec<f32>,
    pub zero_point: i64,
    pub axis: i32,
}

impl Scales {
    pub fn one(scale: f32, zero_point: i64) -> Self {
        Self { scales: vec![scale], zero_point, axis: 0 }
    }
}

/// `ActivationFunctionType`: what is computed together with an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fused {
    #[default]
    None = 0,
    Relu = 1,
    Relu6 = 3,
}

/// The fields of an operation, as far as they differ from the schema's defaults.
#[derive(Clone, Copy, Debug)]
pub enum Options {
    None,
    Conv {
        stride: usize,
        dilation: usize,
        activation: Fused,
    },
    DepthwiseConv {
        stride: usize,
        dilation: usize,
        activation: Fused,
    },
    Pool {
        size: [usize; 2],
        stride: [usize; 2],
    },
    FullyConnected {
        activation: Fused,
    },
    Softmax,
    Concatenation {
        axis: i32,
    },
    Add {
        activation: Fused,
    },
    Mul,
    Sub,
    Pad,
    Reshape,
    /// Between the centers of pixels.
    ResizeBilinear,
    Transpose,
    SquaredDifference,
    /// Keeps the reduced axes.
    Reducer,
    Split {
        n_parts: usize,
    },
    Cast {
        from: Element,
        to: Element,
    },
    LeakyRelu {
        slope: f32,
    },
    /// Whether the second operand's last two axes are exchanged.
    BatchMatMul {
        transposed: bool,
    },
    Gelu,
}

/// A model of one graph. Tensors are referred to by number.
#[derive(Default)]
pub struct ModelBuilder {
    tensors: Vec<TensorEntry>,
    operations: Vec<Operation>,
}

struct TensorEntry {
    name: String,
    shape: Vec<usize>,
    element: Element,
    /// Of constants.
    data: Option<Vec<u8>>,
    /// Of integers that stand for real numbers.
    scales: Option<Scales>,
}

struct Operation {
    code: i32,
    inputs: Vec<i32>,
    outputs: Vec<i32>,
    options: Options,
}

impl ModelBuilder {
    pub fn input(&mut self, name: &str, shape: &[usize], element: Element) -> i32 {
        self.tensor(name.to_owned(), shape, element, None)
    }

    /// An input of integers that stand for real numbers.
    pub fn quantized_input(&mut self, name: &str, shape: &[usize], element: Element, scales: Scales) -> i32 {
        self.quantized_tensor(name.to_owned(), shape, element, None, scales)
    }

    /// A constant of integers of 8 bits.
    pub fn bytes(&mut self, name: String, shape: &[usize], values: &[i8], scales: Scales) -> i32 {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.quantized_tensor(name, shape, Element::Int8, Some(data), scales)
    }

    /// A constant of integers of 32 bits, to which products are added.
    pub fn sums(&mut self, name: String, values: &[i32], scales: Scales) -> i32 {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.quantized_tensor(name, &[values.len()], Element::Int32, Some(data), scales)
    }

    /// Adds an operation of one output in integers.
    pub fn quantized_operation(
        &mut self,
        code: i32,
        inputs: &[i32],
        (name, shape): (String, &[usize]),
        options: Options,
        (element, scales): (Element, Scales),
    ) -> i32 {
        let output = self.quantized_tensor(name, shape, element, None, scales);
        self.operations.push(Operation { code, inputs: inputs.to_vec(), outputs: vec![output], options });
        output
    }

    pub fn constant(&mut self, name: String, tensor: &Tensor) -> i32 {
        self.tensor(name, &tensor.shape, Element::Float32, Some(tensor.bytes()))
    }

    pub fn integers(&mut self, name: String, shape: &[usize], values: &[i32]) -> i32 {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, shape, Element::Int32, Some(data))
    }

    /// Adds an operation of one output with this name and shape.
    pub fn operation(&mut self, code: i32, inputs: &[i32], name: String, shape: &[usize], options: Options) -> i32 {
        let output = self.tensor(name, shape, Element::Float32, None);
        self.operations.push(Operation { code, inputs: inputs.to_vec(), outputs: vec![output], options });
        output
    }

    /// Adds a split into parts of this shape.
    pub fn split(&mut self, inputs: &[i32], name: &str, shape: &[usize], n_parts: usize) -> Vec<i32> {
        let part = |index| self.tensor(format!("{name}.{index}"), shape, Element::Float32, None);
        let outputs: Vec<i32> = (0..n_parts).map(part).collect();
        let options = Options::Split { n_parts };
        self.operations.push(Operation { code: op::SPLIT, inputs: inputs.to_vec(), outputs: outputs.clone(), options });
        outputs
    }

    pub fn shape(&self, tensor: i32) -> Vec<usize> {
        usize::try_from(tensor)
            .ok()
            .and_then(|index| self.tensors.get(index))
            .map(|it| it.shape.clone())
            .unwrap_or_default()
    }

    fn tensor(&mut self, name: String, shape: &[usize], element: Element, data: Option<Vec<u8>>) -> i32 {
        self.tensors.push(TensorEntry { name, shape: shape.to_vec(), element, data, scales: None });
        self.tensors.len() as i32 - 1
    }

    fn quantized_tensor(
        &mut self,
        name: String,
        shape: &[usize],
        element: Element,
        data: Option<Vec<u8>>,
        scales: Scales,
    ) -> i32 {
        self.tensors.push(TensorEntry { name, shape: shape.to_vec(), element, data, scales: Some(scales) });
        self.tensors.len() as i32 - 1
    }

    /// The file, with texts by name as metadata.
    pub fn finish(self, input: i32, outputs: &[i32], metadata: &[(&str, String)]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        // By convention the first buffer is empty, and stands for "no data".
        encoder.buffer(&[]);
        for tensor in &self.tensors {
            encoder.tensor(tensor);
        }
        for operation in &self.operations {
            encoder.operation(operation);
        }
        encoder.finish(input, outputs, metadata)
    }
}

type Table = WIPOffset<TableFinishedWIPOffset>;

/// Where a table keeps its field with this number.
const fn slot(field: VOffsetT) -> VOffsetT {
    4 + 2 * field
}

#[derive(Default)]
struct Encoder<'a> {
    builder: FlatBufferBuilder<'a>,
    buffers: Vec<Table>,
    tensors: Vec<Table>,
    operations: Vec<Table>,
    /// Each kind of operation once.
    codes: Vec<(i32, Table)>,
}

impl Encoder<'_> {
    fn buffer(&mut self, data: &[u8]) -> u32 {
        let data = (!data.is_empty()).then(|| self.builder.create_vector(data));
        let table = self.builder.start_table();
        if let Some(data) = data {
            self.builder.push_slot_always(slot(0), data);
        }
        let table = self.builder.end_table(table);
        self.buffers.push(table);
        self.buffers.len() as u32 - 1
    }

    fn tensor(&mut self, tensor: &TensorEntry) {
        let buffer = tensor.data.as_ref().map_or(0, |data| self.buffer(data));
        let sides: Vec<i32> = tensor.shape.iter().map(|&side| side as i32).collect();
        let (shape, name) = (self.builder.create_vector(&sides), self.builder.create_string(&tensor.name));
        let scales = tensor.scales.as_ref().map(|scales| self.scales(scales));
        let table = self.builder.start_table();
        self.builder.push_slot_always(slot(0), shape);
        self.builder.push_slot(slot(1), tensor.element as i8, 0);
        self.builder.push_slot(slot(2), buffer, 0);
        self.builder.push_slot_always(slot(3), name);
        if let Some(scales) = scales {
            self.builder.push_slot_always(slot(4), scales);
        }
        let table = self.builder.end_table(table);
        self.tensors.push(table);
    }

    /// `QuantizationParameters`
    fn scales(&mut self, Scales { scales, zero_point, axis }: &Scales) -> Table {
        let zero_points = vec![*zero_point; scales.len()];
        let (scales, zero_points) = (self.builder.create_vector(scales), self.builder.create_vector(&zero_points));
        let table = self.builder.start_table();
        self.builder.push_slot_always(slot(2), scales);
        self.builder.push_slot_always(slot(3), zero_points);
        self.builder.push_slot(slot(6), *axis, 0);
        self.builder.end_table(table)
    }

    fn code(&mut self, code: i32) -> u32 {
        if let Some(index) = self.codes.iter().position(|(known, _)| *known == code) {
            return index as u32;
        }
        let table = self.builder.start_table();
        // Older readers look at the byte, newer ones at the larger of both.
        self.builder.push_slot(slot(0), code.min(127) as i8, 0);
        self.builder.push_slot(slot(2), 1_i32, 1);
        self.builder.push_slot(slot(3), code, 0);
        let table = self.builder.end_table(table);
        self.codes.push((code, table));
        self.codes.len() as u32 - 1
    }

    fn operation(&mut self, operation: &Operation) {
        let code = self.code(operation.code);
        let options = self.options(operation.options);
        let inputs = self.builder.create_vector(&operation.inputs);
        let outputs = self.builder.create_vector(&operation.outputs);
        let table = self.builder.start_table();
        self.builder.push_slot(slot(0), code, 0);
        self.builder.push_slot_always(slot(1), inputs);
        self.builder.push_slot_always(slot(2), outputs);
        if let Some((kind, options)) = options {
            self.builder.push_slot(slot(3), kind, 0);
            self.builder.push_slot_always(slot(4), WIPOffset::<UnionWIPOffset>::new(options.value()));
        }
        let table = self.builder.end_table(table);
        self.operations.push(table);
    }

    /// The table of an operation's fields with its number in the union `BuiltinOptions`.
    fn options(&mut self, options: Options) -> Option<(u8, Table)> {
        const VALID: i8 = 1;
        if let Options::None = options {
            return None;
        }
        let builder = &mut self.builder;
        let table = builder.start_table();
        let mut integers = |fields: &[(VOffsetT, usize)]| {
            for (field, value) in fields {
                builder.push_slot(slot(*field), *value as i32, 0);
            }
        };
        let kind = match options {
            Options::None => 0,
            Options::Conv { stride, dilation, .. } => {
                integers(&[(1, stride), (2, stride), (4, dilation), (5, dilation)]);
                1
            }
            Options::DepthwiseConv { stride, dilation, .. } => {
                integers(&[(1, stride), (2, stride), (3, 1), (5, dilation), (6, dilation)]);
                2
            }
            Options::Pool { size: [height, width], stride: [down, right] } => {
                integers(&[(1, right), (2, down), (3, width), (4, height)]);
                5
            }
            Options::FullyConnected { .. } => 8,
            Options::Softmax => 9,
            Options::Concatenation { .. } => 10,
            Options::Add { .. } => 11,
            Options::ResizeBilinear => 15,
            Options::Reshape => 17,
            Options::Mul => 21,
            Options::Pad => 22,
            Options::Transpose => 26,
            Options::Reducer => 27,
            Options::Sub => 28,
            Options::Split { n_parts } => {
                integers(&[(0, n_parts)]);
                35
            }
            Options::Cast { .. } => 37,
            Options::LeakyRelu { .. } => 75,
            Options::SquaredDifference => 76,
            Options::BatchMatMul { .. } => 101,
            Options::Gelu => 116,
        };
        match options {
            Options::Conv { activation, .. } => {
                builder.push_slot(slot(0), VALID, 0);
                builder.push_slot(slot(3), activation as i8, 0);
            }
            Options::DepthwiseConv { activation, .. } => {
                builder.push_slot(slot(0), VALID, 0);
                builder.push_slot(slot(4), activation as i8, 0);
            }
            Options::Pool { .. } => builder.push_slot(slot(0), VALID, 0),
            Options::FullyConnected { activation } | Options::Add { activation } => {
                builder.push_slot(slot(0), activation as i8, 0);
            }
            Options::Softmax => builder.push_slot(slot(0), 1.0_f32, 0.0),
            Options::Concatenation { axis } => builder.push_slot(slot(0), axis, 0),
            Options::ResizeBilinear => builder.push_slot(slot(3), true, false),
            Options::Reducer => builder.push_slot(slot(0), true, false),
            Options::Cast { from, to } => {
                builder.push_slot(slot(0), from as i8, 0);
                builder.push_slot(slot(1), to as i8, 0);
            }
            Options::LeakyRelu { slope } => builder.push_slot(slot(0), slope, 0.0),
            Options::BatchMatMul { transposed } => builder.push_slot(slot(1), transposed, false),
            Options::None
            | Options::Reshape
            | Options::Mul
            | Options::Pad
            | Options::Transpose
            | Options::Sub
            | Options::Split { .. }
            | Options::SquaredDifference
            | Options::Gelu => {}
        }
        Some((kind, builder.end_table(table)))
    }

    fn finish(mut self, input: i32, outputs: &[i32], metadata: &[(&str, String)]) -> Vec<u8> {
        let entries: Vec<Table> = metadata.iter().map(|(name, text)| self.metadata(name, text)).collect();
        let builder = &mut self.builder;
        let (tensors, operations) = (builder.create_vector(&self.tensors), builder.create_vector(&self.operations));
        let (inputs, outputs) = (builder.create_vector(&[input]), builder.create_vector(outputs));
        let name = builder.create_string("main");
        let graph = builder.start_table();
        builder.push_slot_always(slot(0), tensors);
        builder.push_slot_always(slot(1), inputs);
        builder.push_slot_always(slot(2), outputs);
        builder.push_slot_always(slot(3), operations);
        builder.push_slot_always(slot(4), name);
        let graph = builder.end_table(graph);
        let codes: Vec<Table> = self.codes.iter().map(|(_, table)| *table).collect();
        let (codes, graphs) = (builder.create_vector(&codes), builder.create_vector(&[graph]));
        let (description, buffers) = (builder.create_string("Kindling"), builder.create_vector(&self.buffers));
        let entries = builder.create_vector(&entries);
        let model = builder.start_table();
        builder.push_slot(slot(0), 3_u32, 0);
        builder.push_slot_always(slot(1), codes);
        builder.push_slot_always(slot(2), graphs);
        builder.push_slot_always(slot(3), description);
        builder.push_slot_always(slot(4), buffers);
        builder.push_slot_always(slot(6), entries);
        let model = builder.end_table(model);
        builder.finish(model, Some("TFL3"));
        builder.finished_data().to_vec()
    }

    fn metadata(&mut self, name: &str, text: &str) -> Table {
        let buffer = self.buffer(text.as_bytes());
        let name = self.builder.create_string(name);
        let table = self.builder.start_table();
        self.builder.push_slot_always(slot(0), name);
        self.builder.push_slot(slot(1), buffer, 0);
        self.builder.end_table(table)
    }
}
