//! LSTM and GRU with one layer and PyTorch's order of gates.
//!
//! What the items contribute to the gates is one convolution of all items. Then each block of images goes its way through the sequence alone, so that
//! threads need not wait for each other at every item. Backwards it is the same: gradients at the gates first, item after item, then those of the
//! weights, of all items together.

use pulp::Simd;

use crate::blocks::{Blocks, Unset};
use crate::conv::{Conv, Direct, PackedWeights};
use crate::functions::{sigmoid, sigmoid_slope, tanh, tanh_slope};
use crate::simd::{self, Kernel, groups, groups_mut, splat};
use crate::threads::Threads;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Gates: input, forget, cell, output.
    Lstm,
    /// Gates: reset, update, new.
    Gru,
}

impl Cell {
    pub fn n_gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// A recurrent layer on sequences `[length][features]`. States begin with 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrent {
    pub cell: Cell,
    pub length: usize,
    pub features: usize,
    pub units: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    /// `[features, gates · units]`
    pub of_item: &'a [f32],
    /// `[units, gates · units]`
    pub of_state: &'a [f32],
    /// `[gates · units]`
    pub item_bias: &'a [f32],
    /// `[gates · units]`
    pub state_bias: &'a [f32],
}

/// The states after each item, and what the gradients need, in blocks.
#[derive(Clone, Debug)]
pub struct States {
    /// `[length][units]`: the hidden states.
    pub hidden: Vec<f32>,
    /// `[length][gates][units]`: the gates after their activations.
    gates: Vec<f32>,
    /// `[length][units]`: the cell states of an LSTM; of a GRU what the state contributes to the new gate, before it is reset.
    memory: Vec<f32>,
}

/// The gradients of [`Recurrent::forward`].
#[derive(Clone, Debug)]
pub struct Gradients {
    /// In blocks.
    pub items: Vec<f32>,
    pub of_item: Vec<f32>,
    pub of_state: Vec<f32>,
    pub item_bias: Vec<f32>,
    pub state_bias: Vec<f32>,
}

impl Recurrent {
    pub fn forward(&self, blocks: Blocks, items: &[f32], weights: Weights<'_>) -> States {
        let mut gates = self.of_items().forward(blocks, items, weights.of_item, Some(weights.item_bias), false);
        let mut hidden = vec![0.0; blocks.n_values(self.n_states())];
        let mut memory = hidden.clone();
        let direct = self.of_state().direct();
        let packed = direct.packed(blocks, weights.of_state);
        let states = blocks.split_mut(&mut hidden, self.n_states()).zip(blocks.split_mut(&mut memory, self.n_states()));
        let work = blocks.split_mut(&mut gates, self.n_gates()).zip(states).collect();
        self.threads(blocks).for_each(work, |(gates, (hidden, memory)): (&mut [f32], (&mut [f32], &mut [f32]))| {
            let width = gates.len() / self.n_gates().max(1);
            let (direct, packed, bias) = (&direct, &packed, weights.state_bias);
            simd::run(Forward { layer: self, direct, packed, bias, gates, hidden, memory }, width);
        });
        States { hidden, gates, memory }
    }

    /// The gradients for the gradient at the hidden states.
    pub fn gradients(
        &self,
        blocks: Blocks,
        items: &[f32],
        weights: Weights<'_>,
        states: &States,
        gradient: &[f32],
    ) -> Gradients {
        let n_states = self.n_states();
        // Those at what items and states contribute to the gates: the same, but for the new gate of a GRU.
        let mut at_items = vec![0.0; states.gates.len()];
        let mut at_states = vec![0.0; states.gates.len()];
        // The states before each item.
        let mut before = vec![0.0; states.hidden.len()];
        for (before, hidden) in blocks.split_mut(&mut before, n_states).zip(blocks.split(&states.hidden, n_states)) {
            let one = hidden.len() / self.length.max(1);
            before[one..].copy_from_slice(&hidden[..hidden.len() - one]);
        }
        let direct = self.of_state().direct_gradient();
        let packed = direct.packed(blocks, weights.of_state);
        let of_gates = blocks.split(&states.gates, self.n_gates());
        let of_states = blocks.split(&states.memory, n_states).zip(blocks.split(&before, n_states));
        let kept = of_gates.zip(of_states).zip(blocks.split(gradient, n_states));
        let at_gates =
            blocks.split_mut(&mut at_items, self.n_gates()).zip(blocks.split_mut(&mut at_states, self.n_gates()));
        let work = kept.zip(at_gates).collect();
        type Block<'a> = (((&'a [f32], (&'a [f32], &'a [f32])), &'a [f32]), (&'a mut [f32], &'a mut [f32]));
        self.threads(blocks).for_each(work, |block: Block<'_>| {
            let (((gates, (memory, before)), gradient), (at_items, at_states)) = block;
            let width = gates.len() / self.n_gates().max(1);
            let (direct, packed) = (&direct, &packed);
            let kernel = Backward { layer: self, direct, packed, gates, memory, before, gradient, at_items, at_states };
            simd::run(kernel, width);
        });
        let of_items = self.of_items();
        let of_states = Conv::pointwise(self.units, self.length, self.cell.n_gates() * self.units);
        Gradients {
            items: of_items.data_gradient(blocks, &at_items, weights.of_item),
            of_item: of_items.weight_gradient(blocks, items, &at_items),
            of_state: of_states.weight_gradient(blocks, &before, &at_states),
            item_bias: of_items.bias_gradient(blocks, &at_items),
            state_bias: of_states.bias_gradient(blocks, &at_states),
        }
    }

    /// The hidden states after the last item, `[units]` in blocks.
    pub fn last(&self, blocks: Blocks, hidden: &[f32]) -> Vec<f32> {
        let last = |states: &[f32]| states[states.len() - states.len() / self.length.max(1)..].to_vec();
        blocks.split(hidden, self.n_states()).flat_map(last).collect()
    }

    /// The gradient at all hidden states, for the gradient at the last ones.
    pub fn last_gradient(&self, blocks: Blocks, gradient: &[f32]) -> Vec<f32> {
        let mut all = vec![0.0; blocks.n_values(self.n_states())];
        for (all, gradient) in blocks.split_mut(&mut all, self.n_states()).zip(blocks.split(gradient, self.units)) {
            let start = all.len() - gradient.len();
            all[start..].copy_from_slice(gradient);
        }
        all
    }

    /// What all items contribute to the gates.
    fn of_items(&self) -> Conv {
        Conv::pointwise(self.features, self.length, self.cell.n_gates() * self.units)
    }

    /// What one state contributes to the gates.
    fn of_state(&self) -> Conv {
        Conv::pointwise(self.units, 1, self.cell.n_gates() * self.units)
    }

    fn n_states(&self) -> usize {
        self.length * self.units
    }

    fn n_gates(&self) -> usize {
        self.length * self.cell.n_gates() * self.units
    }

    fn threads(&self, blocks: Blocks) -> Threads {
        Threads::for_work([blocks.n_slots(), self.n_gates(), self.units])
    }
}

/// One block's way through the sequence.
struct Forward<'a> {
    layer: &'a Recurrent,
    direct: &'a Direct,
    packed: &'a PackedWeights,
    bias: &'a [f32],
    /// What items contribute; afterwards the gates.
    gates: &'a mut [f32],
    hidden: &'a mut [f32],
    memory: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { layer: &Recurrent { cell, units, .. }, direct, packed, bias, gates, hidden, memory } = self;
        let state_values = units * V * S::F32_LANES;
        let mut of_state = vec![Unset::new(0.0); cell.n_gates() * state_values];
        let start = vec![0.0; state_values];
        let (mut state, mut cell_state) = (&start[..], &start[..]);
        let states = hidden.chunks_exact_mut(state_values).zip(memory.chunks_exact_mut(state_values));
        for (gates, (hidden, memory)) in gates.chunks_exact_mut(cell.n_gates() * state_values).zip(states) {
            direct.run_block::<S, V>(simd, packed, Some(bias), state, &mut of_state);
            // SAFETY: the product of the state and the weights has written all of it.
            let of_state = unsafe { &*(&raw const of_state[..] as *const [f32]) };
            let of_state = groups::<S, V>(of_state);
            let gates = groups_mut::<S, V>(gates);
            let (before, before_cell) = (groups::<S, V>(state), groups::<S, V>(cell_state));
            let (new, new_memory) = (groups_mut::<S, V>(hidden), groups_mut::<S, V>(memory));
            for unit in 0..units {
                for v in 0..V {
                    let mut sums = [simd.splat_f32s(0.0); 4];
                    for gate in 0..cell.n_gates() {
                        let at = gate * units + unit;
                        sums[gate] = simd.add_f32s(gates[at][v], of_state[at][v]);
                    }
                    match cell {
                        Cell::Lstm => {
                            let (input, forget) = (sigmoid(simd, sums[0]), sigmoid(simd, sums[1]));
                            let (candidate, output) = (tanh(simd, sums[2]), sigmoid(simd, sums[3]));
                            let kept = simd.mul_f32s(forget, before_cell[unit][v]);
                            let sum = simd.mul_add_e_f32s(input, candidate, kept);
                            new_memory[unit][v] = sum;
                            new[unit][v] = simd.mul_f32s(output, tanh(simd, sum));
                            for (number, value) in [input, forget, candidate, output].into_iter().enumerate() {
                                gates[number * units + unit][v] = value;
                            }
                        }
                        Cell::Gru => {
                            let (reset, update) = (sigmoid(simd, sums[0]), sigmoid(simd, sums[1]));
                            let contribution = of_state[2 * units + unit][v];
                            // The reset gate scales the state's contribution including its bias, as in PyTorch.
                            let sum = simd.mul_add_e_f32s(reset, contribution, gates[2 * units + unit][v]);
                            let candidate = tanh(simd, sum);
                            let distance = simd.sub_f32s(before[unit][v], candidate);
                            new_memory[unit][v] = contribution;
                            new[unit][v] = simd.mul_add_e_f32s(update, distance, candidate);
                            for (number, value) in [reset, update, candidate].into_iter().enumerate() {
                                gates[number * units + unit][v] = value;
                            }
                        }
                    }
                }
            }
            (state, cell_state) = (hidden, memory);
        }
    }
}

/// One block's way back.
struct Backward<'a> {
    layer: &'a Recurrent,
    direct: &'a Direct,
    packed: &'a PackedWeights,
    gates: &'a [f32],
    memory: &'a [f32],
    /// The states before each item.
    before: &'a [f32],
    /// At the hidden states.
    gradient: &'a [f32],
    at_items: &'a mut [f32],
    at_states: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { layer: &Recurrent { cell, length, units, .. }, direct, packed, .. } = self;
        let state_values = units * V * S::F32_LANES;
        let gate_values = cell.n_gates() * state_values;
        // What the next item passes back to the state: by its gates, and past them.
        let mut by_gates = vec![Unset::new(0.0); state_values];
        let mut past = vec![splat::<S, V>(simd, 0.0); units];
        let zeros = vec![0.0; state_values];
        for item in (0..length).rev() {
            let states = item * state_values..(item + 1) * state_values;
            let all_gates = item * gate_values..(item + 1) * gate_values;
            let gates = groups::<S, V>(&self.gates[all_gates.clone()]);
            let memory = groups::<S, V>(&self.memory[states.clone()]);
            let gradient = groups::<S, V>(&self.gradient[states.clone()]);
            let before = match cell {
                Cell::Gru => &self.before[states],
                Cell::Lstm if item == 0 => &zeros,
                Cell::Lstm => &self.memory[(item - 1) * state_values..item * state_values],
            };
            let before = groups::<S, V>(before);
            let at_items = groups_mut::<S, V>(&mut self.at_items[all_gates.clone()]);
            let at_states = groups_mut::<S, V>(&mut self.at_states[all_gates.clone()]);
            // SAFETY: it begins with zeros, and the product writes all of it.
            let passed = groups::<S, V>(unsafe { &*(&raw const by_gates[..] as *const [f32]) });
            for unit in 0..units {
                for v in 0..V {
                    let mut values = [simd.splat_f32s(0.0); 4];
                    for gate in 0..cell.n_gates() {
                        values[gate] = gates[gate * units + unit][v];
                    }
                    let mut change = simd.add_f32s(gradient[unit][v], passed[unit][v]);
                    match cell {
                        Cell::Lstm => {
                            let [input, forget, candidate, output] = values;
                            let squashed = tanh(simd, memory[unit][v]);
                            let at_output = simd.mul_f32s(simd.mul_f32s(change, squashed), sigmoid_slope(simd, output));
                            // At the cell state.
                            change = simd.mul_f32s(simd.mul_f32s(change, output), tanh_slope(simd, squashed));
                            change = simd.add_f32s(change, past[unit][v]);
                            past[unit][v] = simd.mul_f32s(change, forget);
                            let at_gates = [
                                simd.mul_f32s(simd.mul_f32s(change, candidate), sigmoid_slope(simd, input)),
                                simd.mul_f32s(simd.mul_f32s(change, before[unit][v]), sigmoid_slope(simd, forget)),
                                simd.mul_f32s(simd.mul_f32s(change, input), tanh_slope(simd, candidate)),
                                at_output,
                            ];
                            for (number, value) in at_gates.into_iter().enumerate() {
                                at_items[number * units + unit][v] = value;
                                at_states[number * units + unit][v] = value;
                            }
                        }
                        Cell::Gru => {
                            let [reset, update, candidate, _] = values;
                            change = simd.add_f32s(change, past[unit][v]);
                            past[unit][v] = simd.mul_f32s(change, update);
                            let distance = simd.sub_f32s(before[unit][v], candidate);
                            let at_update = simd.mul_f32s(simd.mul_f32s(change, distance), sigmoid_slope(simd, update));
                            let at_candidate =
                                simd.mul_f32s(simd.sub_f32s(change, past[unit][v]), tanh_slope(simd, candidate));
                            let at_reset =
                                simd.mul_f32s(simd.mul_f32s(at_candidate, memory[unit][v]), sigmoid_slope(simd, reset));
                            let at_contribution = simd.mul_f32s(at_candidate, reset);
                            let at_gates = [at_reset, at_update];
                            for (number, value) in at_gates.into_iter().enumerate() {
                                at_items[number * units + unit][v] = value;
                                at_states[number * units + unit][v] = value;
                            }
                            at_items[2 * units + unit][v] = at_candidate;
                            at_states[2 * units + unit][v] = at_contribution;
                        }
                    }
                }
            }
            direct.run_block::<S, V>(simd, packed, None, &self.at_states[all_gates], &mut by_gates);
        }
    }
}
