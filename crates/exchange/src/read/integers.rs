//! Arithmetic on integers of 8 bits as TFLite defines it: sums in 32 bits, then requantization.
//!
//! Images are computed in blocks: the same value of eight images lies side by side, so that the lanes of a vector hold images, and whatever a
//! kernel covers is only a matter of where it is in memory. Maps are `[height, width, channels]`, so that what is summed lies close together.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; every function checks its operands' shapes first"
)]

/// Convolutions and linear layers.
mod conv;

/// Maps by pairs of values.
mod paired;

/// Sums of products.
mod products;

/// From sums to integers of 8 bits.
mod requantization;

pub use self::conv::{Weights, conv, linear};
use self::requantization::{Multiplier, Requantization};
use super::kernels::{self, Pooling, Window, ensure};
use crate::quantized::Quantization;

/// Images of a block.
pub const LANES: usize = 8;

/// One value of each image of a block.
pub type Lanes<T> = [T; LANES];

/// Activations.
#[derive(Clone, Debug, PartialEq)]
pub struct Integers {
    /// Of one image, with a batch of one in front. Maps are `[1, height, width, channels]`.
    pub shape: Vec<usize>,
    /// Block by block. If the last one has fewer images, nobody reads what its other lanes compute.
    pub values: Vec<Lanes<i8>>,
    pub quantization: Quantization,
}

pub type Outcome = Result<Integers, String>;

/// At least one block of at least one value.
pub fn integers(shape: impl Into<Vec<usize>>, values: Vec<Lanes<i8>>, quantization: Quantization) -> Outcome {
    let shape = shape.into();
    ensure(quantization.scale > 0.0 && quantization.scale.is_finite(), "a scale that is not positive")?;
    let n_values = kernels::n_values(&shape)?;
    let is_filled = n_values > 0 && !values.is_empty() && values.len().is_multiple_of(n_values);
    ensure(is_filled, "values that do not fill their shape")?;
    Ok(Integers { shape, values, quantization })
}

impl Integers {
    /// What `integer` makes of the values of images, each of which has this shape.
    pub fn of_images<T: Copy>(
        shape: impl Into<Vec<usize>>,
        images: &[&[T]],
        quantization: Quantization,
        integer: impl Fn(T) -> i8,
    ) -> Outcome {
        let shape = shape.into();
        let n_values = kernels::n_outputs(&shape)?.max(1);
        let mut values = vec![Lanes::default(); images.len().div_ceil(LANES) * n_values];
        for (images, block) in images.chunks(LANES).zip(values.chunks_exact_mut(n_values)) {
            for (lane, image) in images.iter().enumerate() {
                ensure(image.len() == n_values, "an image of another size")?;
                block.iter_mut().zip(*image).for_each(|(lanes, value)| lanes[lane] = integer(*value));
            }
        }
        integers(shape, values, quantization)
    }

    /// What the integers of an image stand for.
    pub fn image(&self, image: usize) -> impl Iterator<Item = f32> {
        let block = self.blocks().nth(image / LANES).unwrap_or_default();
        block.iter().map(move |lanes| self.quantization.real(lanes[image % LANES]))
    }

    /// Of an image.
    fn n_values(&self) -> usize {
        self.shape.iter().product::<usize>().max(1)
    }

    /// The values of each block.
    pub fn blocks(&self) -> std::slice::ChunksExact<'_, Lanes<i8>> {
        self.values.chunks_exact(self.n_values())
    }

    /// Axis `i` of the result is axis `order[i]`.
    pub fn transposed(&self, order: &[usize]) -> Outcome {
        let mut values = Vec::with_capacity(self.values.len());
        let mut shape = Vec::new();
        for block in self.blocks() {
            shape = kernels::transpose_into(&mut values, (block, &self.shape[..]), order)?;
        }
        integers(shape, values, self.quantization)
    }

    pub fn reshaped(self, shape: impl Into<Vec<usize>>) -> Outcome {
        let shape = shape.into();
        ensure(kernels::n_values(&shape)? == self.n_values(), "a shape of another size")?;
        integers(shape, self.values, self.quantization)
    }
}

/// Height, width and channels.
fn maps(x: &Integers) -> Result<[usize; 3], String> {
    match x.shape[..] {
        [1, height, width, channels] => Ok([height, width, channels]),
        _ => Err(format!("a tensor of shape {:?} where maps are needed", x.shape)),
    }
}

/// Values of a channel that are added: more could exceed 32 bits.
const MAX_SUMMANDS: usize = 1 << 23;

/// The sum of each channel over places.
fn sums<'a>(places: impl Iterator<Item = &'a [Lanes<i8>]>, channels: usize) -> Vec<Lanes<i32>> {
    let mut sums = vec![Lanes::<i32>::default(); channels];
    for place in places {
        for (sums, values) in sums.iter_mut().zip(place) {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += i32::from(*value));
        }
    }
    sums
}

/// Appends the largest value of each channel.
fn push_largest<'a>(into: &mut Vec<Lanes<i8>>, places: impl Iterator<Item = &'a [Lanes<i8>]>, channels: usize) {
    let start = into.len();
    into.resize(start + channels, [i8::MIN; LANES]);
    for place in places {
        for (largest, values) in into[start..].iter_mut().zip(place) {
            largest.iter_mut().zip(values).for_each(|(largest, value)| *largest = (*largest).max(*value));
        }
    }
}

/// Windows without padding. The mean is rounded to the nearest integer, with ties away from zero.
pub fn pool(x: &Integers, pooling: Pooling, kernel: [usize; 2], stride: [usize; 2]) -> Outcome {
    let [height, width, channels] = maps(x)?;
    let [out_height, out_width] = Window { stride, ..Window::PLAIN }.places([height, width], kernel)?;
    let n_covered = kernel[0] * kernel[1];
    ensure(n_covered <= MAX_SUMMANDS, "windows that are too large")?;
    let n_outputs = kernels::n_outputs(&[out_height, out_width, channels])?;
    kernels::check_work(&[n_outputs, n_covered])?;
    let mut values = Vec::with_capacity(x.blocks().len() * n_outputs);
    for block in x.blocks() {
        for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
            let rows = (0..kernel[0]).map(|row| ((y * stride[0] + row) * width + x * stride[1]) * channels);
            let covered = rows.flat_map(|start| block[start..start + kernel[1] * channels].chunks_exact(channels));
            match pooling {
                Pooling::Max => push_largest(&mut values, covered, channels),
                Pooling::Average => {
                    let mean = |sums: Lanes<i32>| sums.map(|sum| rounded_quotient(sum, n_covered as i32));
                    values.extend(sums(covered, channels).into_iter().map(mean));
                }
            }
        }
    }
    integers([1, out_height, out_width, channels], values, x.quantization)
}

fn rounded_quotient(sum: i32, n: i32) -> i8 {
    let half = if sum > 0 { n / 2 } else { -(n / 2) };
    ((sum + half) / n) as i8
}

/// The mean of each channel.
pub fn means(x: &Integers, output: Quantization) -> Outcome {
    let [height, width, channels] = maps(x)?;
    let n_places = height * width;
    ensure(n_places <= MAX_SUMMANDS, "maps that are too large")?;
    let real = f64::from(x.quantization.scale) / (f64::from(output.scale) * n_places as f64);
    let requantization = Requantization::new(real, output, false);
    let zeros = n_places as i32 * i32::from(x.quantization.zero_point);
    let mean = |sums: Lanes<i32>| requantization.of(sums.map(|sum| sum - zeros));
    let values = x.blocks().flat_map(|block| sums(block.chunks_exact(channels), channels)).map(mean);
    integers([1, channels], values.collect(), output)
}

/// The largest value of each channel.
pub fn maxima(x: &Integers) -> Outcome {
    let [.., channels] = maps(x)?;
    let mut values = Vec::new();
    x.blocks().for_each(|block| push_largest(&mut values, block.chunks_exact(channels), channels));
    integers([1, channels], values, x.quantization)
}

/// Both are brought to a scale that is finer by 2^20, added, and brought to that of the output.
pub fn add(a: &Integers, b: &Integers, output: Quantization, relu: bool) -> Outcome {
    const FINER: u32 = 20;
    ensure(a.shape == b.shape, "summands of different shapes")?;
    let wide = 2.0 * f64::from(a.quantization.scale.max(b.quantization.scale));
    let fine = |x: &Integers| {
        let multiplier = Multiplier::new(f64::from(x.quantization.scale) / wide);
        let zero = i32::from(x.quantization.zero_point);
        move |values: &Lanes<i8>| multiplier.of(values.map(|value| (i32::from(value) - zero) << FINER))
    };
    let (of_a, of_b) = (fine(a), fine(b));
    let real = wide / (f64::from(1_u32 << FINER) * f64::from(output.scale));
    let requantization = Requantization::new(real, output, relu);
    let sums = a.values.iter().zip(&b.values).map(|(one, other)| {
        let (one, other) = (of_a(one), of_b(other));
        requantization.of(std::array::from_fn(|lane| one[lane] + other[lane]))
    });
    integers(a.shape.clone(), sums.collect(), output)
}

/// Of equal shapes, or of maps and one factor per channel.
pub fn multiply(a: &Integers, b: &Integers, output: Quantization) -> Outcome {
    let is_per_channel = a.shape.last() == Some(&b.n_values()) && a.blocks().len() == b.blocks().len();
    ensure(is_per_channel || a.shape == b.shape, "factors that do not fit")?;
    let real = f64::from(a.quantization.scale) * f64::from(b.quantization.scale) / f64::from(output.scale);
    let requantization = Requantization::new(real, output, false);
    let [zero_a, zero_b] = [a, b].map(|x| i32::from(x.quantization.zero_point));
    let product = |(values, factors): (&Lanes<i8>, &Lanes<i8>)| {
        let product = |lane: usize| (i32::from(values[lane]) - zero_a) * (i32::from(factors[lane]) - zero_b);
        requantization.of(std::array::from_fn(product))
    };
    let pairs = a.blocks().zip(b.blocks()).flat_map(|(values, factors)| values.iter().zip(factors.iter().cycle()));
    integers(a.shape.clone(), pairs.map(product).collect(), output)
}

/// A function by a table of its 256 values.
pub fn map(x: &Integers, output: Quantization, function: impl Fn(f32) -> f32) -> Outcome {
    let of = |byte: usize| output.integer(function(x.quantization.real((byte as u8).cast_signed())));
    let table: [i8; 256] = std::array::from_fn(of);
    let mapped = |values: &Lanes<i8>| values.map(|value| table[usize::from(value.cast_unsigned())]);
    integers(x.shape.clone(), x.values.iter().map(mapped).collect(), output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_rounded_away_from_zero() {
        assert_eq!(rounded_quotient(3, 2), 2);
        assert_eq!(rounded_quotient(-3, 2), -2);
        assert_eq!(rounded_quotient(-128 * 9, 9), -128);
    }

    #[test]
    fn images_lie_side_by_side_and_come_back() {
        let plain = Quantization { scale: 1.0, zero_point: 0 };
        let images: Vec<Vec<i8>> =
            (0..LANES as i8 + 3).map(|image| (0..6).map(|value| 10 * image + value).collect()).collect();
        let images: Vec<&[i8]> = images.iter().map(Vec::as_slice).collect();
        let x = Integers::of_images([1, 2, 3], &images, plain, |value| value).unwrap();
        let turned = x.transposed(&[0, 2, 1]).unwrap();
        assert_eq!((&x.shape[..], &turned.shape[..]), (&[1, 2, 3][..], &[1, 3, 2][..]));
        for (image, values) in images.iter().enumerate() {
            assert!(x.image(image).eq(values.iter().map(|&value| f32::from(value))));
            assert!(turned.image(image).eq([0, 3, 1, 4, 2, 5].map(|place| f32::from(values[place]))));
        }
    }
}
