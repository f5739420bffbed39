//! The values that flow between layers.

use burn::tensor::Tensor;

/// A layer's output for a whole batch.
#[derive(Clone, Debug)]
pub enum Features {
    /// `[batch, channels, height, width]`
    Maps(Tensor<4>),
    /// `[batch, length, features]`
    Sequence(Tensor<3>),
    /// `[batch, length]`
    Vector(Tensor<2>),
}

impl Features {
    pub fn dims(&self) -> Vec<usize> {
        match self {
            Self::Maps(maps) => maps.dims().to_vec(),
            Self::Sequence(sequence) => sequence.dims().to_vec(),
            Self::Vector(vector) => vector.dims().to_vec(),
        }
    }

    /// In one row for each image: `[batch, values]`.
    pub fn in_rows(self) -> Tensor<2> {
        self.flatten().vector()
    }

    /// As an input of layers that learn.
    pub(super) fn autodiff(self) -> Self {
        match self {
            Self::Maps(maps) => Self::Maps(maps.autodiff()),
            Self::Sequence(sequence) => Self::Sequence(sequence.autodiff()),
            Self::Vector(vector) => Self::Vector(vector.autodiff()),
        }
    }

    pub(super) fn maps(self) -> Tensor<4> {
        match self {
            Self::Maps(maps) => maps,
            Self::Sequence(_) | Self::Vector(_) => unreachable!("shape inference has checked that these are maps"),
        }
    }

    pub(super) fn sequence(self) -> Tensor<3> {
        match self {
            Self::Sequence(sequence) => sequence,
            Self::Maps(_) | Self::Vector(_) => unreachable!("shape inference has checked that this is a sequence"),
        }
    }

    pub(super) fn vector(self) -> Tensor<2> {
        match self {
            Self::Vector(vector) => vector,
            Self::Maps(_) | Self::Sequence(_) => unreachable!("shape inference has checked that this is a vector"),
        }
    }

    /// The sum of two values of the same shape.
    pub(super) fn plus(self, other: Self) -> Self {
        match self {
            Self::Maps(maps) => Self::Maps(maps + other.maps()),
            Self::Sequence(sequence) => Self::Sequence(sequence + other.sequence()),
            Self::Vector(vector) => Self::Vector(vector + other.vector()),
        }
    }

    /// Maps or a sequence to a vector.
    pub(super) fn flatten(self) -> Self {
        Self::Vector(match self {
            Self::Maps(maps) => maps.flatten(1, 3),
            Self::Sequence(sequence) => sequence.flatten(1, 2),
            Self::Vector(vector) => vector,
        })
    }

    /// Maps `[batch, channels, height, width]` to the sequence of their rows.
    pub(super) fn rows(self) -> Self {
        let rows = self.maps().swap_dims(1, 2); // [batch, height, channels, width]
        Self::Sequence(rows.flatten(2, 3)) // [batch, height, channels * width]
    }
}
