//! Saved runs: their curves, records and files, and the JSON events that programs receive.

/// Histories of values with bounded length.
pub mod series;

/// The curves of a run.
pub mod curves;

/// The record of a run: everything needed to evaluate, compare and repeat it.
pub mod record;

/// Parsing files of configs and runs.
pub mod incoming;

/// A run and its weights in one file.
pub mod weights;

/// The events of a run, as JSON for listeners.
pub mod run_event;

/// Sample runs for tests.
#[cfg(any(test, feature = "samples"))]
pub mod samples;
