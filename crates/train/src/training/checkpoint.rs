//! A run between two of its steps, as bytes: enough to go on with it elsewhere as if it had never been broken off.
//!
//! The bytes are a safetensors file (github.com/huggingface/safetensors): every tensor by its name, and one more, of bytes, with the
//! numbers beside them. The order of the images is not in it: it follows from the seed and the epoch.

use burn::tensor::{DType, TensorData};
use serde::{Deserialize, Serialize};

use super::early_stopping::Patience;
use super::optimizer::Rates;
use super::pace::PaceState;
use super::step::TrainerState;
use super::tally::EpochTally;
use crate::device::tensors::NamedTensors;
use crate::exchange::tensor_file::{self, Metadata};
use kindling_core::config::AugmentConfig;
use kindling_core::config::schedule::Plateau;
use kindling_core::protocol::{EpochReport, Failure, FailureKind};

/// Of [`Position`]: a later one cannot be read.
const VERSION: u32 = 2;

/// From before augmentation could be changed.
const VERSION_WITHOUT_AUGMENT: u32 = 1;

/// Holds the position; no tensor of a network has this name.
const POSITION: &str = "position";

#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub position: Position,
    pub tensors: NamedTensors,
}

/// Where a run is, and all it has that is no tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Steps done.
    pub step: u32,
    /// Epoch under way.
    pub epoch: u32,
    pub rates: Rates,
    /// Of the last step.
    pub last_learning_rate: f64,
    pub plateau: Plateau,
    pub patience: Patience,
    pub epoch_tally: EpochTally,
    pub best: Option<EpochReport>,
    pub pace: PaceState,
    pub trainer: TrainerState,
    /// The random changes to the images, where they are no longer the config's.
    pub augment: Option<AugmentConfig>,
}

impl Checkpoint {
    pub fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let position = postcard::to_stdvec(&(VERSION, &self.position)).map_err(unreadable)?;
        let n_bytes = position.len();
        let position = TensorData::new(position, [n_bytes]);
        let tensors = self.tensors.iter().map(|(name, data)| (name.as_str(), data));
        tensor_file::write(tensors.chain([(POSITION, &position)]), &Metadata::default()).map_err(unreadable)
    }

    /// Fails on bytes that no [`Checkpoint::to_bytes`] made, and on those of a later version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let (mut tensors, _) = tensor_file::read(bytes).map_err(unreadable)?;
        let position = tensors.remove(POSITION).ok_or_else(|| unreadable("it has no position"))?;
        if let Some((name, _)) = tensors.iter().find(|(_, data)| data.dtype != DType::F32) {
            return Err(unreadable(format!("{name} is not of 32-bit floats")));
        }
        let (version, rest) = postcard::take_from_bytes::<u32>(position.as_bytes()).map_err(unreadable)?;
        let position = match version {
            VERSION => postcard::from_bytes(rest),
            // It ends before the last field, which is then none: a 0.
            VERSION_WITHOUT_AUGMENT => postcard::from_bytes(&[rest, &[0]].concat()),
            _ => return Err(unreadable(format!("it is of version {version}, not {VERSION}"))),
        };
        Ok(Self { position: position.map_err(unreadable)?, tensors })
    }
}

/// What is wrong with bytes that are no checkpoint, or not this run's.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::BadFile, format!("the checkpoint cannot be used: {error}"))
}
