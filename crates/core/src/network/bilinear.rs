//! Bilinear interpolation between the centers of pixels, one axis at a time: the product of a matrix and a line of pixels.

/// `[to, from]`, row by row: how much each pixel of a line counts for each pixel of the scaled line. PyTorch's
/// `interpolate(mode="bilinear", align_corners=False)`.
pub fn weights(from: usize, to: usize) -> Vec<f32> {
    let mut weights = vec![0.0_f32; to * from];
    for (place, row) in weights.chunks_exact_mut(from.max(1)).enumerate() {
        // The center of the pixel, in pixels of the original line; those beyond its ends repeat them.
        let center = (place as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let center = center.clamp(0.0, from.saturating_sub(1) as f64);
        let before = center.floor();
        let share = (center - before) as f32;
        for (at, weight) in [(before as usize, 1.0 - share), (before as usize + 1, share)] {
            if let Some(value) = row.get_mut(at) {
                *value += weight;
            }
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_lie_between_the_centers_of_those_around_them() {
        assert_eq!(weights(2, 4), [1.0, 0.0, 0.75, 0.25, 0.25, 0.75, 0.0, 1.0]);
        assert_eq!(weights(4, 2), [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5]);
        assert_eq!(weights(3, 3), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(weights(1, 2), [1.0, 1.0]);
    }

    #[test]
    fn every_pixel_is_a_mean() {
        for (from, to) in [(28, 129), (129, 28), (1, 7), (7, 1)] {
            assert!(weights(from, to).chunks(from).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6));
        }
    }
}
