//! Carries commands and events between the page and its engines, and moves a run from one engine to another where the [`Tuner`] says so.
//!
//! [`Tuner`]: super::tuner::Tuner

use kindling_core::protocol::question::FindRate;
use leptos::prelude::*;

use super::tuner::{BesideNews, News, Next, Refusal};
use super::{Engine, Engines, Link};
use crate::page::preferences::{Preference, Tuning};
use crate::page::state::{Checkpoint, EngineProgram, NoticeKind, RunState};
use kindling_core::config::RunConfig;
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::{Command, DatasetUpdate, Event, Failure, FailureKind, Question, RunId, RunUpdate};

/// Sends a command to the engine that it is for.
pub(super) fn send(engines: Engines, command: Command) {
    match &command {
        Command::Train { config, .. } => {
            follow(engines, |link| link.tuner.abandon());
            choose_engine(engines, config);
        }
        Command::Open { .. } => follow(engines, |link| link.tuner.abandon()),
        Command::Adjust { .. } => follow(engines, |link| link.tuner.adjusted()),
        Command::Pause | Command::Resume | Command::Step | Command::Stop => {
            engines.link.update_value(|link| link.tuner.steered());
        }
        Command::Ask { question: Question::FindRate(FindRate { config }), .. } => {
            // Kernels would be tuned in the middle of it, in silence.
            if with_beside(engines, config, |engine| engine.link.send(&command)) {
                return;
            }
        }
        Command::Withdraw { .. } => engines.link.with_value(|link| {
            if let Some(beside) = &link.beside {
                beside.link.send(&command);
            }
        }),
        Command::SetDataset { .. }
        | Command::CancelDataset
        | Command::Checkpoint
        | Command::Watch(_)
        | Command::Ask { .. } => {}
    }
    engines.link.update_value(|link| link.send(command));
}

/// Takes in what an engine says, each called by its id.
pub(super) fn hear(engines: Engines, id: u32, event: Event) {
    let is = |engine: &Option<Engine>| engine.as_ref().is_some_and(|engine| engine.id == id);
    let (is_active, is_beside) = engines.link.with_value(|link| (is(&link.active), is(&link.beside)));
    if is_active {
        hear_active(engines, event);
    } else if is_beside {
        hear_beside(engines, event);
    }
    // What an engine says that was ended comes too late.
}

pub(super) fn set_tuning(engines: Engines, tuning: Tuning) {
    tuning.remember();
    follow(engines, |link| {
        link.tuner.switch(tuning == Tuning::On && link.choice.as_ref().is_some_and(|choice| choice.may_tune));
        if tuning == Tuning::On { Next::Nothing } else { link.tuner.abandon() }
    });
}

/// Tells the page how far tuning is.
pub(super) fn show_tuning(engines: Engines) {
    let config = engines.store.run.with_untracked(|run| run.run().map(|run| run.config.clone()));
    let tuning = engines.link.with_value(|link| link.tuner.state(config.as_deref()));
    engines.store.tuning_changed(tuning);
}

fn hear_active(engines: Engines, event: Event) {
    if let Event::Crashed(failure) = &event
        && rescue(engines, failure)
    {
        return;
    }
    if let Event::Ready(info) = &event {
        engines.link.update_value(|link| link.active.iter_mut().for_each(|engine| engine.info = Some(info.clone())));
    }
    let is_set = matches!(event, Event::Dataset(DatasetUpdate::Set(_)));
    // Where kernels are tuned already, only a trial goes on.
    let may_tune = |link: &Link| {
        let is_untuned = link.active.as_ref().is_some_and(|engine| engine.program == EngineProgram::Gpu);
        link.tuner.is_on() && (is_untuned || link.tuner.is_at_work())
    };
    let heard = if engines.link.with_value(may_tune) { Heard::of(&event) } else { None };
    engines.store.receive(event);
    if is_set {
        let origin = engines.store.dataset.with_untracked(|dataset| dataset.origin.clone());
        engines.link.update_value(|link| link.active.iter_mut().for_each(|engine| engine.dataset = origin.clone()));
    }
    if let Some(news) = heard.and_then(|heard| heard.news(engines)) {
        follow(engines, |link| link.tuner.hear(news));
    }
}

fn hear_beside(engines: Engines, event: Event) {
    let beside = |link: &Link| link.beside.as_ref().map(|engine| (engine.program, engine.was_active, link.proof));
    let Some((program, was_active, proof)) = engines.link.with_value(beside) else { return };
    let note = |note: &dyn Fn(&mut Engine)| engines.link.update_value(|link| link.beside.iter_mut().for_each(note));
    let news = match event {
        Event::Ready(info) => {
            note(&|engine| engine.info = Some(info.clone()));
            None
        }
        // Of a question that it was asked when it trained.
        Event::Answer { .. } | Event::AnswerProgress { .. } => {
            engines.store.receive(event);
            None
        }
        Event::Run { run, update } if run == proof => match update {
            RunUpdate::Preparing(Preparation::TuningKernels { done, total }) => {
                Some(BesideNews::Tuning { done, total })
            }
            RunUpdate::Progress(progress) => Some(BesideNews::Losses(progress.losses)),
            RunUpdate::Failed(failure) if failure.kind != FailureKind::Canceled => Some(BesideNews::Failed(failure)),
            _ => None,
        },
        Event::Run { update: RunUpdate::Finished(_) | RunUpdate::Failed(_), .. } => {
            note(&|engine| engine.is_leaving = false);
            None
        }
        Event::Dataset(DatasetUpdate::Failed(failure)) => {
            note(&|engine| engine.dataset = None);
            Some(BesideNews::Failed(failure))
        }
        Event::Crashed(failure) => {
            if was_active {
                engines.store.questions_lost(&failure);
            }
            if program != EngineProgram::TunedGpu {
                engines.link.update_value(|link| link.beside = None);
            }
            Some(BesideNews::Failed(failure))
        }
        Event::Run { .. } | Event::Dataset(_) | Event::Warning(_) => None,
    };
    // Without the one that does not tune, the other trains on.
    if let Some(news) = news.filter(|_| program == EngineProgram::TunedGpu) {
        follow(engines, |link| link.tuner.hear_beside(news));
    }
}

/// What the tuner wants to know of an event.
enum Heard {
    Losses(RunId, Vec<f32>, f64),
    Checkpoint(RunId, RunUpdate),
    Ended(RunId),
}

impl Heard {
    fn of(event: &Event) -> Option<Self> {
        let Event::Run { run, update } = event else { return None };
        match update {
            RunUpdate::Progress(progress) => Some(Self::Losses(*run, progress.losses.clone(), progress.elapsed_ms)),
            RunUpdate::Checkpoint { .. } => Some(Self::Checkpoint(*run, update.clone())),
            RunUpdate::Finished(_) | RunUpdate::Failed(_) => Some(Self::Ended(*run)),
            _ => None,
        }
    }

    /// None where it is not of the run in view.
    fn news(self, engines: Engines) -> Option<News> {
        let (id, news) = match self {
            Self::Losses(id, losses, elapsed_ms) => (id, News::Losses { losses, elapsed_ms }),
            Self::Ended(id) => (id, News::Ended),
            Self::Checkpoint(id, RunUpdate::Checkpoint { step, bytes }) => {
                let run = engines.store.run.with_untracked(|run| run.run().cloned())?;
                let curves = engines.store.curves.with_untracked(Clone::clone);
                (id, News::Checkpoint(Box::new(Checkpoint { run, curves, step, bytes })))
            }
            Self::Checkpoint(..) => return None,
        };
        engines.store.run.with_untracked(|run| run.run().is_some_and(|run| run.id == id)).then_some(news)
    }
}

/// Asks the tuner, does what it says, and shows where it is.
fn follow(engines: Engines, ask: impl FnOnce(&mut Link) -> Next) {
    match engines.link.try_update_value(ask).unwrap_or(Next::Nothing) {
        Next::Nothing => {}
        Next::Tune(checkpoint) => tune(engines, &checkpoint),
        Next::Rest => rest(engines),
        Next::Prepare => {
            rest(engines);
            // The next one may be minutes away.
            engines.link.update_value(|link| link.send(Command::Checkpoint));
        }
        Next::Move(checkpoint) => move_run(engines, &checkpoint),
        Next::End => engines.link.update_value(|link| link.beside = None),
        Next::Refuse(refusal) => refuse(engines, refusal),
    }
    show_tuning(engines);
}

fn rest(engines: Engines) {
    engines.link.with_value(|link| link.beside.iter().for_each(|engine| engine.link.send(&Command::Stop)));
}

/// Has the other engine tune for the run, and repeat the steps after the checkpoint.
fn tune(engines: Engines, checkpoint: &Checkpoint) {
    engines.link.update_value(|link| {
        // Another name each time: what is left of the one before may still be told.
        link.proof = RunId(link.proof.0.wrapping_sub(1));
        let config = Box::new((*checkpoint.run.config).clone());
        let checkpoint = Some(checkpoint.bytes.clone());
        let command = Command::Train { run: link.proof, config, checkpoint, is_kept: false };
        let mut engine = link.beside.take().unwrap_or_else(|| link.start(engines, EngineProgram::TunedGpu));
        see_to_dataset(engines, &mut engine);
        engine.link.send(&command);
        link.beside = Some(engine);
    });
}

/// The run goes on in the other engine, if it is still there.
fn move_run(engines: Engines, checkpoint: &Checkpoint) {
    if switch(engines) {
        engines.link.update_value(|link| link.beside.iter_mut().for_each(|engine| engine.is_leaving = true));
        go_on(engines, checkpoint);
    }
}

/// The engine that trained is lost while its tuned kernels were tried: the other one goes on. Whether it can.
fn rescue(engines: Engines, failure: &Failure) -> bool {
    let is_there = |link: &mut Link| {
        let is_free = link.beside.as_ref().is_some_and(|engine| !engine.is_leaving);
        if is_free { link.tuner.rescue() } else { None }
    };
    let Some(checkpoint) = engines.link.try_update_value(is_there).flatten() else { return false };
    let is_paused = engines.store.run.with_untracked(|run| matches!(run, RunState::Paused(_)));
    switch(engines);
    engines.store.run_falls_back(&checkpoint);
    engines.store.questions_lost(failure);
    go_on(engines, &checkpoint);
    if is_paused {
        engines.link.update_value(|link| link.send(Command::Pause));
    }
    refuse(engines, Refusal::Failed(failure.clone()));
    show_tuning(engines);
    true
}

fn go_on(engines: Engines, Checkpoint { run, bytes, .. }: &Checkpoint) {
    engines.store.run_moves();
    let config = Box::new((*run.config).clone());
    let command = Command::Train { run: run.id, config, checkpoint: Some(bytes.clone()), is_kept: true };
    engines.link.update_value(|link| link.send(command));
}

/// Ends the engine that tunes. What the GPU did wrong it would do again in the next visit; all else, such as a file that cannot be fetched
/// as there is no network, says nothing about tuning.
fn refuse(engines: Engines, refusal: Refusal) {
    use FailureKind::{DeviceLost, EngineCrashed, GpuError, OutOfMemory};
    let beside = engines.link.try_update_value(|link| link.beside.take()).flatten();
    let has_started = beside.is_none_or(|engine| engine.info.is_some());
    match refusal {
        Refusal::Failed(failure) => {
            let is_gpus = matches!(failure.kind, GpuError | DeviceLost | EngineCrashed | OutOfMemory);
            if has_started && is_gpus {
                Tuning::Off.remember();
                engines.store.notify(NoticeKind::TuningFailed(failure));
            }
        }
        Refusal::Differs { expected, found } => engines.store.notify(NoticeKind::TunedDiffers { expected, found }),
    }
}

/// For a run that is about to begin: the engine that has its kernels tuned, or the one that needs none.
fn choose_engine(engines: Engines, config: &RunConfig) {
    if with_beside(engines, config, |_| {}) {
        switch(engines);
    }
}

/// Calls `then` with the other engine, its dataset seen to, where a run of this config belongs there. Whether it does.
fn with_beside(engines: Engines, config: &RunConfig, then: impl FnOnce(&mut Engine)) -> bool {
    let is_loading = engines.store.dataset.with_untracked(|dataset| dataset.load.is_loading());
    let is_there = engines.link.try_update_value(|link| {
        let wanted = if link.tuner.is_tuned(config) { EngineProgram::TunedGpu } else { EngineProgram::Gpu };
        let may_tune = link.choice.as_ref().is_some_and(|choice| choice.may_tune);
        let beside = link.beside.as_mut().filter(|engine| engine.program == wanted && engine.info.is_some());
        let beside = beside.filter(|_| may_tune && !is_loading)?;
        see_to_dataset(engines, beside);
        then(beside);
        Some(())
    });
    is_there.flatten().is_some()
}

/// The two engines change places. Whether there are two.
fn switch(engines: Engines) -> bool {
    let watch = engines.store.inside.with_untracked(|inside| inside.watch);
    let switched = engines.link.try_update_value(|link| {
        let mut now = link.beside.take_if(|engine| engine.info.is_some())?;
        let found = (now.program, now.info.clone()?);
        now.was_active = true;
        see_to_dataset(engines, &mut now);
        if watch.is_some() {
            now.link.send(&Command::Watch(watch));
        }
        if let Some(before) = link.active.replace(now) {
            before.link.send(&Command::Watch(None));
            before.link.send(&Command::Stop);
            link.beside = Some(before);
        }
        if let Some(choice) = &mut link.choice {
            choice.program = found.0;
        }
        Some(found)
    });
    match switched.flatten() {
        Some((program, info)) => {
            engines.store.engine_switched(program, info);
            true
        }
        None => false,
    }
}

/// Has an engine load the dataset in use, unless it holds it.
fn see_to_dataset(engines: Engines, engine: &mut Engine) {
    let Some((source, split)) = engines.store.dataset.with_untracked(|dataset| dataset.origin.clone()) else { return };
    let wanted = Some((source.clone(), split));
    if engine.dataset != wanted {
        engine.link.send(&Command::SetDataset { source, split });
        engine.dataset = wanted;
    }
}
