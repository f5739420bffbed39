//! The random draws for an image and for a batch, as plain numbers. Pure.

#![expect(clippy::indexing_slicing, reason = "matrices of three rows and columns, and indices below 3")]

use std::f64::consts::TAU;

use super::NOISE_PLACES;
use kindling_core::config::AugmentConfig;
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;

/// The draws for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// Maps a pixel's position to the position that its value comes from, both in pixels from the center: two rows of three.
    matrix: [f32; 6],
    /// Linear map of the channels, row by row.
    colors: Vec<f32>,
    /// Added to every channel.
    offset: f32,
    /// Where the image's noise starts in the stored noise.
    noise_place: f32,
    /// The cutout's left, top, right and bottom; the last two are exclusive.
    hole: [f32; 4],
}

/// Where some values lie in the result of [`Draw::into_values`]: start and length.
type Place = (usize, usize);

impl Draw {
    pub const MATRIX: Place = (0, 6);

    pub const fn colors(n_channels: usize) -> Place {
        (6, n_channels * n_channels)
    }

    pub const fn offset(n_channels: usize) -> Place {
        (6 + n_channels * n_channels, 1)
    }

    pub const fn noise_place(n_channels: usize) -> Place {
        (7 + n_channels * n_channels, 1)
    }

    pub const fn hole(n_channels: usize) -> Place {
        (8 + n_channels * n_channels, 4)
    }

    /// Draws for every augmentation, even at strength 0, so that enabling one leaves the draws of the others unchanged.
    pub fn new(config: &AugmentConfig, shape: ImageShape, random: &mut Random) -> Self {
        let matrix = matrix(config, shape, random);
        let brightness = 1.0 + config.brightness * signed(random);
        let contrast = 1.0 + config.contrast * signed(random);
        let saturation = 1.0 + config.saturation * signed(random);
        let hue = TAU * config.hue * signed(random);
        let noise_place = random.below(NOISE_PLACES) as f32;
        let scale = contrast * brightness;
        let colors = match shape.channels {
            3 => rows(times(saturated(saturation), hue_rotated(hue))).map(|value| (scale * value) as f32).to_vec(),
            // Grayscale has no saturation and no hue.
            _ => vec![scale as f32],
        };
        Self {
            matrix,
            colors,
            // Brightness scales distances from black, which is -1; contrast scales those from 0.
            offset: (contrast * (brightness - 1.0)) as f32,
            noise_place,
            hole: hole(config.cutout, shape, random),
        }
    }

    /// Whether the image is mirrored, if nothing but flips is drawn.
    pub fn is_flipped(&self) -> bool {
        self.matrix[0] < 0.0
    }

    pub fn into_values(self) -> Vec<f32> {
        let Self { matrix, colors, offset, noise_place, hole } = self;
        [&matrix[..], &colors, &[offset, noise_place], &hole].concat()
    }
}

/// How a batch is mixed with itself. `fraction` is the weight of the first image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mix {
    /// Mixup.
    Blend { fraction: f64 },
    /// CutMix: left, top, right and bottom of the rectangle from the second image; the last two are exclusive.
    Paste { edges: [f32; 4], fraction: f64 },
}

impl Mix {
    pub fn new(config: &AugmentConfig, shape: ImageShape, random: &mut Random) -> Option<Self> {
        let pastes = match (config.mixup > 0.0, config.cutmix > 0.0) {
            (false, false) => return None,
            (true, true) => random.below(2) == 1,
            (_, pastes) => pastes,
        };
        if !pastes {
            return Some(Self::Blend { fraction: beta(config.mixup, random) });
        }
        let side = (1.0 - beta(config.cutmix, random)).sqrt();
        let sides = [shape.width, shape.height].map(|whole| (side * f64::from(whole)).round() as i64);
        let edges = rectangle(sides, shape, random);
        let [left, top, right, bottom] = edges;
        let area = f64::from((right - left) * (bottom - top));
        Some(Self::Paste { edges, fraction: 1.0 - area / (f64::from(shape.width) * f64::from(shape.height)) })
    }
}

/// A draw from the standard normal distribution (Box and Muller).
pub fn normal(random: &mut Random) -> f32 {
    let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
    (radius * (TAU * random.unit()).cos()) as f32
}

fn matrix(config: &AugmentConfig, shape: ImageShape, random: &mut Random) -> [f32; 6] {
    let flip = if random.unit() < config.flip { -1.0 } else { 1.0 };
    // Whole pixels: fractions of pixels would blur the image.
    let [translation_x, translation_y] =
        [shape.width, shape.height].map(|side| (config.shift * f64::from(side) * signed(random)).round());
    let (sin, cos) = (config.rotation_degrees.to_radians() * signed(random)).sin_cos();
    // An enlarged image takes its values from nearer the center.
    let scale = 1.0 / (1.0 + config.zoom * signed(random));
    let shear = (config.shear_degrees.to_radians() * signed(random)).tan();
    // Flip, shear, rotation, scale, translation, in this order.
    let [xx, xy] = [cos * flip, cos * shear - sin];
    let [yx, yy] = [sin * flip, sin * shear + cos];
    [xx * scale, xy * scale, translation_x, yx * scale, yy * scale, translation_y].map(|value| value as f32)
}

fn hole(fraction: f64, shape: ImageShape, random: &mut Random) -> [f32; 4] {
    let side = (fraction * f64::from(shape.width.min(shape.height))).round() as i64;
    rectangle([side; 2], shape, random)
}

/// A rectangle around a random pixel, clipped to the image.
fn rectangle(sides: [i64; 2], shape: ImageShape, random: &mut Random) -> [f32; 4] {
    let [(left, right), (top, bottom)] = [(sides[0], shape.width), (sides[1], shape.height)].map(|(side, whole)| {
        let start = i64::from(random.below(whole)) - side / 2;
        (start.max(0) as f32, (start + side).clamp(0, whole.into()) as f32)
    });
    [left, top, right, bottom]
}

/// A draw from Beta(α, α) (Jöhnk, 1964; for α up to 1, most draws are accepted).
fn beta(alpha: f64, random: &mut Random) -> f64 {
    loop {
        let [one, other] = [random.unit(), random.unit()].map(|unit| unit.powf(1.0 / alpha));
        // Both may underflow for a small α.
        if one + other > 0.0 && one + other <= 1.0 {
            return one / (one + other);
        }
    }
}

/// Uniform in [-1, 1).
fn signed(random: &mut Random) -> f64 {
    2.0 * random.unit() - 1.0
}

type Matrix = [[f64; 3]; 3];

/// The weights of red, green and blue in gray, as in SVG's color matrices.
const GRAY: [f64; 3] = [0.213, 0.715, 0.072];

/// Scales distances from gray: SVG's `saturate`.
fn saturated(factor: f64) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| (1.0 - factor) * GRAY[column] + if row == column { factor } else { 0.0 })
    })
}

/// Rotates the hue and preserves gray: SVG's `hueRotate`.
fn hue_rotated(angle: f64) -> Matrix {
    /// A rotation of the distances from gray by 90°.
    const QUARTER: Matrix = [[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]];
    let (sin, cos) = angle.sin_cos();
    let kept = saturated(cos);
    std::array::from_fn(|row| std::array::from_fn(|column| kept[row][column] + sin * QUARTER[row][column]))
}

fn times(one: Matrix, other: Matrix) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| (0..3).map(|inner| one[row][inner] * other[inner][column]).sum())
    })
}

fn rows(matrix: Matrix) -> [f64; 9] {
    std::array::from_fn(|place| matrix[place / 3][place % 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: ImageShape = ImageShape { channels: 3, height: 8, width: 10 };

    #[test]
    fn strength_0_changes_nothing() {
        let draw = Draw::new(&AugmentConfig::default(), COLOR, &mut Random::new(1));
        assert_eq!(draw.matrix, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(draw.colors, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(draw.offset, 0.0);
        let [left, top, right, bottom] = draw.hole;
        assert_eq!((right - left, bottom - top), (0.0, 0.0));
        assert_eq!(Mix::new(&AugmentConfig::default(), COLOR, &mut Random::new(1)), None);
    }

    #[test]
    fn the_values_lie_where_their_places_say() {
        for channels in [1, 3] {
            let config = AugmentConfig { brightness: 0.5, cutout: 0.5, ..AugmentConfig::default() };
            let draw = Draw::new(&config, ImageShape { channels: channels as u32, ..COLOR }, &mut Random::new(1));
            let values = draw.clone().into_values();
            let at = |(start, length): Place| &values[start..start + length];
            assert_eq!(at(Draw::MATRIX), draw.matrix);
            assert_eq!(at(Draw::colors(channels)), draw.colors);
            assert_eq!(at(Draw::offset(channels)), [draw.offset]);
            assert_eq!(at(Draw::noise_place(channels)), [draw.noise_place]);
            assert_eq!(at(Draw::hole(channels)), draw.hole);
        }
    }

    #[test]
    fn rotating_the_hue_keeps_gray_and_comes_round() {
        let gray_of = |matrix: Matrix| matrix.map(|row| row.iter().sum::<f64>());
        assert!(gray_of(hue_rotated(1.0)).iter().all(|sum| (sum - 1.0).abs() < 0.01));
        let thirds = times(hue_rotated(TAU / 3.0), times(hue_rotated(TAU / 3.0), hue_rotated(TAU / 3.0)));
        for (row, values) in thirds.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                assert!((value - f64::from(u8::from(row == column))).abs() < 0.02, "{thirds:?}");
            }
        }
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut random = Random::new(3);
        let moments = |values: Vec<f64>| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64)
        };
        let (mean, variance) = moments((0..20_000).map(|_| normal(&mut random).into()).collect());
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        for alpha in [0.01, 0.2, 1.0] {
            // Variance of Beta(α, α): 1 / (4 (2 α + 1)).
            let (mean, variance) = moments((0..20_000).map(|_| beta(alpha, &mut random)).collect());
            assert!((mean - 0.5).abs() < 0.015, "{alpha}: {mean}");
            assert!((variance * 4.0 * (2.0 * alpha + 1.0) - 1.0).abs() < 0.05, "{alpha}: {variance}");
        }
    }

    #[test]
    fn a_mix_states_the_fraction_that_it_leaves() {
        let config = AugmentConfig { cutmix: 1.0, ..AugmentConfig::default() };
        let mut random = Random::new(5);
        for _ in 0..200 {
            let Some(Mix::Paste { edges: [left, top, right, bottom], fraction }) =
                Mix::new(&config, COLOR, &mut random)
            else {
                panic!("only CutMix was asked for")
            };
            assert!(left >= 0.0 && top >= 0.0 && left <= right && top <= bottom && right <= 10.0 && bottom <= 8.0);
            assert!((fraction - (1.0 - f64::from((right - left) * (bottom - top)) / 80.0)).abs() < 1e-6);
        }
    }
}
