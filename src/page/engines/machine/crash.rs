//! What follows when an engine is lost.

use super::{Engines, Told};
use crate::page::state::{AppState, EngineChoice, EngineProgram, EngineReason, NoticeKind};
use kindling_core::protocol::{Event, Failure, FailureKind};

/// The maximum number of restarts since a run last finished. After that the visitor decides.
const RESTARTS_LIMIT: u32 = 3;

impl Engines {
    /// Replaces the engine that trains after it was lost, if that can help.
    pub(super) fn replace_lost(&mut self, failure: Failure, page: &AppState) {
        let was_ready = self.active.as_ref().is_some_and(|engine| engine.info.is_some());
        let was_racing = self.race.is_under_way();
        self.n_lost += 1;
        self.end_engines();
        self.tell(Told::Event(Box::new(Event::Crashed(failure.clone()))));
        let Some(choice) = self.choice.clone() else { return };
        if choice.may_race && choice.program == EngineProgram::Gpu {
            self.race.distrust_gpu();
            self.remember_verdicts();
        }
        match recovery(choice.program, &failure, Lost { was_ready, n_lost: self.n_lost }) {
            Recovery::Restart(program) => {
                self.tell(Told::Notice(NoticeKind::Restarted(failure)));
                // Two engines at once may have been the cause.
                let may_race = choice.may_race && !was_racing;
                self.start_active(EngineChoice { program, may_race, ..choice }, page);
                self.reload_dataset(page);
            }
            Recovery::FallBack => {
                self.tell(Told::Notice(NoticeKind::FellBack(failure.clone())));
                let reason = EngineReason::GpuFailed(failure);
                let program = self.files.cpu(self.n_threads);
                self.start_active(EngineChoice { program, reason, may_race: false }, page);
                self.reload_dataset(page);
            }
            Recovery::GiveUp => {
                self.awaited = None;
                self.tell(Told::GaveUp(failure));
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Lost {
    /// Whether the engine had started.
    was_ready: bool,
    /// Engines lost since a run last finished, this one included.
    n_lost: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Recovery {
    Restart(EngineProgram),
    /// Replace the GPU engine by the CPU engine.
    FallBack,
    GiveUp,
}

/// Chooses what follows the loss of an engine.
fn recovery(program: EngineProgram, failure: &Failure, lost: Lost) -> Recovery {
    // A restart would load the same file.
    if failure.kind == FailureKind::BuildMismatch {
        return Recovery::GiveUp;
    }
    match program {
        EngineProgram::Gpu => {
            let is_gpu_lost = matches!(failure.kind, FailureKind::NoWebGpu | FailureKind::DeviceLost);
            let is_hopeless = is_gpu_lost || !lost.was_ready || lost.n_lost > 1;
            if is_hopeless { Recovery::FallBack } else { Recovery::Restart(EngineProgram::Gpu) }
        }
        // The threads may be the cause. One engine of the CPU does without.
        EngineProgram::CpuThreads { .. } if !lost.was_ready || lost.n_lost > 1 => Recovery::Restart(EngineProgram::Cpu),
        EngineProgram::CpuThreads { .. } => Recovery::Restart(program),
        EngineProgram::Cpu if lost.n_lost > RESTARTS_LIMIT => Recovery::GiveUp,
        EngineProgram::Cpu => Recovery::Restart(EngineProgram::Cpu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(program: EngineProgram, failure: FailureKind, lost: Lost, expected: Recovery) {
        assert_eq!(recovery(program, &Failure::new(failure, ""), lost), expected, "{program:?} {failure:?}");
    }

    const FIRST: Lost = Lost { was_ready: true, n_lost: 1 };

    #[test]
    fn a_lost_gpu_leads_to_the_cpu() {
        check(EngineProgram::Gpu, FailureKind::DeviceLost, FIRST, Recovery::FallBack);
        check(EngineProgram::Gpu, FailureKind::NoWebGpu, FIRST, Recovery::FallBack);
        check(EngineProgram::Gpu, FailureKind::EngineCrashed, Lost { was_ready: false, ..FIRST }, Recovery::FallBack);
    }

    #[test]
    fn a_gpu_engine_that_fails_twice_leads_to_the_cpu() {
        check(EngineProgram::Gpu, FailureKind::GpuError, FIRST, Recovery::Restart(EngineProgram::Gpu));
        check(EngineProgram::Gpu, FailureKind::GpuError, Lost { n_lost: 2, ..FIRST }, Recovery::FallBack);
    }

    #[test]
    fn threads_that_fail_lead_to_the_engine_with_one() {
        let threads = EngineProgram::CpuThreads { count: 3 };
        check(threads, FailureKind::EngineCrashed, FIRST, Recovery::Restart(threads));
        let one = Recovery::Restart(EngineProgram::Cpu);
        check(threads, FailureKind::EngineCrashed, Lost { n_lost: 2, ..FIRST }, one);
        let one = Recovery::Restart(EngineProgram::Cpu);
        check(threads, FailureKind::EngineCrashed, Lost { was_ready: false, ..FIRST }, one);
    }

    #[test]
    fn restarts_are_bounded() {
        check(EngineProgram::Cpu, FailureKind::EngineCrashed, FIRST, Recovery::Restart(EngineProgram::Cpu));
        let last = Lost { n_lost: RESTARTS_LIMIT + 1, ..FIRST };
        check(EngineProgram::Cpu, FailureKind::EngineCrashed, last, Recovery::GiveUp);
    }

    #[test]
    fn an_engine_of_another_build_is_not_started_again() {
        check(EngineProgram::Cpu, FailureKind::BuildMismatch, FIRST, Recovery::GiveUp);
        check(EngineProgram::Gpu, FailureKind::BuildMismatch, FIRST, Recovery::GiveUp);
    }
}
