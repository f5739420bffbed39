//! A trainer minimizes its objective: a classifier's loss, or another one without labels.

use burn::tensor::Tensor;
use kindling_core::config::RunConfig;
use kindling_core::protocol::SplitName;
use kindling_core::random::Random;
use kindling_train::device::DeviceDataset;
use kindling_train::device::images::Batch;
use kindling_train::module::Network;
use kindling_train::objective::{Objective, Pass};
use kindling_train::training::optimizer::Rates;
use kindling_train::training::plan::{Purpose, random};
use kindling_train::training::step::{StepSettings, Trainer};

use crate::support::bands;
use crate::{config, device};

/// Predicts the brightness of the upper, the middle and the lower third of an image. It uses no labels.
struct Brightness;

impl Objective for Brightness {
    fn pass(&mut self, network: &mut Network, batch: Batch, random: &mut Random) -> Pass {
        let [n_images, _, height, width] = batch.images.dims();
        let thirds = batch.images.clone().reshape([n_images, 3, height / 3 * width]);
        let brightness: Tensor<2> = thirds.mean_dim(2).squeeze_dim(2); // [batch, 3]
        let errors = network.forward_train(batch.images.autodiff(), random) - brightness.autodiff(); // [batch, 3]
        let loss_terms = errors.square().sum_dim(1).squeeze_dim::<1>(1) / n_images as f64; // [batch]
        Pass {
            gradients: loss_terms.clone().sum().backward(),
            loss_terms: loss_terms.without_autodiff(),
            classified: None,
        }
    }
}

#[test]
fn a_trainer_minimizes_a_loss_without_labels() {
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let config = RunConfig { ema_decay: Some(0.5), clip_norm: Some(1.0), ..config() };
    let mut weights_random = random(1, Purpose::Weights);
    let network = Network::new(&config.network, data.shape(), 3, &mut weights_random, &device()).unwrap();
    let mut trainer = Trainer::minimizing(Brightness, network, &config, Random::new(0));
    let rates = Rates { learning_rate: 0.01, weight_decay: 0.0 };
    let images = data.part(SplitName::Train).to_vec();
    let losses: Vec<f32> = (0..30)
        .map(|step| {
            let batch = data.batch(data.select(images[step % 15 * 20..][..20].iter().copied()));
            let outcome = trainer.step(batch, StepSettings { rates, is_update: true });
            assert!(outcome.correct.is_none());
            outcome.loss_terms.into_data().iter::<f32>().sum()
        })
        .collect();
    assert!(losses[29] < 0.3 * losses[0], "{losses:?}");
}
