//! Single-layer LSTM and GRU with PyTorch's names and gate order. burn's own have a linear layer per gate, which takes several times
//! as many kernels.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
pub(super) use kindling_kernels::recurrent::Cell;

use super::activation::tanh;
use super::builder::Builder;
use super::convolution::product;
use super::features::Features;
use super::flow::Flow;
use crate::blocks::BlockTensor;
use kindling_core::config::States;

/// PyTorch's `LSTM` or `GRU`. The gates, four or three, are concatenated.
#[derive(Module, Debug)]
pub(super) struct Recurrent {
    /// `[features, gates * units]`
    weight_ih_l0: Param<Tensor<2>>,
    /// `[units, gates * units]`
    weight_hh_l0: Param<Tensor<2>>,
    /// `[gates * units]`
    bias_ih_l0: Param<Tensor<1>>,
    bias_hh_l0: Param<Tensor<1>>,
    #[module(skip)]
    cell: Cell,
    #[module(skip)]
    states: States,
}

impl Recurrent {
    pub fn build(cell: Cell, states: States, builder: &mut Builder) -> Self {
        Self {
            weight_ih_l0: builder.learned(),
            weight_hh_l0: builder.learned(),
            bias_ih_l0: builder.learned(),
            bias_hh_l0: builder.learned(),
            cell,
            states,
        }
    }

    pub fn forward(&self, flow: Flow) -> Flow {
        match flow.in_blocks() {
            Flow::SequenceBlocks(items) => self.blocks(items),
            flow => Flow::Plain(self.features(flow.plain().sequence())),
        }
    }

    fn blocks(&self, items: BlockTensor) -> Flow {
        let weights = [self.weight_ih_l0.val(), self.weight_hh_l0.val()];
        let biases = [self.bias_ih_l0.val(), self.bias_hh_l0.val()];
        match self.states {
            States::Last => Flow::FlatBlocks(items.recurrent(self.cell, true, weights, biases)),
            States::All => Flow::SequenceBlocks(items.recurrent(self.cell, false, weights, biases)),
        }
    }

    fn features(&self, items: Tensor<3>) -> Features {
        let states = match self.cell {
            Cell::Lstm => self.lstm_states(items),
            Cell::Gru => self.gru_states(items),
        };
        match (self.states, states.last()) {
            (States::Last, Some(last)) => Features::Vector(last.clone()),
            (States::All, Some(_)) => Features::Sequence(Tensor::stack(states, 1)), // [batch, length, units]
            (_, None) => unreachable!("shape inference has checked that maps have rows and patches"),
        }
    }

    /// The hidden state after each item: `[batch, units]`.
    fn lstm_states(&self, items: Tensor<3>) -> Vec<Tensor<2>> {
        let [n_images, length, _] = items.dims();
        let units = self.units();
        let mut state = Tensor::zeros([n_images, units], &items.device());
        let mut cell_state = state.clone();
        let mut states = Vec::with_capacity(length);
        for place in 0..length {
            let gates = self.gates_of_item(&items, place) + self.gates_of_state(state); // [batch, 4 * units]
            let gate = |index: usize| gates.clone().narrow(1, index * units, units); // [batch, units]
            cell_state = sigmoid(gate(1)) * cell_state + sigmoid(gate(0)) * tanh(gate(2));
            state = sigmoid(gate(3)) * tanh(cell_state.clone());
            states.push(state.clone());
        }
        states
    }

    /// The hidden state after each item: `[batch, units]`.
    fn gru_states(&self, items: Tensor<3>) -> Vec<Tensor<2>> {
        let [n_images, length, _] = items.dims();
        let units = self.units();
        let part = |gates: &Tensor<2>, index: usize| gates.clone().narrow(1, index * units, units); // [batch, units]
        let mut state = Tensor::zeros([n_images, units], &items.device());
        let mut states = Vec::with_capacity(length);
        for place in 0..length {
            let of_item = self.gates_of_item(&items, place); // [batch, 3 * units]
            let of_state = self.gates_of_state(state.clone()); // [batch, 3 * units]
            let gate = |index: usize| sigmoid(part(&of_item, index) + part(&of_state, index)); // [batch, units]
            // The reset gate scales the state's contribution including its bias, as in PyTorch.
            let candidate = tanh(part(&of_item, 2) + gate(0) * part(&of_state, 2));
            state = candidate.clone() + gate(1) * (state - candidate);
            states.push(state.clone());
        }
        states
    }

    fn units(&self) -> usize {
        let [units, _] = self.weight_hh_l0.dims();
        units
    }

    /// Takes one item at a time: the gradient of a slice of all items' gates would be as large as all of them.
    fn gates_of_item(&self, items: &Tensor<3>, place: usize) -> Tensor<2> {
        let item = items.clone().narrow(1, place, 1).squeeze_dim::<2>(1); // [batch, features]
        product(item, self.weight_ih_l0.val(), Some(self.bias_ih_l0.val()), false)
    }

    fn gates_of_state(&self, state: Tensor<2>) -> Tensor<2> {
        product(state, self.weight_hh_l0.val(), Some(self.bias_hh_l0.val()), false)
    }
}
