//! The program that drives a browser: `cargo xtask bench` and `cargo xtask screenshots` run it.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Parser;
use xtask::driven::DrivenCommand;
use xtask::places::Places;
use xtask::{bench, screenshots};

#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    command: DrivenCommand,
}

fn main() -> ExitCode {
    match run(&CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("drive: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &DrivenCommand) -> Result<()> {
    let places = Places::find()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        match command {
            DrivenCommand::Bench(options) => bench::run(&places, options).await,
            DrivenCommand::Screenshots(options) => screenshots::run(&places, options).await,
        }
    });
    result.map_err(|error| anyhow!("{error}"))
}
