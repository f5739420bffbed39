//! A run between two of its steps, as bytes: enough to resume it elsewhere as if it had never been interrupted.
//!
//! The bytes are a safetensors file: every tensor by its name, and one more tensor of bytes, which holds all other state. The order of the
//! images is not stored: it follows from the seed and the epoch.

use burn::tensor::{DType, TensorData};

use super::pace::PaceState;
use super::position::Position;
use super::step::TrainerState;
use crate::device::tensors::NamedTensors;
use crate::exchange::tensor_file::{self, Metadata};
use kindling_core::protocol::{Failure, FailureKind, Teacher};

/// The version of the format. Later versions cannot be read.
const VERSION: u32 = 2;

/// The version from before augmentation could be changed during a run.
const VERSION_WITHOUT_AUGMENT: u32 = 1;

/// The tensor that holds the state besides the tensors. No tensor of a network has this name.
const POSITION: &str = "position";

/// The tensors of bytes that hold the teacher: its layers, and the file of its weights.
const TEACHER: [&str; 2] = ["teacher network", "teacher weights"];

#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub position: Position,
    pub pace: PaceState,
    pub trainer: TrainerState,
    pub tensors: NamedTensors,
    /// Of a run with distillation.
    pub teacher: Option<Teacher>,
}

impl Checkpoint {
    pub fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let numbers = (VERSION, &self.position, &self.pace, &self.trainer);
        let numbers = of_bytes(postcard::to_stdvec(&numbers).map_err(unreadable)?);
        let teacher = match &self.teacher {
            None => Vec::new(),
            Some(Teacher { network, weights }) => {
                let network = postcard::to_stdvec(network).map_err(unreadable)?;
                vec![of_bytes(network), of_bytes(weights.to_vec())]
            }
        };
        let tensors = self.tensors.iter().map(|(name, data)| (name.as_str(), data));
        let tensors = tensors.chain([(POSITION, &numbers)]).chain(TEACHER.into_iter().zip(&teacher));
        tensor_file::write(tensors, &Metadata::default()).map_err(unreadable)
    }

    /// Fails on bytes that [`Checkpoint::to_bytes`] did not make, and on later versions.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let (mut tensors, _) = tensor_file::read(bytes).map_err(unreadable)?;
        let numbers = tensors.remove(POSITION).ok_or_else(|| unreadable("it has no position"))?;
        let [network, weights] = TEACHER.map(|name| tensors.remove(name));
        let teacher = match network.zip(weights) {
            None => None,
            Some((network, weights)) => Some(Teacher {
                network: postcard::from_bytes(network.as_bytes()).map_err(unreadable)?,
                weights: weights.as_bytes().to_vec().into(),
            }),
        };
        if let Some((name, _)) = tensors.iter().find(|(_, data)| data.dtype() != DType::F32) {
            return Err(unreadable(format!("{name} is not of 32-bit floats")));
        }
        let (version, rest) = postcard::take_from_bytes::<u32>(numbers.as_bytes()).map_err(unreadable)?;
        let numbers = match version {
            VERSION => postcard::from_bytes(rest),
            // Version 1 ends before the last field, which a 0 makes `None`.
            VERSION_WITHOUT_AUGMENT => postcard::from_bytes(&[rest, &[0]].concat()),
            _ => return Err(unreadable(format!("it is of version {version}, not {VERSION}"))),
        };
        let (position, pace, trainer) = numbers.map_err(unreadable)?;
        Ok(Self { position, pace, trainer, tensors, teacher })
    }
}

fn of_bytes(bytes: Vec<u8>) -> TensorData {
    let n_bytes = bytes.len();
    TensorData::new(bytes, [n_bytes])
}

/// The failure for bytes that are not a checkpoint, or not this run's.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::BadFile, format!("the checkpoint cannot be used: {error}"))
}
