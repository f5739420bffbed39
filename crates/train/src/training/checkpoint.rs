//! A run between two of its steps, as bytes: enough to go on with it elsewhere as if it had never been broken off.
//!
//! The bytes are a safetensors file (github.com/huggingface/safetensors): every tensor by its name, and one more, of bytes, with the
//! numbers beside them. The order of the images is not in it: it follows from the seed and the epoch.

use std::collections::BTreeMap;

use burn::tensor::{DType, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use super::early_stopping::Patience;
use super::optimizer::Rates;
use super::pace::PaceState;
use super::step::TrainerState;
use super::tally::EpochTally;
use kindling_core::config::AugmentConfig;
use kindling_core::config::schedule::Plateau;
use kindling_core::protocol::{EpochReport, Failure, FailureKind};

/// Of [`Position`]: a later one cannot be read.
const VERSION: u32 = 2;

/// From before augmentation could be changed.
const VERSION_WITHOUT_AUGMENT: u32 = 1;

/// Holds the position; no tensor of a network has this name.
const POSITION: &str = "position";

/// Tensors of 32-bit floats by their name.
pub type NamedTensors = BTreeMap<String, TensorData>;

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
        let position_view = TensorView::new(Dtype::U8, vec![position.len()], &position).map_err(unreadable)?;
        let mut views = vec![(POSITION, position_view)];
        for (name, data) in &self.tensors {
            let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes()).map_err(unreadable)?;
            views.push((name, view));
        }
        serialize(views, None).map_err(unreadable)
    }

    /// Fails on bytes that no [`Checkpoint::to_bytes`] made, and on those of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let position = file.tensor(POSITION).map_err(unreadable)?;
        let (version, rest) = postcard::take_from_bytes::<u32>(position.data()).map_err(unreadable)?;
        let position = match version {
            VERSION => postcard::from_bytes(rest),
            // It ends before the last field, which is then none: a 0.
            VERSION_WITHOUT_AUGMENT => postcard::from_bytes(&[rest, &[0]].concat()),
            _ => return Err(unreadable(format!("it is of version {version}, not {VERSION}"))),
        };
        let position = position.map_err(unreadable)?;
        let tensors = file.tensors().into_iter().filter(|(name, _)| name != POSITION);
        let tensors = tensors.map(|(name, view)| {
            let is_float = view.dtype() == Dtype::F32;
            let data = is_float
                .then(|| TensorData::try_from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), DType::F32).ok());
            let data = data.flatten().ok_or_else(|| unreadable(format!("{name} is not of 32-bit floats")))?;
            Ok((name, data))
        });
        Ok(Self { position, tensors: tensors.collect::<Result<_, Failure>>()? })
    }
}

/// What is wrong with bytes that are no checkpoint, or not this run's.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::BadFile, format!("the checkpoint cannot be used: {error}"))
}
