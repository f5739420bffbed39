//! Records what only the page knows about a run when it starts, and stores the run when it ends.

use leptos::prelude::*;

use super::Runs;
use crate::channel::BUILD;
use crate::page::database::unique_id;
use crate::page::evaluations::{Evaluated, EvaluationState};
use crate::page::reactive::{memo, watch};
use crate::page::state::{EndedRun, EngineState, Outcome, RunNews};
use kindling_core::protocol::{RunId, SplitName};
use kindling_core::runs::curves::RunCurves;
use kindling_core::runs::record::{Environment, KeptRun, NetworkInput, RunEnding, RunRecord, TestResult};

/// The circumstances at the start of the current run. They are recorded then because a lost engine's name is lost with it.
#[derive(Clone, Debug)]
pub(super) struct Began {
    run: RunId,
    at_ms: f64,
    dataset_name: String,
    input: Option<NetworkInput>,
    environment: Environment,
}

/// What only the page knows about a run that has ended.
#[derive(Clone, Debug, Default, PartialEq)]
struct Circumstances {
    id: String,
    started_at: f64,
    dataset_name: String,
    input: Option<NetworkInput>,
    environment: Environment,
}

impl Runs {
    pub(super) fn watch(self) {
        self.store.on_run_news(move |news| {
            if let RunNews::Ended(ended) = news {
                self.keep(ended.clone());
            }
        });
        let run = memo(move |_| self.store.run.with(|run| run.run().map(|run| run.id)));
        watch(move || run.get(), move |run, _| self.begin(*run), true);
        let test = self.evaluations.of(SplitName::Test);
        watch(
            move || test.get(),
            move |state, _| {
                if let EvaluationState::Done(evaluated) = state {
                    self.tested(evaluated);
                }
            },
            false,
        );
    }

    fn begin(self, run: Option<RunId>) {
        let began = run.map(|run| Began {
            run,
            at_ms: js_sys::Date::now(),
            dataset_name: self.dataset_name(),
            input: self.input(),
            environment: self.environment(),
        });
        self.began.set_value(began);
    }

    fn dataset_name(self) -> String {
        let name =
            |state: &crate::page::state::DatasetState| state.current.as_ref().map(|current| current.name.clone());
        self.store.dataset.with_untracked(name).unwrap_or_default()
    }

    /// The network input for the current dataset.
    fn input(self) -> Option<NetworkInput> {
        self.store.dataset.with_untracked(|state| state.current.as_ref().map(|current| NetworkInput::new(current)))
    }

    pub(super) fn environment(self) -> Environment {
        let (engine, adapter) = self.store.engine.with_untracked(|engine| match engine {
            EngineState::Ready { info, .. } => (Some(info.kind), info.adapter.clone()),
            EngineState::Starting(choice) => (Some(choice.program.kind()), String::new()),
            EngineState::Choosing | EngineState::Failed(_) => (None, String::new()),
        });
        let user_agent = window().navigator().user_agent().unwrap_or_default();
        Environment { engine, adapter, user_agent, build: BUILD.to_owned() }
    }

    fn keep(self, ended: EndedRun) {
        let run = ended.run.id;
        let began = self.began.get_value().filter(|began| began.run == run);
        let now_ms = js_sys::Date::now();
        let id = unique_id();
        let dataset = ended.run.config.dataset.clone();
        let circumstances = match began {
            Some(began) => Circumstances {
                id: id.clone(),
                started_at: began.at_ms,
                dataset_name: if began.dataset_name.is_empty() { dataset } else { began.dataset_name },
                input: began.input,
                // Where the run ended, as it may have moved to another device. A lost engine has no name any more.
                environment: Some(self.environment()).filter(|now| now.engine.is_some()).unwrap_or(began.environment),
            },
            // The run ended before the page could record its start.
            None => Circumstances {
                id: id.clone(),
                started_at: now_ms - ended.run.progress.elapsed_ms,
                dataset_name: dataset,
                input: self.input(),
                environment: self.environment(),
            },
        };
        let weights = ended.weights.clone();
        if let Some(kept) = kept_run(ended, circumstances) {
            self.insert(kept, weights);
            self.newest.set(Some((run, id)));
        }
    }

    /// Records a test result in the newest stored run, if the final network was tested: a test during training evaluated another network.
    fn tested(self, evaluated: &Evaluated) {
        let newest = self.newest.get_untracked().filter(|(run, _)| *run == evaluated.run);
        let Some((_, id)) = newest else { return };
        let is_of_end = self
            .list
            .with_untracked(|list| list.iter().any(|record| record.id == id && record.steps == evaluated.step));
        if is_of_end {
            self.change(&id, |record| record.test = Some(TestResult::new(&evaluated.evaluation)));
        }
    }
}

/// The record of an ended run. None for a run without a completed step: there is nothing to compare.
fn kept_run(ended: EndedRun, circumstances: Circumstances) -> Option<KeptRun> {
    let EndedRun { run, curves, outcome, weights } = ended;
    let (ending, steps, elapsed_ms) = match outcome {
        Outcome::Finished(report) => (report.ending.into(), report.steps, report.elapsed_ms),
        Outcome::Failed(failure) => (RunEnding::Failed(failure.kind), run.progress.step, run.progress.elapsed_ms),
        Outcome::Replaced => (RunEnding::Replaced, run.progress.step, run.progress.elapsed_ms),
    };
    if steps == 0 {
        return None;
    }
    let Circumstances { id, started_at, dataset_name, input, environment } = circumstances;
    let record = RunRecord {
        id,
        started_at,
        dataset_name,
        config: (*run.config).clone(),
        parameters: run.plan.map(|plan| plan.parameters),
        steps,
        elapsed_ms,
        ending,
        best: run.best,
        epochs: run.epochs,
        adjustments: run.adjustments,
        test: None,
        environment,
        input,
        continued_from: run.continued_from,
        weights_bytes: weights.map(|weights| weights.len() as u64),
        name: String::new(),
        note: String::new(),
        is_starred: false,
    };
    Some(KeptRun { record, curves: RunCurves::new(&curves) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::state::Run;
    use kindling_core::protocol::{Failure, FailureKind};
    use kindling_core::runs::samples::{epoch, record, unvalidated_epoch};

    fn ended(step: u32) -> EndedRun {
        let mut run = Run::new(RunId(1), record("").config);
        run.progress.step = step;
        run.epochs = vec![epoch(0.25), unvalidated_epoch()];
        let failure = Failure::new(FailureKind::LossNotFinite, "");
        EndedRun { run, curves: Default::default(), outcome: Outcome::Failed(failure), weights: None }
    }

    #[test]
    fn a_failed_run_is_kept_with_all_its_epochs_and_one_without_a_step_is_not() {
        let kept = kept_run(ended(3), Circumstances::default()).unwrap();
        assert_eq!(kept.record.ending, RunEnding::Failed(FailureKind::LossNotFinite));
        assert_eq!(kept.record.epochs, [epoch(0.25), unvalidated_epoch()]);
        assert_eq!(kept.record.steps, 3);
        assert_eq!(kept_run(ended(0), Circumstances::default()), None);
    }
}
