//! Resampling of images by affine maps, with bilinear interpolation: how augmentation moves pixels.

use crate::threads::Threads;

/// Samples each image at the places that its affine map gives.
///
/// `images` are `[images, channels, height, width]`. `maps` are `[images, 6]`: two rows of three, from a pixel's column and row to those that its
/// value comes from, all relative to the center. Values between pixels are interpolated; outside of the image, the edge is repeated.
pub fn affine(images: &[f32], maps: &[f32], channels: usize, [height, width]: [usize; 2]) -> Vec<f32> {
    let n_values = channels * height * width;
    let (maps, rest) = maps.as_chunks::<6>();
    assert!(rest.is_empty() && images.len() == maps.len() * n_values, "there is a map of six values for each image");
    let mut sampled = vec![0.0; images.len()];
    let items = images.chunks(n_values.max(1)).zip(sampled.chunks_mut(n_values.max(1))).zip(maps).collect();
    Threads::for_values(4 * images.len()).for_each(
        items,
        |((image, sampled), map): ((&[f32], &mut [f32]), &[f32; 6])| {
            let sources: Vec<Source> = (0..height * width)
                .map(|place| Source::of(map, [place / width, place % width], [height, width]))
                .collect();
            let maps = image.chunks_exact(height * width).zip(sampled.chunks_exact_mut(height * width));
            for (image, sampled) in maps {
                for (sampled, source) in sampled.iter_mut().zip(&sources) {
                    *sampled = source.value(image);
                }
            }
        },
    );
    sampled
}

/// The four places that a value comes from, and how far it lies towards the right and lower ones.
struct Source {
    /// Upper left, upper right, lower left, lower right.
    places: [u32; 4],
    to_right: f32,
    to_bottom: f32,
}

impl Source {
    fn of(map: &[f32; 6], [row, column]: [usize; 2], [height, width]: [usize; 2]) -> Self {
        let [last_y, last_x] = [height, width].map(|side| side as f32 - 1.0);
        let (from_x, from_y) = (column as f32 - last_x / 2.0, row as f32 - last_y / 2.0);
        let [x, y] = [(0, last_x), (3, last_y)].map(|(start, last)| {
            let place = from_x * map[start] + from_y * map[start + 1] + map[start + 2] + last / 2.0;
            place.clamp(0.0, last)
        });
        // They are not negative. Where a processor has no instruction for it, `floor` is a function.
        let (left, top) = (x as u32 as f32, y as u32 as f32);
        let (right, bottom) = ((left + 1.0).min(last_x), (top + 1.0).min(last_y));
        let places = [(top, left), (top, right), (bottom, left), (bottom, right)];
        let place = |(y, x): (f32, f32)| y as u32 * width as u32 + x as u32;
        Self { places: places.map(place), to_right: x - left, to_bottom: y - top }
    }

    fn value(&self, image: &[f32]) -> f32 {
        let [upper_left, upper_right, lower_left, lower_right] = self.places.map(|place| image[place as usize]);
        let between = |one: f32, other: f32, fraction: f32| one + (other - one) * fraction;
        let upper = between(upper_left, upper_right, self.to_right);
        let lower = between(lower_left, lower_right, self.to_right);
        between(upper, lower, self.to_bottom)
    }
}
