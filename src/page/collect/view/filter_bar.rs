//! The row above the classes that says which of their images are shown, and how many these are.

use std::collections::BTreeSet;

use leptos::prelude::*;

use super::text::{shown_text, split_text};
use super::{Panel, use_panel};
use crate::page::collect::facts::Wanted;
use crate::page::collect::filter::{CONFIDENCES, ConfidenceFilter, Filter, Flag, PredictionFilter, SplitFilter};
use crate::page::collect::project::Class;
use crate::page::evaluations::Evaluations;
use crate::page::reactive::{memo, watch};
use crate::page::text::format::percent;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;
use kindling_core::protocol::SplitName;

/// In front of the id of a class that is predicted: the other values are words.
const CLASS: &str = "class:";

const SPLITS: [(&str, SplitFilter); 4] = [
    ("train", SplitFilter::In(SplitName::Train)),
    ("validation", SplitFilter::In(SplitName::Validation)),
    ("test", SplitFilter::In(SplitName::Test)),
    ("outside", SplitFilter::Outside),
];

const RANGES: [(&str, ConfidenceFilter); 5] = [
    ("lowest-first", ConfidenceFilter::LowestFirst),
    ("highest-first", ConfidenceFilter::HighestFirst),
    ("low", ConfidenceFilter::Low),
    ("medium", ConfidenceFilter::Medium),
    ("high", ConfidenceFilter::High),
];

const FLAGS: [(&str, Flag); 6] = [
    ("mislabeled", Flag::Mislabeled),
    ("alike", Flag::Alike),
    ("poor", Flag::Poor),
    ("pseudo", Flag::Pseudo),
    ("confirmed", Flag::Confirmed),
    ("given", Flag::Given),
];

#[component]
pub fn FilterBar(classes: Memo<Vec<Class>>) -> impl IntoView {
    let Panel { collector, filter, shown, source, .. } = use_panel();
    let evaluations = expect_context::<Evaluations>();
    // What is not known yet is asked for, also of another network or another split of the same images.
    let wanted = memo(move |_| {
        let filter = filter.read();
        let (predictions, test) = (filter.needs_predictions(), filter.needs_test());
        let source = source.get().filter(|source| !predictions || source.network.is_some())?;
        (predictions || filter.split.is_some()).then_some(Wanted { source, predictions, test })
    });
    let learn = move |wanted: &Option<Wanted>, _: Option<&Option<Wanted>>| {
        if let Some(wanted) = *wanted {
            collector.run(async move { collector.learn(wanted, evaluations).await });
        }
    };
    watch(move || wanted.get(), learn, true);
    let open = memo(move |_| collector.open.get());
    watch(move || open.get(), move |_, _| filter.set(Filter::default()), false);
    let has_images = memo(move |_| shown.with(|shown| shown.n_all() > 0));
    view! {
        <Show when=move || has_images.get() || filter.read().is_active()>
            <div class="filter-bar" role="group" aria-label=move_tr!(filter.name)>
                <ClassSelect classes />
                <SplitSelect />
                <PredictionSelect classes />
                <ConfidenceSelect />
                <FlagSelect />
            </div>
            <Figures />
        </Show>
    }
}

/// How many images are shown, what can be done about it, and what is on its way.
#[component]
fn Figures() -> impl IntoView {
    let Panel { collector, filter, shown, selected, .. } = use_panel();
    let is_active = memo(move |_| filter.read().is_active());
    let figures = move || {
        let (n_shown, n_all) = shown.with(|shown| (shown.n_shown(), shown.n_all()));
        shown_text(is_active.get().then_some(n_shown), n_all)
    };
    let select = move |_| selected.set(shown.with_untracked(|shown| shown.ids().cloned().collect::<BTreeSet<_>>()));
    let has_shown = memo(move |_| shown.with(|shown| shown.n_shown() > 0));
    // Test images are looked at only where the visitor asks for it.
    let leaves_out_test = memo(move |_| {
        let filter = filter.read();
        let is_elsewhere = matches!(filter.split, Some(SplitFilter::In(SplitName::Train | SplitName::Validation)));
        filter.needs_predictions() && !filter.needs_test() && !is_elsewhere
    });
    view! {
        <div class="filter-figures">
            <span class="class-count" role="status">{figures}</span>
            <Show when=move || is_active.get()>
                <Show when=move || has_shown.get()>
                    <button type="button" class="button is-small" id="filter-select" on:click=select>
                        {move_tr!(filter.select_all)}
                    </button>
                </Show>
                <button type="button" class="button is-small" id="filter-clear" on:click=move |_| filter.set(Filter::default())>
                    {move_tr!(filter.clear)}
                </button>
            </Show>
            {move || collector.facts.progress.get().map(|progress| view! {
                <progress max="1" value=progress aria-label=move_tr!(filter.predicting)></progress>
            })}
        </div>
        <Show when=move || is_active.get() && !has_shown.get() && collector.facts.progress.read().is_none()>
            <p class="hint">{move_tr!(filter.none)}</p>
        </Show>
        <Show when=move || leaves_out_test.get()><p class="hint">{move_tr!(filter.test_left_out)}</p></Show>
    }
}

/// A choice of the row. The first says what is chosen, and chooses nothing.
#[component]
fn Select(
    id: &'static str,
    #[prop(into)] name: Signal<String>,
    /// Value, name and whether it can be chosen.
    #[prop(into)]
    choices: Signal<Vec<(String, String, bool)>>,
    #[prop(into)] value: Signal<Option<String>>,
    /// Why nothing can be chosen; none if something can.
    #[prop(into)]
    obstacle: Signal<Option<String>>,
    #[prop(into)] on_change: UnsyncCallback<String>,
) -> impl IntoView {
    view! {
        <select
            id=id
            aria-label=move || name.get()
            class:is-active=move || value.read().is_some()
            disabled=move || obstacle.read().is_some() && value.read().is_none()
            title=move || obstacle.get()
            on:change:target=move |event| on_change.run(event.target().value())
        >
            {move || {
                let value = value.get();
                // An attribute would change nothing once the visitor has chosen.
                let none = view! { <option value="" prop:selected=value.is_none()>{name.get()}</option> };
                let others = choices.get().into_iter().map(|(choice, text, is_enabled)| {
                    let is_chosen = value.as_ref() == Some(&choice);
                    view! { <option value=choice disabled=!is_enabled && !is_chosen prop:selected=is_chosen>{text}</option> }
                });
                (none, others.collect_view())
            }}
        </select>
    }
}

fn nothing() -> Signal<Option<String>> {
    Signal::stored(None)
}

#[component]
fn ClassSelect(classes: Memo<Vec<Class>>) -> impl IntoView {
    let Panel { filter, .. } = use_panel();
    let choices = move || classes.get().into_iter().map(|class| (class.id, class.name, true)).collect::<Vec<_>>();
    view! {
        <Select
            id="filter-class"
            name=Signal::derive(move_tr!(data.class))
            choices=Signal::derive(choices)
            value=Signal::derive(move || filter.read().class.clone())
            obstacle=nothing()
            on_change=move |value: String| filter.update(|filter| filter.class = Some(value).filter(|id| !id.is_empty()))
        />
    }
}

#[component]
fn SplitSelect() -> impl IntoView {
    let Panel { filter, source, .. } = use_panel();
    let text = |split: SplitFilter| match split {
        SplitFilter::In(split) => split_text(split),
        SplitFilter::Outside => tr!(filter.outside),
    };
    view! {
        <Select
            id="filter-split"
            name=Signal::derive(move_tr!(data.part))
            choices=Signal::derive(move || named(&SPLITS, text))
            value=Signal::derive(move || value_of(&SPLITS, filter.read().split))
            obstacle=Signal::derive(move || source.get().is_none().then(|| tr!(filter.needs_use)))
            on_change=move |value: String| filter.update(|filter| filter.split = found(&SPLITS, &value))
        />
    }
}

#[component]
fn PredictionSelect(classes: Memo<Vec<Class>>) -> impl IntoView {
    let Panel { filter, .. } = use_panel();
    let choices = move || {
        let classes = classes
            .get()
            .into_iter()
            .map(|class| (format!("{CLASS}{}", class.id), tr!(filter.predicted_as, class = class.name), true));
        let words = [("correct", tr!(filter.correct)), ("incorrect", tr!(filter.incorrect))];
        words.into_iter().map(|(value, text)| (value.to_owned(), text, true)).chain(classes).collect::<Vec<_>>()
    };
    let value = move || {
        filter.read().prediction.as_ref().map(|prediction| match prediction {
            PredictionFilter::Correct => "correct".to_owned(),
            PredictionFilter::Incorrect => "incorrect".to_owned(),
            PredictionFilter::Class(id) => format!("{CLASS}{id}"),
        })
    };
    let change = move |value: String| {
        let prediction = match value.as_str() {
            "correct" => Some(PredictionFilter::Correct),
            "incorrect" => Some(PredictionFilter::Incorrect),
            other => other.strip_prefix(CLASS).map(|id| PredictionFilter::Class(id.to_owned())),
        };
        filter.update(|filter| filter.prediction = prediction);
    };
    view! {
        <Select
            id="filter-prediction"
            name=Signal::derive(move_tr!(filter.prediction))
            choices=Signal::derive(choices)
            value=Signal::derive(value)
            obstacle=needs_network()
            on_change=change
        />
    }
}

#[component]
fn ConfidenceSelect() -> impl IntoView {
    let Panel { filter, .. } = use_panel();
    let text = |confidence| {
        let [low, high] = CONFIDENCES.map(|confidence| percent(confidence.into()));
        match confidence {
            ConfidenceFilter::LowestFirst => tr!(filter.lowest_first),
            ConfidenceFilter::HighestFirst => tr!(filter.highest_first),
            ConfidenceFilter::Low => tr!(filter.below, high = low),
            ConfidenceFilter::Medium => tr!(filter.between, low = low, high = high),
            ConfidenceFilter::High => tr!(filter.from, low = high),
        }
    };
    view! {
        <Select
            id="filter-confidence"
            name=Signal::derive(move_tr!(filter.confidence))
            choices=Signal::derive(move || named(&RANGES, text))
            value=Signal::derive(move || value_of(&RANGES, filter.read().confidence))
            obstacle=needs_network()
            on_change=move |value: String| filter.update(|filter| filter.confidence = found(&RANGES, &value))
        />
    }
}

#[component]
fn FlagSelect() -> impl IntoView {
    let Panel { collector, filter, .. } = use_panel();
    // What nobody has looked for yet says so.
    let choices = move || {
        let (has_labels, has_checks) = (collector.found_here().is_some(), collector.checks_here().is_some());
        let choice = |(value, flag): &(&str, Flag)| {
            let (text, is_known) = match flag {
                Flag::Mislabeled if has_labels => (tr!(filter.mislabeled), true),
                Flag::Mislabeled => (tr!(filter.mislabeled_first), false),
                Flag::Alike if has_checks => (tr!(filter.alike), true),
                Flag::Alike => (tr!(filter.alike_first), false),
                Flag::Poor if has_checks => (tr!(filter.poor), true),
                Flag::Poor => (tr!(filter.poor_first), false),
                Flag::Pseudo => (tr!(filter.pseudo), true),
                Flag::Confirmed => (tr!(filter.confirmed), true),
                Flag::Given => (tr!(filter.given), true),
            };
            ((*value).to_owned(), text, is_known)
        };
        FLAGS.iter().map(choice).collect::<Vec<_>>()
    };
    view! {
        <Select
            id="filter-flag"
            name=Signal::derive(move_tr!(filter.flag))
            choices=Signal::derive(choices)
            value=Signal::derive(move || value_of(&FLAGS, filter.read().flag))
            obstacle=nothing()
            on_change=move |value: String| filter.update(|filter| filter.flag = found(&FLAGS, &value))
        />
    }
}

/// Why images cannot be filtered by what a network says.
fn needs_network() -> Signal<Option<String>> {
    let Panel { source, .. } = use_panel();
    Signal::derive(move || {
        let has_network = source.get().is_some_and(|source| source.network.is_some());
        (!has_network).then(|| tr!(filter.needs_network))
    })
}

fn named<T: Copy>(values: &[(&'static str, T)], text: impl Fn(T) -> String) -> Vec<(String, String, bool)> {
    values.iter().map(|(value, it)| ((*value).to_owned(), text(*it), true)).collect()
}

fn value_of<T: Copy + PartialEq>(values: &[(&'static str, T)], current: Option<T>) -> Option<String> {
    values.iter().find(|(_, it)| Some(*it) == current).map(|(value, _)| (*value).to_owned())
}

fn found<T: Copy>(values: &[(&'static str, T)], value: &str) -> Option<T> {
    values.iter().find(|(name, _)| *name == value).map(|(_, it)| *it)
}
