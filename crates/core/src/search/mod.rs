//! Hyperparameter search, as plain data and decisions: which configs to try, which trials to continue, and hyperparameter importance. It
//! starts no run itself.
//!
//! - **Rungs are epochs.** Validation happens at the end of an epoch, so successive halving compares trials after r·ηᵏ epochs. It is the
//!   stopping variant: the one engine cannot set a network aside. With fewer than η trials at a rung all continue, and a failed trial ranks
//!   last.
//! - **A failure belongs to the trial or to the engine.** A loss that is not finite, a bad config or network, and running out of memory
//!   fail the trial, and the search continues. Any other failure pauses the search.
//! - **Importance** is the correlation ratio of one field by itself, corrected for chance (Kelley's ε²). A random forest would suggest more
//!   precision than a dozen trials can support.

/// The search space: what differs between trials.
pub mod space;

/// The fields of a config that a search offers.
pub mod offer;

/// Which values are tried: a grid or random draws.
mod sample;

/// Which trials continue: asynchronous successive halving.
pub mod asha;

/// One trial of a search.
pub mod trial;

/// A search, from its plan to its best trial.
pub mod plan;
mod state;

/// Hyperparameter importance.
pub mod importance;

pub use asha::Halving;
pub use importance::importance;
pub use plan::{Budget, Method, SearchPlan};
pub use space::{Field, SpaceError, Values};
pub use state::{Phase, Search, Verdict};
pub use trial::{Trial, TrialState};
