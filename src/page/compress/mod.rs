//! What kept runs cost, and smaller networks from them. Channels are removed here; the engine measures what is left, and trains it further as a run of
//! its own.
//!
//! `exchange/compress/channels.rs` removes channels from the description and the weights → `question::Measure`: the engine measures what is left
//! (`train/evaluation/measure.rs`) → `exchange/compress/fine_tuning.rs` says how it is trained further → `Command::Train` with `RunStart::Trained`.
//! Single weights go during that run (`train/training/sparsity.rs`); `exchange/compress/weights.rs` only measures what is left of the accuracy without
//! it. A network that learns from a kept run gets it as `RunStart::Taught`: `train/objective/distillation.rs` mixes the loss with that of the
//! teacher's predictions, and each checkpoint has the teacher.

mod cost;
mod distilling;
pub mod panel;
mod pruning;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::page::export::export;
use crate::page::runs::Runs;
use crate::page::store::Store;
use kindling_core::config::RunConfig;
use kindling_core::network::LayerSummary;
use kindling_core::network::shape::infer;
use kindling_core::protocol::question::Measure;
use kindling_core::protocol::{
    ExportProof, ExportTarget, ExportedFile, Failure, FailureKind, Int8Format, Int8Proof, Measurement, SplitName,
    TrainedWeights,
};
use kindling_core::runs::record::{NetworkInput, RunRecord};
use kindling_exchange::ExchangeError;
use kindling_exchange::compress::{Criterion, Pruned, Unit, fine_tuning, prune_channels, prune_weights};
use kindling_exchange::trained::{Tensor, read_weights, write_weights};

/// The fractions of channels, or of weights, that are measured.
const FRACTIONS: [f32; 10] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];

/// Validation images that a network is measured on.
const N_MEASURED: u32 = 1_000;

/// A network with fewer channels or weights, before any further training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// The fraction of channels, or of weights, that each layer keeps.
    pub keep: f32,
    /// Those that are not zero.
    pub parameters: u64,
    /// Of the parameters that are not zero, and where some weights are, of a bit for each that says which.
    pub bytes: u64,
    /// Per image.
    pub flops: u64,
    /// On validation images.
    #[serde(flatten)]
    pub measurement: Measurement,
}

/// What follows from the layers of a run's network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    pub parameters: u64,
    /// Per image.
    pub flops: u64,
    /// Of all activations of one image.
    pub activation_bytes: u64,
}

impl Size {
    /// Zeros for a network that cannot be placed, which no run has trained.
    pub fn of(record: &RunRecord) -> Self {
        let input = record.input.as_ref();
        let layers = input.and_then(|input| infer(&record.config.network, input.shape, input.classes.len()).ok());
        let sum = |of: fn(&LayerSummary) -> u64| layers.iter().flatten().map(of).fold(0, u64::saturating_add);
        Self {
            parameters: sum(|layer| layer.parameters),
            flops: sum(|layer| layer.flops),
            activation_bytes: sum(|layer| layer.activation_bytes),
        }
    }
}

/// What a network costs in integers of 8 bits, and what it loses by them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Int8Cost {
    /// Of the ONNX file.
    pub n_bytes: usize,
    /// On one thread, in batches of up to 32 images.
    pub ms_per_image: f64,
    pub proof: Int8Proof,
}

/// Quantizes the network of a kept run, which must be the one in the engine.
///
/// # Errors
///
/// As [`export`].
pub async fn quantized(store: Store, runs: Runs, id: &str) -> Result<Int8Cost, Failure> {
    let options = ExportTarget::Int8(Int8Format::Onnx).into();
    let ExportedFile { bytes, proof } = export(store, runs, id, options).await?;
    match proof {
        ExportProof::Int8 { proof, ms_per_image } => Ok(Int8Cost { n_bytes: bytes.len(), ms_per_image, proof }),
        ExportProof::Difference(_) => {
            Err(Failure::new(FailureKind::EngineCrashed, "the exporter wrote another format"))
        }
    }
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
        self.point(store, Unit::Channels, 1.0).await.map(|point| point.measurement)
    }

    /// Accuracy, size and speed for each fraction of channels or weights; `on_point` receives them one by one.
    pub async fn curve(&self, store: Store, unit: Unit, on_point: impl Fn(Point)) -> Result<Vec<Point>, Failure> {
        let mut points = Vec::with_capacity(FRACTIONS.len());
        for keep in FRACTIONS {
            let point = self.point(store, unit, keep).await?;
            on_point(point);
            points.push(point);
        }
        Ok(points)
    }

    async fn point(&self, store: Store, unit: Unit, keep: f32) -> Result<Point, Failure> {
        let Pruned { network, weights, parameters: [all, parameters], flops: [_, flops] } = self.pruned(unit, keep)?;
        let bits = if unit == Unit::Weights && parameters < all { all } else { 0 };
        let bytes = 4 * parameters + bits.div_ceil(8);
        let weights = write_weights(&weights).map_err(failure)?.into();
        let split = SplitName::Validation;
        let question = Measure { network: Box::new(network), weights, split, limit: N_MEASURED };
        Ok(Point { keep, parameters, bytes, flops, measurement: store.ask(question).await? })
    }

    fn pruned(&self, unit: Unit, keep: f32) -> Result<Pruned, Failure> {
        let Self { record, input, weights } = self;
        let (network, n_classes) = (&record.config.network, input.classes.len());
        let pruned = match unit {
            Unit::Channels => prune_channels(network, input.shape, n_classes, weights, keep, Criterion::Norm),
            Unit::Weights => prune_weights(network, input.shape, n_classes, weights, keep),
        };
        pruned.map_err(failure)
    }

    /// The run that trains the network further: its config, and the weights that it begins with. Channels are removed before, weights during the run.
    pub fn smaller(&self, unit: Unit, keep: f32, epochs: u32) -> Result<(RunConfig, TrainedWeights), Failure> {
        let Pruned { network, weights, .. } = match unit {
            Unit::Channels => self.pruned(unit, keep)?,
            Unit::Weights => self.pruned(unit, 1.0)?,
        };
        let bytes = write_weights(&weights).map_err(failure)?.into();
        let weights = TrainedWeights { bytes, classes: self.input.classes.clone() };
        Ok((fine_tuning(&self.record.config, network, unit, keep, epochs), weights))
    }
}

fn failure(error: ExchangeError) -> Failure {
    let kind = match error {
        ExchangeError::Unreadable(_) | ExchangeError::NoTensor { .. } => FailureKind::BadFile,
        _ => FailureKind::BadNetwork,
    };
    Failure::new(kind, error.to_string())
}
