//! Data augmentation on the device. The random draws for a batch's images are uploaded together, in one small tensor.

/// The random draws, as plain numbers.
mod draw;

/// A preview of a few augmented images.
pub mod preview;

/// Flip, translation, rotation, scale and shear.
pub mod sampler;

use burn::tensor::{Device, Int, Tensor, TensorData};

use self::draw::{Draw, Mix, normal};
use self::sampler::Sampler;
use crate::device::images::Batch;
use kindling_core::config::AugmentConfig;
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;

/// Number of offsets in the stored noise at which an image's noise may start. Few enough to be exact in an f32.
const NOISE_PLACES: u32 = 1 << 16;

/// The pixel range: images are scaled to [-1, 1], and middle gray is 0.
const RANGE: f64 = 2.0;

/// Augments batches of images of one shape. Equal generators give equal results.
#[derive(Debug)]
pub struct Augmenter {
    config: AugmentConfig,
    random: Random,
    /// The generator's initial state.
    start: u64,
    shape: ImageShape,
    sampler: Sampler,
    /// Normal random numbers, uploaded once: drawn per batch, they would be an upload as large as the batch. None until noise is enabled.
    noise: Option<Tensor<1>>,
    /// `[1, values]`: 0, 1, 2 …
    value_numbers: Tensor<2>,
}

impl Augmenter {
    pub fn new(config: AugmentConfig, shape: ImageShape, mut random: Random, device: &Device) -> Self {
        let n_values = shape.n_values();
        let start = random.state();
        let noise = (config.noise > 0.0).then(|| stored_noise(n_values, &mut random, device));
        let numbers: Vec<f32> = (0..n_values).map(|number| number as f32).collect();
        let value_numbers = Tensor::from_data(TensorData::new(numbers, [1, n_values]), device);
        Self { config, random, start, shape, sampler: Sampler::new(shape, device), noise, value_numbers }
    }

    /// Changes the augmentation from the next batch on. The generator continues from its current state.
    pub fn reconfigure(&mut self, config: AugmentConfig) {
        if config.noise > 0.0 && self.noise.is_none() {
            // Drawn from the initial state, whenever noise is enabled, so that a resumed run has the same noise.
            let mut random = Random::new(self.start);
            self.noise = Some(stored_noise(self.shape.n_values(), &mut random, &self.value_numbers.device()));
        }
        self.config = config;
    }

    pub fn config(&self) -> AugmentConfig {
        self.config
    }

    /// Which images of a batch are mirrored, with the draws of [`Augmenter::augment`] in place of it, where images are only flipped.
    pub fn flips(&mut self, n_images: usize) -> Vec<bool> {
        let (config, shape) = (self.config, self.shape);
        (0..n_images).map(|_| Draw::new(&config, shape, &mut self.random).is_flipped()).collect()
    }

    /// The state of its random generator.
    pub fn state(&self) -> u64 {
        self.random.state()
    }

    /// Resumes from the state of an augmenter with the same config and seed.
    pub fn restore(&mut self, state: u64) {
        self.random = Random::new(state);
    }

    /// Augments each image by itself, then mixes the batch with itself. `labels` remain those of the original images.
    pub fn augment(&mut self, batch: Batch) -> Batch {
        if self.config.is_nothing() {
            return batch;
        }
        let Batch { images, labels, targets, features: _ } = batch;
        let [n_images, n_channels, height, width] = images.dims();
        let n_pixels = height * width;
        let (config, shape) = (self.config, self.shape);
        let draws: Vec<f32> =
            (0..n_images).flat_map(|_| Draw::new(&config, shape, &mut self.random).into_values()).collect();
        let n_draws = draws.len() / n_images.max(1);
        let draws = Tensor::<2>::from_data(TensorData::new(draws, [n_images, n_draws]), &images.device());
        let part = |(start, length): (usize, usize)| draws.clone().narrow(1, start, length); // [batch, length]

        let mut images = images.reshape([n_images, n_channels, n_pixels]);
        if config.is_geometric() {
            images = self.sampler.sample(images, part(Draw::MATRIX));
        }
        if config.changes_colors() {
            images = recolored(images, part(Draw::colors(n_channels)), part(Draw::offset(n_channels)));
        }
        if let Some(noise) = self.noise.as_ref().filter(|_| config.noise > 0.0) {
            let places = part(Draw::noise_place(n_channels)) + self.value_numbers.clone(); // [batch, values]
            let places: Tensor<1, Int> = places.int().reshape([-1]);
            let noise = noise.clone().select(0, places).reshape([n_images, n_channels, n_pixels]);
            images = (images + noise * (RANGE * config.noise)).clamp(-1.0, 1.0);
        }
        if config.cutout > 0.0 {
            let inside = self.sampler.inside(part(Draw::hole(n_channels))); // [batch, pixels]
            images = images * (inside.neg() + 1.0).unsqueeze_dim::<3>(1);
        }
        let (images, targets) = match Mix::new(&config, shape, &mut self.random) {
            None => (images, targets),
            Some(mix) => self.mixed(images, targets, mix),
        };
        Batch { images: images.reshape([n_images, n_channels, height, width]), labels, targets, features: None }
    }

    /// Mixes each image with its counterpart in the reversed batch; the order of a batch is random already.
    fn mixed(&self, images: Tensor<3>, targets: Tensor<2>, mix: Mix) -> (Tensor<3>, Tensor<2>) {
        let others = images.clone().flip([0]);
        let (images, fraction) = match mix {
            Mix::Blend { fraction } => (images * fraction + others * (1.0 - fraction), fraction),
            Mix::Paste { edges, fraction } => {
                let edges = Tensor::<2>::from_data(TensorData::new(edges.to_vec(), [1, 4]), &targets.device());
                let inside = self.sampler.inside(edges).unsqueeze_dim::<3>(1); // [1, 1, pixels]
                (images.clone() + (others - images) * inside, fraction)
            }
        };
        (images, targets.clone() * fraction + targets.flip([0]) * (1.0 - fraction))
    }
}

/// `[values + NOISE_PLACES]`: normal random numbers, enough for an image from every offset.
fn stored_noise(n_values: usize, random: &mut Random, device: &Device) -> Tensor<1> {
    let values: Vec<f32> = (0..n_values + NOISE_PLACES as usize).map(|_| normal(random)).collect();
    let n_noise = values.len();
    Tensor::from_data(TensorData::new(values, [n_noise]), device)
}

/// A linear map of the channels for each image: `matrices` are `[batch, channels * channels]`, row by row, `offsets` `[batch, 1]`.
fn recolored(images: Tensor<3>, matrices: Tensor<2>, offsets: Tensor<2>) -> Tensor<3> {
    let [n_images, n_channels, _] = images.dims();
    let matrices = matrices.reshape([n_images, n_channels, n_channels]);
    // Products and sums of three channels fuse into one kernel; a matrix product would be its own.
    let from_channel = |channel| images.clone().narrow(1, channel, 1) * matrices.clone().narrow(2, channel, 1); // [batch, channels, pixels]
    let sum = (1..n_channels).fold(from_channel(0), |sum, channel| sum + from_channel(channel));
    (sum + offsets.unsqueeze_dim(2)).clamp(-1.0, 1.0)
}
