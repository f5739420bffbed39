//! `kindling train`.

use std::path::Path;
use std::process::ExitCode;

use kindling_core::config::RunConfig;
use kindling_core::dataset::ImageReading;
use kindling_core::protocol::{
    Bulk, Command, DatasetSummary, Event, Failure, FailureKind, RunId, RunReport, RunStart, RunUpdate, Teacher,
};
use kindling_core::runs::record::{KeptRun, RunEnding};
use kindling_session::check_dataset;
use serde_json::json;

use crate::arguments::TrainArguments;
use crate::data::Data;
use crate::device;
use crate::engine::{Engine, Signal};
use crate::history::History;
use crate::reading::{as_in_run, check_effect, filled_in};
use crate::reporter::Reporter;
use crate::run_folder::{self, RunFolder, Unfinished};
use crate::settings::{Source, changed, differences};
use crate::text::{counted, duration};
use crate::trouble::{INTERRUPTED, Trouble};

const RUN: RunId = RunId(1);

pub fn train(arguments: &TrainArguments) -> Result<ExitCode, Trouble> {
    let folder = RunFolder::open(&arguments.out)?;
    let begin = begin(arguments, &folder)?;
    let data = Data::find(&arguments.data.data, begin.reading(arguments)?)?;
    let reporter = Reporter::new(arguments.json);
    let mut engine = Engine::start(device::open(&arguments.machine)?, &data)?;
    let dataset = engine.load(&data, |update| reporter.dataset(update))?;
    check_effect(&arguments.data.images, &dataset)?;
    let (history, start) = match begin {
        Begin::Again { unfinished, source } => {
            check_dataset(&unfinished.history.config.dataset, &dataset.id, &dataset.name)?;
            if let Some(source) = source {
                compare(&source, arguments, &unfinished.history, &dataset, &reporter)?;
            }
            reporter.say(&format!("resuming after step {}", unfinished.history.steps))?;
            (unfinished.history, RunStart::Checkpoint(unfinished.checkpoint))
        }
        Begin::New { source, teacher } => {
            let start = match arguments.teacher.as_deref().zip(teacher) {
                None => RunStart::New,
                Some((run, opened)) => RunStart::Taught(Box::new(teacher_of(run, *opened, &dataset)?)),
            };
            let config = with_options(source.config(&dataset)?, arguments)?;
            (History::new(config, &dataset, device::environment(&arguments.machine)), start)
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
    let run = Run { engine, reporter, folder, history, weights: None, end: None };
    run.follow()
}

/// How a run begins.
enum Begin {
    New {
        source: Source,
        /// A run with its weights.
        teacher: Option<Box<(KeptRun, Bulk)>>,
    },
    Again {
        unfinished: Box<Unfinished>,
        /// What was given as the config, too.
        source: Option<Source>,
    },
}

/// Checks everything that can be rejected before the dataset is read.
fn begin(arguments: &TrainArguments, folder: &RunFolder) -> Result<Begin, Trouble> {
    let source = arguments.config.as_deref().map(Source::find).transpose()?;
    if !arguments.resume {
        folder.check_is_free()?;
    } else if let Some(unfinished) = folder.unfinished()? {
        folder.check_is_writable()?;
        return Ok(Begin::Again { unfinished: Box::new(unfinished), source });
    }
    folder.check_is_writable()?;
    let out = arguments.out.display();
    let source = source.ok_or_else(|| {
        Trouble::new(format!("{out} has no checkpoint to resume from: give a CONFIG to start with, or another --out."))
    })?;
    if let Some(sample) = source.sample() {
        with_options(sample, arguments)?;
    }
    let teacher = arguments.teacher.as_deref().map(run_folder::open).transpose()?.map(Box::new);
    Ok(Begin::New { source, teacher })
}

impl Begin {
    /// How image files are read: as the options say, or else as the run has read them that continues, is repeated, or teaches.
    fn reading(&self, arguments: &TrainArguments) -> Result<ImageReading, Trouble> {
        let images = &arguments.data.images;
        match self {
            Self::Again { unfinished, .. } => {
                as_in_run(&arguments.out.display().to_string(), images, &unfinished.history.input)
            }
            Self::New { source, teacher } => {
                let of_teacher = teacher.as_ref().and_then(|opened| opened.0.record.input.as_ref());
                // Another dataset is read as suits its own images.
                let is_another = arguments.changes.iter().any(|change| change.starts_with("dataset="));
                let of_source = source.input().filter(|_| !is_another);
                let given = ImageReading::from(images);
                Ok(of_teacher.or(of_source).map_or(given, |input| filled_in(given, input)))
            }
        }
    }
}

/// A config with what the options change.
fn with_options(mut config: RunConfig, arguments: &TrainArguments) -> Result<RunConfig, Trouble> {
    // A teacher belongs to the run that is given one.
    config.distillation = arguments.teacher.as_ref().map(|_| config.distillation.unwrap_or_default());
    changed(&config, &arguments.changes)
}

/// Compares a run that continues with the config that was given, too. Fails if that has another network, and says where else it differs.
fn compare(
    source: &Source,
    arguments: &TrainArguments,
    history: &History,
    dataset: &DatasetSummary,
    reporter: &Reporter,
) -> Result<(), Trouble> {
    let (own, given) = (&history.config, source.config(dataset)?);
    let name = arguments.config.as_deref().unwrap_or_default();
    if own.network.layers != given.network.layers {
        return Err(Trouble::new(format!(
            "{} holds an unfinished run of another network, {}, than {name} has: leave CONFIG out to continue it, or choose another --out.",
            arguments.out.display(),
            own.network.name,
        )));
    }
    let fields = differences(own, &given);
    if !fields.is_empty() {
        let fields = fields.join(", ");
        reporter.warn_of(format_args!("the run continues with its own config, which differs from {name} in {fields}"));
    }
    Ok(())
}

/// The network of a run that was trained on this dataset.
fn teacher_of(run: &Path, (kept, weights): (KeptRun, Bulk), dataset: &DatasetSummary) -> Result<Teacher, Trouble> {
    let knows_it =
        kept.record.input.is_some_and(|input| input.shape == dataset.shape && input.classes == dataset.classes);
    if !knows_it {
        let run = run.display();
        return Err(Trouble::new(format!("{run} was trained on another dataset: give a teacher for this one.")));
    }
    Ok(Teacher { network: kept.record.config.network, weights })
}

/// Why the process ends at the next checkpoint.
enum End {
    Interrupted,
    /// Nobody reads what is reported, or it cannot be written.
    Output(Trouble),
}

/// A run in progress.
struct Run {
    engine: Engine,
    reporter: Reporter,
    folder: RunFolder,
    history: History,
    /// The weights that the run ends with.
    weights: Option<Bulk>,
    /// Set if the process ends at the next checkpoint.
    end: Option<End>,
}

impl Run {
    /// Follows the run until it ends or is interrupted.
    fn follow(mut self) -> Result<ExitCode, Trouble> {
        loop {
            match self.engine.next() {
                Signal::Interrupted => {
                    let said = self.reporter.say("writing a checkpoint; press Ctrl-C again to quit at once");
                    self.end_at_checkpoint(said.map_or_else(End::Output, |()| End::Interrupted));
                }
                Signal::Event(Event::Run { update, .. }) => {
                    if let Some(code) = self.receive(update)? {
                        return Ok(code);
                    }
                }
                Signal::Event(Event::Warning(failure)) => {
                    let said = self.reporter.warn(&failure);
                    self.check_output(said);
                }
                Signal::Event(Event::Crashed(failure)) => {
                    self.reporter.run(&RunUpdate::Failed(failure.clone())).ok();
                    return self.failed(failure);
                }
                Signal::Event(_) => {}
            }
        }
    }

    /// A run whose reports cannot be written ends as if it had been interrupted, so that nothing of it is lost.
    fn check_output(&mut self, written: Result<(), Trouble>) {
        if let Err(trouble) = written
            && self.end.is_none()
        {
            self.end_at_checkpoint(End::Output(trouble));
        }
    }

    fn end_at_checkpoint(&mut self, end: End) {
        self.end = Some(end);
        self.engine.act(Command::Checkpoint);
    }

    /// Returns the exit code once the run has ended.
    fn receive(&mut self, update: RunUpdate) -> Result<Option<ExitCode>, Trouble> {
        self.history.receive(&update);
        let written = self.reporter.run(&update);
        self.check_output(written);
        match update {
            RunUpdate::Checkpoint { step, bytes } => {
                let kept = self.folder.keep_checkpoint(&self.history, &bytes);
                match (self.end.take(), kept) {
                    (None, Ok(())) => {}
                    // The run may still succeed: a later checkpoint may find room.
                    (None, Err(trouble)) => self.reporter.warn_of(trouble),
                    (Some(End::Interrupted), kept) => return kept.and_then(|()| self.interrupted(step)).map(Some),
                    (Some(End::Output(trouble)), kept) => {
                        self.reporter.end();
                        return Err(kept.err().unwrap_or_else(|| kept_before(trouble, step)));
                    }
                }
            }
            RunUpdate::Weights(bytes) => self.weights = Some(bytes),
            RunUpdate::Finished(report) => return self.finished(&report).map(Some),
            RunUpdate::Failed(failure) => return self.failed(failure).map(Some),
            _ => {}
        }
        Ok(None)
    }

    fn interrupted(&self, step: u32) -> Result<ExitCode, Trouble> {
        self.reporter.end();
        self.reporter.say(&format!("interrupted after step {step}; continue with --resume"))?;
        self.reporter.emit(&json!({ "kind": "interrupted", "step": step }))?;
        Ok(INTERRUPTED.into())
    }

    fn finished(&mut self, report: &RunReport) -> Result<ExitCode, Trouble> {
        let weights = self.weights.take();
        let size = weights.as_ref().map(|weights| weights.len() as u64);
        let run = self.history.clone().kept(report.ending.into(), size);
        self.folder.keep_result(&run, weights.as_deref())?;
        self.reporter.end();
        if let Some(End::Output(trouble)) = self.end.take() {
            return Err(trouble);
        }
        let best = report.best.and_then(|best| {
            let accuracy = 100.0 * best.validation_accuracy?;
            Some(format!("; best validation accuracy {accuracy:.2}% after epoch {}", best.epoch + 1))
        });
        let best = best.unwrap_or_default();
        let steps = counted(report.steps, "step");
        self.reporter.say(&format!("{steps} in {}{best}", duration(report.elapsed_ms)))?;
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

/// What is said if reports could not be written, and the run has a checkpoint.
fn kept_before(trouble: Trouble, step: u32) -> Trouble {
    match trouble {
        Trouble::Failure(sentence) => {
            Trouble::new(format!("{sentence} The run has a checkpoint after step {step}: continue with --resume."))
        }
        Trouble::Usage(_) | Trouble::Interrupted | Trouble::ClosedOutput => trouble,
    }
}
