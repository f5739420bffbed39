//! Attacks on a batch: the images are moved, within a bound, to where the network's loss is larger.

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
    /// Draws where PGD begins.
    random: Random,
}

impl Attacker {
    pub fn new(config: AdversarialConfig, random: Random) -> Self {
        Self { config, random }
    }

    /// The state of its generator.
    pub fn state(&self) -> u64 {
        self.random.state()
    }

    /// Resumes from the state of an attacker of the same config.
    pub fn restore(&mut self, state: u64) {
        self.random = Random::new(state);
    }

    /// The first images of a batch are attacked; their order is random already. Labels and targets stay.
    ///
    /// The network is attacked in inference mode, by its running statistics and without dropout (as in TRADES, Zhang et al., 2019): so the attack
    /// moves no statistics and draws none of dropout's numbers, and a run with another attack differs from this one by nothing else.
    pub fn attack(&mut self, batch: Batch, network: &Network, loss: &Loss) -> Batch {
        let [n_images, ..] = batch.images.dims();
        let n_attacked = (self.config.share * n_images as f64).round() as usize;
        if n_attacked == 0 {
            return batch;
        }
        let clean = batch.images.clone().narrow(0, 0, n_attacked);
        let targets = batch.targets.clone().narrow(0, 0, n_attacked);
        let attack = Attack { network: &network.valid(), loss, strength: self.config.strength };
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
        Batch { images, ..batch }
    }
}

/// A network in inference mode, the loss to maximize, and the perturbation bound ε as a fraction of the pixel range.
#[derive(Clone, Copy, Debug)]
pub struct Attack<'a> {
    pub network: &'a Network,
    pub loss: &'a Loss,
    pub strength: f64,
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
        self.moved(images, targets, self.strength)
    }

    /// From `start`, which is within the strength of the `clean` images.
    pub fn pgd(&self, clean: Tensor<4>, start: Tensor<4>, targets: Tensor<2>, steps: PgdSteps) -> Tensor<4> {
        let most = RANGE * self.strength;
        (0..steps.n_steps).fold(start, |images, _| {
            let moved = self.moved(images, targets.clone(), steps.step_size);
            let change = (moved - clean.clone()).clamp(-most, most);
            // Both are in the range of images, and so is what lies between them.
            clean.clone() + change
        })
    }

    /// One step uphill, by the sign of the gradient alone.
    fn moved(&self, images: Tensor<4>, targets: Tensor<2>, step_size: f64) -> Tensor<4> {
        let images = images.autodiff().require_grad();
        // The weights are constants here: only the images are followed.
        let (_, gradients) = self.loss.backward(self.network.forward(images.clone()), targets);
        let gradient = images.grad(&gradients);
        let images = images.without_autodiff();
        match gradient {
            Some(gradient) => (images + gradient.sign() * (RANGE * step_size)).clamp(-1.0, 1.0),
            None => images,
        }
    }
}

/// Uniform in [-1, 1), the same numbers on every device.
fn uniform(shape: [usize; 4], random: &mut Random, device: &Device) -> Tensor<4> {
    let n_values = shape.iter().product();
    let values: Vec<f32> = (0..n_values).map(|_| (2.0 * random.unit() - 1.0) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
