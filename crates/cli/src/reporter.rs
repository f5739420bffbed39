//! Reports the progress of a run, to a person or to a program.

use std::fmt::Display;
use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};
use kindling_core::dataset::image_folder::{Copied, ImageReport, LeftOut};
use kindling_core::protocol::{DatasetSummary, DatasetUpdate, EpochReport, Failure, Preparation, RunUpdate};
use kindling_core::runs::run_event::{error_message, error_name, run_event};
use serde_json::{Value, json};

use crate::text::{counted, duration, printable};
use crate::trouble::Trouble;

/// Files that are named when they are left out or copies; the number of the others follows.
const N_NAMED: usize = 10;

/// Columns of the bar itself.
const BAR_COLUMNS: u64 = 24;

pub enum Reporter {
    /// A progress bar on standard error, and permanent lines on standard output.
    Person(ProgressBar),
    /// One JSON object per line, on standard output.
    Program,
}

impl Reporter {
    pub fn new(is_json: bool) -> Self {
        if is_json { Self::Program } else { Self::on(ProgressBar::no_length()) }
    }

    fn on(bar: ProgressBar) -> Self {
        // The template is constant and valid, so the fallback is never used. A wide message is cut to the width of the terminal.
        let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        Self::Person(bar.with_style(style))
    }

    pub fn dataset(&self, update: &DatasetUpdate) -> Result<(), Trouble> {
        match (self, update) {
            (Self::Program, DatasetUpdate::Set(dataset)) => print(dataset_event(dataset))?,
            (Self::Person(bar), DatasetUpdate::Set(dataset)) => {
                let counts = dataset.counts;
                let text = format!(
                    "{}: {}, {}, {}",
                    dataset.name,
                    counted(counts.train, "training image"),
                    counted(counts.validation, "validation image"),
                    counted(counts.test, "test image")
                );
                let notes = dataset.import.as_ref().map(import_notes).unwrap_or_default();
                bar.suspend(|| [text].into_iter().chain(notes).try_for_each(print))?;
            }
            (Self::Person(bar), DatasetUpdate::Decoding { done, total, images_per_second }) => {
                bar.set_message(format!("reading the images  {done}/{total}  {images_per_second:.0} images/s"));
            }
            (Self::Person(bar), DatasetUpdate::Parsing) => bar.set_message("reading the dataset"),
            _ => {}
        }
        Ok(())
    }

    pub fn run(&self, update: &RunUpdate) -> Result<(), Trouble> {
        let bar = match self {
            Self::Program => return print(run_event(update)),
            Self::Person(bar) => bar,
        };
        match update {
            RunUpdate::Preparing(preparation) => bar.set_message(preparing(*preparation)),
            RunUpdate::Started { total_steps, parameters, .. } => {
                bar.set_length((*total_steps).into());
                let text = format!("{}, {}", counted(parameters, "parameter"), counted(total_steps, "step"));
                bar.suspend(|| print(text))?;
            }
            RunUpdate::Progress(progress) => {
                let loss = progress.losses.last().copied().unwrap_or_default();
                let accuracy = progress.accuracy().unwrap_or_default();
                let figures = format!(
                    "epoch {}  {:.0} images/s  loss {loss:.4}  accuracy {:.1}%  {} left",
                    progress.epoch + 1,
                    progress.images_per_second,
                    100.0 * accuracy,
                    duration(progress.remaining_ms)
                );
                let (step, total) = (progress.step.into(), bar.length().unwrap_or_default());
                bar.set_message(format!("{} {step}/{total}  {figures}", drawn(step, total)));
            }
            RunUpdate::Epoch(report) => bar.suspend(|| print(epoch(report)))?,
            _ => {}
        }
        Ok(())
    }

    pub fn warn(&self, failure: &Failure) -> Result<(), Trouble> {
        match self {
            Self::Program => print(json!({
                "kind": "warning", "name": error_name(failure), "message": error_message(failure),
            })),
            Self::Person(bar) => {
                bar.suspend(|| complain(error_message(failure)));
                Ok(())
            }
        }
    }

    /// Warns of something about the program itself, on standard error.
    pub fn warn_of(&self, sentence: impl Display) {
        let line = format!("kindling: {sentence}");
        match self {
            Self::Program => complain(line),
            Self::Person(bar) => bar.suspend(|| complain(line)),
        }
    }

    /// Prints a line for a person only.
    pub fn say(&self, text: &str) -> Result<(), Trouble> {
        match self {
            Self::Program => Ok(()),
            Self::Person(bar) => bar.suspend(|| print(text)),
        }
    }

    /// Prints an event for a program only.
    pub fn emit(&self, event: &Value) -> Result<(), Trouble> {
        match self {
            Self::Program => print(event),
            Self::Person(_) => Ok(()),
        }
    }

    pub fn end(&self) {
        if let Self::Person(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// The bar itself. It is a part of the message, because indicatif cuts only messages.
fn drawn(step: u64, total: u64) -> String {
    let n_filled = (BAR_COLUMNS * step / total.max(1)).min(BAR_COLUMNS);
    (0..BAR_COLUMNS).map(|column| if column < n_filled { '█' } else { '░' }).collect()
}

/// Prints a line on standard output. Fails if it cannot be written, or if nobody reads it.
pub fn print(line: impl Display) -> Result<(), Trouble> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(|error| Trouble::output(&error))
}

/// Prints a line on standard error.
pub fn complain(line: impl Display) {
    // Where this fails, there is no place left to say so.
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

/// Says on standard error what became of image files, for commands whose standard output has other things.
pub fn complain_of_import(update: &DatasetUpdate) -> Result<(), Trouble> {
    if let DatasetUpdate::Set(DatasetSummary { import: Some(import), .. }) = update {
        import_notes(import).into_iter().for_each(complain);
    }
    Ok(())
}

/// What became of image files where it is not what everybody expects, line by line.
pub fn import_notes(import: &ImageReport) -> Vec<String> {
    let mut lines = Vec::new();
    if import.n_left_out > 0 {
        lines.push(format!("{} of {} were left out:", import.n_left_out, counted(import.n_files, "file")));
        let files = import.left_out.iter().map(|LeftOut { file, reason }| format!("{file}: {reason}"));
        name_some(files, import.n_left_out, &mut lines);
    }
    if import.n_duplicates > 0 {
        let copies = counted(import.n_duplicates, "image");
        // What came as a test or validation set stays one; the note on leaked images says so.
        let place = if import.n_leaked == 0 { ", and stay in one split" } else { "" };
        lines.push(format!("{copies}: each has the same content as another; copies are kept{place}:"));
        let files = import.copies.iter().map(|Copied { file, of }| format!("{file}: a copy of {of}"));
        name_some(files, import.n_duplicates, &mut lines);
    }
    let notes = [
        (import.n_near_duplicates, "looks like another and may be in another split"),
        (import.n_contradictions, "is also in another class"),
        (import.n_leaked, "came for validation or test, and is, or looks like, one that came for another split"),
        (import.n_on_white, "has transparent pixels, which were laid on white"),
        (import.n_on_black, "has transparent pixels, which were laid on black"),
    ];
    let notes = notes.into_iter().filter(|(count, _)| *count > 0);
    lines.extend(notes.map(|(count, note)| format!("{}: each {note}", counted(count, "image"))));
    lines
}

/// Adds a line for each of the first files, and one for the others.
fn name_some(files: impl Iterator<Item = String>, count: u32, lines: &mut Vec<String>) {
    lines.extend(files.take(N_NAMED).map(|file| printable(&format!("  {file}"))));
    let n_others = (count as usize).saturating_sub(N_NAMED);
    if n_others > 0 {
        lines.push(format!("  and {n_others} more"));
    }
}

fn dataset_event(dataset: &DatasetSummary) -> Value {
    json!({
        "kind": "dataset", "id": dataset.id, "name": dataset.name, "classes": dataset.classes, "counts": dataset.counts,
        "shape": dataset.shape, "hasStandardTest": dataset.has_standard_test, "import": dataset.import.as_ref().map(ImageReport::to_json),
    })
}

fn preparing(preparation: Preparation) -> String {
    match preparation {
        Preparation::BuildingNetwork => "building the network".to_owned(),
        Preparation::CompilingKernels => "compiling kernels".to_owned(),
        Preparation::LoadingWeights { received_bytes, total_bytes } => {
            format!("loading pre-trained weights: {:.0}%", 100.0 * received_bytes as f64 / total_bytes.max(1) as f64)
        }
        Preparation::ComputingFeatures { done, total, images_per_second } => {
            format!("computing features: {done} of {}, {images_per_second:.0} per second", counted(total, "image"))
        }
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};
    use kindling_core::protocol::Progress;

    use super::*;

    /// A terminal that records what is written on it.
    #[derive(Clone, Debug)]
    struct Terminal {
        columns: u16,
        written: Arc<Mutex<Vec<String>>>,
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            self.columns
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(line)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.written.lock().unwrap().push(text.to_owned());
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_bar_is_never_longer_than_the_terminal() {
        for columns in [1, 10, 30, 60, 80, 120] {
            let terminal = Terminal { columns, written: Arc::default() };
            let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
            let reporter = Reporter::on(ProgressBar::with_draw_target(Some(1_000_000), target));
            let progress = Progress { step: 500_000, losses: vec![1.5], ..Progress::default() };
            reporter.run(&RunUpdate::Progress(progress)).unwrap();
            let written = terminal.written.lock().unwrap().clone();
            let longest = written.iter().map(|text| text.chars().count()).max().unwrap_or_default();
            assert!((1..=usize::from(columns)).contains(&longest), "{columns}: {written:?}");
        }
    }

    #[test]
    fn files_are_named_up_to_a_limit() {
        let copies = (1..=15).map(|number| Copied { file: format!("a/{number}.png"), of: "a/0.png".to_owned() });
        let report = ImageReport { n_duplicates: 15, copies: copies.collect(), ..ImageReport::default() };
        let lines = import_notes(&report);
        assert!(lines[0].starts_with("15 images: each has the same content as another"), "{lines:?}");
        assert_eq!((lines.len(), lines[1].as_str()), (12, "  a/1.png: a copy of a/0.png"));
        assert_eq!(lines[11], "  and 5 more");
        assert!(import_notes(&ImageReport::default()).is_empty());
    }

    #[test]
    fn the_bar_fills_up() {
        assert_eq!(drawn(0, 10), "░".repeat(24));
        assert_eq!(drawn(5, 10), "█".repeat(12) + &"░".repeat(12));
        assert_eq!(drawn(11, 10), "█".repeat(24));
        assert_eq!(drawn(0, 0), "░".repeat(24));
    }
}
