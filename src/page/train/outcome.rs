//! A run's outcome, and what the visitor can do next.

use leptos::prelude::*;

use super::continuing;
use super::controls::TrainButton;
use crate::page::collect::CROSS_VALIDATION;
use crate::page::load_status::LoadStatus;
use crate::page::parts::Parted;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::runs::interrupted::panel::InterruptedOffer;
use crate::page::state::{Run, RunState};
use crate::page::store::{Store, use_store};
use crate::page::text::failure::failure_text;
use crate::page::text::format::{clock, count, percent};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::train::advice;
use crate::page::widgets::hint::TermLink;
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::decimal;
use kindling_core::metrics::wilson_interval;
use kindling_core::protocol::{Ending, FailureKind, RunReport};

/// A finished run's report, and how many classes its network tells apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    report: RunReport,
    n_classes: usize,
    /// Images that the accuracy was measured on.
    n_validation: u32,
    /// On the newest batches, 0 to 1.
    train_accuracy: Option<f64>,
    /// Whether the network came from a file: it has weights, though no step was trained.
    is_imported: bool,
}

impl Outcome {
    /// That of the run in view, tracked; None unless it has finished.
    pub fn now(store: Store) -> Option<Self> {
        let report = store.run.with(|run| match run {
            RunState::Finished { report, .. } => Some(*report),
            RunState::Idle
            | RunState::Preparing { .. }
            | RunState::Training(_)
            | RunState::Paused(_)
            | RunState::Failed { .. } => None,
        })?;
        let (n_classes, n_validation) = store
            .dataset
            .with(|dataset| dataset.current.as_ref().map_or((0, 0), |it| (it.classes.len(), it.counts.validation)));
        let train_accuracy = store.run.with(|run| run.run()?.progress.accuracy.map(f64::from));
        let is_imported = report.steps == 0 && store.run.with(RunState::has_network);
        Some(Self { report, n_classes, n_validation, train_accuracy, is_imported })
    }

    fn accuracy(&self) -> Option<f64> {
        self.report.best?.validation_accuracy.map(f64::from)
    }

    /// Whether the accuracy was measured and is clearly above that of guessing.
    pub fn is_good(&self) -> bool {
        self.accuracy().is_some_and(|accuracy| accuracy > guessing(self.n_classes))
    }

    /// Whether so few images were validated that their accuracy says little.
    fn is_unsure(&self) -> bool {
        const FEW: u32 = 50;
        self.accuracy().is_some() && (1..FEW).contains(&self.n_validation)
    }

    /// Where nothing was validated, the training accuracy tells.
    fn is_guessing(&self) -> bool {
        let accuracy = self.accuracy().or(self.train_accuracy);
        self.n_classes > 0 && accuracy.is_some_and(|accuracy| accuracy <= guessing(self.n_classes))
    }

    /// An accuracy on the validation images, with its interval where that is wide.
    fn with_interval(&self, accuracy: f64) -> String {
        const WIDE: f64 = 0.02;
        let n_hits = (accuracy * f64::from(self.n_validation)).round() as u32;
        match wilson_interval(n_hits, self.n_validation).filter(|(low, high)| high - low > WIDE) {
            Some((low, high)) => {
                tr!(train.with_interval, accuracy = percent(accuracy), low = percent(low), high = percent(high))
            }
            None => percent(accuracy),
        }
    }

    /// One sentence; tracks the language.
    pub fn verdict(&self) -> String {
        let is_guessing = self.is_guessing();
        match (self.accuracy(), self.train_accuracy, self.report.best) {
            (Some(accuracy), ..) if is_guessing => tr!(train.finished_guessing, accuracy = percent(accuracy)),
            (Some(accuracy), ..) => tr!(train.finished, accuracy = self.with_interval(accuracy)),
            (None, Some(accuracy), _) if is_guessing => tr!(train.trained_guessing, accuracy = percent(accuracy)),
            (None, _, Some(_)) => tr!(train.finished_unvalidated),
            (None, _, None) if self.is_imported => tr!(train.imported),
            (None, _, None) => tr!(train.finished_early),
        }
    }
}

/// The accuracy up to which a network is no better than guessing: twice that of guessing, or for few classes a tenth of the way from there to 1.
fn guessing(n_classes: usize) -> f64 {
    let chance = 1.0 / n_classes.max(1) as f64;
    (2.0 * chance).min(chance + (1.0 - chance) / 10.0)
}

#[component]
pub fn Finished() -> impl IntoView {
    let store = use_store();
    let outcome = memo(move |_| Outcome::now(store));
    let has_network = memo(move |_| store.run.with(RunState::has_network));
    let is_lost = memo(move |_| !has_network.get() && outcome.get().is_some_and(|it| it.report.steps > 0));
    let has_continued = memo(move |_| {
        has_network.get() && store.run.with(|state| state.run().is_some_and(|run| run.continued_from.is_some()))
    });
    let is_unsure = memo(move |_| has_network.get() && outcome.get().is_some_and(|outcome| outcome.is_unsure()));
    let is_guessing = memo(move |_| outcome.get().is_some_and(|outcome| outcome.is_guessing()));
    view! {
        <div class="outcome">
            <p class="outcome-details">
                {move || outcome.get().map(|outcome| details(&outcome))}" "<TermLink term="checkpoint" />
            </p>
            <Parted part=advice::panel::SUMMARY is_quiet=true />
            <Show when=move || has_continued.get()><Parted part=continuing::BEFORE_AFTER is_quiet=true /></Show>
            <Show when=move || is_unsure.get()><Parted part=CROSS_VALIDATION is_quiet=true /></Show>
            <Show when=move || is_guessing.get()><p class="hint">{move_tr!(train.guessing_why)}</p></Show>
            <Show when=move || is_lost.get()>
                <p class="hint">{move_tr!(train.network_gone)}</p>
            </Show>
            <div class="controls">
                <Show when=move || has_network.get()>
                    <a class="button is-big" class:is-primary=move || !is_guessing.get() href="#understand">
                        {move_tr!(train.test_it)}
                    </a>
                    <a class="button is-big" href="#use">{move_tr!(train.use_it)}</a>
                </Show>
                <TrainButton is_again=true is_primary=Signal::derive(move || is_guessing.get() || !has_network.get()) />
            </div>
            <LoadStatus />
        </div>
    }
}

fn details(Outcome { report, is_imported, .. }: &Outcome) -> String {
    if *is_imported {
        return tr!(train.imported_why);
    }
    if report.steps == 0 {
        return tr!(train.stopped_untrained);
    }
    let ending = match report.ending {
        Ending::Completed => tr!(train.completed, steps = count(report.steps), time = clock(report.elapsed_ms)),
        Ending::StepLimit => tr!(train.step_limit, steps = count(report.steps), time = clock(report.elapsed_ms)),
        Ending::EarlyStopped => {
            tr!(train.early_stopped, steps = count(report.steps), time = clock(report.elapsed_ms))
        }
        Ending::Stopped => tr!(train.stopped, steps = count(report.steps), time = clock(report.elapsed_ms)),
    };
    let kept = match report.best {
        Some(best) if best.validation_accuracy.is_none() => tr!(train.last_epoch_kept, epoch = best.epoch + 1),
        Some(best) => tr!(train.best_kept, epoch = best.epoch + 1),
        None => tr!(train.last_kept),
    };
    format!("{ending} {kept}")
}

/// What went wrong and, for failures with a known remedy, a button that applies it and trains again.
#[component]
pub fn Failed() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let failure = memo(move |_| {
        store.run.with(|run| match run {
            RunState::Failed { failure, .. } => Some(failure.clone()),
            RunState::Idle
            | RunState::Preparing { .. }
            | RunState::Training(_)
            | RunState::Paused(_)
            | RunState::Finished { .. } => None,
        })
    });
    let kind = move || failure.read().as_ref().map(|failure| failure.kind);
    // The values of the run that failed: those in the form may be others by now.
    let failed = move |read: fn(&Run) -> f64| store.run.with_untracked(|state| state.run().map(read));
    let lower_rate = move |_| {
        if let Some(rate) = failed(|run| run.adjustments.last().map_or(run.config.learning_rate, |it| it.learning_rate))
        {
            recipe.change(|config| config.learning_rate = decimal::rounded(rate / 10.0, 12));
        }
        recipe.start();
    };
    let halve_batch = move |_| {
        if let Some(size) = failed(|run| run.config.batch_size.into()) {
            recipe.change(|config| config.batch_size = ((size / 2.0) as u32).max(1));
        }
        recipe.start();
    };
    let has_remedy = memo(move |_| matches!(kind(), Some(FailureKind::LossNotFinite | FailureKind::OutOfMemory)));
    view! {
        <div class="outcome is-failed">
            <p class="stage-status" role="alert">
                <Glyph icon=Icon::Warning />
                {move || failure.get().map(|failure| failure_text(&failure))}
            </p>
            <div class="controls">
                {move || match kind() {
                    Some(FailureKind::LossNotFinite) => view! {
                        <button type="button" class="button is-primary is-big" on:click=lower_rate>
                            {move_tr!(train.lower_rate)}
                        </button>
                    }.into_any(),
                    Some(FailureKind::OutOfMemory) => view! {
                        <button type="button" class="button is-primary is-big" on:click=halve_batch>
                            {move_tr!(train.halve_batch)}
                        </button>
                    }.into_any(),
                    _ => ().into_any(),
                }}
                <TrainButton is_again=true is_primary=Signal::derive(move || !has_remedy.get()) />
            </div>
            <LoadStatus />
        </div>
        <InterruptedOffer />
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::protocol::EpochReport;

    fn outcome(accuracy: f32, n_classes: usize) -> Outcome {
        let best = EpochReport {
            epoch: 0,
            step: 1,
            train_loss: 1.0,
            train_accuracy: accuracy,
            validation_loss: Some(1.0),
            validation_accuracy: Some(accuracy),
            is_best: true,
            elapsed_ms: 1.0,
        };
        let report =
            RunReport { ending: Ending::Completed, steps: 1, best: Some(best), is_averaged: false, elapsed_ms: 1.0 };
        Outcome { report, n_classes, n_validation: 0, train_accuracy: Some(0.9), is_imported: false }
    }

    #[test]
    fn guessing_earns_no_tick() {
        for (accuracy, n_classes, is_good) in [
            (0.097, 10, false),
            (0.18, 10, false),
            (0.3, 10, true),
            (0.5, 2, false),
            (0.6, 2, true),
            (0.015, 100, false),
            (0.08, 100, true),
        ] {
            let outcome = outcome(accuracy, n_classes);
            assert_eq!(outcome.is_good(), is_good, "{accuracy} of {n_classes} classes");
            assert_eq!(outcome.is_guessing(), !is_good);
        }
        assert!(outcome(0.097, 10).verdict().contains("9.7%"));
    }

    #[test]
    fn before_the_first_epoch_the_training_accuracy_tells_of_guessing() {
        let report = RunReport { best: None, ending: Ending::Stopped, ..outcome(0.1, 10).report };
        let stopped = |accuracy| Outcome { report, train_accuracy: accuracy, ..outcome(0.1, 10) };
        assert_eq!(stopped(Some(0.089)).verdict(), "Training accuracy: 8.9%, no better than random guessing.");
        assert!(
            stopped(Some(0.089)).is_guessing() && !stopped(Some(0.6)).is_guessing() && !stopped(None).is_guessing()
        );
        assert_eq!(stopped(Some(0.6)).verdict(), "The run ended before its first epoch was complete.");
    }

    #[test]
    fn a_wide_interval_is_said() {
        let verdict = |n_validation| Outcome { n_validation, ..outcome(0.8, 10) }.verdict();
        assert_eq!(verdict(40), "Validation accuracy: 80.0%, between 65.2% and 89.5%.");
        assert_eq!(verdict(10_000), "Validation accuracy: 80.0%.");
        assert_eq!(verdict(0), "Validation accuracy: 80.0%.");
    }
}
