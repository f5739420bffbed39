//! Batch norm, group norm and layer norm with PyTorch's definitions.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation;
use burn::tensor::module::batch_norm_train;

use super::builder::Builder;
use super::features::Features;
use super::flow::Flow;
use crate::blocks::BlockTensor;
use crate::maps;

/// PyTorch's defaults.
const EPSILON: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

/// PyTorch's `BatchNorm2d` and `BatchNorm1d`. burn's own keeps the biased variance as its running one, PyTorch the unbiased; and burn's
/// clones share their running statistics, so that the best network would change while training continues.
#[derive(Module, Debug)]
pub(super) struct BatchNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: Param<Tensor<1>>,
    running_var: Param<Tensor<1>>,
}

impl BatchNorm {
    pub fn build(builder: &mut Builder) -> Self {
        Self {
            weight: builder.learned(),
            bias: builder.learned(),
            running_mean: builder.fixed(),
            running_var: builder.fixed(),
        }
    }

    /// `relu` may be true only for features in blocks, or on a GPU.
    pub fn forward(&self, flow: Flow, relu: bool) -> Flow {
        let (scale, shift) = self.running_scale_and_shift(); // [channels] each
        match flow.vector_of_channels() {
            Flow::Blocks(blocks) => Flow::Blocks(blocks.scale(scale, shift, relu)),
            Flow::FlatBlocks(blocks) => Flow::FlatBlocks(blocks.scale(scale, shift, relu)),
            Flow::Plain(Features::Vector(vector)) => Flow::Plain(Features::Vector(scaled(vector, scale, shift, relu))),
            flow => Flow::maps(scaled(flow.plain().maps(), scale, shift, relu)),
        }
    }

    /// Sets the running statistics, `[channels]` each. They have no gradient.
    pub fn set_statistics(&mut self, mean: Tensor<1>, variance: Tensor<1>) {
        for (running, new) in [(&mut self.running_mean, mean), (&mut self.running_var, variance)] {
            *running = Param::initialized(running.id, new.to_device(&running.device()));
        }
    }

    /// `relu` may be true only for features in blocks, or on a GPU.
    pub fn forward_train(&mut self, flow: Flow, relu: bool) -> Flow {
        match flow.vector_of_channels() {
            Flow::Blocks(blocks) => Flow::Blocks(self.blocks_by_batch(blocks, relu)),
            Flow::FlatBlocks(blocks) => Flow::FlatBlocks(self.blocks_by_batch(blocks, relu)),
            Flow::Plain(Features::Vector(vector)) => Flow::Plain(Features::Vector(self.by_batch(vector, relu))),
            flow => Flow::maps(self.by_batch(flow.plain().maps(), relu)),
        }
    }

    fn running_scale_and_shift(&self) -> (Tensor<1>, Tensor<1>) {
        let scale = self.weight.val() / (self.running_var.val() + EPSILON).sqrt();
        let shift = self.bias.val() - self.running_mean.val() * scale.clone();
        (scale, shift)
    }

    fn by_batch<const D: usize>(&mut self, values: Tensor<D>, relu: bool) -> Tensor<D> {
        let [n_channels] = self.weight.dims();
        let n_values = values.shape().num_elements() / n_channels.max(1);
        let (scale, shift) = (self.weight.val(), self.bias.val());
        if maps::has_kernels(&values) {
            let normalized = maps::batch_norm(values, scale, shift, EPSILON, relu);
            self.count(normalized.mean, normalized.variance, n_values);
            normalized.output
        } else {
            let normalized = batch_norm_train(values, scale, shift, EPSILON);
            self.count(normalized.mean, normalized.variance, n_values);
            normalized.output
        }
    }

    fn blocks_by_batch(&mut self, blocks: BlockTensor, relu: bool) -> BlockTensor {
        let [n_images, _, height, width] = blocks.dims();
        let normalized = blocks.batch_norm(self.weight.val(), self.bias.val(), EPSILON, relu);
        self.count(normalized.mean, normalized.variance, n_images * height * width);
        normalized.output
    }

    /// Updates the running statistics by a batch's, with `n_values` values per channel.
    fn count(&mut self, mean: Tensor<1>, variance: Tensor<1>, n_values: usize) {
        let n_values = n_values as f64;
        // Bessel's correction; a single value has no variance.
        let unbiased = variance * (n_values / (n_values - 1.0).max(1.0));
        blend(&mut self.running_mean, mean);
        blend(&mut self.running_var, unbiased);
    }
}

/// `scale · x + shift` for each channel, with `max(0, ·)` of it if `relu`.
fn scaled<const D: usize>(values: Tensor<D>, scale: Tensor<1>, shift: Tensor<1>, relu: bool) -> Tensor<D> {
    let values = values * along_channels(scale) + along_channels(shift);
    if relu { activation::relu(values) } else { values }
}

fn blend(running: &mut Param<Tensor<1>>, batch: Tensor<1>) {
    let old = running.val().without_autodiff();
    let new = old * (1.0 - MOMENTUM) + batch.without_autodiff() * MOMENTUM;
    *running = Param::initialized(running.id, new.autodiff());
}

/// PyTorch's `GroupNorm`.
#[derive(Module, Debug)]
pub(super) struct GroupNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    groups: usize,
}

impl GroupNorm {
    pub fn build(groups: u32, builder: &mut Builder) -> Self {
        Self { weight: builder.learned(), bias: builder.learned(), groups: groups as usize }
    }

    pub fn forward(&self, flow: Flow) -> Flow {
        let (scale, shift) = (self.weight.val(), self.bias.val());
        match flow.in_blocks() {
            Flow::Blocks(blocks) => Flow::Blocks(blocks.group_norm(self.groups, scale, shift, EPSILON)),
            flow => Flow::maps(group_norm(flow.plain().maps(), self.groups, scale, shift)),
        }
    }
}

/// PyTorch's `LayerNorm` over the last axis; on maps its `GroupNorm` with one group.
#[derive(Module, Debug)]
pub(super) struct LayerNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
}

impl LayerNorm {
    pub fn build(builder: &mut Builder) -> Self {
        Self { weight: builder.learned(), bias: builder.learned() }
    }

    pub fn forward(&self, flow: Flow) -> Flow {
        let (scale, shift) = (self.weight.val(), self.bias.val());
        match flow.vector_of_channels().in_blocks() {
            Flow::Blocks(blocks) => Flow::Blocks(blocks.group_norm(1, scale, shift, EPSILON)),
            Flow::FlatBlocks(blocks) => Flow::FlatBlocks(blocks.layer_norm(scale, shift, EPSILON)),
            Flow::SequenceBlocks(blocks) => Flow::SequenceBlocks(blocks.layer_norm(scale, shift, EPSILON)),
            flow => Flow::Plain(match flow.plain() {
                Features::Maps(maps) => Features::Maps(group_norm(maps, 1, scale, shift)),
                Features::Sequence(sequence) => Features::Sequence(self.over_last_axis(sequence)),
                Features::Vector(vector) => Features::Vector(self.over_last_axis(vector)),
            }),
        }
    }

    fn over_last_axis<const D: usize>(&self, values: Tensor<D>) -> Tensor<D> {
        standardized(values) * self.weight.val().unsqueeze() + self.bias.val().unsqueeze()
    }
}

fn group_norm(maps: Tensor<4>, groups: usize, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<4> {
    let [n_images, channels, height, width] = maps.dims();
    let grouped = maps.reshape([n_images, groups, channels / groups * height * width]);
    let maps = standardized(grouped).reshape([n_images, channels, height, width]);
    maps * along_channels(weight) + along_channels(bias)
}

/// Mean 0 and variance 1 along the last axis.
fn standardized<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    let centered = values.clone() - values.mean_dim(D - 1);
    let variance = (centered.clone() * centered.clone()).mean_dim(D - 1);
    centered / (variance + EPSILON).sqrt()
}

/// `[channels]` to `[1, channels, 1, …]`
fn along_channels<const D: usize>(values: Tensor<1>) -> Tensor<D> {
    let [n_channels] = values.dims();
    let mut shape = [1; D];
    shape[1] = n_channels;
    values.reshape(shape)
}
