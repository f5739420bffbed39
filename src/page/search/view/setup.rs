//! The setup of the next search: fields, method, length, budget.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::fields::FieldList;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::search::draft::{Draft, Limit, MethodKind};
use crate::page::search::use_searcher;
use crate::page::text::failure::failure_text;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::number_field::NumberField;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;
use kindling_core::config::Metric;
use kindling_core::protocol::Failure;
use kindling_core::search::Method;
use kindling_core::search::plan::{GRID_POINTS, TRIAL_EPOCHS_LIMIT, TRIALS_LIMIT};

#[component]
pub fn SearchSetup() -> impl IntoView {
    let searcher = use_searcher();
    let recipe = use_recipe();
    let refused = RwSignal::new(None::<Failure>);
    let is_starting = RwSignal::new(false);
    // One click must not end a run that the visitor has started.
    let has_own_run = memo(move |_| searcher.has_own_run());
    let can_start = move || recipe.config.read().is_some() && !is_starting.get() && !has_own_run.get();
    let start = move |_| {
        if recipe.refusals.hold_back() {
            return;
        }
        is_starting.set(true);
        refused.set(None);
        spawn_local(async move {
            let started = searcher.start_draft().await;
            // The panel may be gone: the visitor has left the place, or the search has started.
            is_starting.try_set(false);
            refused.try_set(started.err());
        });
    };
    view! {
        <div class="fields">
            <FieldList />
            <MethodFields />
            <LengthFields />
            <div class="controls">
                <button
                    type="button"
                    class="button is-primary"
                    id="search-start"
                    disabled=move || !can_start()
                    on:click=start
                >
                    <Glyph icon=Icon::Play />
                    {move_tr!(search.start)}
                </button>
            </div>
            {move || refused.get().map(|failure| view! {
                <p class="failure" role="alert">{move || failure_text(&failure)}</p>
            })}
        </div>
    }
}

#[component]
fn MethodFields() -> impl IntoView {
    let draft = use_searcher().draft;
    let method = memo(move |_| draft.read().method);
    let segments = vec![
        Segment { value: MethodKind::Halving, id: "search-halving", name: || "ASHA".to_owned() },
        Segment { value: MethodKind::Random, id: "search-random", name: || tr!(search.random) },
        Segment { value: MethodKind::Grid, id: "search-grid", name: || tr!(search.grid) },
    ];
    let why = move || match method.get() {
        MethodKind::Halving => tr!(search.halving_why),
        MethodKind::Random => tr!(search.random_why),
        MethodKind::Grid => tr!(search.grid_why),
    };
    view! {
        <div class="field">
            <Segments
                name="search-method"
                legend=Signal::derive(move_tr!(search.method))
                segments
                value=Signal::derive(move || Some(method.get()))
                on_change=move |chosen: MethodKind| draft.update(|draft| draft.method = chosen)
                described_by="search-method-why"
            />
            <p class="hint" id="search-method-why">{why}</p>
        </div>
        <Show when=move || method.get() == MethodKind::Halving>
            <Whole
                id="search-factor"
                label=|| tr!(search.factor)
                why=|| tr!(search.factor_why)
                range=(2, 10)
                read=|draft| draft.halving.factor
                write=|draft, factor| draft.halving.factor = factor
            />
            <Whole
                id="search-first-epochs"
                label=|| tr!(search.first_epochs)
                why=|| tr!(search.first_epochs_why)
                range=(1, TRIAL_EPOCHS_LIMIT)
                read=|draft| draft.halving.first_epochs
                write=|draft, epochs| draft.halving.first_epochs = epochs
            />
        </Show>
        <Show
            when=move || method.get() == MethodKind::Grid
            fallback=|| view! {
                <Whole
                    id="search-trials"
                    label=|| tr!(search.trials)
                    why=|| tr!(search.trials_why)
                    range=(1, TRIALS_LIMIT as u32)
                    read=|draft| draft.n_trials
                    write=|draft, n_trials| draft.n_trials = n_trials
                />
            }
        >
            <Whole
                id="search-points"
                label=|| tr!(search.points)
                why=|| tr!(search.points_why)
                range=GRID_POINTS
                read=|draft| draft.n_points
                write=|draft, n_points| draft.n_points = n_points
            />
        </Show>
    }
}

#[component]
fn LengthFields() -> impl IntoView {
    let draft = use_searcher().draft;
    let recipe = use_recipe();
    let epochs =
        move || draft.read().epochs.unwrap_or_else(|| recipe.read(|config| config.epochs.clamp(1, TRIAL_EPOCHS_LIMIT)));
    let metric = memo(move |_| draft.read().metric);
    let limit = memo(move |_| draft.read().limit);
    let metrics = vec![
        Segment { value: Metric::ValidationAccuracy, id: "search-by-accuracy", name: || tr!(runs.validation_accuracy) },
        Segment { value: Metric::ValidationLoss, id: "search-by-loss", name: || tr!(runs.validation_loss) },
    ];
    let limits = vec![
        Segment { value: Limit::Minutes, id: "search-in-minutes", name: || tr!(search.minutes) },
        Segment { value: Limit::Steps, id: "search-in-steps", name: || tr!(train.steps) },
    ];
    let amount = move || match limit.get() {
        Limit::Minutes => draft.read().minutes,
        Limit::Steps => draft.read().steps as f64,
    };
    let set_amount = move |amount: f64| {
        draft.update(|draft| match draft.limit {
            Limit::Minutes => draft.minutes = amount,
            Limit::Steps => draft.steps = (amount as u64).max(1),
        });
    };
    view! {
        <NumberField
            id="search-epochs"
            label=Signal::derive(move_tr!(search.epochs))
            hint=Signal::derive(move_tr!(search.epochs_why))
            value=Signal::derive(move || epochs().into())
            range=(1.0, TRIAL_EPOCHS_LIMIT.into())
            is_whole=true
            on_change=move |epochs: f64| draft.update(|draft| draft.epochs = Some(epochs as u32))
        />
        <Segments
            name="search-metric"
            legend=Signal::derive(move_tr!(search.metric))
            segments=metrics
            value=Signal::derive(move || Some(metric.get()))
            on_change=move |chosen: Metric| draft.update(|draft| draft.metric = chosen)
        />
        <Segments
            name="search-limit"
            legend=Signal::derive(move_tr!(search.limit))
            segments=limits
            value=Signal::derive(move || Some(limit.get()))
            on_change=move |chosen: Limit| draft.update(|draft| draft.limit = chosen)
        />
        <NumberField
            id="search-budget"
            label=Signal::derive(move_tr!(search.budget))
            hint=Signal::derive(move_tr!(search.budget_why))
            value=Signal::derive(amount)
            range=(0.1, 1e9)
            on_change=set_amount
        />
        <Whole
            id="search-seed"
            label=|| tr!(search.seed)
            why=|| tr!(search.seed_why)
            range=(0, u32::MAX)
            read=|draft| draft.seed
            write=|draft, seed| draft.seed = seed
        />
    }
}

/// An integer field of the draft.
#[component]
fn Whole(
    id: &'static str,
    label: fn() -> String,
    why: fn() -> String,
    range: (u32, u32),
    read: fn(&Draft) -> u32,
    write: fn(&mut Draft, u32),
) -> impl IntoView {
    let draft = use_searcher().draft;
    view! {
        <NumberField
            id
            label=Signal::derive(label)
            hint=Signal::derive(why)
            value=Signal::derive(move || read(&draft.read()).into())
            range=(range.0.into(), range.1.into())
            is_whole=true
            on_change=move |number: f64| draft.update(|draft| write(draft, number as u32))
        />
    }
}

/// The name of a method in the page.
pub fn method_name(method: Method) -> String {
    match method {
        Method::Halving(_) => "ASHA".to_owned(),
        Method::Random => tr!(search.random),
        Method::Grid { .. } => tr!(search.grid),
    }
}
