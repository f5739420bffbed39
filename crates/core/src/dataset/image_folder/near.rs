//! Near duplicates: images that look the same, though their files differ, such as frames of one burst or a photo that was saved twice. Two dozen
//! lines of own code: the crates for this decode and scale by themselves, and weigh more than the rest of the import.

use crate::dataset::framing::luma;
use crate::dataset::plane::Plane;
use crate::protocol::ImageShape;

/// Every image is compared with every other one; beyond this number that takes too long.
const N_COMPARED_LIMIT: usize = 20_000;

/// Bits of 64 that may differ.
const DISTANCE_LIMIT: u32 = 4;

/// Mean difference of the pixels, as a fraction of their standard deviation: what saving a photo again changes, and a small movement does not.
const DIFFERENCE_LIMIT: f32 = 0.1;

/// The number of images that look like an earlier one with another id. `pixels` are all images of the shape, one after the other.
pub fn count_near(ids: &[u64], pixels: &[u8], shape: ImageShape) -> u32 {
    if ids.len() > N_COMPARED_LIMIT {
        return 0;
    }
    let images: Vec<Look> =
        pixels.chunks_exact(shape.n_values().max(1)).map(|pixels| Look::of(pixels, shape)).collect();
    let is_near = |(place, (look, id)): &(usize, (&Look, &u64))| {
        images.iter().zip(ids).take(*place).any(|(earlier, earlier_id)| earlier_id != *id && earlier.is_near(look))
    };
    images.iter().zip(ids).enumerate().filter(is_near).count() as u32
}

/// What an image looks like.
struct Look<'p> {
    /// The difference hash (Krawetz, 2013): of 9 x 8 means, whether each is darker than its right neighbor.
    hash: u64,
    deviation: f32,
    pixels: &'p [u8],
}

impl<'p> Look<'p> {
    fn of(pixels: &'p [u8], shape: ImageShape) -> Self {
        let (width, height) = (shape.width as usize, shape.height as usize);
        let channel = |channel: usize| pixels.iter().skip(channel * width * height).take(width * height);
        let values: Vec<f32> = match shape.channels {
            1 => pixels.iter().map(|value| f32::from(*value)).collect(),
            _ => {
                let colors = channel(0).zip(channel(1)).zip(channel(2));
                colors.map(|((red, green), blue)| luma([red, green, blue].map(|color| f32::from(*color)))).collect()
            }
        };
        let n_values = values.len().max(1) as f32;
        let mean = values.iter().sum::<f32>() / n_values;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / n_values;
        let plane = Plane { width, height, values };
        let means = plane.resample(plane.area(), 9, 8);
        let bits = means.rows().flat_map(|row| row.iter().zip(row.iter().skip(1)).map(|(left, right)| left < right));
        let hash = bits.fold(0, |hash, bit| (hash << 1) | u64::from(bit));
        Self { hash, deviation: variance.sqrt(), pixels }
    }

    fn is_near(&self, other: &Self) -> bool {
        if (self.hash ^ other.hash).count_ones() > DISTANCE_LIMIT {
            return false;
        }
        let difference: u64 = self.pixels.iter().zip(other.pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        difference as f32 <= DIFFERENCE_LIMIT * self.deviation * self.pixels.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

    /// Waves of a direction, brighter by some levels.
    fn image(direction: usize, brighter: u8) -> Vec<u8> {
        let pixel = |place: usize| {
            let (x, y) = (place % 32, place / 32);
            (((x * direction + y * 5) % 32 * 6) as u8).saturating_add(brighter)
        };
        (0..3).flat_map(|_| (0..1024).map(pixel)).collect()
    }

    #[test]
    fn copies_that_were_saved_again_are_near_and_others_are_not() {
        let images = [image(1, 0), image(3, 0), image(1, 2), image(7, 0), image(3, 0)];
        let pixels = images.concat();
        assert_eq!(count_near(&[1, 2, 3, 4, 5], &pixels, SHAPE), 2);
        // Copies of one file are counted as copies.
        assert_eq!(count_near(&[1, 2, 3, 4, 2], &pixels, SHAPE), 1);
    }

    #[test]
    fn blank_images_are_near_only_if_they_are_equal() {
        let blank = |value: u8| vec![value; SHAPE.n_values()];
        assert_eq!(count_near(&[1, 2, 3], &[blank(10), blank(200), blank(10)].concat(), SHAPE), 1);
    }
}
