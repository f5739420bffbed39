//! Adversarial attacks on a batch: images are perturbed, within a bound, to raise the network's loss.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::loss::Loss;
use crate::device::images::Batch;
use crate::module::Network;
use kindling_core::config::{AdversarialConfig, AttackMethod};
use kindling_core::random::Random;

/// The pixel range of images, which are scaled to [-1, 1]. Perturbation bounds are fractions of it.
const RANGE: f64 = 2.0;

/// Attacks a fraction of each batch. Equal generators give equal attacks.
#[derive(Debug)]
pub struct Attacker {
    config: AdversarialConfig,
    /// Draws PGD's starting points.
    random: Random,
}

impl Attacker {
    pub fn new(config: AdversarialConfig, random: Random) -> Self {
        Self { config, random }
    }

    /// The state of its random generator.
    pub fn state(&self) -> u64 {
        self.random.state()
    }

    /// Resumes from the state of an attacker of the same config.
    pub fn restore(&mut self, state: u64) {
        self.random = Random::new(state);
    }

    /// Attacks the first images of a batch; their order is random already. Labels and targets are unchanged.
    ///
    /// The network is attacked in inference mode, with its running statistics and without dropout (as in TRADES, Zhang et al., 2019). So the
    /// attack changes no statistics and uses none of dropout's random numbers, and runs with different attacks differ in nothing else.
    pub fn attack(&mut self, batch: Batch, network: &Network, loss: &Loss) -> Batch {
        let [n_images, ..] = batch.images.dims();
        let n_attacked = (self.config.share * n_images as f64).round() as usize;
        if n_attacked == 0 {
            return batch;
        }
        let clean = batch.images.clone().narrow(0, 0, n_attacked);
        let targets = batch.targets.clone().narrow(0, 0, n_attacked);
        let attack = Attack { network: &network.valid(), loss, epsilon: self.config.strength };
        let attacked = match self.config.method {
            AttackMethod::Fgsm => attack.fgsm(clean, targets),
            AttackMethod::Pgd { steps, step_size } => {
                let offsets = uniform(clean.dims(), &mut self.random, &clean.device()) * (RANGE * self.config.strength);
                let start = (clean.clone() + offsets).clamp(-1.0, 1.0);
                attack.pgd(clean, start, targets, PgdSteps { n_steps: steps, step_size })
            }
        };
        let images = match n_images - n_attacked {
            0 => attacked,
            n_kept => Tensor::cat(vec![attacked, batch.images.narrow(0, n_attacked, n_kept)], 0),
        };
        Batch { images, features: None, ..batch }
    }
}

/// A network in inference mode, the loss to maximize, and the perturbation bound ε as a fraction of the pixel range.
#[derive(Clone, Copy, Debug)]
pub struct Attack<'a> {
    pub network: &'a Network,
    pub loss: &'a Loss,
    pub epsilon: f64,
}

/// The steps of projected gradient descent.
#[derive(Clone, Copy, Debug)]
pub struct PgdSteps {
    pub n_steps: u32,
    /// A fraction of the pixel range.
    pub step_size: f64,
}

impl Attack<'_> {
    /// `images` are `[batch, channels, height, width]`, `targets` `[batch, classes]`. Nothing waits for the device.
    pub fn fgsm(&self, images: Tensor<4>, targets: Tensor<2>) -> Tensor<4> {
        self.moved(images, targets, self.epsilon)
    }

    /// Starts from `start`, which must be within ε of the `clean` images.
    pub fn pgd(&self, clean: Tensor<4>, start: Tensor<4>, targets: Tensor<2>, steps: PgdSteps) -> Tensor<4> {
        let bound = RANGE * self.epsilon;
        (0..steps.n_steps).fold(start, |images, _| {
            let moved = self.moved(images, targets.clone(), steps.step_size);
            let change = (moved - clean.clone()).clamp(-bound, bound);
            // Both are in the pixel range, and so is everything between them.
            clean.clone() + change
        })
    }

    /// One step of gradient ascent, by the sign of the gradient.
    fn moved(&self, images: Tensor<4>, targets: Tensor<2>, step_size: f64) -> Tensor<4> {
        let images = images.autodiff().require_grad();
        // Only the images require gradients: the weights are constants here.
        let (_, gradients) = self.loss.backward(self.network.forward(images.clone()), targets);
        let gradient = images.grad(&gradients);
        let images = images.without_autodiff();
        match gradient {
            Some(gradient) => (images + gradient.sign() * (RANGE * step_size)).clamp(-1.0, 1.0),
            None => images,
        }
    }
}

/// Uniform in [-1, 1); the same numbers on every device.
fn uniform(shape: [usize; 4], random: &mut Random, device: &Device) -> Tensor<4> {
    let n_values = shape.iter().product();
    let values: Vec<f32> = (0..n_values).map(|_| (2.0 * random.unit() - 1.0) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
