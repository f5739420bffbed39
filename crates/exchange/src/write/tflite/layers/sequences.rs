//! The operations of layers on sequences: recurrent layers step by step, patches, transformer blocks.

use kindling_core::config::{Activation, States};
use kindling_core::network::shape::FeatureShape;

use super::super::{Options, model};
use super::{Kernel, LayerWriter};
use crate::tflite_operators as op;
use crate::trained::Tensor;

impl LayerWriter<'_> {
    pub(super) fn rows(&mut self, x: i32) -> i32 {
        let FeatureShape::Sequence { length, features } = self.placed.output else {
            unreachable!("rows are a sequence")
        };
        // [1, height, channels, width]
        let x = self.transpose(x, "by_row", &[0, 1, 3, 2]);
        self.reshape(x, "", &[length as usize, features as usize])
    }

    /// Step by step, as operations: the format's own recurrent operations are for quantized speech models, and none is PyTorch's GRU.
    pub(super) fn recurrent(&mut self, x: i32, cell: Cell, states: States) -> i32 {
        let n_gates = cell.n_gates();
        let [of_item, item_bias, of_state, state_bias] =
            ["weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0"].map(|name| self.tensor(name).clone());
        let units = of_state.shape.last().copied().unwrap_or_default();
        let length = self.model.shape(x).first().copied().unwrap_or_default();
        let plain = Options::FullyConnected { activation: model::Fused::None };
        let gates = self.fully_connected(x, "items.", [&of_item, &item_bias], plain); // [length, gates * units]
        let rows = self.model.integers(self.name("rows"), &[], &[0]);
        let columns = self.model.integers(self.name("columns"), &[], &[1]);
        let items = match length {
            1 => vec![gates],
            _ => self.model.split(&[rows, gates], &self.name("item"), &[1, n_gates * units], length),
        };
        let weight = self.model.constant(self.name("weight_hh_l0"), &of_state);
        let bias = self.model.constant(self.name("bias_hh_l0"), &state_bias);
        let zeros = self.constant("start", &[1, units], vec![0.0; units]);
        let (mut state, mut memory) = (zeros, zeros);
        let mut all = Vec::with_capacity(length);
        for (step, item) in items.into_iter().enumerate() {
            let part = format!("step{step}");
            let shape = [1, n_gates * units];
            let of_state =
                self.node(op::FULLY_CONNECTED, &[state, weight, bias], &format!("{part}.state"), &shape, plain);
            let step = Step { part: &part, columns, units, item, of_state };
            (state, memory) = match cell {
                Cell::Lstm => self.lstm_step(step, memory),
                Cell::Gru => (self.gru_step(step, state), memory),
            };
            all.push(state);
        }
        match states {
            States::Last => state,
            States::All if all.len() == 1 => state,
            States::All => self.node(op::CONCATENATION, &all, "", &[length, units], Options::Concatenation { axis: 0 }),
        }
    }

    /// The next hidden state and cell state.
    fn lstm_step(&mut self, step: Step, memory: i32) -> (i32, i32) {
        let name = |inner: &str| format!("{}.{inner}", step.part);
        let gates = self.add(step.item, step.of_state, &name("sum"));
        let gates = self.model.split(&[step.columns, gates], &self.name(&name("gate")), &[1, step.units], 4);
        let [input, forget, candidate, output] = gates[..] else { unreachable!("an LSTM has four gates") };
        let input = self.same(op::LOGISTIC, &[input], &name("input"), Options::None);
        let forget = self.same(op::LOGISTIC, &[forget], &name("forget"), Options::None);
        let candidate = self.same(op::TANH, &[candidate], &name("candidate"), Options::None);
        let output = self.same(op::LOGISTIC, &[output], &name("output"), Options::None);
        let kept = self.same(op::MUL, &[forget, memory], &name("kept"), Options::Mul);
        let added = self.same(op::MUL, &[input, candidate], &name("added"), Options::Mul);
        let memory = self.add(kept, added, &name("memory"));
        let shown = self.same(op::TANH, &[memory], &name("shown"), Options::None);
        (self.same(op::MUL, &[output, shown], &name("hidden"), Options::Mul), memory)
    }

    fn gru_step(&mut self, step: Step, state: i32) -> i32 {
        let name = |inner: &str| format!("{}.{inner}", step.part);
        let mut split =
            |of: i32, part: &str| self.model.split(&[step.columns, of], &self.name(&name(part)), &[1, step.units], 3);
        let (of_item, of_state) = (split(step.item, "of_item"), split(step.of_state, "of_state"));
        let ([item_reset, item_update, item_new], [reset, update, new]) = (&of_item[..], &of_state[..]) else {
            unreachable!("a GRU has three gates")
        };
        let reset = self.add(*item_reset, *reset, &name("reset.sum"));
        let reset = self.same(op::LOGISTIC, &[reset], &name("reset"), Options::None);
        let update = self.add(*item_update, *update, &name("update.sum"));
        let update = self.same(op::LOGISTIC, &[update], &name("update"), Options::None);
        let kept = self.same(op::MUL, &[reset, *new], &name("kept"), Options::Mul);
        let candidate = self.add(*item_new, kept, &name("candidate.sum"));
        let candidate = self.same(op::TANH, &[candidate], &name("candidate"), Options::None);
        let change = self.same(op::SUB, &[state, candidate], &name("change"), Options::Sub);
        let change = self.same(op::MUL, &[update, change], &name("changed"), Options::Mul);
        self.add(candidate, change, &name("hidden"))
    }

    pub(super) fn patch_embedding(&mut self, x: i32, size: u32) -> i32 {
        let FeatureShape::Sequence { length, features } = self.placed.output else {
            unreachable!("patches are a sequence")
        };
        let shape = self.model.shape(x);
        let [_, height, width, _] = shape[..] else { unreachable!("patches are cut from maps") };
        let side = size.max(1) as usize;
        let kernel = Kernel::of(self.tensor("projection.weight"), size, 1).ohwi();
        let bias = self.tensor("projection.bias").clone();
        let weight = self.model.constant(self.name("projection.weight"), &kernel);
        let bias = self.model.constant(self.name("projection.bias"), &bias);
        let shape = [1, height / side, width / side, features as usize];
        let options = Options::Conv { stride: side, dilation: 1, activation: model::Fused::None };
        let x = self.node(op::CONV_2D, &[x, weight, bias], "projection", &shape, options);
        self.reshape(x, "", &[length as usize, features as usize])
    }

    pub(super) fn transformer_block(&mut self, x: i32, heads: usize) -> i32 {
        let normalized = self.layer_norm(x, "norm1.");
        let attended = self.attention(normalized, heads);
        let x = self.add(x, attended, "attended");
        let normalized = self.layer_norm(x, "norm2.");
        let hidden = self.linear(normalized, "linear1.", true);
        let hidden = self.activation(hidden, Activation::Gelu, "gelu");
        let added = self.linear(hidden, "linear2.", true);
        self.add(x, added, "")
    }

    fn attention(&mut self, x: i32, heads: usize) -> i32 {
        let shape = self.model.shape(x);
        let [length, features] = shape[..] else { unreachable!("transformer blocks are placed on sequences") };
        let per_head = features / heads.max(1);
        let all = [self.tensor("self_attn.in_proj_weight").clone(), self.tensor("self_attn.in_proj_bias").clone()];
        // [heads, length, per_head]; the scale of the scores is part of the queries.
        let mut project = |index: usize, part: &str, scale: f32| {
            let third = |tensor: &Tensor| {
                let n_third = tensor.values.len() / 3;
                let values = tensor.values.iter().skip(index * n_third).take(n_third).map(|value| value * scale);
                let shape = std::iter::once(features).chain(tensor.shape.iter().skip(1).copied()).collect::<Vec<_>>();
                Tensor::new(shape, values.collect())
            };
            let [weight, bias] = [0, 1].map(|which| all.get(which).map(third).unwrap_or_default());
            let options = Options::FullyConnected { activation: model::Fused::None };
            let x = self.fully_connected(x, &format!("self_attn.{part}."), [&weight, &bias], options);
            let x = self.reshape(x, &format!("self_attn.{part}.split"), &[length, heads, per_head]);
            self.transpose(x, &format!("self_attn.{part}.heads"), &[1, 0, 2])
        };
        let queries = project(0, "queries", 1.0 / (per_head as f32).sqrt());
        let keys = project(1, "keys", 1.0);
        let values = project(2, "values", 1.0);
        let product = |transposed: bool| Options::BatchMatMul { transposed };
        let scores =
            self.node(op::BATCH_MATMUL, &[queries, keys], "self_attn.scores", &[heads, length, length], product(true));
        let shares = self.same(op::SOFTMAX, &[scores], "self_attn.shares", Options::Softmax);
        let sums = self.node(
            op::BATCH_MATMUL,
            &[shares, values],
            "self_attn.sums",
            &[heads, length, per_head],
            product(false),
        );
        let joined = self.transpose(sums, "self_attn.turned", &[1, 0, 2]);
        let joined = self.reshape(joined, "self_attn.joined", &[length, features]);
        self.linear(joined, "self_attn.out_proj.", true)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Lstm,
    Gru,
}

impl Cell {
    fn n_gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// One step of a recurrent layer.
#[derive(Clone, Copy)]
struct Step<'a> {
    part: &'a str,
    /// The axis of the gates, as a constant.
    columns: i32,
    units: usize,
    /// The gates' sums over the item and over the state: `[1, gates * units]`.
    item: i32,
    of_state: i32,
}
