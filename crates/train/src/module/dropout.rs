//! Dropout of values and of whole channels. burn's own draws from one generator per device; this one gives equal masks for equal seeds
//! on every device. Where no kernel draws them, that costs an upload per layer and step.

use burn::module::Module;
use burn::tensor::{Device, Shape, Tensor, TensorData};

use super::features::Features;
use super::flow::Flow;
use kindling_core::random::Random;

/// Zeroes values with probability `rate`, and scales the others so that the mean is preserved.
#[derive(Module, Debug)]
pub(super) struct Dropout {
    #[module(skip)]
    pub rate: f32,
}

impl Dropout {
    pub fn forward_train(&self, flow: Flow, random: &mut Random) -> Flow {
        match flow {
            flow if self.rate == 0.0 => flow,
            Flow::Blocks(blocks) => Flow::Blocks(blocks.dropout(self.rate, random)),
            Flow::FlatBlocks(blocks) => Flow::FlatBlocks(blocks.dropout(self.rate, random)),
            Flow::SequenceBlocks(blocks) => Flow::SequenceBlocks(blocks.dropout_sequence(self.rate, random)),
            Flow::FlatMaps(maps) => Flow::FlatMaps(self.values(maps, random)),
            Flow::Plain(features) => Flow::Plain(match features {
                Features::Maps(maps) => Features::Maps(self.values(maps, random)),
                Features::Sequence(sequence) => Features::Sequence(self.values(sequence, random)),
                Features::Vector(vector) => Features::Vector(self.values(vector, random)),
            }),
        }
    }

    fn values<const D: usize>(&self, values: Tensor<D>, random: &mut Random) -> Tensor<D> {
        let shape = values.shape();
        masked(values, shape, self.rate, random)
    }
}

/// Like [`Dropout`], but drops whole channels of an image.
#[derive(Module, Debug)]
pub(super) struct SpatialDropout {
    #[module(skip)]
    pub rate: f32,
}

impl SpatialDropout {
    pub fn forward_train(&self, flow: Flow, random: &mut Random) -> Flow {
        match flow {
            Flow::Blocks(blocks) => {
                let [n_images, channels, _, _] = blocks.dims();
                let mask = mask::<4>(Shape::new([n_images, channels, 1, 1]), self.rate, &blocks.device(), random);
                Flow::Blocks(match mask {
                    Some(mask) => {
                        let shape = blocks.dims();
                        blocks.times(mask.expand(shape))
                    }
                    None => blocks,
                })
            }
            flow => {
                let maps = flow.plain().maps();
                let [n_images, channels, _, _] = maps.dims();
                Flow::maps(masked(maps, Shape::new([n_images, channels, 1, 1]), self.rate, random))
            }
        }
    }
}

/// Multiplies by a mask of zeros and `1 / (1 - rate)`, which is broadcast to the shape of the values.
fn masked<const D: usize>(values: Tensor<D>, mask_shape: Shape, rate: f32, random: &mut Random) -> Tensor<D> {
    match mask(mask_shape, rate, &values.device(), random) {
        Some(mask) => values * mask,
        None => values,
    }
}

/// Zeros and `1 / (1 - rate)`; none if nothing is dropped.
fn mask<const D: usize>(shape: Shape, rate: f32, device: &Device, random: &mut Random) -> Option<Tensor<D>> {
    if rate == 0.0 {
        return None;
    }
    let kept = 1.0 / (1.0 - rate);
    let threshold = (rate * 65_536.0) as u64;
    let n_values = shape.num_elements();
    // Each random number gives four draws of 16 bits.
    let draws = (0..n_values.div_ceil(4)).flat_map(|_| {
        let bits = random.next_u64();
        (0..4).map(move |draw| (bits >> (16 * draw)) & 0xffff)
    });
    let mask: Vec<f32> = draws.take(n_values).map(|draw| if draw < threshold { 0.0 } else { kept }).collect();
    Some(Tensor::from_data(TensorData::new(mask, shape), device))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device may have the kernel or not.
    #[cfg(feature = "cpu")]
    #[test]
    fn the_kernel_drops_what_the_mask_drops() {
        let dropout = Dropout { rate: 0.4 };
        let device = Device::flex();
        let maps = Features::Maps(Tensor::ones([5, 3, 4, 7], &device));
        let sequence = Features::Sequence(Tensor::ones([5, 6, 3], &device));
        for features in [maps, sequence] {
            let (mut of_kernel, mut of_mask) = (Random::new(7), Random::new(7));
            let plain = Flow::Plain(features);
            let blocks = plain.clone().in_blocks();
            assert!(blocks.is_in_blocks());
            let values = |flow: Flow| match flow.plain() {
                Features::Maps(maps) => maps.into_data(),
                Features::Sequence(sequence) => sequence.into_data(),
                Features::Vector(vector) => vector.into_data(),
            };
            let found = values(dropout.forward_train(blocks, &mut of_kernel));
            assert_eq!(found, values(dropout.forward_train(plain, &mut of_mask)));
            assert_eq!(of_kernel.state(), of_mask.state());
        }
    }
}
