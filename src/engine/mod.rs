//! The worker around training: device choice, command loop, downloads.
