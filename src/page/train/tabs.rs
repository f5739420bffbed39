//! The tabs below the curves: network internals, validation images, runs, and the hyperparameter search.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use super::inside;
use super::later::Later;
use super::samples::SampleGrid;
use crate::page::parts::Parted;
use crate::page::reactive::{effect, memo, watch};
use crate::page::runs;
use crate::page::search::{self, use_searcher};
use crate::page::state::DatasetState;
use crate::page::store::{Store, use_store};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::using;
use crate::page::widgets::show::Show;
use kindling_core::protocol::{Command, Watch};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    Inside,
    #[default]
    Images,
    Runs,
    Search,
}

impl Tab {
    const ALL: [Self; 4] = [Self::Inside, Self::Images, Self::Runs, Self::Search];

    /// The DOM id of the tab; tests find it by it.
    fn id(self) -> &'static str {
        match self {
            Self::Inside => "tab-inside",
            Self::Images => "tab-images",
            Self::Runs => "tab-runs",
            Self::Search => "tab-search",
        }
    }

    fn panel_id(self) -> &'static str {
        match self {
            Self::Inside => "panel-inside",
            Self::Images => "panel-images",
            Self::Runs => "panel-runs",
            Self::Search => "panel-search",
        }
    }

    /// The name in the visitor's language, tracked.
    fn name(self) -> String {
        match self {
            Self::Inside => tr!(inside.title),
            Self::Images => tr!(train.images),
            Self::Runs => tr!(runs.title),
            Self::Search => tr!(search.tab),
        }
    }

    /// The tab that a key moves to from this one; None for other keys.
    fn after_key(self, key: &str) -> Option<Self> {
        let place = Self::ALL.iter().position(|tab| *tab == self)?;
        let to = match key {
            "ArrowRight" => (place + 1) % Self::ALL.len(),
            "ArrowLeft" => (place + Self::ALL.len() - 1) % Self::ALL.len(),
            "Home" => 0,
            "End" => Self::ALL.len() - 1,
            _ => return None,
        };
        Self::ALL.get(to).copied()
    }
}

/// The chosen tab, which outlasts a visit to another place.
#[derive(Clone, Copy, Default)]
pub struct ChosenTab(RwSignal<Tab>);

#[component]
pub fn Tabs() -> impl IntoView {
    let chosen = expect_context::<ChosenTab>().0;
    // Whether the tabs have the room of the curves, too.
    let is_large = RwSignal::new(false);
    let (store, searcher) = (use_store(), use_searcher());
    monitor_while_shown(store, chosen);
    let can_try = memo(move |_| store.run.with(|run| run.has_network() && !run.is_active()));
    effect(move |_| {
        if chosen.get() == Tab::Search {
            searcher.is_shown.set(true);
        }
    });
    let tab = move |this: Tab| {
        let is_chosen = move || chosen.get() == this;
        view! {
            <button
                type="button"
                class="tab"
                role="tab"
                id=this.id()
                aria-controls=this.panel_id()
                aria-selected=move || is_chosen().to_string()
                tabindex=move || if is_chosen() { "0" } else { "-1" }
                on:click=move |_| chosen.set(this)
            >
                {move || this.name()}
            </button>
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if let Some(next) = chosen.get_untracked().after_key(&event.key()) {
            event.prevent_default();
            chosen.set(next);
            // The keyboard focus follows.
            let tab = document().get_element_by_id(next.id()).and_then(|tab| tab.dyn_into::<HtmlElement>().ok());
            tab.and_then(|tab| tab.focus().ok());
        }
    };
    // Runs and search stay when hidden, with what the visitor has opened and typed there.
    let content = move |this: Tab| match this {
        Tab::Inside => view! {
            <Show when=move || chosen.get() == Tab::Inside><Parted part=inside::PART /></Show>
        }
        .into_any(),
        Tab::Images => view! {
            // It is in sight when a run ends, without deciding the height of the page.
            <Show when=move || can_try.get()><Parted part=using::TRIAL is_quiet=true /></Show>
            <SampleGrid />
        }
        .into_any(),
        Tab::Runs => view! { <Later part=runs::view::PART /> }.into_any(),
        Tab::Search => view! { <Later part=search::view::PART /> }.into_any(),
    };
    let panel = move |this: Tab| {
        view! {
            <div
                class="tab-panel"
                role="tabpanel"
                id=this.panel_id()
                aria-labelledby=this.id()
                tabindex="0"
                class:is-hidden=move || chosen.get() != this
            >
                {content(this)}
            </div>
        }
    };
    view! {
        <section class="panel bench-tabs" class:is-large=move || is_large.get() aria-label=move_tr!(train.details)>
            <div class="tabs" role="tablist" aria-label=move_tr!(train.details) on:keydown=on_key>
                {Tab::ALL.map(tab).collect_view()}
            </div>
            <button
                type="button"
                class="button is-small tabs-size"
                on:click=move |_| is_large.update(|is_large| *is_large = !*is_large)
            >
                {move || if is_large.get() { tr!(train.with_curves) } else { tr!(train.enlarge) }}
            </button>
            {Tab::ALL.map(panel).collect_view()}
        </section>
    }
}

/// Has the engine monitor the network while its tab is shown, and shows the tab when a program asks for that (`kindling.watch`).
fn monitor_while_shown(store: Store, chosen: RwSignal<Tab>) {
    let is_monitored = memo(move |_| store.inside.with(|inside| inside.watch.is_some()));
    effect(move |_| {
        let wanted = chosen.get() == Tab::Inside;
        if wanted != is_monitored.get_untracked() {
            let image = store.dataset.with_untracked(DatasetState::first_sample);
            store.send(Command::Watch(wanted.then_some(Watch { image })));
        }
    });
    watch(
        move || is_monitored.get(),
        move |is_monitored, _| match (*is_monitored, chosen.get_untracked() == Tab::Inside) {
            (true, false) => chosen.set(Tab::Inside),
            (false, true) => chosen.set(Tab::default()),
            (true, true) | (false, false) => {}
        },
        false,
    );
    on_cleanup(move || {
        if store.inside.with_untracked(|inside| inside.watch.is_some()) {
            store.send(Command::Watch(None));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_keys_go_around_the_tabs() {
        assert_eq!(Tab::Search.after_key("ArrowRight"), Some(Tab::Inside));
        assert_eq!(Tab::Inside.after_key("ArrowLeft"), Some(Tab::Search));
        assert_eq!(Tab::Images.after_key("End"), Some(Tab::Search));
        assert_eq!(Tab::Images.after_key("Enter"), None);
    }
}
