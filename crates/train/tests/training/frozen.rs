//! Frozen layers stay as they are, and their outputs, computed once, give the same run as those of every step.

use kindling_core::config::{AdversarialConfig, AugmentConfig, NetworkConfig, OptimizerConfig, RunConfig};
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::{RunUpdate, SplitName};
use kindling_core::random::Random;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::Network;

use crate::support::block_on;
use crate::{Outcome, config, device};

/// The convolution, its batch norm, ReLU and pooling are frozen.
fn frozen() -> RunConfig {
    let network = NetworkConfig { frozen: 4, ..config().network };
    RunConfig { network, ema_decay: Some(0.9), clip_norm: Some(1.0), ..config() }
}

fn weights_after(run: &Outcome) -> Vec<NamedTensor> {
    block_on(run.published.get().unwrap().weights()).unwrap()
}

#[test]
fn frozen_parameters_stay_as_they_are() {
    for optimizer in OptimizerConfig::ALL {
        let config = RunConfig { optimizer, learning_rate: 0.002, ..frozen() };
        let run = Outcome::of(&config);
        let (shape, n_classes) = (run.data.shape(), run.data.n_classes());
        let start = Network::new(&config.network, shape, n_classes, &mut Random::new(1), &device()).unwrap();
        for (before, after) in block_on(start.weights()).unwrap().into_iter().zip(weights_after(&run)) {
            let is_measured = before.name.starts_with("1.running");
            let is_frozen = ["0.", "1."].iter().any(|layer| before.name.starts_with(layer)) && !is_measured;
            assert_eq!(before == after, is_frozen, "{}, {optimizer:?}", before.name);
        }
        assert!(run.losses.last() < run.losses.first(), "{optimizer:?}");
    }
}

#[test]
fn a_frozen_batch_norm_has_the_statistics_of_the_train_images() {
    let run = Outcome::of(&frozen());
    let network = run.published.get().unwrap();
    let train = run.data.part(SplitName::Train).to_vec();
    let images = run.data.batch(run.data.select(train)).images;
    let values: Vec<f32> = network.trace(images)[0].clone().in_rows().into_data().iter::<f32>().collect();
    let statistics = weights_after(&run);
    let of = |name: &str| statistics.iter().find(|tensor| tensor.name == name).unwrap().values.clone();
    let (means, variances) = (of("1.running_mean"), of("1.running_var"));
    for channel in 0..4 {
        let of_channel: Vec<f64> =
            values.chunks(144).skip(channel).step_by(4).flatten().map(|value| f64::from(*value)).collect();
        let mean = of_channel.iter().sum::<f64>() / of_channel.len() as f64;
        let variance = of_channel.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / of_channel.len() as f64;
        assert!((f64::from(means[channel]) - mean).abs() < 1e-5, "{channel}");
        assert!((f64::from(variances[channel]) / variance - 1.0).abs() < 1e-4, "{channel}");
    }
}

/// How many images had passed through the frozen layers at the end, of how many.
fn n_features(run: &Outcome) -> Option<(u32, u32)> {
    let mut done = run.updates.iter().filter_map(|update| match update {
        RunUpdate::Preparing(Preparation::ComputingFeatures { done, total, .. }) => Some((*done, *total)),
        _ => None,
    });
    done.next_back()
}

#[test]
fn kept_outputs_of_mirrored_images_give_the_same_losses() {
    let augment = AugmentConfig { flip: 0.5, ..AugmentConfig::default() };
    let flipped = RunConfig { augment, ..frozen() };
    let kept = Outcome::of(&flipped);
    assert_eq!(n_features(&kept), Some((660, 660)));
    let adversarial = Some(AdversarialConfig { share: 0.0, ..AdversarialConfig::default() });
    let computed = Outcome::of(&RunConfig { adversarial, ..flipped });
    assert_eq!(n_features(&computed), Some((360, 360)));
    assert_eq!(kept.losses, computed.losses);
    assert_eq!(weights_after(&kept), weights_after(&computed));
    assert_ne!(kept.losses, Outcome::of(&frozen()).losses);
}

#[test]
fn kept_outputs_give_the_same_losses() {
    let kept = Outcome::of(&frozen());
    assert_eq!(n_features(&kept), Some((360, 360)));
    // Attacks none of the images, but might, so that nothing is kept for them.
    let adversarial = Some(AdversarialConfig { share: 0.0, ..AdversarialConfig::default() });
    let computed = Outcome::of(&RunConfig { adversarial, ..frozen() });
    assert_eq!(kept.losses.len(), 45);
    assert_eq!(kept.losses, computed.losses);
    assert_eq!(weights_after(&kept), weights_after(&computed));
}
