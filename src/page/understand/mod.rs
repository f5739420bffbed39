//! The place Evaluate: how well the network classifies images that it was not trained on, and where it errs.

mod class_table;
mod gallery;
pub mod order;
mod results;

use leptos::prelude::*;
use leptos::task::spawn_local;

use self::results::{Results, Summary};
use crate::page::collect;
use crate::page::evaluations::{EvaluationState, Evaluations};
use crate::page::parts::{Part, Parted, part};
use crate::page::reactive::{effect, memo};
use crate::page::runs::at_hand::ModelAtHand;
use crate::page::runs::interrupted::use_interrupted;
use crate::page::state::RunState;
use crate::page::store::{Store, use_store};
use crate::page::text::failure::failure_text;
use crate::page::text::format::count;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::check_field::CheckField;
use crate::page::widgets::hint::Why;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;
use kindling_core::protocol::{SplitName, Views};

pub const PART: Part = part!(understand::place, UnderstandPlace);

#[component]
fn UnderstandPlace() -> impl IntoView {
    let split = RwSignal::new(SplitName::Validation);
    evaluate_on_arrival(use_store(), expect_context());
    view! {
        <section class="understand-place" aria-labelledby="understand-title">
            <header class="place-header">
                <h1 id="understand-title">{move_tr!(understand.title)}</h1>
                <p>{move_tr!(understand.lead)}</p>
            </header>
            <ModelAtHand none=NoNetwork>
                <div class="panel evaluation-head">
                    <Ask split />
                    <Summary split />
                </div>
                <Found split />
                <Parted part=collect::LABEL_ERRORS is_quiet=true />
            </ModelAtHand>
        </section>
    }
}

/// Evaluates the model on the validation split, unless that was done, or a run is under way, from which it would take time.
fn evaluate_on_arrival(store: Store, evaluations: Evaluations) {
    let is_wanted = memo(move |_| {
        let has_images =
            store.dataset.with(|dataset| dataset.current.as_ref().is_some_and(|current| current.counts.validation > 0));
        let has_model = store.run.with(|run| run.has_network() && !run.is_active());
        let is_new = evaluations.of(SplitName::Validation).with(|state| matches!(state, EvaluationState::None));
        has_images && has_model && is_new
    });
    effect(move |_| {
        if is_wanted.get() {
            // A failure is shown where the result would be.
            spawn_local(async move { drop(evaluations.evaluate(SplitName::Validation, Views::One).await) });
        }
    });
}

#[component]
fn NoNetwork() -> impl IntoView {
    let store = use_store();
    let interrupted = use_interrupted();
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let text = move || match interrupted.newest() {
        _ if is_active.get() => tr!(understand.first_soon),
        Some(run) => tr!(interrupted.no_network, step = count(run.run.progress.step)),
        None => tr!(understand.no_network),
    };
    view! {
        <div class="panel empty">
            <p>{text}</p>
            <Show when=move || !is_active.get()>
                <a class="button is-primary" href="#train">{move_tr!(understand.to_train)}</a>
            </Show>
            <ComingMatrix />
        </div>
    }
}

/// A confusion matrix as it will be, for those who see it.
#[component]
fn ComingMatrix() -> impl IntoView {
    const N_CELLS: usize = 100;
    view! { <div class="coming-matrix" aria-hidden="true">{(0..N_CELLS).map(|_| view! { <i></i> }).collect_view()}</div> }
}

/// The choice of split, and the button that starts the evaluation.
#[component]
fn Ask(split: RwSignal<SplitName>) -> impl IntoView {
    let store = use_store();
    let evaluations = expect_context::<Evaluations>();
    let views = RwSignal::new(Views::default());
    let state = move || evaluations.of(split.get()).get();
    let is_running = move || matches!(state(), EvaluationState::Running(_));
    let is_done = move || matches!(state(), EvaluationState::Done(_));
    let n_images = memo(move |_| {
        let counts = store.dataset.with(|dataset| dataset.current.as_ref().map(|current| current.counts));
        counts.map_or(0, |counts| match split.get() {
            SplitName::Train => counts.train,
            SplitName::Validation => counts.validation,
            SplitName::Test => counts.test,
        })
    });
    let ask = move |_| {
        // A failure is shown where the result would be.
        let (split, views) = (split.get_untracked(), views.get_untracked());
        spawn_local(async move { drop(evaluations.evaluate(split, views).await) });
    };
    let name = move || match split.get() {
        SplitName::Train | SplitName::Validation => tr!(understand.run_validation),
        SplitName::Test => tr!(understand.run_test),
    };
    let splits = vec![
        Segment { value: SplitName::Validation, id: "understand-validation", name: || tr!(understand.validation) },
        Segment { value: SplitName::Test, id: "understand-test", name: || tr!(understand.test) },
    ];
    view! {
        <div class="ask">
            <div class="ask-row">
                <Segments
                    name="understand-split"
                    legend=Signal::derive(move_tr!(understand.split))
                    is_legend_hidden=true
                    segments=splits
                    value=Signal::derive(move || Some(split.get()))
                    on_change=move |chosen: SplitName| split.set(chosen)
                />
                <button
                    type="button"
                    class="button"
                    class:is-primary=move || !is_done()
                    disabled=move || is_running() || n_images.get() == 0
                    on:click=ask
                >
                    {name}
                </button>
                <span class="hint">{move || match n_images.get() {
                    0 => tr!(understand.no_images),
                    n_images => tr!(understand.n_images, images = count(n_images)),
                }}</span>
            </div>
            <Why text=Signal::derive(move || match split.get() {
                SplitName::Train | SplitName::Validation => key_tr!(understand.validation_why),
                SplitName::Test => key_tr!(understand.test_why),
            }) />
            <Show when=move || split.get() == SplitName::Test && evaluations.n_tests.get().gt(&1)>
                <p class="hint">{move || tr!(understand.tested_often, times = evaluations.n_tests.get())}</p>
            </Show>
            <details>
                <summary>{move_tr!(understand.options)}</summary>
                <CheckField
                    id="understand-views"
                    label=Signal::derive(move_tr!(understand.views))
                    hint=Signal::derive(move_tr!(understand.views_why))
                    term=key_tr!(understand.views)
                    value=Signal::derive(move || views.get() == Views::Several)
                    on_change=move |several: bool| views.set(if several { Views::Several } else { Views::One })
                />
            </details>
            {move || match state() {
                EvaluationState::Running(fraction) => {
                    view! { <progress max="1" value=fraction aria-label=move_tr!(understand.progress)></progress> }.into_any()
                }
                EvaluationState::None | EvaluationState::Done(_) | EvaluationState::Failed(_) => ().into_any(),
            }}
        </div>
    }
}

/// The results of the evaluation, or its failure.
#[component]
fn Found(split: RwSignal<SplitName>) -> impl IntoView {
    let evaluations = expect_context::<Evaluations>();
    move || match evaluations.of(split.get()).get() {
        EvaluationState::None | EvaluationState::Running(_) => ().into_any(),
        EvaluationState::Failed(failure) => {
            view! { <p role="alert" class="failure">{failure_text(&failure)}</p> }.into_any()
        }
        EvaluationState::Done(evaluated) => view! { <Results evaluated /> }.into_any(),
    }
}
