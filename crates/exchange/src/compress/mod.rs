//! Smaller networks from trained ones.

/// Pruning of whole channels.
pub mod channels;

/// Pruning of single weights.
pub mod weights;

/// The training after that.
pub mod fine_tuning;

pub use channels::{Criterion, Pruned, prune_channels};
pub use fine_tuning::fine_tuning;
pub use weights::prune_weights;

/// Whether the layer or the tensor with this path is in one of the first layers, which are frozen.
fn is_frozen(path: &str, n_frozen: u32) -> bool {
    let outermost = path.split('.').next().and_then(|index| index.parse::<u32>().ok());
    outermost.is_some_and(|index| index < n_frozen)
}

/// What pruning removes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Whole channels: the network becomes smaller and faster.
    #[default]
    Channels,
    /// Single weights, which become zero.
    Weights,
}

impl Unit {
    pub const ALL: [Self; 2] = [Self::Channels, Self::Weights];

    /// Its name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Weights => "weights",
        }
    }
}
