//! Images that show nothing: with their probabilities they tell whether two programs compute the same network, and give away no image of anyone.

use crate::protocol::ImageShape;
use crate::random::Random;

/// Exported files carry them, so they are few.
pub const N_PATTERNS: usize = 8;

/// Smooth random patterns of all brightnesses, channel by channel; the same for the same shape.
pub fn patterns(shape: ImageShape) -> Vec<Vec<u8>> {
    const COARSE: usize = 6;
    let (height, width) = (shape.height as usize, shape.width as usize);
    let mut random = Random::new(18);
    let mut plane = || {
        let coarse: Vec<f32> = (0..COARSE * COARSE).map(|_| random.below(256) as f32).collect();
        let corner = |y: usize, x: usize| coarse.get(y * COARSE + x).copied().unwrap_or_default();
        let values = (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| {
            let along = |place: usize, side: usize| {
                let at = place as f32 * (COARSE - 1) as f32 / side.max(2).saturating_sub(1) as f32;
                let first = (at as usize).min(COARSE - 2);
                (first, at - first as f32)
            };
            let ((top, down), (left, right)) = (along(y, height), along(x, width));
            let row = |y: usize| corner(y, left) * (1.0 - right) + corner(y, left + 1) * right;
            (row(top) * (1.0 - down) + row(top + 1) * down).round() as u8
        });
        values.collect::<Vec<u8>>()
    };
    (0..N_PATTERNS).map(|_| (0..shape.channels).flat_map(|_| plane()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_differ_and_use_the_whole_range() {
        let images = patterns(ImageShape { channels: 3, height: 9, width: 12 });
        assert!(images.windows(2).all(|pair| pair[0] != pair[1] && pair[0].len() == 324));
        let all: Vec<u8> = images.concat();
        assert!(*all.iter().min().unwrap() < 20 && *all.iter().max().unwrap() > 235);
        assert_eq!(patterns(ImageShape { channels: 1, height: 1, width: 1 }).len(), N_PATTERNS);
    }
}
