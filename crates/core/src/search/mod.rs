//! Hyper-parameter search, as plain data and decisions: which settings to try, which trials go on, and what mattered. It starts no run.

/// What may differ between trials.
pub mod space;

/// The fields of a config that a search can be offered.
pub mod offer;

/// Which values are tried.
mod sample;

/// Which trials go on: asynchronous successive halving.
pub mod asha;

/// One try of a search.
pub mod trial;

/// A search from its plan to its best trial.
pub mod plan;
mod state;

/// How much each field mattered.
pub mod importance;

pub use asha::Halving;
pub use importance::importance;
pub use plan::{Budget, Method, SearchPlan};
pub use space::{Field, SpaceError, Values};
pub use state::{Phase, Search, Verdict};
pub use trial::{Trial, TrialState};
