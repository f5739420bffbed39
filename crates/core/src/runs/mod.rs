//! A run as it is kept: its curves, its record, its files, and what programs hear of it.

/// Histories of values that stay short.
pub mod series;

/// The curves of a run.
pub mod curves;

/// All that is needed to judge a run, to compare it and to repeat it.
pub mod record;

/// Files of configs and runs.
pub mod incoming;

/// A run in one file with its weights.
pub mod weights;

/// What a listener receives of a run, as JSON.
pub mod run_event;

/// Runs for tests.
#[cfg(any(test, feature = "samples"))]
pub mod samples;
