//! The worker around training: device, downloads, the command loop.

/// What is done now, and what next.
mod agenda;

/// Datasets: from files to the device.
mod load;

/// One file from the network.
mod download;

/// When to try again.
mod retry;

/// Files of earlier visits.
mod cache;

/// Bytes per second.
mod rate;

/// Time.
mod clock;
