//! Starts the engine, and starts another when it is lost.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::choice;
use super::preferences::{EnginePreference, Tuning};
use super::state::{EngineChoice, EngineProgram, EngineReason, NoticeKind};
use super::store::Store;
use crate::channel::{BUILD, EngineLink};
use crate::protocol::{Command, Failure, FailureKind};

/// Restarts in a row, without a finished run between them, before the page gives up and asks the visitor.
const RESTARTS_LIMIT: u32 = 3;

/// Commands that wait for an engine to be chosen, at most; more means a page gone wild, and they are dropped.
const QUEUE_LIMIT: usize = 64;

/// The engine's worker, and how often it had to be replaced.
#[derive(Default)]
pub struct Link {
    engine: Option<EngineLink>,
    /// Only while there is no engine.
    queue: Vec<Command>,
    choice: Option<EngineChoice>,
    n_restarts: u32,
}

impl Link {
    pub fn send(&mut self, command: Command) {
        match &self.engine {
            Some(engine) => engine.send(&command),
            None if self.queue.len() < QUEUE_LIMIT => self.queue.push(command),
            None => {}
        }
    }

    /// A run went well: earlier restarts no longer count.
    pub fn forgive(&mut self) {
        self.n_restarts = 0;
    }
}

/// Chooses an engine and starts it; `preference` and `tuning` are the visitor's, which the page's address overrides.
pub fn start(store: Store, preference: EnginePreference, tuning: Tuning) {
    spawn_local(async move {
        let choice = choice::choose(choice::asked_by_address(), preference, tuning).await;
        start_engine(store, choice);
    });
}

/// The visitor asked for another engine, or to try again: what the engine held is loaded again by the next one.
pub fn restart(store: Store, preference: EnginePreference, tuning: Tuning) {
    store.link.update_value(|link| {
        link.forgive();
        link.engine = None;
    });
    store.engine_replaced();
    spawn_local(async move {
        let choice = choice::choose(None, preference, tuning).await;
        start_engine(store, choice);
        reload_dataset(store);
    });
}

fn start_engine(store: Store, choice: EngineChoice) {
    let script = choice.program.script();
    store.engine_starting(choice.clone());
    let engine = EngineLink::start(&format!("load.js?js={script}&build={BUILD}"), move |event| store.receive(event));
    store.link.update_value(|link| {
        // A new engine does not know yet that somebody looks inside.
        if let Some(watch) = store.inside.with_untracked(|inside| inside.watch) {
            engine.send(&Command::Watch(Some(watch)));
        }
        link.queue.drain(..).for_each(|command| engine.send(&command));
        link.engine = Some(engine);
        link.choice = Some(choice);
    });
}

/// The engine is lost; starts the next one, if that can help.
pub fn after_crash(store: Store, failure: Failure, was_ready: bool) {
    let Some((lost, n_restarts)) = store.link.try_update_value(|link| {
        link.engine = None;
        link.n_restarts += 1;
        (link.choice.clone(), link.n_restarts)
    }) else {
        return;
    };
    let Some(EngineChoice { program, reason }) = lost else { return };
    match next(program, &failure, Lost { was_ready, n_restarts }) {
        Next::Restart(program) => {
            store.notify(NoticeKind::Restarted(failure));
            start_engine(store, EngineChoice { program, reason });
            reload_dataset(store);
        }
        Next::FallBack => {
            store.notify(NoticeKind::FellBack(failure.clone()));
            let reason = EngineReason::GpuFailed(failure);
            start_engine(store, EngineChoice { program: EngineProgram::Cpu, reason });
            reload_dataset(store);
        }
        Next::GiveUp => store.no_engine(&failure),
    }
}

/// The dataset before, if there was one. A load that was under way when the engine was lost is left to the visitor: it may
/// be what the engine was lost by.
fn reload_dataset(store: Store) {
    let origin = store.dataset.with_untracked(|dataset| dataset.origin.clone());
    if let Some((source, split)) = origin {
        // The dataset's place shows how it goes.
        spawn_local(async move { drop(store.load_dataset(source, split).await) });
    }
}

#[derive(Clone, Copy)]
struct Lost {
    /// Whether the engine had started.
    was_ready: bool,
    /// Engines lost in a row, this one included.
    n_restarts: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Restart(EngineProgram),
    /// From the GPU engine to the CPU engine.
    FallBack,
    GiveUp,
}

/// What follows the loss of an engine.
fn next(program: EngineProgram, failure: &Failure, lost: Lost) -> Next {
    // Another start would meet the same file.
    if failure.kind == FailureKind::BuildMismatch {
        return Next::GiveUp;
    }
    match program {
        EngineProgram::Gpu | EngineProgram::TunedGpu => {
            let is_gpu_lost = matches!(failure.kind, FailureKind::NoWebGpu | FailureKind::DeviceLost);
            let is_hopeless = is_gpu_lost || !lost.was_ready || lost.n_restarts > 1;
            // Without tuning: of the kernels that it tries, one may be what the GPU refused.
            if is_hopeless { Next::FallBack } else { Next::Restart(EngineProgram::Gpu) }
        }
        EngineProgram::Cpu if lost.n_restarts > RESTARTS_LIMIT => Next::GiveUp,
        EngineProgram::Cpu => Next::Restart(EngineProgram::Cpu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(program: EngineProgram, failure: FailureKind, lost: Lost, expected: Next) {
        assert_eq!(next(program, &Failure::new(failure, ""), lost), expected, "{program:?} {failure:?}");
    }

    const FIRST: Lost = Lost { was_ready: true, n_restarts: 1 };

    #[test]
    fn a_lost_gpu_leads_to_the_cpu() {
        check(EngineProgram::TunedGpu, FailureKind::DeviceLost, FIRST, Next::FallBack);
        check(EngineProgram::TunedGpu, FailureKind::NoWebGpu, FIRST, Next::FallBack);
        check(EngineProgram::TunedGpu, FailureKind::EngineCrashed, Lost { was_ready: false, ..FIRST }, Next::FallBack);
    }

    #[test]
    fn a_gpu_engine_that_fails_twice_leads_to_the_cpu() {
        check(EngineProgram::TunedGpu, FailureKind::GpuError, FIRST, Next::Restart(EngineProgram::Gpu));
        check(EngineProgram::TunedGpu, FailureKind::GpuError, Lost { n_restarts: 2, ..FIRST }, Next::FallBack);
    }

    #[test]
    fn restarts_are_bounded() {
        check(EngineProgram::Cpu, FailureKind::EngineCrashed, FIRST, Next::Restart(EngineProgram::Cpu));
        let last = Lost { n_restarts: RESTARTS_LIMIT + 1, ..FIRST };
        check(EngineProgram::Cpu, FailureKind::EngineCrashed, last, Next::GiveUp);
    }

    #[test]
    fn an_engine_of_another_build_is_not_started_again() {
        check(EngineProgram::Cpu, FailureKind::BuildMismatch, FIRST, Next::GiveUp);
        check(EngineProgram::TunedGpu, FailureKind::BuildMismatch, FIRST, Next::GiveUp);
    }
}
