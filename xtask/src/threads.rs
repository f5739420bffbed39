//! The build of an engine with threads: wasm with atomic instructions and shared memory, for which the standard library has to be compiled, too.
//!
//! No compiler is shipped with such a library, so its source has to be there. Cargo compiles it together with the engine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::process;
use crate::toolchain::{Toolchain, may_rustup_download};

/// Flags of the compiler. Another feature, such as `+relaxed-simd`, belongs in the first of them, and an instruction of it in the page's probe,
/// `src/page/engines/threads.rs`, so that no browser gets the engine that cannot run it.
const FLAGS: &[&str] = &[
    "-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals",
    "-Clink-arg=--shared-memory",
    // JavaScript makes the memory, and gives the same one to each thread.
    "-Clink-arg=--import-memory",
    // Shared memory needs a maximum: all that addresses of 32 bits reach, as without threads. Browsers reserve addresses for it, no memory.
    "-Clink-arg=--max-memory=4294967296",
    // wasm-bindgen gives each thread its own copy of what is local to a thread.
    "-Clink-arg=--export=__wasm_init_tls",
    "-Clink-arg=--export=__tls_size",
    "-Clink-arg=--export=__tls_align",
    "-Clink-arg=--export=__tls_base",
];

/// Whether such an engine can be built; says so if not. Installs the library's source where rustup has it.
pub fn set_up(toolchain: &Toolchain) -> Result<bool> {
    let source = toolchain.library_source()?.join("library").join("Cargo.lock");
    if !source.exists() && toolchain.bin.is_none() && may_rustup_download() {
        println!("threads: asking rustup for the source of the standard library");
        let remedy = "the page is built without threads instead";
        if let Err(error) = process::run(Command::new("rustup").args(["component", "add", "rust-src"]), remedy) {
            println!("threads: {error:#}");
        }
    }
    let can_build = source.exists();
    if can_build {
        println!("threads: the standard library's source is there");
    } else {
        println!(
            "threads: skipped, as the standard library's source is not there (`rustup component add rust-src`), so on a CPU the page uses one core"
        );
    }
    Ok(can_build)
}

/// Cargo, set up to build an engine with threads.
pub fn cargo(toolchain: &Toolchain, places: &Places) -> Result<Command> {
    let flags: Vec<_> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
    let mut cargo = toolchain.command_with("cargo", &flags, places)?;
    cargo
        .env("CARGO_TARGET_DIR", target(places))
        // A stable compiler otherwise refuses -Zbuild-std, and wasm-bindgen's statics of threads.
        .env("RUSTC_BOOTSTRAP", "1");
    Ok(cargo)
}

/// The options for `cargo build` that compile the standard library.
pub const OPTIONS: &[&str] = &["-Zbuild-std=std,panic_abort"];

/// Where cargo puts what it builds so: apart, because build scripts run again whenever `RUSTC_BOOTSTRAP` changes.
pub fn target(places: &Places) -> PathBuf {
    places.wasm_target.join("threads")
}
