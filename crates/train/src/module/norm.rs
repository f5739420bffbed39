//! Batch norm, group norm and layer norm with PyTorch's definitions.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::batch_norm_train;

use super::builder::Builder;
use super::features::Features;

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

    pub fn forward(&self, features: Features) -> Features {
        match features {
            Features::Vector(vector) => Features::Vector(self.by_running(vector)),
            features @ (Features::Maps(_) | Features::Sequence(_)) => Features::Maps(self.by_running(features.maps())),
        }
    }

    pub fn forward_train(&mut self, features: Features) -> Features {
        match features {
            Features::Vector(vector) => Features::Vector(self.by_batch(vector)),
            features @ (Features::Maps(_) | Features::Sequence(_)) => Features::Maps(self.by_batch(features.maps())),
        }
    }

    fn by_running<const D: usize>(&self, values: Tensor<D>) -> Tensor<D> {
        let scale = self.weight.val() / (self.running_var.val() + EPSILON).sqrt();
        let shift = self.bias.val() - self.running_mean.val() * scale.clone();
        values * along_channels(scale) + along_channels(shift)
    }

    fn by_batch<const D: usize>(&mut self, values: Tensor<D>) -> Tensor<D> {
        let [n_channels] = self.weight.dims();
        let n_values = (values.shape().num_elements() / n_channels.max(1)) as f64;
        let normalized = batch_norm_train(values, self.weight.val(), self.bias.val(), EPSILON);
        // Bessel's correction; a single value has no variance.
        let unbiased = normalized.variance * (n_values / (n_values - 1.0).max(1.0));
        blend(&mut self.running_mean, normalized.mean);
        blend(&mut self.running_var, unbiased);
        normalized.output
    }
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

    pub fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        group_norm(maps, self.groups, self.weight.val(), self.bias.val())
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

    pub fn forward(&self, features: Features) -> Features {
        match features {
            Features::Maps(maps) => Features::Maps(group_norm(maps, 1, self.weight.val(), self.bias.val())),
            Features::Sequence(sequence) => Features::Sequence(self.over_last_axis(sequence)),
            Features::Vector(vector) => Features::Vector(self.over_last_axis(vector)),
        }
    }

    pub fn over_last_axis<const D: usize>(&self, values: Tensor<D>) -> Tensor<D> {
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
