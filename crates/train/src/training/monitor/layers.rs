//! Statistics and histograms of one layer: computed on the device, and completed once they are read.

use burn::tensor::Tensor;

use super::histogram::{histogram, saturated};
use super::observer::{Observed, Update};
use super::reads::{Reads, Slot, Values};
use super::sample::{in_one_row, sample};
use crate::module::Features;
use kindling_core::config::{Activation, Layer};
use kindling_core::protocol::{LayerReport, UnitCount};

/// A layer whose statistics are still on the device.
pub struct PendingLayer {
    index: usize,
    learned: Option<Learned>,
    activations: Option<Slot>,
    /// The number of dead units, and the total number of units.
    dead: Option<(Slot, usize)>,
    function: Option<Activation>,
}

/// The statistics of all parameters of a layer.
struct Learned {
    weights: Slot,
    update: Option<Updated>,
}

/// The statistics of an update.
struct Updated {
    gradients: Slot,
    /// `[3]`: squared norms of the weights before the update, of the update, and of the gradient.
    squares: Slot,
}

impl PendingLayer {
    /// None for a layer that learns nothing and is not an activation. `output` is the layer's output for the images.
    pub fn new(
        index: usize,
        layer: &Layer,
        output: Features,
        parameters: &[Observed],
        reads: &mut Reads,
    ) -> Option<Self> {
        let own: Vec<&Observed> = parameters.iter().filter(|parameter| parameter.layer == index).collect();
        let function = match layer {
            Layer::Activation(function) => Some(*function),
            _ => None,
        };
        if own.is_empty() && function.is_none() {
            return None;
        }
        let ends_with_relu =
            matches!(layer, Layer::Activation(Activation::Relu | Activation::Relu6) | Layer::DepthwiseSeparable { .. });
        let dead = ends_with_relu.then(|| dead_units(output.clone()));
        Some(Self {
            index,
            learned: Learned::new(&own, reads),
            activations: sample(vec![in_one_row(output)]).map(|values| reads.add(values)),
            dead: dead.map(|(count, total)| (reads.add(count), total)),
            function,
        })
    }

    pub fn report(self, values: &Values) -> LayerReport {
        let update = self.learned.as_ref().and_then(|learned| learned.update.as_ref());
        let squares = update.and_then(|update| match values.of(update.squares) {
            &[weights, update, gradient] => Some((weights, update, gradient)),
            _ => None,
        });
        let of = |slot: Option<Slot>| slot.and_then(|slot| histogram(values.of(slot)));
        let finite = |value: f32| Some(value).filter(|value| value.is_finite());
        let outputs = self.activations.map_or(&[][..], |slot| values.of(slot));
        LayerReport {
            index: self.index as u32,
            weights: of(self.learned.as_ref().map(|learned| learned.weights)),
            gradients: of(update.map(|update| update.gradients)),
            activations: of(self.activations),
            gradient_norm: squares.and_then(|(_, _, gradient)| finite(gradient.sqrt())),
            // Weights that are all 0 have no ratio.
            update_ratio: squares.and_then(|(weights, update, _)| finite((update / weights).sqrt())),
            dead_units: self
                .dead
                .map(|(slot, total)| UnitCount { count: values.first(slot) as u32, total: total as u32 }),
            saturated: self.function.and_then(|function| saturated(function, outputs)),
        }
    }
}

impl Learned {
    fn new(parameters: &[&Observed], reads: &mut Reads) -> Option<Self> {
        let weights = sample(parameters.iter().map(|it| it.after.clone()).collect())?;
        Some(Self { weights: reads.add(weights), update: Updated::new(parameters, reads) })
    }
}

impl Updated {
    /// None if the parameters were not updated.
    fn new(parameters: &[&Observed], reads: &mut Reads) -> Option<Self> {
        let updates: Vec<_> = parameters.iter().filter_map(|it| Some((it, it.update.as_ref()?))).collect();
        let of = |read: fn(&Observed, &Update) -> Tensor<1>| {
            updates.iter().map(|(it, update)| read(it, update)).collect::<Vec<_>>()
        };
        let gradients = sample(of(|_, update| update.gradient.clone()))?;
        let squares = Tensor::cat(
            vec![
                square_sum(of(|_, update| update.before.clone()))?,
                square_sum(of(|it, update| it.after.clone() - update.before.clone()))?,
                square_sum(of(|_, update| update.gradient.clone()))?,
            ],
            0,
        );
        Some(Self { gradients: reads.add(gradients), squares: reads.add(squares) })
    }
}

/// `[1]`
fn square_sum(tensors: Vec<Tensor<1>>) -> Option<Tensor<1>> {
    tensors.into_iter().map(|values| values.square().sum()).reduce(|one, other| one + other)
}

/// The number of units that are never above 0, `[1]`, and the total number of units.
fn dead_units(output: Features) -> (Tensor<1>, usize) {
    // [1, units, 1] each
    let highest: Tensor<3> = match output {
        Features::Maps(maps) => {
            let [n_images, n_channels, height, width] = maps.dims();
            maps.reshape([n_images, n_channels, height * width]).max_dim(2).max_dim(0)
        }
        Features::Sequence(sequence) => sequence.max_dim(1).max_dim(0).swap_dims(1, 2),
        Features::Vector(vector) => vector.max_dim(0).unsqueeze_dim(2),
    };
    let [_, n_units, _] = highest.dims();
    (highest.lower_equal_elem(0.0).float().sum(), n_units)
}
