//! Kernels of 1×1 on very few images, such as the frames of a camera: their places take the lanes of vectors that images would leave empty.

use std::ops::Range;

use super::Conv;
use crate::blocks::Blocks;

/// Whether an output place depends on its input place alone, and fewer than half of the lanes have an image.
pub(super) fn suits(conv: &Conv, blocks: Blocks) -> bool {
    let is_of_places = conv.kernel == [1, 1] && conv.stride == [1, 1] && conv.padding == [0, 0] && conv.groups == 1;
    is_of_places && conv.size != [1, 1] && 2 * blocks.n_images() < blocks.n_slots()
}

pub(super) fn forward(
    conv: &Conv,
    blocks: Blocks,
    input: &[f32],
    weights: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
) -> Vec<f32> {
    let n_places = conv.size[0] * conv.size[1];
    assert_eq!(input.len(), blocks.n_values(conv.channels * n_places), "maps have the shape of {conv:?}");
    // Each place of each image becomes an image of one place. So few images are one block `[H][W][channels][slots]`.
    let of_places = Blocks::new(n_places * blocks.n_images());
    let n_slots = blocks.n_slots();
    let at = |values: usize, number: usize| (number % n_places * values * n_slots, number / n_places);

    let mut places = vec![0.0; of_places.n_values(conv.channels)];
    for (block, numbers) in of_places.split_mut(&mut places, conv.channels).zip(numbers(of_places)) {
        let width = block.len() / conv.channels;
        for (lane, number) in numbers.enumerate() {
            let (start, image) = at(conv.channels, number);
            let values = input[start..][..conv.channels * n_slots].chunks_exact(n_slots);
            block.chunks_exact_mut(width).zip(values).for_each(|(lanes, values)| lanes[lane] = values[image]);
        }
    }
    let sums = Conv { size: [1, 1], ..*conv }.direct().run(of_places, &places, weights, bias, relu);
    let mut output = vec![0.0; blocks.n_values(conv.filters * n_places)];
    for (block, numbers) in of_places.split(&sums, conv.filters).zip(numbers(of_places)) {
        let width = block.len() / conv.filters;
        for (lane, number) in numbers.enumerate() {
            let (start, image) = at(conv.filters, number);
            let values = output[start..][..conv.filters * n_slots].chunks_exact_mut(n_slots);
            block.chunks_exact(width).zip(values).for_each(|(lanes, values)| values[image] = lanes[lane]);
        }
    }
    output
}

/// The images of each block.
fn numbers(blocks: Blocks) -> impl Iterator<Item = Range<usize>> {
    let n_images = blocks.n_images();
    (0..n_images).step_by(blocks.wide()).map(move |first| first..(first + blocks.wide()).min(n_images))
}
