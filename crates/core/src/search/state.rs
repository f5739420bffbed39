//! The state of a search: its queue of trials, their results, and its cost so far. It only decides; the caller runs the trials and reports
//! back.

use serde::{Deserialize, Serialize};

use super::plan::{Method, SearchPlan};
use super::sample::draw_trials;
use super::space::{SpaceError, apply};
use super::trial::{Trial, TrialEpoch, TrialState, is_better};
use crate::config::RunConfig;
use crate::protocol::{Ending, EpochReport, FailureKind};

/// Can be stored and resumed, see [`Search::restored`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    plan: SearchPlan,
    trials: Vec<Trial>,
    phase: Phase,
    /// Cost of interrupted trials, which start over.
    lost_steps: u64,
    lost_ms: f64,
    /// The state of the running trial once it has stopped.
    #[serde(skip)]
    wanted: Option<TrialState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    Running,
    /// No trial starts, and the running one is paused.
    Paused,
    AllTried,
    BudgetSpent,
    Stopped,
}

/// What to do with the running trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Continue,
    Stop,
}

impl Search {
    /// Draws all trials and starts none.
    ///
    /// # Errors
    ///
    /// When the plan is out of range or its space is invalid.
    pub fn new(plan: SearchPlan) -> Result<Self, SpaceError> {
        plan.check()?;
        let trials = draw_trials(&plan)?;
        Ok(Self { plan, trials, phase: Phase::Running, lost_steps: 0, lost_ms: 0.0, wanted: None })
    }

    /// A stored search. The trial that was running starts over when the visitor resumes the search.
    pub fn restored(mut self) -> Self {
        self.interrupt();
        if self.phase == Phase::Running {
            self.phase = Phase::Paused;
        }
        self
    }

    pub fn plan(&self) -> &SearchPlan {
        &self.plan
    }

    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn is_over(&self) -> bool {
        !matches!(self.phase, Phase::Running | Phase::Paused)
    }

    /// Index of the running trial.
    pub fn running(&self) -> Option<usize> {
        self.trials.iter().position(|trial| trial.state == TrialState::Running)
    }

    /// Starts the next trial of the queue and returns its index; `None` if there is nothing to start: the search is paused or has ended, or
    /// a trial is running.
    pub fn begin_next(&mut self) -> Option<usize> {
        if self.phase != Phase::Running || self.running().is_some() {
            return None;
        }
        if self.is_budget_spent() {
            self.phase = Phase::BudgetSpent;
            return None;
        }
        let Some(place) = self.trials.iter().position(|trial| trial.state == TrialState::Waiting) else {
            self.phase = Phase::AllTried;
            return None;
        };
        self.wanted = None;
        self.trials.get_mut(place)?.state = TrialState::Running;
        Some(place)
    }

    /// Records the progress of the running trial.
    pub fn progress(&mut self, steps: u32, elapsed_ms: f64) -> Verdict {
        if let Some(trial) = self.running().and_then(|place| self.trials.get_mut(place)) {
            (trial.steps, trial.elapsed_ms) = (steps, elapsed_ms);
        }
        self.stop_if(self.is_budget_spent(), TrialState::Ended)
    }

    /// Records a completed epoch of the running trial.
    pub fn epoch(&mut self, report: &EpochReport) -> Verdict {
        let Some(place) = self.running() else { return Verdict::Continue };
        if let Some(trial) = self.trials.get_mut(place) {
            trial.epochs.push(TrialEpoch::new(report));
        }
        let continues = match (self.plan.method, self.trials.get(place)) {
            (Method::Halving(halving), Some(trial)) => {
                let others = self.trials.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, it)| it);
                halving.continues(trial, others, self.plan.epochs, self.plan.metric)
            }
            _ => true,
        };
        let verdict = self.stop_if(!continues, TrialState::Cut);
        match self.progress(report.step, report.elapsed_ms) {
            Verdict::Stop => Verdict::Stop,
            Verdict::Continue => verdict,
        }
    }

    /// Asks to stop the running trial; the first reason decides its state.
    fn stop_if(&mut self, is_to_stop: bool, wanted: TrialState) -> Verdict {
        if !is_to_stop {
            return Verdict::Continue;
        }
        self.wanted.get_or_insert(wanted);
        Verdict::Stop
    }

    /// Records that the running trial's run has ended.
    pub fn finished(&mut self, ending: Ending) {
        let stopped = self.wanted.take().unwrap_or(TrialState::Ended);
        self.end(match ending {
            Ending::Stopped => stopped,
            Ending::Completed | Ending::StepLimit | Ending::EarlyStopped => TrialState::Done,
        });
    }

    /// Records a failure caused by the running trial's own config; the search continues.
    pub fn failed(&mut self, kind: FailureKind) {
        self.end(TrialState::Failed(kind));
    }

    fn end(&mut self, state: TrialState) {
        if let Some(trial) = self.running().and_then(|place| self.trials.get_mut(place)) {
            trial.state = state;
        }
    }

    /// Records that the running trial was interrupted by an external cause: it returns to the queue and starts over.
    pub fn interrupt(&mut self) {
        if let Some(trial) = self.running().and_then(|place| self.trials.get_mut(place)) {
            self.lost_steps += u64::from(trial.steps);
            self.lost_ms += trial.elapsed_ms;
            trial.reset();
        }
    }

    pub fn pause(&mut self) {
        if self.phase == Phase::Running {
            self.phase = Phase::Paused;
        }
    }

    pub fn resume(&mut self) {
        if self.phase == Phase::Paused {
            self.phase = Phase::Running;
        }
    }

    /// Ends the search. The caller stops a running trial, which keeps its results.
    pub fn stop(&mut self) {
        if !self.is_over() {
            self.phase = Phase::Stopped;
        }
    }

    /// Index of the best trial so far, by its best epoch on validation; on ties, the one with fewer steps.
    pub fn best(&self) -> Option<usize> {
        let metric = self.plan.metric;
        let figures = self.trials.iter().enumerate().filter_map(|(place, trial)| {
            // The config of a failed trial must not be recommended.
            let is_failed = matches!(trial.state, TrialState::Failed(_));
            let best = trial.best(metric).filter(|_| !is_failed)?;
            Some((place, best, trial.steps))
        });
        let best = figures.reduce(|best, next| {
            let is_cheaper = next.1 == best.1 && next.2 < best.2;
            if is_better(next.1, best.1, metric) || is_cheaper { next } else { best }
        });
        best.map(|(place, ..)| place)
    }

    /// The config of a trial's run: as many epochs as planned, and no step limit, which could end it before its first validation.
    pub fn trial_config(&self, place: usize) -> Option<RunConfig> {
        let config = self.full_config(place)?;
        Some(RunConfig { epochs: self.plan.epochs, max_steps: None, ..config })
    }

    /// A trial's config with the length of a full run.
    pub fn full_config(&self, place: usize) -> Option<RunConfig> {
        // A field without a pick is not in the config, so its value makes no difference.
        let picks: Vec<f64> = self.trials.get(place)?.picks.iter().map(|pick| pick.unwrap_or(0.0)).collect();
        // Cannot fail: the same picks were applied when the trial was drawn.
        apply(&self.plan.base, &self.plan.fields, &picks).ok().map(|(config, _)| config)
    }

    /// Steps and milliseconds of all trials, including interrupted ones.
    pub fn spent(&self) -> (u64, f64) {
        let steps = self.trials.iter().map(|trial| u64::from(trial.steps)).sum::<u64>() + self.lost_steps;
        let elapsed_ms = self.trials.iter().map(|trial| trial.elapsed_ms).sum::<f64>() + self.lost_ms;
        (steps, elapsed_ms)
    }

    fn is_budget_spent(&self) -> bool {
        let (steps, elapsed_ms) = self.spent();
        self.plan.budget.spent_fraction(steps, elapsed_ms).is_some_and(|fraction| fraction >= 1.0)
    }

    pub fn n_over(&self) -> usize {
        self.trials.iter().filter(|trial| trial.is_over()).count()
    }

    /// Progress of the search, 0 to 1: the fraction of trials or of the budget, whichever is higher.
    pub fn fraction(&self) -> f64 {
        let (steps, elapsed_ms) = self.spent();
        let of_trials = self.n_over() as f64 / self.trials.len().max(1) as f64;
        self.plan.budget.spent_fraction(steps, elapsed_ms).unwrap_or(0.0).max(of_trials)
    }

    /// Estimated remaining time in milliseconds: the remaining trials at the mean duration of the finished ones, capped by the budget.
    /// `None` until there is an estimate.
    pub fn remaining_ms(&self) -> Option<f64> {
        let over: Vec<&Trial> = self.trials.iter().filter(|trial| trial.is_over()).collect();
        let mean_ms = over.iter().map(|trial| trial.elapsed_ms).sum::<f64>() / over.len() as f64;
        let n_waiting = self.trials.iter().filter(|trial| trial.state == TrialState::Waiting).count();
        let running_ms =
            self.running().and_then(|place| self.trials.get(place)).map(|trial| mean_ms - trial.elapsed_ms);
        let of_trials = mean_ms * n_waiting as f64 + running_ms.unwrap_or(0.0).max(0.0);
        let (steps, elapsed_ms) = self.spent();
        let of_budget = self.plan.budget.spent_fraction(steps, elapsed_ms).filter(|fraction| *fraction > 0.0);
        let of_budget = of_budget.map(|fraction| elapsed_ms * (1.0 - fraction) / fraction);
        let known = Some(of_trials).filter(|_| !over.is_empty());
        known.into_iter().chain(of_budget).reduce(f64::min)
    }
}

#[cfg(test)]
mod tests;
