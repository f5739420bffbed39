//! Reports the progress of a run, to a person or to a program.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use kindling_core::protocol::{DatasetSummary, DatasetUpdate, EpochReport, Failure, Preparation, RunUpdate};
use kindling_core::runs::run_event::{error_message, error_name, run_event};
use serde_json::{Value, json};

use crate::trouble::Trouble;

pub enum Reporter {
    /// A progress bar on standard error, and permanent lines on standard output.
    Person(ProgressBar),
    /// One JSON object per line, on standard output.
    Program,
}

impl Reporter {
    pub fn new(is_json: bool) -> Self {
        if is_json { Self::Program } else { Self::Person(ProgressBar::new(0).with_style(style())) }
    }

    pub fn dataset(&self, update: &DatasetUpdate) {
        match (self, update) {
            (Self::Program, DatasetUpdate::Set(dataset)) => print(dataset_event(dataset)),
            (Self::Person(bar), DatasetUpdate::Set(dataset)) => {
                let counts = dataset.counts;
                let text = format!(
                    "{}: {} training images, {} validation images, {} test images",
                    dataset.name, counts.train, counts.validation, counts.test
                );
                bar.suspend(|| print(text));
            }
            (Self::Person(bar), DatasetUpdate::Parsing) => bar.set_message("reading the dataset"),
            _ => {}
        }
    }

    pub fn run(&self, update: &RunUpdate) {
        let bar = match self {
            Self::Program => return print(run_event(update)),
            Self::Person(bar) => bar,
        };
        match update {
            RunUpdate::Preparing(preparation) => bar.set_message(preparing(*preparation)),
            RunUpdate::Started { total_steps, parameters, .. } => {
                bar.set_length((*total_steps).into());
                bar.suspend(|| print(format_args!("{parameters} parameters, {total_steps} steps")));
            }
            RunUpdate::Progress(progress) => {
                bar.set_position(progress.step.into());
                let loss = progress.losses.last().copied().unwrap_or_default();
                bar.set_message(format!(
                    "epoch {}  {:.0} images/s  loss {loss:.4}  accuracy {:.1}%  {} left",
                    progress.epoch + 1,
                    progress.images_per_second,
                    100.0 * progress.accuracy,
                    duration(progress.remaining_ms)
                ));
            }
            RunUpdate::Epoch(report) => bar.suspend(|| print(epoch(report))),
            _ => {}
        }
    }

    pub fn warn(&self, failure: &Failure) {
        match self {
            Self::Program => print(json!({
                "kind": "warning", "name": error_name(failure), "message": error_message(failure),
            })),
            Self::Person(bar) => bar.suspend(|| eprintln!("{}", error_message(failure))),
        }
    }

    /// Warns of a failure of the program itself, on standard error.
    pub fn warn_of(&self, trouble: &Trouble) {
        match self {
            Self::Program => eprintln!("kindling: {trouble}"),
            Self::Person(bar) => bar.suspend(|| eprintln!("kindling: {trouble}")),
        }
    }

    /// Prints a line for a person only.
    pub fn say(&self, text: &str) {
        if let Self::Person(bar) = self {
            bar.suspend(|| print(text));
        }
    }

    /// Prints an event for a program only.
    pub fn emit(&self, event: &Value) {
        if let Self::Program = self {
            print(event);
        }
    }

    pub fn end(&self) {
        if let Self::Person(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    // The template is constant and valid, so the fallback is never used.
    ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Prints a line on standard output.
pub fn print(line: impl Display) {
    // If the reader closes the pipe, the run continues.
    writeln!(std::io::stdout().lock(), "{line}").ok();
}

fn dataset_event(dataset: &DatasetSummary) -> Value {
    json!({
        "kind": "dataset", "id": dataset.id, "name": dataset.name, "classes": dataset.classes, "counts": dataset.counts,
        "shape": dataset.shape, "hasStandardTest": dataset.has_standard_test,
    })
}

fn preparing(preparation: Preparation) -> &'static str {
    match preparation {
        Preparation::BuildingNetwork => "building the network",
        Preparation::CompilingKernels => "compiling kernels",
        Preparation::TuningKernels { .. } => "tuning kernels",
    }
}

fn epoch(report: &EpochReport) -> String {
    let validation = match (report.validation_loss, report.validation_accuracy) {
        (Some(loss), Some(accuracy)) => format!("validation loss {loss:.4}, accuracy {:.2}%", 100.0 * accuracy),
        (None, Some(accuracy)) => format!("validation loss not finite, accuracy {:.2}%", 100.0 * accuracy),
        (_, None) => "no validation images".to_owned(),
    };
    format!(
        "epoch {}: training loss {:.4}, accuracy {:.2}%; {validation}; {}{}",
        report.epoch + 1,
        report.train_loss,
        100.0 * report.train_accuracy,
        duration(report.elapsed_ms),
        if report.is_best && report.validation_accuracy.is_some() { ", the best so far" } else { "" }
    )
}

/// `0:07`, `12:30`, `2:05:00`.
pub fn duration(ms: f64) -> String {
    let seconds = Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default().as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_read_as_clocks_do() {
        assert_eq!(duration(7_400.0), "0:07");
        assert_eq!(duration(750_000.0), "12:30");
        assert_eq!(duration(7_500_000.0), "2:05:00");
        assert_eq!(duration(f64::NAN), "0:00");
        assert_eq!(duration(-1.0), "0:00");
    }
}
