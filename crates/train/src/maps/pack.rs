//! Several tensors in one, so that one kernel updates all of them: on a GPU the start of a kernel costs as much as the work on thousands
//! of values.

use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::product::{grid, group_in_layer};
use super::{PACK, parts};

const THREADS: usize = 256;

/// The values of a pack that come from one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Span {
    start: usize,
    end: usize,
}

/// Writes tensors, all contiguous, to where [`parts`] places them, and zeros between them.
pub(super) fn launch(tensors: Vec<CubeTensor>) -> CubeTensor {
    let (parts, n_values) = parts(tensors.iter().map(|tensor| tensor.meta.shape().clone()));
    let spans = std::array::from_fn(|index| {
        parts.get(index).map_or(Span { start: 0, end: 0 }, |part| Span { start: part.start, end: part.end() })
    });
    let (client, device, dtype) = (tensors[0].client.clone(), tensors[0].device.clone(), tensors[0].dtype);
    let packed = empty_device_contiguous_dtype(client.clone(), device, Shape::new([n_values]), dtype);
    let mut buffers = tensors.into_iter().map(|tensor| tensor.into_buffer_arg());
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        pack_kernel::launch_unchecked(
            &client,
            grid(n_values.div_ceil(THREADS), 1),
            CubeDim::new_1d(THREADS as u32),
            buffers.next().into(),
            buffers.next().into(),
            buffers.next().into(),
            buffers.next().into(),
            buffers.next().into(),
            buffers.next().into(),
            packed.clone().into_buffer_arg(),
            n_values as u32,
            spans,
        );
    }
    packed
}

#[cube(launch_unchecked)]
fn pack_kernel(
    first: ComptimeOption<&[f32]>,
    second: ComptimeOption<&[f32]>,
    third: ComptimeOption<&[f32]>,
    fourth: ComptimeOption<&[f32]>,
    fifth: ComptimeOption<&[f32]>,
    sixth: ComptimeOption<&[f32]>,
    packed: &mut [f32],
    n_values: u32,
    #[comptime] spans: [Span; PACK],
) {
    let index = group_in_layer() * comptime!(THREADS) + UNIT_POS as usize;
    if index < n_values as usize {
        let value = of_span(&first, index, 0.0f32, comptime!(spans[0]));
        let value = of_span(&second, index, value, comptime!(spans[1]));
        let value = of_span(&third, index, value, comptime!(spans[2]));
        let value = of_span(&fourth, index, value, comptime!(spans[3]));
        let value = of_span(&fifth, index, value, comptime!(spans[4]));
        let value = of_span(&sixth, index, value, comptime!(spans[5]));
        packed[index] = value;
    }
}

/// The tensor's value, if the index is in its span; else the other value.
#[cube]
fn of_span(tensor: &ComptimeOption<&[f32]>, index: usize, other: f32, #[comptime] span: Span) -> f32 {
    let is_inside = (index >= comptime!(span.start)) & (index < comptime!(span.end));
    let place = select(is_inside, index - comptime!(span.start), 0usize);
    #[comptime]
    let value = match tensor {
        ComptimeOption::Some(tensor) => select(is_inside, tensor[place], other),
        ComptimeOption::None => other,
    };
    value
}
