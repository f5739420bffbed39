//! Decides which device a run trains on, where the machine has two: a CPU and a GPU.
//!
//! A run begins at once, in the engine that is ready. Once the time of its steps is known, the engine of the other device, the challenger, starts
//! beside it and also trains the steps after one of the run's checkpoints. Where their losses agree and the challenger is faster by a fifth, the
//! run moves: it continues in the challenger from its next checkpoint. The verdict is remembered, so that the next run of this network starts
//! on the right device.
//!
//! # Fair times
//!
//! Two engines that compute at once slow each other down: threads of the CPU engine occupy the cores that drive the GPU, and integrated GPUs
//! share memory and power with the CPU. So each engine is timed while the other one rests: the run's before the challenger starts, the
//! challenger's while the run is held between two steps, for a second or so. What the challenger does before (start, dataset, kernels,
//! warm-up, the steps whose losses are compared) happens beside the run and is not timed. A hidden page changes nothing of this:
//! the clocks are the engines' own, and only [`Next::Measure`] may end late.
//!
//! This file decides; [`super::moving`] acts.

mod duel;
mod step_timer;
#[cfg(test)]
mod tests;
mod verdicts;

pub use self::verdicts::{MachineKey, Verdicts};

use self::duel::{Agreement, Duel};
use self::step_timer::StepTimer;
use self::verdicts::{MIN_GAIN, NetworkKey};
use crate::page::state::{Checkpoint, RaceState, StepTime, StepTimes, other_device};
use kindling_core::config::RunConfig;
use kindling_core::protocol::{EngineKind, Failure, FailureKind};

/// A run that ends sooner than this is not raced: a race costs it a second or two.
const MIN_REMAINING_MS: f64 = 20_000.0;

/// How long the challenger may take until its time is known, which includes the download of its engine.
const LIMIT_MS: f64 = 120_000.0;

/// Steps whose losses are compared: the first shows the forward pass; gradients and updates show in those after it. More where gradients
/// accumulate over several batches.
const COMPARED_STEPS: (usize, usize) = (4, 64);

#[derive(Default)]
pub struct Race {
    /// Whether the machine has two devices to choose from.
    is_on: bool,
    machine: MachineKey,
    verdicts: Verdicts,
    /// Whether the verdicts have changed since they were stored.
    is_unsaved: bool,
    /// The race of the present run.
    heat: Option<Heat>,
    /// What is known of the present run's network.
    outcome: RaceState,
}

struct Heat {
    network: NetworkKey,
    /// The device that the run began on.
    own: EngineKind,
    n_compared: usize,
    leg: Leg,
}

enum Leg {
    /// The run's engine is timed while it is alone.
    Timing(StepTimer),
    /// A checkpoint was requested, from which both engines continue.
    Called { own_ms: f64 },
    /// The challenger gets ready, and both train the same steps.
    Beside(Duel),
    /// The run is held, or soon will be, and the challenger is timed.
    Held { duel: Duel, is_still: bool },
    /// The run moves at its next checkpoint.
    Won(StepTimes),
}

/// What the engines report.
pub enum News {
    Progress {
        losses: Vec<f32>,
        elapsed_ms: f64,
        remaining_ms: f64,
    },
    Checkpoint(Box<Checkpoint>),
    /// The run stands still.
    Held,
    Ended,
    Challenger(ChallengerNews),
    /// The time of [`Next::Enter`] or [`Next::Measure`] is up.
    TimeIsUp,
}

pub enum ChallengerNews {
    Progress {
        losses: Vec<f32>,
        elapsed_ms: f64,
    },
    Failed(Failure),
    /// It has trained the run to its end.
    Ended,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub enum Next {
    Nothing,
    /// Request a checkpoint of the run.
    Call,
    /// Have the challenger train from this checkpoint on, and report when the time is up.
    Enter {
        checkpoint: Box<Checkpoint>,
        limit_ms: f64,
    },
    /// Have the run stand still.
    Hold,
    /// The challenger is timed; report when the time is up.
    Measure {
        limit_ms: f64,
    },
    /// The run stays: let it continue, and end the challenger.
    Stay,
    /// The challenger has won: let the run continue, and request a checkpoint.
    Prepare,
    /// Continue the run in the challenger from this checkpoint.
    Move(Box<Checkpoint>),
}

impl Race {
    pub fn new(verdicts: Verdicts) -> Self {
        Self { verdicts, ..Self::default() }
    }

    /// Another engine has started; `machine` is known if there are two devices to choose from.
    pub fn reset(&mut self, machine: Option<MachineKey>) {
        self.is_on = machine.is_some();
        self.machine = machine.unwrap_or_default();
        self.heat = None;
        self.outcome = if self.is_on { RaceState::Open } else { RaceState::Off };
    }

    /// The device on which a run of this config trains at least a fifth faster than on the device `now`.
    pub fn better_device(&self, config: &RunConfig, now: EngineKind) -> Option<EngineKind> {
        let times = self.times(config)?;
        (times.gain_of_leaving(now) >= MIN_GAIN).then(|| other_device(now))
    }

    /// The device that was better in the machine's latest race.
    pub fn latest_winner(&self, machine: MachineKey) -> Option<EngineKind> {
        self.verdicts.latest(machine)
    }

    /// A run begins on the device `own`. It is raced unless its network's times are known; `is_kept` says whether it makes checkpoints,
    /// without which it could not move.
    pub fn begin(&mut self, config: &RunConfig, own: EngineKind, is_kept: bool) {
        self.heat = None;
        if !self.is_on {
            return;
        }
        let times = self.times(config);
        self.outcome = times.map_or(RaceState::Open, |times| RaceState::Measured { times, has_moved: false });
        if times.is_none() && is_kept {
            let (min, max) = COMPARED_STEPS;
            let n_compared = (config.batches_per_update as usize + 2).clamp(min, max);
            let leg = Leg::Timing(StepTimer::default());
            self.heat = Some(Heat { network: NetworkKey::new(config), own, n_compared, leg });
        }
    }

    /// The visitor paused, stopped or changed the run, so its steps can no longer be compared. The race begins again.
    pub fn interrupt(&mut self) -> Next {
        let Some(heat) = &mut self.heat else { return Next::Nothing };
        match std::mem::replace(&mut heat.leg, Leg::Timing(StepTimer::default())) {
            Leg::Timing(timer) => {
                heat.leg = Leg::Timing(timer);
                Next::Nothing
            }
            Leg::Called { .. } => Next::Nothing,
            Leg::Beside(_) | Leg::Held { .. } | Leg::Won(_) => Next::Stay,
        }
    }

    /// The run has ended.
    pub fn abandon(&mut self) -> Next {
        let next = self.interrupt();
        self.heat = None;
        next
    }

    /// The engine of the GPU was lost during a run: no run starts there again by itself.
    pub fn distrust_gpu(&mut self) {
        self.is_unsaved |= self.verdicts.drop_gpus();
    }

    /// Whether the present run is raced, or is going to be.
    pub fn is_at_work(&self) -> bool {
        self.heat.is_some()
    }

    /// Whether the challenger runs.
    pub fn is_under_way(&self) -> bool {
        let is_beside = |heat: &Heat| matches!(heat.leg, Leg::Beside(_) | Leg::Held { .. } | Leg::Won(_));
        self.heat.as_ref().is_some_and(is_beside)
    }

    pub fn state(&self) -> RaceState {
        match &self.heat {
            Some(heat) if self.is_under_way() => RaceState::UnderWay { challenger: other_device(heat.own) },
            _ => self.outcome.clone(),
        }
    }

    /// The verdicts, if they have changed since the last call.
    pub fn take_unsaved(&mut self) -> Option<Verdicts> {
        std::mem::take(&mut self.is_unsaved).then(|| self.verdicts.clone())
    }

    pub fn hear(&mut self, news: News) -> Next {
        let Some(heat) = &mut self.heat else { return Next::Nothing };
        match (&mut heat.leg, news) {
            (_, News::Ended) => self.abandon(),
            (Leg::Timing(timer), News::Progress { losses, elapsed_ms, remaining_ms }) => {
                timer.hear(losses.len(), elapsed_ms);
                match timer.ms().filter(|_| remaining_ms >= MIN_REMAINING_MS) {
                    Some(own_ms) => {
                        heat.leg = Leg::Called { own_ms };
                        Next::Call
                    }
                    None => Next::Nothing,
                }
            }
            (Leg::Called { own_ms }, News::Checkpoint(checkpoint)) => {
                heat.leg = Leg::Beside(Duel::new(*own_ms, heat.n_compared));
                Next::Enter { checkpoint, limit_ms: LIMIT_MS }
            }
            (Leg::Won(times), News::Checkpoint(checkpoint)) => {
                self.outcome = RaceState::Measured { times: *times, has_moved: true };
                self.heat = None;
                Next::Move(checkpoint)
            }
            (Leg::Beside(_) | Leg::Held { .. } | Leg::Won(_), News::Challenger(ChallengerNews::Failed(failure))) => {
                self.fail(failure)
            }
            (Leg::Beside(_) | Leg::Held { .. }, News::Challenger(ChallengerNews::Ended)) => self.abandon(),
            (Leg::Beside(duel) | Leg::Held { duel, .. }, News::Progress { losses, .. }) => {
                duel.own_trained(&losses);
                self.compare()
            }
            (Leg::Beside(duel), News::Challenger(ChallengerNews::Progress { losses, elapsed_ms })) => {
                duel.trained(&losses, elapsed_ms);
                self.compare()
            }
            (Leg::Held { duel, is_still }, News::Challenger(ChallengerNews::Progress { losses, elapsed_ms })) => {
                duel.trained(&losses, elapsed_ms);
                match duel.ms().filter(|_| *is_still) {
                    Some(ms) => self.settle(StepTime::Exactly(ms)),
                    None => Next::Nothing,
                }
            }
            (Leg::Held { duel, is_still }, News::Held) => {
                *is_still = true;
                duel.hold();
                Next::Measure { limit_ms: duel.hold_limit_ms() }
            }
            (Leg::Held { duel, is_still: true }, News::TimeIsUp) => {
                match duel.min_ms() {
                    Some(ms) => self.settle(StepTime::AtLeast(ms)),
                    // Something interrupted it, so it has neither won nor lost.
                    None => self.abandon(),
                }
            }
            // The run does not stand still: its steps take longer than the whole race should.
            (Leg::Held { is_still: false, .. }, News::TimeIsUp) => self.abandon(),
            // The run itself is too slow for a comparison.
            (Leg::Beside(duel), News::TimeIsUp) if duel.has_trained() => self.abandon(),
            (Leg::Beside(_), News::TimeIsUp) => {
                let detail = format!("it trained no steps within {} s", LIMIT_MS / 1_000.0);
                self.fail(Failure::new(FailureKind::EngineCrashed, detail))
            }
            _ => Next::Nothing,
        }
    }

    /// Holds the run once both engines agree and the challenger is warm.
    fn compare(&mut self) -> Next {
        let Some(Heat { own, leg, .. }) = &mut self.heat else { return Next::Nothing };
        let Leg::Beside(duel) = leg else { return Next::Nothing };
        match duel.agreement() {
            Agreement::Same if duel.is_warm() => {
                let duel = std::mem::replace(duel, Duel::new(0.0, 0));
                *leg = Leg::Held { duel, is_still: false };
                Next::Hold
            }
            Agreement::Same | Agreement::Open => Next::Nothing,
            Agreement::Differs(own_loss, loss) => {
                let (cpu, gpu) = if *own == EngineKind::Cpu { (own_loss, loss) } else { (loss, own_loss) };
                self.outcome = RaceState::Differs { cpu, gpu };
                self.give_up()
            }
        }
    }

    fn settle(&mut self, time: StepTime) -> Next {
        let Some(Heat { network, own, leg, .. }) = &mut self.heat else { return Next::Nothing };
        let Leg::Held { duel, .. } = leg else { return Next::Nothing };
        let times = StepTimes::new(*own, StepTime::Exactly(duel.own_ms), time);
        self.verdicts.insert(self.machine, *network, times);
        self.is_unsaved = true;
        self.outcome = RaceState::Measured { times, has_moved: false };
        if times.gain_of_leaving(*own) >= MIN_GAIN {
            *leg = Leg::Won(times);
            return Next::Prepare;
        }
        self.heat = None;
        Next::Stay
    }

    fn fail(&mut self, failure: Failure) -> Next {
        if let Some(heat) = &self.heat {
            self.outcome = RaceState::Failed { challenger: other_device(heat.own), failure };
        }
        self.give_up()
    }

    /// No run is raced until another engine is chosen.
    fn give_up(&mut self) -> Next {
        self.is_on = false;
        self.heat = None;
        Next::Stay
    }

    fn times(&self, config: &RunConfig) -> Option<StepTimes> {
        if self.is_on { self.verdicts.find(self.machine, NetworkKey::new(config)) } else { None }
    }
}
