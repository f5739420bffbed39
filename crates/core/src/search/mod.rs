//! Hyperparameter search, as plain data and decisions: which configs to try, which trials go on, and what mattered. It starts no run.
//!
//! - **Rungs are epochs.** Validation is at the end of an epoch, so halving compares after r·ηᵏ epochs. It is the stopping kind: the one
//!   engine cannot set a network aside. With fewer than η trials at a rung all go on, and a trial that failed counts as the worst.
//! - **A failure is the trial's or the engine's.** Loss not finite, bad config or network, out of memory: the trial failed and the search goes
//!   on. Everything else pauses the search.
//! - **Importance** is the correlation ratio of one field by itself, less what chance gives (Kelley's ε²); a forest would promise more
//!   than a dozen trials can hold.

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
