//! Runs that begin with given weights: those of a network that lost channels, or of an ended run whose dataset has grown.
//!
//! `RunStart::Trained` has the weights and the classes that they know. The output layer gets a unit for each class of the dataset, those of known
//! classes by their names, and the network becomes a checkpoint from before the first step, from which the run resumes. Before, and after,
//! `question::EvaluateTrained` evaluates the old network on the same validation images; `page/train/continuing.rs` shows both, class by class.

use kindling_core::config::RunConfig;
use kindling_core::network::shape::place;
use kindling_core::protocol::{Failure, FailureKind, TrainedWeights};

use super::checkpoint::Checkpoint;
use super::pace::Pace;
use super::plan::{Purpose, random};
use super::position::Position;
use super::step::Trainer;
use crate::device::images::DeviceDataset;
use crate::device::parameters::Collector;
use crate::device::tensors::NamedTensor;
use crate::exchange::weight_file;
use crate::module::Network;
use crate::module::init::initial_weights;

/// A checkpoint from before the first step, with the weights of this network, which is the config's: [`super::resume`] trains from there.
///
/// # Errors
///
/// A config that cannot be trained.
pub async fn checkpoint_of(network: Network, config: &RunConfig) -> Result<Vec<u8>, Failure> {
    // The classes' frequencies are no part of a checkpoint.
    let class_counts = vec![1; network.n_classes()];
    let trainer = Trainer::new(network, config, &class_counts, random(config.seed, Purpose::Dropout))?;
    let mut collector = Collector::default();
    let state = trainer.collect(&mut collector);
    let tensors = collector.read().await?;
    Checkpoint {
        position: Position::new(config),
        pace: Pace::new(0.0).state(0.0),
        trainer: state,
        tensors,
        teacher: None,
    }
    .to_bytes()
}

/// The config's network for the classes of a dataset, with the weights of an ended run. Only the output layer depends on the classes: its units of
/// classes that the run did not know have initial weights.
///
/// # Errors
///
/// `BadFile` if the bytes are no weights, `BadNetwork` if they are those of other layers or of a network for images of another shape.
pub fn continued_network(
    config: &RunConfig,
    data: &DeviceDataset,
    trained: &TrainedWeights,
    classes: &[String],
) -> Result<Network, Failure> {
    let layers = place(&config.network, data.shape(), classes.len())?;
    let (mut weights, _) = weight_file::from_bytes(&trained.bytes)?;
    let initial = initial_weights(&layers, config.network.init, &mut random(config.seed, Purpose::Weights));
    let output = format!("{}.", layers.len().saturating_sub(1));
    for tensor in weights.iter_mut().filter(|tensor| tensor.name.starts_with(&output)) {
        let Some(start) = initial.iter().find(|initial| initial.name == tensor.name) else { continue };
        *tensor = with_units(tensor, start, &trained.classes, classes)?;
    }
    Network::with_weights(&config.network, data.shape(), classes.len(), weights, &data.device())
}

/// A tensor of the output layer, in PyTorch's layout, for other classes: the units of classes that are known are those of `trained`.
fn with_units(
    trained: &NamedTensor,
    initial: &NamedTensor,
    known: &[String],
    classes: &[String],
) -> Result<NamedTensor, Failure> {
    let is_alike = trained.shape.first() == Some(&known.len())
        && initial.shape.first() == Some(&classes.len())
        && trained.shape.get(1..) == initial.shape.get(1..);
    if !is_alike {
        let detail = format!("{} of shape {:?} is no output layer of these classes", trained.name, trained.shape);
        return Err(Failure::new(FailureKind::BadNetwork, detail));
    }
    let length = initial.shape.iter().skip(1).product::<usize>().max(1);
    let unit_of = |class: &String| {
        let unit = known.iter().position(|known| known == class)?;
        trained.values.chunks(length).nth(unit)
    };
    let units = classes.iter().zip(initial.values.chunks(length));
    let values = units.flat_map(|(class, initial)| unit_of(class).unwrap_or(initial).iter().copied()).collect();
    Ok(NamedTensor { values, ..initial.clone() })
}
