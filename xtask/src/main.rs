//! The command line; everything else is in the library.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::driven::DrivenCommand;
use xtask::places::Places;
use xtask::reference::ReferenceOptions;
use xtask::steps::Steps;
use xtask::{browser, build, check, dataset, driven, reference, serve, setup, test};

/// Kindling's commands. Each installs what it needs and the machine has not.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    command: XtaskCommand,
}

#[derive(Subcommand)]
enum XtaskCommand {
    /// Install what building and testing need: the wasm target, Trunk, wasm-bindgen, Binaryen, esbuild, Chromium
    Setup,
    /// Build the release app and serve it on this machine
    Serve {
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Serve it from a sub-path, as some hosts do: /some/path/
        #[arg(long, default_value = "/")]
        path: String,
        /// Only this engine, for quick work: without the GPU's and the one with threads, which take the longest to build
        #[arg(long, value_enum)]
        engine: Option<serve::OnlyEngine>,
    },
    /// Build the static folder dist/
    Build,
    /// Format and clippy, on the host and on wasm, for each feature set
    Check,
    /// Run all tests, those in the browser included
    Test,
    /// Fetch a dataset that may not be served by others
    Dataset {
        #[arg(value_enum)]
        name: dataset::DatasetName,
        /// A copy of the official archive, instead of downloading it
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Train the presets that promise an accuracy, natively, and write their table in BENCHMARKS.md: hours
    Reference(ReferenceOptions),
    #[command(flatten)]
    Driven(DrivenCommand),
}

fn main() -> ExitCode {
    match run(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: XtaskCommand) -> Result<()> {
    let places = Places::find()?;
    match command {
        XtaskCommand::Setup => {
            setup::for_building(&places)?;
            browser::find_or_install(&places)?;
            Ok(())
        }
        XtaskCommand::Serve { port, path, engine } => serve::serve(&places, port, &path, engine),
        XtaskCommand::Build => build::build(&places, &setup::for_building(&places)?),
        XtaskCommand::Check => summarized(|steps| {
            check::fast(&places, steps)?;
            let toolchain = xtask::toolchain::Toolchain::find_or_install(&places)?;
            check::thorough(&places, &toolchain, steps)
        }),
        XtaskCommand::Test => summarized(|steps| test::test(&places, steps)),
        XtaskCommand::Dataset { name, from } => dataset::fetch(&places, name, from.as_deref()),
        XtaskCommand::Reference(options) => reference::run(&places, &options),
        XtaskCommand::Driven(command) => driven::run(&places, &command),
    }
}

fn summarized(run: impl FnOnce(&mut Steps) -> Result<()>) -> Result<()> {
    let mut steps = Steps::default();
    let result = run(&mut steps);
    steps.summary(&result);
    result
}
