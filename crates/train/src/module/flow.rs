//! What flows from layer to layer: features as burn's tensors, or in blocks between layers that have kernels of Kindling's own.

use burn::tensor::Tensor;

use super::features::Features;
use crate::blocks::{BlockTensor, has_kernels};
use crate::maps;

/// A layer's output for a whole batch, in the memory order in which it was computed.
#[derive(Clone, Debug)]
pub(super) enum Flow {
    Plain(Features),
    /// Maps in blocks.
    Blocks(BlockTensor),
    /// A vector: maps in blocks that were flattened.
    FlatBlocks(BlockTensor),
    /// A sequence in blocks.
    SequenceBlocks(BlockTensor),
    /// A vector: maps on a GPU that were flattened, and are not yet moved in memory.
    FlatMaps(Tensor<4>),
}

impl Flow {
    pub fn maps(maps: Tensor<4>) -> Self {
        Self::Plain(Features::Maps(maps))
    }

    /// As burn's tensors.
    pub fn plain(self) -> Features {
        match self {
            Self::Plain(features) => features,
            Self::Blocks(blocks) => Features::Maps(blocks.scatter()),
            Self::FlatBlocks(blocks) => Features::Vector(blocks.scatter().flatten(1, 3)),
            Self::SequenceBlocks(blocks) => Features::Sequence(blocks.scatter_sequence()),
            Self::FlatMaps(maps) => Features::Vector(maps.flatten(1, 3)),
        }
    }

    /// In blocks, or as it is on a device without kernels.
    pub fn in_blocks(self) -> Self {
        match self {
            Self::Plain(Features::Maps(maps)) if has_kernels(&maps) => Self::Blocks(BlockTensor::gather(maps)),
            Self::Plain(Features::Sequence(sequence)) if has_kernels(&sequence) => {
                Self::SequenceBlocks(BlockTensor::gather_sequence(sequence))
            }
            Self::Plain(Features::Vector(vector)) if has_kernels(&vector) => {
                let [n_images, length] = vector.dims();
                Self::FlatBlocks(BlockTensor::gather(vector.reshape([n_images, length, 1, 1])))
            }
            flow => flow,
        }
    }

    /// A vector as burn's tensor, unless it is in blocks and not a flattened map, so that its values are channels.
    pub fn vector_of_channels(self) -> Self {
        match self {
            Self::FlatBlocks(blocks) if !matches!(blocks.dims(), [_, _, 1, 1]) => {
                Self::Plain(Self::FlatBlocks(blocks).plain())
            }
            flow @ Self::FlatMaps(_) => Self::Plain(flow.plain()),
            flow => flow,
        }
    }

    /// Whether this is on a GPU. There, convolutions, linear layers and batch norms compute a ReLU of their output, and pooling does not.
    pub fn is_on_gpu(&self) -> bool {
        match self {
            Self::Plain(Features::Maps(maps)) => maps::has_kernels(maps),
            Self::Plain(Features::Sequence(sequence)) => maps::has_kernels(sequence),
            Self::Plain(Features::Vector(vector)) => maps::has_kernels(vector),
            Self::FlatMaps(_) => true,
            Self::Blocks(_) | Self::FlatBlocks(_) | Self::SequenceBlocks(_) => false,
        }
    }

    /// Whether a convolution of this is one of Kindling's own kernels.
    pub fn takes_kernels(&self) -> bool {
        match self {
            Self::Plain(Features::Maps(maps)) => has_kernels(maps) || maps::has_kernels(maps),
            Self::Plain(Features::Sequence(_) | Features::Vector(_)) => false,
            Self::Blocks(_) | Self::FlatBlocks(_) | Self::SequenceBlocks(_) | Self::FlatMaps(_) => true,
        }
    }

    pub fn is_in_blocks(&self) -> bool {
        match self {
            Self::Plain(_) | Self::FlatMaps(_) => false,
            Self::Blocks(_) | Self::FlatBlocks(_) | Self::SequenceBlocks(_) => true,
        }
    }

    /// The sum of two values of the same shape.
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Blocks(one), Self::Blocks(other)) => Self::Blocks(one.plus(other)),
            (Self::SequenceBlocks(one), Self::SequenceBlocks(other)) => Self::SequenceBlocks(one.plus(other)),
            // A vector may be a flattened map or not; only equal shapes have one order.
            (Self::FlatBlocks(one), Self::FlatBlocks(other)) if one.dims() == other.dims() => {
                Self::FlatBlocks(one.plus(other))
            }
            (one, other) => Self::Plain(one.plain().plus(other.plain())),
        }
    }

    /// Maps or a sequence to a vector.
    pub fn flatten(self) -> Self {
        match self {
            Self::Blocks(blocks) | Self::FlatBlocks(blocks) => Self::FlatBlocks(blocks),
            Self::SequenceBlocks(blocks) => Self::FlatBlocks(blocks.flatten_sequence()),
            Self::FlatMaps(maps) => Self::FlatMaps(maps),
            Self::Plain(Features::Maps(maps)) if maps::has_kernels(&maps) => Self::FlatMaps(maps),
            flow @ Self::Plain(Features::Maps(_)) => match flow.in_blocks() {
                Self::Blocks(blocks) => Self::FlatBlocks(blocks),
                flow => Self::Plain(flow.plain().flatten()),
            },
            Self::Plain(features) => Self::Plain(features.flatten()),
        }
    }
}
