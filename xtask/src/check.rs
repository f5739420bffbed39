//! `cargo xtask check`: format, then clippy for each feature set, on the host and on wasm; the fast checks first.

use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::process;
use crate::steps::Steps;
use crate::toolchain::{TARGET, Toolchain};

/// Every feature set that is built: bare, the page, each engine, and everything that a host can hold at once.
const HOST_FEATURES: &[&str] = &["", "page", "cpu", "gpu", "page,cpu,gpu"];
const WASM_FEATURES: &[&str] = &["", "page", "cpu", "exporter", "threads", "stock", "gpu", "checks"];

/// Everything that a host builds, in one selection: cargo unifies the features of everything that it builds together, and any other selection
/// would compile burn again. The command line only with flex on one thread: wgpu takes minutes to compile, and its tests need a GPU.
pub const HOST: &[&str] = &[
    "--package=kindling-core",
    "--package=kindling-exchange",
    "--package=kindling-kernels",
    "--package=kindling-train",
    "--package=kindling-session",
    "--package=kindling-cli",
    "--package=kindling",
    "--no-default-features",
    "--features=kindling/page,kindling/cpu,kindling-cli/flex,kindling-kernels/threads",
];

/// The checks that take seconds: format, and clippy with the features that a plain `cargo test` builds.
pub fn fast(places: &Places, steps: &mut Steps) -> Result<()> {
    steps.run("format", || {
        process::run(
            Command::new("cargo").args(["fmt", "--all", "--check"]).current_dir(&places.root),
            "run `cargo fmt --all`; if cargo does not know fmt, `rustup component add rustfmt`",
        )
    })?;
    steps
        .run("clippy, commands", || clippy(host(places), &["--package=xtask", "--features=bench", "--all-targets"]))?;
    steps.run("clippy, host", || clippy(host(places), &[HOST, &["--all-targets"]].concat()))
}

/// The other checks. They take minutes at first, because each feature set compiles crates of its own.
pub fn thorough(places: &Places, toolchain: &Toolchain, steps: &mut Steps) -> Result<()> {
    for features in HOST_FEATURES {
        steps.run(&format!("clippy, host, features [{features}]"), || {
            clippy(
                host(places),
                &["--package=kindling", "--all-targets", "--no-default-features", "--features", features],
            )
        })?;
    }
    // The tests that need a GPU, which no other feature set compiles.
    steps.run("clippy, GPU kernels", || {
        let options = ["--package=kindling-train", "--all-targets", "--no-default-features", "--features=cpu,gpu"];
        clippy(host(places), &options)
    })?;
    // As people build it, with wgpu.
    steps.run("clippy, kindling", || clippy(host(places), &["--package=kindling-cli", "--all-targets"]))?;
    for features in WASM_FEATURES {
        steps.run(&format!("clippy, wasm, features [{features}]"), || {
            let cargo = toolchain.command("cargo", places)?;
            let options = ["--package=kindling", "--lib", "--bins", "--no-default-features", "--target", TARGET];
            clippy(cargo, &[&options[..], &["--features", features]].concat())
        })?;
    }
    Ok(())
}

fn host(places: &Places) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&places.root);
    cargo
}

fn clippy(mut cargo: Command, options: &[&str]) -> Result<()> {
    cargo.arg("clippy").args(options).args(["--", "--deny=warnings"]);
    process::run(
        &mut cargo,
        "mend what it names; if cargo does not know clippy, `rustup component add clippy`, or the package rust-web-clippy",
    )
}
