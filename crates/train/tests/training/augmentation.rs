//! Data augmentation: what each does to images whose values are known.

use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use kindling_core::config::{AugmentConfig, RunConfig};
use kindling_core::dataset::{Dataset, Split};
use kindling_core::protocol::{FailureKind, ImageShape, RunUpdate, ValueChange};
use kindling_core::random::Random;
use kindling_train::device::DeviceDataset;
use kindling_train::training::Control;
use kindling_train::training::augment::Augmenter;
use kindling_train::training::augment::preview::preview;
use kindling_train::training::augment::sampler::Sampler;

use crate::support::{bands, block_on};
use crate::{Outcome, config, device};

const NONE: AugmentConfig = AugmentConfig {
    flip: 0.0,
    shift: 0.0,
    rotation_degrees: 0.0,
    zoom: 0.0,
    shear_degrees: 0.0,
    brightness: 0.0,
    contrast: 0.0,
    saturation: 0.0,
    hue: 0.0,
    noise: 0.0,
    cutout: 0.0,
    mixup: 0.0,
    cutmix: 0.0,
};

const N_IMAGES: usize = 6;
const COLOR: ImageShape = ImageShape { channels: 3, height: 4, width: 6 };
const GRAY: ImageShape = ImageShape { channels: 1, ..COLOR };

#[test]
fn strength_0_is_the_identity() {
    let before = Images::plain(COLOR);
    assert_eq!(before.changed(NONE, 1), before);
    // Strengths so small that nothing changes, although everything runs: the sampler, the colors and the cutout.
    let small = AugmentConfig { shift: 1e-9, brightness: 1e-9, cutout: 1e-9, ..NONE };
    before.check_close(&before.changed(small, 1));
}

#[test]
fn a_preview_shows_the_images_as_a_run_would_change_them() {
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let show = |config, count, seed| block_on(preview(&data, config, count, seed)).unwrap();
    let plain = show(NONE, 4, 0);
    assert_eq!(plain.indices, [0, 75, 150, 225], "spread over the train split");
    let expected: Vec<u8> =
        plain.indices.iter().flat_map(|&index| dataset.image(index).unwrap().iter().copied()).collect();
    assert_eq!(plain.pixels, expected, "bytes come back as they were");
    let mirrored = show(AugmentConfig { flip: 1.0, ..NONE }, 4, 0);
    let expected: Vec<u8> = expected.chunks(12).flat_map(|row| row.iter().rev().copied()).collect();
    assert_eq!(mirrored.pixels, expected);
    let shifted = AugmentConfig { shift: 0.3, noise: 0.2, ..NONE };
    assert_eq!(show(shifted, 4, 1), show(shifted, 4, 1));
    assert_ne!(show(shifted, 4, 1).pixels, show(shifted, 4, 2).pixels);
    assert_eq!(show(NONE, 1_000, 0).indices.len(), 300, "no image comes twice");
    assert!(show(NONE, 0, 0).pixels.is_empty());
    let failure = block_on(preview(&data, AugmentConfig { shift: 0.6, ..NONE }, 4, 0)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::BadConfig);
}

#[test]
fn equal_seeds_give_equal_batches() {
    let all = AugmentConfig {
        flip: 0.5,
        shift: 0.2,
        rotation_degrees: 20.0,
        zoom: 0.2,
        shear_degrees: 10.0,
        brightness: 0.3,
        contrast: 0.3,
        saturation: 0.5,
        hue: 0.2,
        noise: 0.05,
        cutout: 0.4,
        mixup: 0.5,
        cutmix: 0.5,
    };
    for shape in [COLOR, GRAY] {
        let before = Images::plain(shape);
        let after = before.changed(all, 1);
        assert_eq!(after, before.changed(all, 1));
        assert_ne!(after, before.changed(all, 2));
        assert!(after.values.iter().all(|value| (-1.0..=1.0).contains(value)));
    }
}

#[test]
fn a_flip_mirrors_left_to_right() {
    let before = Images::plain(COLOR);
    let after = before.changed(AugmentConfig { flip: 1.0, ..NONE }, 1);
    before.mapped(|image, channel, y, x| before.at(image, channel, y, 5 - x)).check_close(&after);
}

#[test]
fn a_shift_is_of_whole_pixels_and_continues_the_edge() {
    let before = Images::plain(GRAY);
    let after = before.changed(AugmentConfig { shift: 0.5, ..NONE }, 1);
    let mut n_moved = 0;
    for image in 0..N_IMAGES {
        let shifts = (-2..=2_i32).flat_map(|down| (-3..=3_i32).map(move |right| (down, right)));
        let is_so = |&(down, right): &(i32, i32)| {
            (0..4).all(|y| {
                (0..6).all(|x| {
                    let (from_y, from_x) = ((y as i32 + down).clamp(0, 3), (x as i32 + right).clamp(0, 5));
                    let expected = before.at(image, 0, from_y as usize, from_x as usize);
                    (after.at(image, 0, y, x) - expected).abs() < 1e-5
                })
            })
        };
        let found = shifts.into_iter().find(is_so).unwrap_or_else(|| panic!("image {image} is no shift"));
        n_moved += u32::from(found != (0, 0));
    }
    assert!(n_moved > 2);
}

#[test]
fn rotations_and_fractions_of_pixels_are_sampled_as_computed_here() {
    let before = Images::plain(COLOR);
    let (sin, cos) = 0.2_f32.sin_cos();
    check_sampled(&before, [cos, -sin, 0.0, sin, cos, 0.0]);
    check_sampled(&before, [1.0, 0.0, 0.5, 0.0, 1.0, -0.25]);
    check_sampled(&before, [0.8, 0.3, 1.0, 0.0, 1.25, 0.0]);
    check_sampled(&before, [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0]);
}

#[test]
fn a_quarter_turn_of_a_square_moves_whole_pixels() {
    let square = Images::plain(ImageShape { channels: 1, height: 5, width: 5 });
    let rotated = square.sampled([0.0, -1.0, 0.0, 1.0, 0.0, 0.0]);
    // Relative to the center, column and row come from minus the row and the column.
    square.mapped(|image, channel, y, x| square.at(image, channel, x, 4 - y)).check_close(&rotated);
}

#[test]
fn brightness_and_contrast_are_one_line_through_all_values() {
    for config in [AugmentConfig { brightness: 0.5, ..NONE }, AugmentConfig { contrast: 0.5, ..NONE }] {
        let before = Images::plain(COLOR);
        let after = before.changed(config, 1);
        let fixed = if config.brightness > 0.0 { -1.0 } else { 0.0 };
        for image in 0..N_IMAGES {
            let (values, changed) = (before.image(image), after.image(image));
            let inner = |value: &f32| value.abs() < 0.99;
            let slopes: Vec<f32> = values
                .iter()
                .zip(changed)
                .filter(|(value, changed)| inner(changed) && (*value - fixed).abs() > 0.2)
                .map(|(value, changed)| (changed - fixed) / (value - fixed))
                .collect();
            assert!(slopes.len() > 20, "{}", slopes.len());
            assert!(slopes.iter().all(|slope| (slope - slopes[0]).abs() < 1e-4), "{slopes:?}");
            assert!((0.5..=1.5).contains(&slopes[0]) && slopes[0] != 1.0);
        }
    }
}

#[test]
fn colors_change_and_gray_stays() {
    for config in [AugmentConfig { saturation: 1.0, ..NONE }, AugmentConfig { hue: 0.5, ..NONE }] {
        let colorful = Images::plain(COLOR);
        assert_ne!(colorful.changed(config, 1), colorful);
        let gray = colorful.mapped(|image, _, y, x| colorful.at(image, 0, y, x));
        gray.check_close(&gray.changed(config, 1));
        let one_channel = Images::plain(GRAY);
        one_channel.check_close(&one_channel.changed(config, 1));
    }
}

#[test]
fn noise_has_the_deviation_that_was_asked_for() {
    let shape = ImageShape { channels: 1, height: 64, width: 64 };
    let before = Images { shape, values: vec![0.0; N_IMAGES * 64 * 64], targets: Images::plain(GRAY).targets };
    let after = before.changed(AugmentConfig { noise: 0.1, ..NONE }, 1).values;
    let n_values = after.len() as f32;
    let mean = after.iter().sum::<f32>() / n_values;
    let deviation = (after.iter().map(|value| value * value).sum::<f32>() / n_values).sqrt();
    // The pixel range is 2.
    assert!(mean.abs() < 0.01 && (deviation - 0.2).abs() < 0.01, "{mean} {deviation}");
    assert_ne!(after[..64 * 64], after[64 * 64..2 * 64 * 64]);
}

#[test]
fn a_cutout_is_one_gray_square() {
    let white = Images::plain(COLOR).mapped(|_, _, _, _| 1.0);
    let after = white.changed(AugmentConfig { cutout: 0.5, ..NONE }, 1);
    for image in 0..N_IMAGES {
        let gray: Vec<(usize, usize)> = (0..4)
            .flat_map(|y| (0..6).map(move |x| (y, x)))
            .filter(|&(y, x)| after.at(image, 0, y, x) == 0.0)
            .collect();
        // A side of 2, clipped at the edge.
        assert!([1, 2, 4].contains(&gray.len()), "{gray:?}");
        for channel in 0..3 {
            let n_gray = after.image(image)[channel * 24..][..24].iter().filter(|value| **value == 0.0).count();
            assert_eq!(n_gray, gray.len());
        }
        assert!(after.image(image).iter().all(|value| [0.0, 1.0].contains(value)));
    }
}

#[test]
fn mixup_blends_images_and_labels_alike() {
    let before = Images::plain(COLOR);
    let after = before.changed(AugmentConfig { mixup: 1.0, ..NONE }, 1);
    // Image 0 is of class 0, the last of class 2.
    let fraction = after.targets[0];
    assert!(
        fraction > 0.0 && fraction < 1.0 && (after.targets[2] - (1.0 - fraction)).abs() < 1e-6,
        "{:?}",
        after.targets
    );
    let blended = before.mapped(|image, channel, y, x| {
        fraction * before.at(image, channel, y, x) + (1.0 - fraction) * before.at(N_IMAGES - 1 - image, channel, y, x)
    });
    blended.check_close(&Images { targets: before.targets.clone(), ..after });
}

#[test]
fn cutmix_pastes_the_fraction_that_its_labels_say() {
    let before = Images::plain(COLOR);
    let mut n_pasted = 0;
    for seed in 0..20 {
        let after = before.changed(AugmentConfig { cutmix: 1.0, ..NONE }, seed);
        let is_other = |pixel: usize| {
            let (own, other) = (before.image(0)[pixel], before.image(N_IMAGES - 1)[pixel]);
            let found = after.image(0)[pixel];
            assert!((found - own).abs() < 1e-6 || (found - other).abs() < 1e-6);
            (found - own).abs() > 1e-6
        };
        let n_other = (0..24).filter(|&pixel| is_other(pixel)).count();
        assert!((after.targets[2] - n_other as f32 / 24.0).abs() < 1e-5, "seed {seed}: {n_other} {:?}", after.targets);
        n_pasted += usize::from(n_other > 0);
    }
    assert!(n_pasted > 10);
}

#[test]
fn a_run_with_changes_learns_and_repeats() {
    let augment = AugmentConfig { flip: 0.5, rotation_degrees: 5.0, brightness: 0.2, mixup: 0.2, ..NONE };
    let changed = RunConfig { augment, ..config() };
    let run = Outcome::of(&changed);
    assert_eq!(run.losses, Outcome::of(&changed).losses);
    assert_ne!(run.losses, Outcome::of(&config()).losses);
    assert!(run.result.unwrap().best.unwrap().validation_accuracy.unwrap() > 0.9);
}

#[test]
fn other_changes_act_within_a_step_and_the_run_says_so() {
    let short = RunConfig { epochs: 1, ..config() };
    let augment = AugmentConfig { shift: 0.2, noise: 0.1, ..NONE };
    let run = adjusted(&short, 7, augment);
    let plain = Outcome::of(&short);
    let found = run.updates.iter().filter_map(|update| match update {
        RunUpdate::Adjusted(adjustment) => Some((adjustment.step, adjustment.learning_rate, adjustment.augment)),
        _ => None,
    });
    assert_eq!(found.collect::<Vec<_>>(), [(7, short.learning_rate, Some(augment))]);
    assert_eq!(run.losses[..7], plain.losses[..7]);
    assert_ne!(run.losses[7], plain.losses[7]);
    let off = adjusted(&RunConfig { augment, ..short.clone() }, 7, NONE);
    let changed = Outcome::of(&RunConfig { augment, ..short });
    assert_eq!(off.losses[..7], changed.losses[..7]);
    assert_ne!(off.losses[7], changed.losses[7]);
}

#[test]
fn a_run_draws_alike_however_its_changes_came() {
    let short = RunConfig { epochs: 1, ..config() };
    let augment = AugmentConfig { rotation_degrees: 10.0, noise: 0.1, mixup: 0.2, ..NONE };
    let changed = RunConfig { augment, ..short.clone() };
    let expected = Outcome::of(&changed).losses;
    // Before the first step, and so before the first yield.
    assert_eq!(adjusted(&short, 0, augment).losses, expected);
    assert_eq!(adjusted(&changed, 0, NONE).losses, Outcome::of(&short).losses);
    // Changed to the values that are in force.
    assert_eq!(adjusted(&changed, 7, augment).losses, expected);
}

/// A run whose augmentation changes after so many yields, which are steps in the first epoch.
fn adjusted(config: &RunConfig, yields: u32, augment: AugmentConfig) -> Outcome {
    let control = Rc::new(Control::default());
    let change = ValueChange { augment: Some(augment), ..ValueChange::default() };
    if yields == 0 {
        control.adjust(change);
    }
    let at_yield = control.clone();
    Outcome::with(config, &control, move |n_yields| {
        if n_yields == yields {
            at_yield.adjust(change);
        }
    })
}

/// Images on the host, with values in [-1, 1].
#[derive(Clone, Debug, PartialEq)]
struct Images {
    shape: ImageShape,
    values: Vec<f32>,
    /// `[images, classes]`, of three classes.
    targets: Vec<f32>,
}

impl Images {
    /// Random values; the classes are 0, 1, 2, 0, … in the order of the images.
    fn plain(shape: ImageShape) -> Self {
        let mut random = Random::new(11);
        let values = (0..N_IMAGES * shape.n_values()).map(|_| random.below(1_000) as f32 / 500.0 - 1.0).collect();
        let targets = (0..N_IMAGES * 3).map(|place| f32::from(u8::from(place % 3 == place / 3 % 3))).collect();
        Self { shape, values, targets }
    }

    fn changed(&self, config: AugmentConfig, seed: u64) -> Self {
        let ImageShape { channels, height, width } = self.shape;
        let shape = [N_IMAGES, channels as usize, height as usize, width as usize];
        let mut batch = batch();
        batch.images = Tensor::from_data(TensorData::new(self.values.clone(), shape), &device());
        batch.targets = Tensor::from_data(TensorData::new(self.targets.clone(), [N_IMAGES, 3]), &device());
        let batch = Augmenter::new(config, self.shape, Random::new(seed), &device()).augment(batch);
        assert_eq!(batch.images.dims(), shape);
        Self {
            values: batch.images.into_data().iter::<f32>().collect(),
            targets: batch.targets.into_data().iter::<f32>().collect(),
            ..self.clone()
        }
    }

    /// Through the sampler alone, with one matrix for all images.
    fn sampled(&self, matrix: [f32; 6]) -> Self {
        let [n_channels, n_pixels] =
            [self.shape.channels as usize, self.shape.height as usize * self.shape.width as usize];
        let images = TensorData::new(self.values.clone(), [N_IMAGES, n_channels, n_pixels]);
        let matrices = TensorData::new([matrix; N_IMAGES].concat(), [N_IMAGES, 6]);
        let sampler = Sampler::new(self.shape, &device());
        let sampled = sampler.sample(Tensor::from_data(images, &device()), Tensor::from_data(matrices, &device()));
        Self { values: sampled.into_data().iter::<f32>().collect(), ..self.clone() }
    }

    fn image(&self, image: usize) -> &[f32] {
        &self.values[image * self.shape.n_values()..][..self.shape.n_values()]
    }

    fn at(&self, image: usize, channel: usize, y: usize, x: usize) -> f32 {
        let (height, width) = (self.shape.height as usize, self.shape.width as usize);
        self.image(image)[(channel * height + y) * width + x]
    }

    fn mapped(&self, value: impl Fn(usize, usize, usize, usize) -> f32) -> Self {
        let ImageShape { channels, height, width } = self.shape;
        let mut values = Vec::new();
        for image in 0..N_IMAGES {
            for channel in 0..channels as usize {
                for y in 0..height as usize {
                    values.extend((0..width as usize).map(|x| value(image, channel, y, x)));
                }
            }
        }
        Self { values, ..self.clone() }
    }

    fn check_close(&self, other: &Self) {
        let max = self.values.iter().zip(&other.values).fold(0.0_f32, |max, (one, other)| max.max((one - other).abs()));
        assert!(max < 1e-5, "{max}");
        assert_eq!(self.targets, other.targets);
    }
}

/// Bilinear interpolation, written out.
fn check_sampled(images: &Images, matrix: [f32; 6]) {
    let (height, width) = (images.shape.height as usize, images.shape.width as usize);
    let (center_x, center_y) = ((width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0);
    let [xx, xy, x0, yx, yy, y0] = matrix;
    let expected = images.mapped(|image, channel, y, x| {
        let (x, y) = (x as f32 - center_x, y as f32 - center_y);
        let from_x = (xx * x + xy * y + x0 + center_x).clamp(0.0, (width - 1) as f32);
        let from_y = (yx * x + yy * y + y0 + center_y).clamp(0.0, (height - 1) as f32);
        let (left, top) = (from_x.floor(), from_y.floor());
        let value =
            |y: f32, x: f32| images.at(image, channel, (y as usize).min(height - 1), (x as usize).min(width - 1));
        let row = |y| value(y, left) * (1.0 - (from_x - left)) + value(y, left + 1.0) * (from_x - left);
        row(top) * (1.0 - (from_y - top)) + row(top + 1.0) * (from_y - top)
    });
    expected.check_close(&images.sampled(matrix));
}

/// Any batch of this many images, whose tensors the test replaces.
fn batch() -> kindling_train::device::images::Batch {
    let shape = ImageShape { channels: 1, height: 1, width: 1 };
    let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
    let labels = (0..N_IMAGES as u16).map(|image| image % 3).collect();
    let dataset = Dataset {
        name: String::new(),
        classes,
        shape,
        pixels: vec![0; N_IMAGES],
        labels,
        n_standard_test: 0,
        imported: None,
    };
    let data = DeviceDataset::new(&dataset, Split::default(), &device(), u64::MAX).unwrap();
    data.batch(data.select(0..N_IMAGES as u32))
}
