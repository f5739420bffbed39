//! `cargo xtask` as a library: the journeys and benchmarks also use the server and the driver.

pub mod places;
pub mod process;

pub mod setup;

pub mod toolchain;

pub mod distribution;

pub mod machine_paths;

pub mod tools;

pub mod npm;

pub mod browser;

pub mod judges;

pub mod build;

pub mod engines;

pub mod offline;

pub mod threads;

pub mod wasm;

pub mod parts;

pub mod shrink;

pub mod package;

pub mod serve;

pub mod server;

#[cfg(feature = "drive")]
pub mod drive;

pub mod driven;

#[cfg(feature = "bench")]
pub mod bench;

#[cfg(feature = "bench")]
pub mod screenshots;

pub mod reference;

pub mod steps;

pub mod check;

pub mod test;

pub mod dataset;
