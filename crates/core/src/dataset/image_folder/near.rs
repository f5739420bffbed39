//! Near duplicates: images that look the same, though their files differ, such as a photo that was saved twice. Own code: the crates for this
//! decode and scale by themselves, and weigh more than the rest of the import.

use crate::protocol::ImageShape;

/// Images are compared in pairs; beyond this number that takes too long.
const N_COMPARED_LIMIT: usize = 20_000;

/// Mean difference of the pixels, as a fraction of their standard deviation: what saving a photo again changes, and a small movement does not.
const DIFFERENCE_LIMIT: f32 = 0.1;

/// Cells of an image in each direction.
const N_CELLS: usize = 8;

/// Values that are compared before the next look at the sum.
const N_AT_ONCE: usize = 512;

/// The images that look like an earlier one with another id, as places of both, in ascending order; none if there are too many images to compare.
/// `pixels` are all images of the shape, one after the other. `pseudo` says which have a pseudo-label, none if it is empty: those come and go, so they
/// are compared with all others, and no other one with them.
pub fn near(ids: &[u64], pixels: &[u8], shape: ImageShape, pseudo: &[bool]) -> Option<Vec<(usize, usize)>> {
    if ids.len() > N_COMPARED_LIMIT {
        return None;
    }
    let images = pixels.chunks_exact(shape.n_values().max(1)).zip(ids).enumerate();
    let mut looks: Vec<Look> = images.map(|(place, (pixels, id))| Look::of(place, *id, pixels, shape)).collect();
    // Images of about the same brightness are neighbors.
    looks.sort_by(|one, other| one.mean.total_cmp(&other.mean));
    let near = |(index, look): (usize, &Look)| {
        let (before, after) = looks.split_at(index);
        let darker = before.iter().rev().take_while(|other| look.mean - other.mean <= look.limit);
        let brighter = after.iter().skip(1).take_while(|other| other.mean - look.mean <= look.limit);
        let is_pseudo = |look: &Look| pseudo.get(look.place).is_some_and(|is_pseudo| *is_pseudo);
        let is_near = |other: &&Look| {
            let is_compared = !is_pseudo(other) && (is_pseudo(look) || other.place < look.place);
            is_compared && other.id != look.id && look.is_near(other)
        };
        // One is enough to be in its group.
        let n_wanted = if is_pseudo(look) { usize::MAX } else { 1 };
        let found = darker.chain(brighter).filter(is_near).take(n_wanted);
        found.map(|other| (look.place, other.place)).collect::<Vec<_>>()
    };
    let mut pairs: Vec<(usize, usize)> = looks.iter().enumerate().flat_map(near).collect();
    pairs.sort_unstable();
    Some(pairs)
}

/// What an image looks like. Neither the difference of means nor that of cells exceeds the difference of the pixels, so they leave out no pair.
struct Look<'p> {
    place: usize,
    id: u64,
    mean: f32,
    /// Mean difference from an image that is near, at most.
    limit: f32,
    /// The sum of the values in each cell, over all channels.
    cells: [u32; N_CELLS * N_CELLS],
    pixels: &'p [u8],
}

impl<'p> Look<'p> {
    fn of(place: usize, id: u64, pixels: &'p [u8], shape: ImageShape) -> Self {
        let (width, height) = (shape.width as usize, shape.height as usize);
        let mut cells = [0; N_CELLS * N_CELLS];
        for (index, value) in pixels.iter().enumerate() {
            let (x, y) = (index % width, index / width % height);
            if let Some(sum) = cells.get_mut(y * N_CELLS / height * N_CELLS + x * N_CELLS / width) {
                *sum += u32::from(*value);
            }
        }
        let n_values = pixels.len().max(1) as f32;
        let mean = pixels.iter().map(|value| f32::from(*value)).sum::<f32>() / n_values;
        let variance = pixels.iter().map(|value| (f32::from(*value) - mean).powi(2)).sum::<f32>() / n_values;
        Self { place, id, mean, limit: DIFFERENCE_LIMIT * variance.sqrt(), cells, pixels }
    }

    fn is_near(&self, other: &Self) -> bool {
        let limit = (self.limit * self.pixels.len() as f32) as u32;
        let of_cells: u32 = self.cells.iter().zip(&other.cells).map(|(one, other)| one.abs_diff(*other)).sum();
        let mut left = Some(limit).filter(|_| of_cells <= limit);
        for (one, other) in self.pixels.chunks(N_AT_ONCE).zip(other.pixels.chunks(N_AT_ONCE)) {
            let Some(limit) = left else { return false };
            let difference: u32 = one.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(*other))).sum();
            left = limit.checked_sub(difference);
        }
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

    fn count_near(ids: &[u64], pixels: &[u8], shape: ImageShape) -> usize {
        near(ids, pixels, shape, &[]).unwrap().len()
    }

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
    fn pseudo_labels_change_nothing_about_others() {
        let pixels = [image(1, 0), image(1, 1), image(3, 0), image(1, 2)].concat();
        let found = |pseudo: &[bool]| near(&[1, 2, 3, 4], &pixels, SHAPE, pseudo).unwrap();
        assert_eq!(found(&[]).len(), 2);
        assert_eq!(found(&[true, false, false, false]), [(0, 1), (0, 3), (3, 1)]);
    }

    #[test]
    fn noise_on_an_even_ground_hides_no_copy() {
        let figure = |noise: u8| {
            let ground = |place: usize| 120 + (place * 7919 % 5) as u8 * noise;
            let pixel = |place: usize| if (300..700).contains(&(place % 1024)) { 30 } else { ground(place) };
            (0..SHAPE.n_values()).map(pixel).collect::<Vec<u8>>()
        };
        assert_eq!(count_near(&[1, 2], &[figure(0), figure(1)].concat(), SHAPE), 1);
    }

    #[test]
    fn blank_images_are_near_only_if_they_are_equal() {
        let blank = |value: u8| vec![value; SHAPE.n_values()];
        assert_eq!(count_near(&[1, 2, 3], &[blank(10), blank(200), blank(10)].concat(), SHAPE), 1);
    }
}
