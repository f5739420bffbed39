//! The slim bar that shows a run's progress in every place.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::state::RunState;
use crate::page::store::{Store, use_store};
use crate::page::text::format::{clock, count, percent};
use crate::page::text::i18n::tr;
use crate::page::widgets::show::Show;
use kindling_core::protocol::Ending;

/// Empty while there is no run.
#[component]
pub fn RunBar() -> impl IntoView {
    let store = use_store();
    let has_run = memo(move |_| store.run.with(|run| run.run().is_some()));
    let fraction = memo(move |_| store.run.with(|run| run.run().map_or(0.0, |run| run.fraction())));
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    view! {
        <Show when=move || has_run.get()>
            <a class="run-bar" href="#train" translate="no" class:is-active=move || is_active.get()>
                // The link's name is its words, without the value of the bar.
                <progress max="1" prop:value=move || fraction.get() aria-hidden="true"></progress>
                <span>{move || store.run.with(|run| named(store, run))}</span>
                <span class="run-bar-figures">{move || store.run.with(figures)}</span>
            </a>
        </Show>
    }
}

/// The run's state, marked if the run is a search trial.
fn named(store: Store, state: &RunState) -> String {
    match state.run() {
        Some(run) if store.is_trial(run.id) => tr!(search.trial_of, state = state_text(state)),
        _ => state_text(state),
    }
}

/// The state of the run in a few words, tracked by the language.
pub fn state_text(state: &RunState) -> String {
    match state {
        RunState::Idle => String::new(),
        RunState::Preparing { .. } => tr!(shell.run_preparing),
        RunState::Training(run) => {
            let epoch = (run.progress.epoch + 1).min(run.config.epochs);
            tr!(shell.run_training, epoch = epoch, epochs = run.config.epochs)
        }
        RunState::Paused(_) => tr!(shell.run_paused),
        RunState::Finished { report, .. } => match report.ending {
            Ending::Completed | Ending::EarlyStopped => tr!(shell.run_finished),
            Ending::StepLimit => tr!(shell.run_limited),
            Ending::Stopped => tr!(shell.run_stopped, steps = count(report.steps)),
        },
        RunState::Failed { .. } => tr!(shell.run_failed),
    }
}

fn figures(state: &RunState) -> String {
    let Some(run) = state.run() else { return String::new() };
    let accuracy = match (state, run.best.and_then(|best| best.validation_accuracy)) {
        // The result of a finished run, not its last training accuracy.
        (RunState::Finished { .. }, Some(accuracy)) => {
            Some(tr!(shell.run_validated, accuracy = percent(accuracy.into())))
        }
        (RunState::Finished { .. } | RunState::Failed { .. }, None) => {
            run.progress.accuracy.map(|accuracy| tr!(shell.run_trained, accuracy = percent(accuracy.into())))
        }
        _ => run.progress.accuracy.map(|accuracy| percent(accuracy.into())),
    };
    let left = state.is_active().then_some(run.progress.remaining_ms).filter(|left| *left > 0.0);
    let left = left.map(|left| tr!(shell.run_left, time = clock(left)));
    [accuracy, left].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::state::Run;
    use kindling_core::config::{NetworkConfig, RunConfig};
    use kindling_core::protocol::{RunId, RunReport};

    #[test]
    fn the_bar_says_how_a_run_ended_and_what_its_figure_is() {
        let mut run = Run::new(RunId(1), RunConfig::new("mnist", NetworkConfig::new("Empty", vec![])));
        run.progress.accuracy = Some(0.375);
        let of = |ending| {
            let report = RunReport { ending, steps: 1_234, best: None, is_averaged: false, elapsed_ms: 1.0 };
            let state = RunState::Finished { run: run.clone(), report };
            (state_text(&state), figures(&state))
        };
        let figure = || "Training accuracy 37.5%".to_owned();
        assert_eq!(of(Ending::Completed), ("Training finished".to_owned(), figure()));
        assert_eq!(of(Ending::StepLimit), ("Max steps reached".to_owned(), figure()));
        assert_eq!(of(Ending::Stopped), ("Stopped after 1,234 steps".to_owned(), figure()));
        assert_eq!(figures(&RunState::Training(run)), "37.5%");
    }
}
