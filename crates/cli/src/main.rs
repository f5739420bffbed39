//! `kindling`: the session of the page, natively, so that a run that outgrows a browser goes on where there is more machine.

/// What was asked for.
mod arguments;

/// The commands.
mod evaluate;
mod list_presets;
mod predict;
mod train;

/// What computes.
mod device;

/// Where a dataset's files are.
mod data;

/// Which config a run has.
mod settings;

/// The session, its platform and its store.
mod engine;
mod platform;
mod store;

/// What a run reported, and the folder that it is kept in.
mod history;
mod run_folder;

/// What a person or a program reads.
mod reporter;
mod trouble;

use std::process::ExitCode;

use clap::Parser;

use self::arguments::{Arguments, Command};

/// The exit code after Ctrl-C, as shells have it: 128 and the signal's number.
pub const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Train(arguments) => train::train(&arguments),
        Command::Evaluate(arguments) => evaluate::evaluate(&arguments),
        Command::Predict(arguments) => predict::predict(&arguments),
        Command::Presets(arguments) => list_presets::list_presets(&arguments),
    };
    result.unwrap_or_else(|trouble| {
        eprintln!("kindling: {trouble}");
        ExitCode::FAILURE
    })
}
