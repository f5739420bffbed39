//! Runs that begin with given weights, for instance those of a network that lost channels.

use burn::tensor::Device;
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Failure, ImageShape};

use super::checkpoint::Checkpoint;
use super::pace::Pace;
use super::plan::{Purpose, random};
use super::position::Position;
use super::step::Trainer;
use crate::device::parameters::Collector;
use crate::device::tensors::NamedTensor;
use crate::module::Network;

/// A checkpoint from before the first step, with these weights: [`super::resume`] trains from there.
///
/// # Errors
///
/// Weights that are not those of the config's network, a config that cannot be trained.
pub async fn checkpoint_with_weights(
    config: &RunConfig,
    input: ImageShape,
    n_classes: usize,
    weights: Vec<NamedTensor>,
    device: &Device,
) -> Result<Vec<u8>, Failure> {
    let network = Network::with_weights(&config.network, input, n_classes, weights, device)?;
    // The classes' frequencies are no part of a checkpoint.
    let trainer = Trainer::new(network, config, &vec![1; n_classes], random(config.seed, Purpose::Dropout))?;
    let mut collector = Collector::default();
    let state = trainer.collect(&mut collector);
    let tensors = collector.read().await?;
    Checkpoint { position: Position::new(config), pace: Pace::new(0.0).state(0.0), trainer: state, tensors }.to_bytes()
}
