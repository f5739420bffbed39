//! `cargo xtask bench` and `cargo xtask screenshots`: build the app, find a browser, and run the program that drives it.
//!
//! That program is a second binary of this package, because the browser driver takes a while to compile and no other command
//! needs it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use crate::judges::{self, Judges};
use crate::places::Places;
use crate::{browser, build, process, setup};

#[derive(Clone, Debug, Subcommand)]
pub enum DrivenCommand {
    /// Measure sizes, speed and memory of the built app, and write BENCHMARKS.md
    Bench(BenchOptions),
    /// Photograph the five places at three widths, light and dark
    Screenshots(ScreenshotOptions),
}

#[derive(Args, Clone, Debug)]
pub struct BenchOptions {
    /// Repeat less often; print the result and write nothing
    #[arg(long)]
    pub quick: bool,
    /// Measure only this; the other sections of BENCHMARKS.md stay
    #[arg(long, value_enum, value_name = "MEASUREMENT")]
    pub only: Vec<Measurement>,
}

/// The measurements, in the order of BENCHMARKS.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measurement {
    Sizes,
    PageLoad,
    FirstStep,
    Kernels,
    StepTime,
    GpuCalls,
    Augmentation,
    Monitoring,
    PageThread,
    Accuracy,
    Exports,
    Memory,
    OwnImages,
    OwnPredictions,
}

#[derive(Args, Clone, Debug)]
pub struct ScreenshotOptions {
    /// Where the pictures go, instead of docs/screenshots
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

pub fn run(places: &Places, command: &DrivenCommand) -> Result<()> {
    build::build(places, &setup::for_building(places)?)?;
    let browser = browser::find_or_install(places)?;
    let judges = if command.needs_judges() { Some(judges::find_or_install(places)?) } else { None };
    process::run(
        Command::new("cargo")
            .envs(judges.iter().flat_map(Judges::variables))
            .args(["run", "--package=xtask", "--bin=drive", "--features=bench", "--quiet"])
            // Brotli is generic, so it is compiled with the profile of this package: without optimization, it is ten times slower.
            .args(["--config", "profile.dev.package.xtask.opt-level=2", "--"])
            .args(command.arguments())
            .current_dir(&places.root)
            .env("KINDLING_CHROMIUM", &browser.chromium)
            .env("KINDLING_CHROMEDRIVER", &browser.chromedriver),
        "the lines above say why",
    )
}

impl DrivenCommand {
    /// Whether it runs exported networks in other programs.
    fn needs_judges(&self) -> bool {
        match self {
            Self::Bench(BenchOptions { only, .. }) => only.is_empty() || only.contains(&Measurement::Exports),
            Self::Screenshots(_) => false,
        }
    }

    /// The command as arguments of the second program.
    fn arguments(&self) -> Vec<std::ffi::OsString> {
        match self {
            Self::Bench(BenchOptions { quick, only }) => {
                let only = only.iter().filter_map(Measurement::to_possible_value);
                let only = only.map(|value| format!("--only={}", value.get_name()).into());
                ["bench".into()].into_iter().chain(quick.then(|| "--quick".into())).chain(only).collect()
            }
            Self::Screenshots(ScreenshotOptions { out }) => {
                // That program runs in the clone's root, this one in any folder.
                let out = out.as_ref().map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.clone()));
                let out = out.map(|folder| ["--out".into(), folder.into_os_string()]);
                ["screenshots".into()].into_iter().chain(out.into_iter().flatten()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_reach_the_second_program() {
        let bench = BenchOptions { quick: true, only: vec![Measurement::PageLoad, Measurement::Sizes] };
        assert_eq!(DrivenCommand::Bench(bench).arguments(), ["bench", "--quick", "--only=page-load", "--only=sizes"]);
        let folder = std::path::absolute("some folder").unwrap();
        let screenshots = ScreenshotOptions { out: Some("some folder".into()) };
        assert_eq!(
            DrivenCommand::Screenshots(screenshots).arguments(),
            ["screenshots".as_ref(), "--out".as_ref(), folder.as_os_str()]
        );
    }
}
