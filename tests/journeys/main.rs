//! Journeys of a visitor through the built app in Chromium: `cargo xtask test` builds what they need.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

mod accessibility;
mod agreement;
mod app;
mod cases;
mod collect;
mod command_line;
mod compress;
mod designer;
mod exports;
mod faults;
mod few_images;
mod first_minute;
mod good_data;
mod gpu_faults;
mod hosting;
mod imports;
mod inside;
mod kernels;
mod offline;
mod own_images;
mod pictures;
mod race;
mod resume;
mod robust;
mod runs;
mod search;
mod settings;
mod shell;
mod storage;
mod surroundings;
mod threads;
mod using;
mod visitor;
mod webgpu;
mod workbench;
