//! Decides whether a run goes on with tuned kernels, which are neither faster nor right for granted.
//!
//! Beside the engine that trains, another one times the kernels that the run needs and chooses among them. It then repeats some steps of
//! the run. Where their losses agree, the run moves over from its next checkpoint on, and back again where that is slower. So no
//! run waits for kernels to be tuned, and what tuning is worth is measured on the visitor's own GPU, by the visitor's own run.
//!
//! This file decides; [`super::moving`] does what it says.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::page::state::{Checkpoint, RunProgress, TuningState};
use kindling_core::config::RunConfig;
use kindling_core::protocol::Failure;

/// Tuning takes seconds to minutes, during which the run is slower. A run that ends sooner than this gains nothing by it.
const WORTH_MS: f64 = 60_000.0;

/// Share of the time that a run still had which tuning may take. After that too little is left to win it back.
const MOST_SHARE: f64 = 0.5;

/// Steps that both engines train. The first shows the forward pass; gradients and updates show in those after it.
const PROOF_STEPS: usize = 8;

/// How far apart the losses of one of the first steps may lie: as a share of the loss, and at least. Rounding alone grows from step to step
/// where a network learns fast: of [`STRICT_STEPS`] on, each step may differ by twice as much as the one before.
const TOLERANCE: (f32, f32) = (1e-3, 1e-4);
const STRICT_STEPS: usize = 3;

/// Verdicts kept; the oldest go.
const VERDICTS_LIMIT: usize = 50;

#[derive(Default)]
pub struct Tuner {
    is_on: bool,
    stage: Stage,
    /// Whether the visitor steered the run since its last checkpoint, which may then lack what was asked.
    is_steered: bool,
    verdicts: Vec<Verdict>,
}

#[derive(Default)]
enum Stage {
    #[default]
    Idle,
    /// The other engine tunes, and repeats the steps after a checkpoint.
    Proving(Proof),
    /// The run moves at its next checkpoint.
    Proved(Candidate),
    /// The run has moved, and its rate is taken.
    OnTrial { candidate: Candidate, last: Box<Checkpoint> },
}

/// A run that tuned kernels may serve.
#[derive(Clone)]
struct Candidate {
    config: Arc<RunConfig>,
    /// Images per second without them.
    rate: f64,
}

struct Proof {
    candidate: Candidate,
    /// When it began, by the run's clock, and how long it may take, in milliseconds.
    since_ms: f64,
    most_ms: f64,
    /// Warm-up steps done, and all.
    progress: (u32, u32),
    /// Losses of the steps after the checkpoint, from the engine that trains and from the one that tunes.
    expected: Vec<f32>,
    found: Vec<f32>,
}

struct Verdict {
    kernels: RunConfig,
    finding: Finding,
}

#[derive(Clone, Copy)]
enum Finding {
    /// Images per second with tuned kernels over those without.
    Ratio(f64),
    /// Tuning takes longer than this.
    Exceeds { ms: f64 },
}

/// What the engine that trains has told.
pub enum News {
    /// With the run's clock.
    Losses {
        losses: Vec<f32>,
        elapsed_ms: f64,
    },
    Checkpoint(Box<Checkpoint>),
    Ended,
}

/// What the engine beside it has told.
pub enum BesideNews {
    Tuning { done: u32, total: u32 },
    Losses(Vec<f32>),
    Failed(Failure),
}

/// What is to be done now.
#[derive(Debug, PartialEq)]
pub enum Next {
    Nothing,
    /// Tune in the other engine, and repeat the steps after this checkpoint there.
    Tune(Box<Checkpoint>),
    /// End what the other engine does.
    Rest,
    /// The same, and make a checkpoint, with which the run can move.
    Prepare,
    /// Go on in the other engine from this checkpoint.
    Move(Box<Checkpoint>),
    /// End the other engine.
    End,
    /// End the other engine, which cannot be trusted.
    Refuse(Refusal),
}

/// Why tuned kernels are not used.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    Failed(Failure),
    /// The losses of one step.
    Differs {
        expected: f32,
        found: f32,
    },
}

impl Tuner {
    /// Off where the GPU is none to tune for, or the visitor does not want it.
    pub fn new(is_on: bool) -> Self {
        Self { is_on, ..Self::default() }
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    pub fn is_at_work(&self) -> bool {
        !matches!(self.stage, Stage::Idle)
    }

    /// From the next run on.
    pub fn switch(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// Whether runs of this config are to begin with tuned kernels.
    pub fn is_tuned(&self, config: &RunConfig) -> bool {
        self.is_on && matches!(self.finding(config), Some(Finding::Ratio(ratio)) if ratio >= 1.0)
    }

    /// Pause, resume, step, stop or other values were asked for.
    pub fn steered(&mut self) {
        self.is_steered = true;
    }

    /// Values of the run were changed: the steps that are being compared would differ.
    pub fn adjusted(&mut self) -> Next {
        self.steered();
        match &self.stage {
            Stage::Proving(proof) if proof.expected.len() < PROOF_STEPS => self.abandon(),
            _ => Next::Nothing,
        }
    }

    /// Another run begins, or there is none any more.
    pub fn abandon(&mut self) -> Next {
        let was_beside = matches!(self.stage, Stage::Proving(_) | Stage::Proved(_));
        self.stage = Stage::Idle;
        self.is_steered = false;
        if was_beside { Next::Rest } else { Next::Nothing }
    }

    pub fn hear(&mut self, news: News) -> Next {
        match news {
            News::Ended => self.abandon(),
            News::Losses { losses, elapsed_ms } => match &mut self.stage {
                Stage::Proving(proof) if elapsed_ms - proof.since_ms > proof.most_ms => {
                    let (config, ms) = (proof.candidate.config.clone(), proof.most_ms);
                    self.settle(&config, Finding::Exceeds { ms });
                    Next::End
                }
                Stage::Proving(proof) => {
                    take_first(&mut proof.expected, losses);
                    self.compare()
                }
                Stage::Idle | Stage::Proved(_) | Stage::OnTrial { .. } => Next::Nothing,
            },
            News::Checkpoint(checkpoint) => self.decide(checkpoint),
        }
    }

    pub fn hear_beside(&mut self, news: BesideNews) -> Next {
        match (news, &mut self.stage) {
            (BesideNews::Failed(failure), _) => self.refuse(Refusal::Failed(failure)),
            (BesideNews::Tuning { done, total }, Stage::Proving(proof)) => {
                proof.progress = (done, total);
                Next::Nothing
            }
            (BesideNews::Losses(losses), Stage::Proving(proof)) => {
                take_first(&mut proof.found, losses);
                self.compare()
            }
            (BesideNews::Tuning { .. } | BesideNews::Losses(_), _) => Next::Nothing,
        }
    }

    /// The engine with the tuned kernels is lost while a run is tried there: where the run can go on, with the other engine.
    pub fn rescue(&mut self) -> Option<Box<Checkpoint>> {
        match std::mem::take(&mut self.stage) {
            Stage::OnTrial { last, .. } => {
                self.is_on = false;
                Some(last)
            }
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    /// For the page.
    pub fn state(&self, running: Option<&RunConfig>) -> TuningState {
        match &self.stage {
            Stage::Proving(Proof { progress: (done, total), .. }) => TuningState::Tuning { done: *done, total: *total },
            Stage::Proved(_) | Stage::OnTrial { .. } => TuningState::OnTrial,
            Stage::Idle => match running.and_then(|config| self.finding(config)) {
                _ if !self.is_on => TuningState::Off,
                Some(Finding::Ratio(ratio)) => TuningState::Measured { ratio },
                Some(Finding::Exceeds { .. }) => TuningState::TookTooLong,
                None => TuningState::Idle,
            },
        }
    }

    /// At a checkpoint a run can begin to be tuned for, and can move.
    fn decide(&mut self, checkpoint: Box<Checkpoint>) -> Next {
        if std::mem::take(&mut self.is_steered) {
            if let Stage::OnTrial { last, .. } = &mut self.stage {
                *last = checkpoint;
            }
            return Next::Nothing;
        }
        let RunProgress { images_per_second: rate, remaining_ms, elapsed_ms, .. } = checkpoint.run.progress;
        match &self.stage {
            Stage::Idle => {
                let config = &checkpoint.run.config;
                let most_ms = MOST_SHARE * remaining_ms;
                let is_open = match self.finding(config) {
                    None => true,
                    Some(Finding::Ratio(_)) => false,
                    // A run that has far more time left.
                    Some(Finding::Exceeds { ms }) => most_ms > 2.0 * ms,
                };
                if !self.is_on || !is_open || remaining_ms < WORTH_MS {
                    return Next::Nothing;
                }
                let candidate = Candidate { config: config.clone(), rate };
                self.stage = Stage::Proving(Proof {
                    candidate,
                    since_ms: elapsed_ms,
                    most_ms,
                    progress: (0, 0),
                    expected: Vec::new(),
                    found: Vec::new(),
                });
                Next::Tune(checkpoint)
            }
            Stage::Proving(_) => Next::Nothing,
            Stage::Proved(candidate) => {
                self.stage = Stage::OnTrial { candidate: candidate.clone(), last: checkpoint.clone() };
                Next::Move(checkpoint)
            }
            Stage::OnTrial { candidate, .. } => {
                let ratio = rate / candidate.rate;
                let config = candidate.config.clone();
                self.settle(&config, Finding::Ratio(ratio));
                if ratio < 1.0 { Next::Move(checkpoint) } else { Next::Nothing }
            }
        }
    }

    /// Once both engines have trained the steps.
    fn compare(&mut self) -> Next {
        let Stage::Proving(Proof { candidate, expected, found, .. }) = &self.stage else { return Next::Nothing };
        if expected.len().min(found.len()) < PROOF_STEPS {
            return Next::Nothing;
        }
        let (share, least) = TOLERANCE;
        let agrees = |(step, (expected, found)): &(usize, (&f32, &f32))| {
            let growth = 2f32.powi((step + 1).saturating_sub(STRICT_STEPS) as i32);
            // Not `>`: a loss that is no number agrees with none.
            (*expected - *found).abs() <= growth * (share * expected.abs()).max(least)
        };
        match expected.iter().zip(found).take(PROOF_STEPS).enumerate().find(|losses| !agrees(losses)) {
            None => {
                self.stage = Stage::Proved(candidate.clone());
                Next::Prepare
            }
            Some((_, (expected, found))) => {
                let differs = Refusal::Differs { expected: *expected, found: *found };
                self.refuse(differs)
            }
        }
    }

    fn settle(&mut self, config: &RunConfig, finding: Finding) {
        let kernels = config.kernels();
        self.stage = Stage::Idle;
        self.verdicts.retain(|verdict| verdict.kernels != kernels);
        self.verdicts.push(Verdict { kernels, finding });
        if self.verdicts.len() > VERDICTS_LIMIT {
            self.verdicts.remove(0);
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Next {
        self.stage = Stage::Idle;
        self.is_on = false;
        Next::Refuse(refusal)
    }

    fn finding(&self, config: &RunConfig) -> Option<Finding> {
        let kernels = config.kernels();
        self.verdicts.iter().find(|verdict| verdict.kernels == kernels).map(|verdict| verdict.finding)
    }
}

/// Only those that are compared.
fn take_first(known: &mut Vec<f32>, losses: Vec<f32>) {
    let n_missing = PROOF_STEPS.saturating_sub(known.len());
    known.extend(losses.into_iter().take(n_missing));
}
