//! Smaller networks from kept runs. Channels are removed here; the engine measures what is left, and trains it further as a run of its own.
//!
//! `exchange/compress/channels.rs` removes channels from the description and the weights → `question::Measure`: the engine measures what is left
//! (`train/evaluation/measure.rs`) → `exchange/compress/fine_tuning.rs` says how it is trained further → `Command::Train` with `RunStart::Trained`.
//! A network that learns from a kept run gets it as `RunStart::Taught`: `train/objective/distillation.rs` mixes the loss with that of the teacher's
//! predictions, and each checkpoint has the teacher.

mod cost;
mod distilling;
pub mod panel;
mod pruning;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::page::runs::Runs;
use crate::page::store::Store;
use kindling_core::config::RunConfig;
use kindling_core::protocol::question::Measure;
use kindling_core::protocol::{Failure, FailureKind, Measurement, SplitName, TrainedWeights};
use kindling_core::runs::record::{NetworkInput, RunRecord};
use kindling_exchange::ExchangeError;
use kindling_exchange::compress::{Criterion, Pruned, fine_tuning, prune_channels};
use kindling_exchange::trained::{Tensor, read_weights, write_weights};

/// The fractions of channels that are measured.
const FRACTIONS: [f32; 10] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];

/// Validation images that a network is measured on.
const N_MEASURED: u32 = 1_000;

/// A network with fewer channels, before any further training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// The fraction of channels that each layer keeps.
    pub keep: f32,
    pub parameters: u64,
    /// Per image.
    pub flops: u64,
    /// On validation images.
    #[serde(flatten)]
    pub measurement: Measurement,
}

/// A kept run with its weights, and its dataset in the engine.
pub struct Model {
    record: RunRecord,
    input: NetworkInput,
    weights: BTreeMap<String, Tensor>,
}

impl Model {
    /// # Errors
    ///
    /// Fails while a run is active, if the run or its weights are gone, or if its dataset cannot be loaded.
    pub async fn of(runs: Runs, id: &str) -> Result<Self, Failure> {
        let (kept, _, weights) = runs.fetched(id).await?;
        let gone = || Failure::new(FailureKind::NoNetwork, "the run lacks the names of its classes");
        let input = kept.record.input.clone().ok_or_else(gone)?;
        let weights = read_weights(&weights).map_err(failure)?;
        Ok(Self { record: kept.record, input, weights })
    }

    /// Accuracy and speed of the whole network.
    pub async fn measure(&self, store: Store) -> Result<Measurement, Failure> {
        self.point(store, 1.0).await.map(|point| point.measurement)
    }

    /// Accuracy, size and speed for each fraction of channels; `on_point` receives them one by one.
    pub async fn curve(&self, store: Store, on_point: impl Fn(Point)) -> Result<Vec<Point>, Failure> {
        let mut points = Vec::with_capacity(FRACTIONS.len());
        for keep in FRACTIONS {
            let point = self.point(store, keep).await?;
            on_point(point);
            points.push(point);
        }
        Ok(points)
    }

    async fn point(&self, store: Store, keep: f32) -> Result<Point, Failure> {
        let Pruned { network, weights, parameters: [_, parameters], flops: [_, flops] } = self.pruned(keep)?;
        let weights = write_weights(&weights).map_err(failure)?.into();
        let split = SplitName::Validation;
        let question = Measure { network: Box::new(network), weights, split, limit: N_MEASURED };
        Ok(Point { keep, parameters, flops, measurement: store.ask(question).await? })
    }

    fn pruned(&self, keep: f32) -> Result<Pruned, Failure> {
        let (network, n_classes) = (&self.record.config.network, self.input.classes.len());
        prune_channels(network, self.input.shape, n_classes, &self.weights, keep, Criterion::Norm).map_err(failure)
    }

    /// The run that trains the network further once channels are removed: its config, and the weights that it begins with.
    pub fn smaller(&self, keep: f32, epochs: u32) -> Result<(RunConfig, TrainedWeights), Failure> {
        let Pruned { network, weights, .. } = self.pruned(keep)?;
        let bytes = write_weights(&weights).map_err(failure)?.into();
        let weights = TrainedWeights { bytes, classes: self.input.classes.clone() };
        Ok((fine_tuning(&self.record.config, network, keep, epochs), weights))
    }
}

fn failure(error: ExchangeError) -> Failure {
    let kind = match error {
        ExchangeError::Unreadable(_) | ExchangeError::NoTensor { .. } => FailureKind::BadFile,
        _ => FailureKind::BadNetwork,
    };
    Failure::new(kind, error.to_string())
}
