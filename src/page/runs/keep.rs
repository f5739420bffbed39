//! Notes what only the page knows of a run while it goes on, and keeps the run when it ends.

use leptos::prelude::*;

use super::Runs;
use super::record::{Circumstances, Environment, KeptRun, TestResult};
use crate::channel::BUILD;
use crate::page::database::unique_id;
use crate::page::places::understand::evaluations::{Evaluated, EvaluationState};
use crate::page::reactive::{memo, watch};
use crate::page::state::{EndedRun, EngineState, RunNews};
use kindling_core::protocol::{RunId, SplitName};

/// A run under way, as it was when it began: an engine that is lost takes its name with it.
#[derive(Clone, Debug)]
pub(super) struct Began {
    run: RunId,
    at_ms: f64,
    dataset_name: String,
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
            environment: self.environment(),
        });
        self.began.set_value(began);
    }

    fn dataset_name(self) -> String {
        let name =
            |state: &crate::page::state::DatasetState| state.current.as_ref().map(|current| current.name.clone());
        self.store.dataset.with_untracked(name).unwrap_or_default()
    }

    fn environment(self) -> Environment {
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
                test: None,
                environment: Environment {
                    engine: began.environment.engine.or(self.environment().engine),
                    ..began.environment
                },
            },
            // It ended before the page had time to note its beginning.
            None => Circumstances {
                id: id.clone(),
                started_at: now_ms - ended.run.progress.elapsed_ms,
                dataset_name: dataset,
                test: None,
                environment: self.environment(),
            },
        };
        let weights = ended.weights.clone();
        if let Some(kept) = KeptRun::new(ended, circumstances) {
            self.insert(kept, weights);
            self.newest.set_value(Some((run, id)));
        }
    }

    /// The test of the network that a kept run ended with; one that was asked while it trained is of another network.
    fn tested(self, evaluated: &Evaluated) {
        let newest = self.newest.get_value().filter(|(run, _)| *run == evaluated.run);
        let Some((_, id)) = newest else { return };
        let is_of_end = self
            .list
            .with_untracked(|list| list.iter().any(|record| record.id == id && record.steps == evaluated.step));
        if is_of_end {
            self.change(&id, |record| record.test = Some(TestResult::new(&evaluated.evaluation)));
        }
    }
}
