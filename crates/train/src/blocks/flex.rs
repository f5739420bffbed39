//! The kernels on tensors of burn's CPU backend.

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Bytes, DType, Shape};
use kindling_kernels::activation::Activation;
use kindling_kernels::attention::Attention;
use kindling_kernels::blocks::Blocks;
use kindling_kernels::conv::Conv;
use kindling_kernels::dropout::Dropout;
use kindling_kernels::loss::{CrossEntropy, cross_entropy};
use kindling_kernels::norm::{BatchNorm, GroupNorm, Statistics};
use kindling_kernels::pool::Pool;
use kindling_kernels::recurrent::{Recurrent, States, Weights};
use kindling_kernels::update::{self, Update};

use super::ops::BlockOps;
use kindling_core::random::Random;

impl BlockOps for Flex {
    fn gather(images: FlexTensor) -> FlexTensor {
        let [n_images, channels, height, width] = images.shape().dims();
        let blocks = Blocks::new(n_images);
        let values = blocks.gather(slice(&contiguous(images)), channels, height * width);
        tensor(values, [blocks.n_slots(), channels, height, width])
    }

    fn scatter(values: FlexTensor, n_images: usize) -> FlexTensor {
        let [_, channels, height, width] = values.shape().dims();
        let images = Blocks::new(n_images).scatter(slice(&contiguous(values)), channels, height * width);
        tensor(images, [n_images, channels, height, width])
    }

    fn conv(values: FlexTensor, weight: FlexTensor, conv: Conv, blocks: Blocks, relu: bool) -> FlexTensor {
        convolved(values, weight, None, conv, blocks, relu)
    }

    fn conv_with_bias(
        values: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        conv: Conv,
        blocks: Blocks,
        relu: bool,
    ) -> FlexTensor {
        convolved(values, weight, Some(bias), conv, blocks, relu)
    }

    fn max_pool(values: FlexTensor, pool: Pool, blocks: Blocks, relu: bool) -> FlexTensor {
        let output = pool.max(blocks, slice(&contiguous(values)), relu);
        tensor(output, maps(blocks, pool.channels, pool.output_size()))
    }

    fn average_pool(values: FlexTensor, pool: Pool, blocks: Blocks) -> FlexTensor {
        let output = pool.average(blocks, slice(&contiguous(values)));
        tensor(output, maps(blocks, pool.channels, pool.output_size()))
    }

    fn batch_norm(
        values: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        epsilon: f64,
        blocks: Blocks,
        relu: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let shape = values.shape();
        let norm = batch_norm(&values, epsilon);
        let values = contiguous(values);
        let statistics = norm.statistics(blocks, slice(&values));
        let (scale, shift) = (contiguous(scale), contiguous(shift));
        let output = norm.forward(blocks, slice(&values), &statistics, slice(&scale), slice(&shift), relu);
        let Statistics { mean, variance } = statistics;
        let channels = [norm.channels];
        (tensor(output, shape), tensor(mean, channels), tensor(variance, channels))
    }

    fn activation(values: FlexTensor, activation: Activation) -> FlexTensor {
        let shape = values.shape();
        tensor(activation.forward(slice(&contiguous(values))), shape)
    }

    fn dropout(values: FlexTensor, dropout: Dropout, random: Random, blocks: Blocks) -> FlexTensor {
        let shape = values.shape();
        let result = dropout.apply(blocks, slice(&contiguous(values)), |n| random.nth(n as u64));
        tensor(result, shape)
    }

    fn group_norm(
        values: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        norm: GroupNorm,
        blocks: Blocks,
    ) -> FlexTensor {
        let shape = values.shape();
        let [values, scale, shift] = [values, scale, shift].map(contiguous);
        tensor(norm.forward(blocks, slice(&values), slice(&scale), slice(&shift)), shape)
    }

    fn attention(projected: FlexTensor, attention: Attention, blocks: Blocks) -> FlexTensor {
        let attended = attention.forward(blocks, slice(&contiguous(projected)));
        tensor(attended.output, sequence(blocks, attention.features, attention.length))
    }

    fn recurrent(
        items: FlexTensor,
        of_item: FlexTensor,
        of_state: FlexTensor,
        item_bias: FlexTensor,
        state_bias: FlexTensor,
        layer: Recurrent,
        only_last: bool,
        blocks: Blocks,
    ) -> FlexTensor {
        let tensors = [items, of_item, of_state, item_bias, state_bias].map(contiguous);
        let [items, weights @ ..] = &tensors;
        let states = layer.forward(blocks, slice(items), recurrent_weights(weights));
        hidden_states(&layer, only_last, blocks, &states)
    }

    fn update(
        values: FlexTensor,
        gradient: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        third: FlexTensor,
        update: Update,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let gradient = contiguous(gradient);
        let [mut values, mut first, mut second, mut third] = [values, first, second, third].map(contiguous);
        let [has_first, has_second, has_third] = update.rule.moments();
        let moments = [(&mut first, has_first), (&mut second, has_second), (&mut third, has_third)];
        let moments = moments.map(|(moment, exists)| if exists { slice_mut(moment) } else { &mut [] });
        update::update(update, slice_mut(&mut values), slice(&gradient), moments);
        (values, first, second, third)
    }

    fn sum_of_squares(values: FlexTensor) -> FlexTensor {
        tensor(vec![update::sum_of_squares(slice(&contiguous(values)))], [1])
    }

    fn cross_entropy(logits: FlexTensor, weights: FlexTensor) -> (FlexTensor, FlexTensor) {
        let shape = logits.shape();
        let [_, classes] = shape.dims();
        let (logits, weights) = (contiguous(logits), contiguous(weights));
        let CrossEntropy { parts, gradient } = cross_entropy(slice(&logits), slice(&weights), classes);
        (tensor(parts, shape.clone()), tensor(gradient, shape))
    }

    fn unpack(words: FlexTensor, n_values: usize) -> FlexTensor {
        let words = contiguous(words);
        let [n_images, ..] = words.shape().dims::<3>();
        let Some(slice) = words.as_slice() else { unreachable!("words have 32 bits") };
        tensor(kindling_kernels::pixels::unpack(slice, n_images, n_values), [n_images, n_values])
    }

    fn resample(images: FlexTensor, maps: FlexTensor, size: [usize; 2]) -> FlexTensor {
        let shape = images.shape();
        let [_, channels, _] = shape.dims();
        let (images, maps) = (contiguous(images), contiguous(maps));
        tensor(kindling_kernels::sample::affine(slice(&images), slice(&maps), channels, size), shape)
    }
}

fn convolved(
    values: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    conv: Conv,
    blocks: Blocks,
    relu: bool,
) -> FlexTensor {
    let (values, weight, bias) = (contiguous(values), contiguous(weight), bias.map(contiguous));
    let output = conv.forward(blocks, slice(&values), slice(&weight), bias.as_ref().map(slice), relu);
    tensor(output, maps(blocks, conv.filters, conv.output_size()))
}

/// The weights of a recurrent layer.
pub(super) fn recurrent_weights([of_item, of_state, item_bias, state_bias]: &[FlexTensor; 4]) -> Weights<'_> {
    Weights {
        of_item: slice(of_item),
        of_state: slice(of_state),
        item_bias: slice(item_bias),
        state_bias: slice(state_bias),
    }
}

/// All hidden states, or the last ones.
pub(super) fn hidden_states(layer: &Recurrent, only_last: bool, blocks: Blocks, states: &States) -> FlexTensor {
    if only_last {
        tensor(layer.last(blocks, &states.hidden), sequence(blocks, layer.units, 1))
    } else {
        tensor(states.hidden.clone(), sequence(blocks, layer.units, layer.length))
    }
}

/// The shape of sequences in blocks.
pub(super) fn sequence(blocks: Blocks, features: usize, length: usize) -> [usize; 4] {
    [blocks.n_slots(), features, length, 1]
}

/// The batch norm of tensors in blocks.
pub(super) fn batch_norm(values: &FlexTensor, epsilon: f64) -> BatchNorm {
    let [_, channels, height, width] = values.shape().dims();
    BatchNorm { channels, places: height * width, epsilon }
}

/// The shape of maps in blocks.
fn maps(blocks: Blocks, channels: usize, size: Option<[usize; 2]>) -> [usize; 4] {
    let Some([height, width]) = size else { unreachable!("shape inference has checked that the kernel fits") };
    [blocks.n_slots(), channels, height, width]
}

pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    let shape = shape.into();
    assert_eq!(values.len(), shape.num_elements(), "a kernel computes as many values as {shape:?} has");
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
}

/// The tensor with its values in the order of its shape, which is the kernels' memory order for tensors in blocks.
pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor.
pub(super) fn slice(tensor: &FlexTensor) -> &[f32] {
    let Some(values) = tensor.as_slice() else {
        unreachable!("the tensor is contiguous, and Kindling computes in f32")
    };
    values
}

/// The values of a contiguous tensor, to be changed. They are copied first if another tensor has them, too.
fn slice_mut(tensor: &mut FlexTensor) -> &mut [f32] {
    let place = tensor.layout().contiguous_offsets().map(|(start, end)| start..end);
    let Some(values) = place.and_then(|place| tensor.storage_mut().get_mut(place)) else {
        unreachable!("the tensor is contiguous, and its values are in its storage")
    };
    values
}
