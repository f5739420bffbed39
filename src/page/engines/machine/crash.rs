//! What follows when an engine is lost.

use super::{Engines, Told};
use crate::page::state::{AppState, EngineChoice, EngineProgram, EngineReason, NoticeKind};
use kindling_core::protocol::{Event, Failure, FailureKind};

/// Restarts in a row, without a finished run between them, before the page gives up and asks the visitor.
const RESTARTS_LIMIT: u32 = 3;

impl Engines {
    /// The engine that trains is lost; starts the next one, if that can help.
    pub(super) fn replace_lost(&mut self, failure: Failure, page: &AppState) {
        let was_ready = self.active.as_ref().is_some_and(|engine| engine.info.is_some());
        let was_tuning = self.tuner.is_at_work();
        self.n_restarts += 1;
        self.end_engines();
        self.tell(Told::Event(Event::Crashed(failure.clone())));
        let Some(choice) = self.choice.clone() else { return };
        match next(choice.program, &failure, Lost { was_ready, was_tuning, n_restarts: self.n_restarts }) {
            Next::Restart(program) => {
                self.tell(Told::Notice(NoticeKind::Restarted(failure)));
                // Not again what may have been the reason.
                let may_tune = choice.may_tune && !was_tuning && choice.program != EngineProgram::TunedGpu;
                self.start_active(EngineChoice { program, may_tune, ..choice }, page);
                self.reload_dataset(page);
            }
            Next::FallBack => {
                self.tell(Told::Notice(NoticeKind::FellBack(failure.clone())));
                let reason = EngineReason::GpuFailed(failure);
                self.start_active(EngineChoice { program: EngineProgram::Cpu, reason, may_tune: false }, page);
                self.reload_dataset(page);
            }
            Next::GiveUp => self.tell(Told::None(failure)),
        }
    }
}

#[derive(Clone, Copy)]
struct Lost {
    /// Whether the engine had started.
    was_ready: bool,
    /// Whether another one was tuning beside it.
    was_tuning: bool,
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
            // A kernel that was only being tried may have brought the GPU down.
            let is_gpu_lost =
                failure.kind == FailureKind::NoWebGpu || failure.kind == FailureKind::DeviceLost && !lost.was_tuning;
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

    const FIRST: Lost = Lost { was_ready: true, was_tuning: false, n_restarts: 1 };

    #[test]
    fn a_lost_gpu_leads_to_the_cpu() {
        check(EngineProgram::TunedGpu, FailureKind::DeviceLost, FIRST, Next::FallBack);
        check(EngineProgram::TunedGpu, FailureKind::NoWebGpu, FIRST, Next::FallBack);
        check(EngineProgram::TunedGpu, FailureKind::EngineCrashed, Lost { was_ready: false, ..FIRST }, Next::FallBack);
    }

    #[test]
    fn a_gpu_that_is_lost_while_kernels_are_tried_has_another_chance_without() {
        let lost = Lost { was_tuning: true, ..FIRST };
        check(EngineProgram::Gpu, FailureKind::DeviceLost, lost, Next::Restart(EngineProgram::Gpu));
        check(EngineProgram::Gpu, FailureKind::DeviceLost, Lost { n_restarts: 2, ..lost }, Next::FallBack);
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
