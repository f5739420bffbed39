//! `kindling`: the page's session, natively, so that a run that outgrows a browser can continue on a larger machine.

/// The command line's arguments.
mod arguments;

/// The commands.
mod evaluate;
mod export;
mod export_int8;
mod import;
mod list_presets;
mod predict;
mod prune;
mod train;

/// The devices.
mod device;

/// A trained network on a device.
mod trained;

/// Where a dataset's files are, how they are read, and what is in image files.
mod data;
mod decode;
mod images;
mod reading;

/// The config of a run.
mod settings;

/// The session, its platform and its store.
mod engine;
mod platform;
mod signals;
mod store;

/// What a run reported, and the folder that it is kept in.
mod folder_lock;
mod history;
mod run_folder;

/// A file that a command writes, and the folders that it lies in.
mod created_folders;
mod output_file;

/// Output for people and programs.
mod reporter;
mod text;
mod trouble;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::arguments::{Arguments, Command};
use self::reporter::complain;
use self::trouble::{Trouble, USAGE};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(explanation) => return explain(&explanation),
    };
    let result = match arguments.command {
        Command::Train(arguments) => train::train(&arguments),
        Command::Evaluate(arguments) => evaluate::evaluate(&arguments),
        Command::Predict(arguments) => predict::predict(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Import(arguments) => import::import(&arguments),
        Command::Prune(arguments) => prune::prune(&arguments),
        Command::Presets(arguments) => list_presets::list_presets(&arguments),
    };
    result.unwrap_or_else(|trouble| end(&trouble))
}

fn end(trouble: &Trouble) -> ExitCode {
    // Where nobody reads the output, other programs end without a word, too.
    if !matches!(trouble, Trouble::ClosedOutput) {
        complain(format_args!("kindling: {trouble}"));
    }
    trouble.exit_code().into()
}

/// Prints the help that was asked for, or what is wrong with the arguments.
fn explain(explanation: &clap::Error) -> ExitCode {
    match explanation.print().and_then(|()| std::io::stdout().flush()) {
        Err(error) if !explanation.use_stderr() => end(&Trouble::output(&error)),
        _ => u8::try_from(explanation.exit_code()).unwrap_or(USAGE).into(),
    }
}
