//! `kindling train`.

use std::path::Path;
use std::process::ExitCode;

use kindling_core::protocol::{
    Bulk, Command, DatasetSummary, Event, Failure, FailureKind, RunId, RunReport, RunStart, RunUpdate, Teacher,
};
use kindling_core::runs::record::RunEnding;
use serde_json::json;

use crate::arguments::TrainArguments;
use crate::data::Data;
use crate::engine::{Engine, Loaded, Signal};
use crate::history::History;
use crate::reporter::Reporter;
use crate::run_folder::{self, RunFolder, Unfinished};
use crate::settings::{Source, changed};
use crate::text::{counted, duration};
use crate::trouble::Trouble;
use crate::{INTERRUPTED, device};

const RUN: RunId = RunId(1);

pub fn train(arguments: &TrainArguments) -> Result<ExitCode, Trouble> {
    let folder = RunFolder::open(&arguments.out)?;
    let begin = begin(arguments, &folder)?;
    let data = Data::find(&arguments.data)?;
    let reporter = Reporter::new(arguments.json);
    let mut engine = Engine::start(device::open(&arguments.machine)?, &data)?;
    let dataset = match engine.load(&data, |update| reporter.dataset(update))? {
        Loaded::Dataset(dataset) => dataset,
        Loaded::Interrupted => return Ok(INTERRUPTED.into()),
    };
    let (history, start) = match begin {
        Begin::Again(unfinished) => {
            reporter.say(&format!("resuming after step {}", unfinished.history.steps));
            (unfinished.history, RunStart::Checkpoint(unfinished.checkpoint))
        }
        Begin::New(source) => {
            let start = match &arguments.teacher {
                None => RunStart::New,
                Some(run) => RunStart::Taught(Box::new(teacher(run, &dataset)?)),
            };
            (new_history(*source, arguments, &dataset)?, start)
        }
    };
    follow(engine, reporter, folder, history, start)
}

/// Trains to the end, or to an interruption.
pub fn follow(
    engine: Engine,
    reporter: Reporter,
    folder: RunFolder,
    history: History,
    start: RunStart,
) -> Result<ExitCode, Trouble> {
    let config = Box::new(history.config.clone());
    engine.act(Command::Train { run: RUN, config, start, is_kept: true });
    let run = Run { engine, reporter, folder, history, weights: None, is_ending: false };
    run.follow()
}

/// How a run begins.
enum Begin {
    New(Box<Source>),
    Again(Box<Unfinished>),
}

/// Checks everything that can be rejected before the dataset is read.
fn begin(arguments: &TrainArguments, folder: &RunFolder) -> Result<Begin, Trouble> {
    if !arguments.resume {
        folder.check_is_free()?;
    } else if let Some(unfinished) = folder.unfinished()? {
        folder.check_is_writable()?;
        return Ok(Begin::Again(Box::new(unfinished)));
    }
    folder.check_is_writable()?;
    let out = arguments.out.display();
    let config = arguments.config.as_ref().ok_or_else(|| {
        Trouble::new(format!("{out} has no checkpoint to resume from: give a CONFIG to start with, or another --out."))
    })?;
    Source::find(config).map(|source| Begin::New(Box::new(source)))
}

fn new_history(source: Source, arguments: &TrainArguments, dataset: &DatasetSummary) -> Result<History, Trouble> {
    let mut config = source.config(dataset)?;
    // A teacher belongs to the run that is given one.
    config.distillation = arguments.teacher.as_ref().map(|_| config.distillation.unwrap_or_default());
    let config = changed(&config, &arguments.changes)?;
    Ok(History::new(config, dataset, device::environment(&arguments.machine)))
}

/// The network of a run that was trained on this dataset.
fn teacher(run: &Path, dataset: &DatasetSummary) -> Result<Teacher, Trouble> {
    let (kept, weights) = run_folder::open(run)?;
    let knows_it =
        kept.record.input.is_some_and(|input| input.shape == dataset.shape && input.classes == dataset.classes);
    if !knows_it {
        let run = run.display();
        return Err(Trouble::new(format!("{run} was trained on another dataset: give a teacher for this one.")));
    }
    Ok(Teacher { network: kept.record.config.network, weights })
}

/// A run in progress.
struct Run {
    engine: Engine,
    reporter: Reporter,
    folder: RunFolder,
    history: History,
    /// The weights that the run ends with.
    weights: Option<Bulk>,
    /// Whether the process ends at the next checkpoint.
    is_ending: bool,
}

impl Run {
    /// Follows the run until it ends or is interrupted.
    fn follow(mut self) -> Result<ExitCode, Trouble> {
        loop {
            match self.engine.next() {
                Signal::Interrupted => {
                    self.is_ending = true;
                    self.engine.act(Command::Checkpoint);
                    self.reporter.say("writing a checkpoint; press Ctrl-C again to quit at once");
                }
                Signal::Event(Event::Run { update, .. }) => {
                    if let Some(code) = self.receive(update)? {
                        return Ok(code);
                    }
                }
                Signal::Event(Event::Warning(failure)) => self.reporter.warn(&failure),
                Signal::Event(Event::Crashed(failure)) => {
                    self.reporter.run(&RunUpdate::Failed(failure.clone()));
                    return self.failed(failure);
                }
                Signal::Event(_) => {}
            }
        }
    }

    /// Returns the exit code once the run has ended.
    fn receive(&mut self, update: RunUpdate) -> Result<Option<ExitCode>, Trouble> {
        self.history.receive(&update);
        self.reporter.run(&update);
        match update {
            RunUpdate::Checkpoint { step, bytes } => {
                let kept = self.folder.keep_checkpoint(&self.history, &bytes);
                if let Err(trouble) = &kept
                    && !self.is_ending
                {
                    // The run may still succeed: a later checkpoint may find room.
                    self.reporter.warn_of(trouble);
                }
                if self.is_ending {
                    kept?;
                    self.reporter.end();
                    self.reporter.say(&format!("interrupted after step {step}; continue with --resume"));
                    self.reporter.emit(&json!({ "kind": "interrupted", "step": step }));
                    return Ok(Some(INTERRUPTED.into()));
                }
            }
            RunUpdate::Weights(bytes) => self.weights = Some(bytes),
            RunUpdate::Finished(report) => return self.finished(&report).map(Some),
            RunUpdate::Failed(failure) => return self.failed(failure).map(Some),
            _ => {}
        }
        Ok(None)
    }

    fn finished(&mut self, report: &RunReport) -> Result<ExitCode, Trouble> {
        let weights = self.weights.take();
        let size = weights.as_ref().map(|weights| weights.len() as u64);
        let run = self.history.clone().kept(report.ending.into(), size);
        self.folder.keep_result(&run, weights.as_deref())?;
        self.reporter.end();
        let best = report.best.and_then(|best| {
            let accuracy = 100.0 * best.validation_accuracy?;
            Some(format!("; best validation accuracy {accuracy:.2}% after epoch {}", best.epoch + 1))
        });
        let best = best.unwrap_or_default();
        let steps = counted(report.steps, "step");
        self.reporter.say(&format!("{steps} in {}{best}", duration(report.elapsed_ms)));
        Ok(ExitCode::SUCCESS)
    }

    fn failed(&mut self, failure: Failure) -> Result<ExitCode, Trouble> {
        self.reporter.end();
        // After a lost device, the run can be resumed; after a loss that is not finite, it cannot.
        if self.history.steps > 0 && failure.kind == FailureKind::LossNotFinite {
            let run = self.history.clone().kept(RunEnding::Failed(failure.kind), None);
            self.folder.keep_result(&run, None)?;
        }
        Err(failure.into())
    }
}
