//! The shell around the page's places: navigation, the run's progress, notices, settings.

mod history;
mod new_version;
mod notices;
mod settings_menu;

use leptos::prelude::*;
use leptos::task::spawn_local;

use self::history::History;
use self::new_version::NewVersion;
use self::notices::NoticeList;
use self::settings_menu::SettingsMenu;
use crate::page::engines::link::{Link, use_engines};
use crate::page::engines::panel::EngineChip;
use crate::page::evaluations::Evaluations;
use crate::page::glossary::Glossary;
use crate::page::parts::{Parted, fetch_ahead, unfetched};
use crate::page::place::{Place, current_place};
use crate::page::preferences::{EnginePreference, Preference, Theme, Threads};
use crate::page::reactive::{effect, memo, watch};
use crate::page::recipe::Recipe;
use crate::page::recipe::catalog::Catalog;
use crate::page::runs::Runs;
use crate::page::runs::interrupted::Interrupted;
use crate::page::runs::link;
use crate::page::search::Searcher;
use crate::page::state::{EngineState, NoticeKind, RunNotice};
use crate::page::store::{Store, use_store};
use crate::page::text::failure::failure_text;
use crate::page::text::i18n::{Language, move_tr, switch_language};
use crate::page::train::run_bar::RunBar;
use crate::page::train::tabs::ChosenTab;
use crate::page::train::{self, TrainPlace};
use crate::page::widgets::file_drop::refuse_files;
use crate::page::widgets::hint::GLOSSARY;
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::{api, collect, data, network, understand, using};

/// Mounts the page, once the texts of the visitor's language are fetched.
pub fn start() {
    wasm_bindgen_futures::spawn_local(async {
        // If the texts cannot be fetched, the page is in English.
        switch_language(Language::remembered().unwrap_or_else(browser_language)).await.ok();
        leptos::mount::mount_to_body(App);
        // The text of index.html for visitors whose browser cannot come this far.
        if let Some(starting) = document().get_element_by_id("starting") {
            starting.remove();
        }
    });
}

#[component]
fn App() -> impl IntoView {
    let store = Store::new();
    let engines = Link::new(store);
    let catalog = Catalog::new();
    let evaluations = Evaluations::new(store);
    provide_context(store);
    provide_context(engines);
    provide_context(catalog);
    provide_context(evaluations);
    let recipe = Recipe::new(store, catalog);
    recipe.find_with(collect::find_dataset);
    let runs = Runs::new(store, recipe, evaluations);
    provide_context(recipe);
    provide_context(recipe.refusals);
    provide_context(runs);
    let interrupted = Interrupted::new(store, recipe);
    provide_context(interrupted);
    let searcher = Searcher::new(store, recipe);
    provide_context(searcher);
    provide_context(ChosenTab::default());
    Theme::remembered().unwrap_or_default().apply();
    api::install(api::Page { store, evaluations, runs, interrupted, searcher });
    take_address(store, recipe);
    engines.start(EnginePreference::remembered().unwrap_or_default());
    let place = current_place();
    announce(place, store);
    refuse_files();
    read_kept(catalog, runs, interrupted);
    look_for_kept_datasets(catalog, store);
    fetch_rest(store);

    view! {
        <a class="skip-link" href="#content">{move_tr!(shell.skip)}</a>
        <header class="top">
            <a class="brand" href=Place::Train.hash()>
                <svg class="brand-mark" viewBox="0 0 24 24" aria-hidden="true">
                    <path d="M12 2c1 4 6 6 6 12a6 6 0 0 1-12 0c0-3 2-4 2.500-6.500C10 9 10.500 10 10.500 11.500 12.500 9 13 5.500 12 2z" />
                </svg>
                "Kindling"
            </a>
            <Navigation place />
            <div class="top-end">
                <EngineChip />
                <a class="button is-quiet" href=GLOSSARY aria-label=move_tr!(shell.glossary) title=move_tr!(shell.glossary)>
                    <Glyph icon=Icon::Glossary />
                </a>
                <SettingsMenu />
            </div>
            <RunBar />
        </header>
        <main id="content" tabindex="-1">
            <EngineGone />
            <NoticeList />
            <NewVersion />
            <Glossary place />
            {move || match place.get() {
                Place::Data => view! { <Parted part=data::PART /> }.into_any(),
                Place::Network => view! { <Parted part=network::PART /> }.into_any(),
                Place::Train => view! { <TrainPlace /> }.into_any(),
                Place::Understand => view! { <Parted part=understand::PART /> }.into_any(),
                Place::Use => view! { <Parted part=using::PART /> }.into_any(),
            }}
            <footer class="foot">{move_tr!(shell.private)}</footer>
        </main>
    }
}

#[component]
fn Navigation(place: RwSignal<Place>) -> impl IntoView {
    let link = move |this: Place| {
        view! {
            <a href=this.hash() aria-current=move || (place.get() == this).then_some("page")>
                <Glyph icon=this.icon() />
                <span>{move || this.name()}</span>
            </a>
        }
    };
    view! { <nav class="places" aria-label=move_tr!(shell.places)>{Place::ALL.map(link).collect_view()}</nav> }
}

/// Applies a config from the page's URL, as created by "Copy link".
fn take_address(store: Store, recipe: Recipe) {
    let query = window().location().search().unwrap_or_default();
    let Some(encoded) = link::link_in(&query).map(str::to_owned) else { return };
    spawn_local(async move {
        match link::decoder().await.map(|decode| decode(&encoded)) {
            Ok(Ok(config)) => recipe.take(config),
            Ok(Err(refusal)) => store.notify(NoticeKind::Runs(RunNotice::LinkRefused(refusal))),
            Err(_) => store.notify(NoticeKind::Warning(unfetched())),
        }
    });
}

/// Shown when no engine can be started, with the actions that may help.
#[component]
fn EngineGone() -> impl IntoView {
    let store = use_store();
    let failure = memo(move |_| {
        store.engine.with(|engine| match engine {
            EngineState::Failed(failure) => Some(failure.clone()),
            EngineState::Choosing | EngineState::Starting(_) | EngineState::Ready { .. } => None,
        })
    });
    let engines = use_engines();
    let again = move |_| {
        engines.restart(EnginePreference::remembered().unwrap_or_default(), Threads::remembered().unwrap_or_default());
    };
    move || {
        failure.get().map(|failure| {
            view! {
                <div class="panel failure-panel" role="alert">
                    <p><strong>{move_tr!(shell.engine_gone)}</strong></p>
                    <p>{move || failure_text(&failure)}</p>
                    <div class="controls">
                        <button type="button" class="button is-primary" on:click=again>{move_tr!(shell.try_again)}</button>
                        <button type="button" class="button" on:click=|_| { window().location().reload().ok(); }>
                            {move_tr!(shell.reload)}
                        </button>
                    </div>
                </div>
            }
        })
    }
}

/// Reads the runs of earlier visits, after the fetch of the dataset descriptions, so as not to delay it.
fn read_kept(catalog: Catalog, runs: Runs, interrupted: Interrupted) {
    let is_settled = catalog.settled();
    effect(move |_| {
        if is_settled.get() {
            spawn_local(runs.loaded());
            spawn_local(interrupted.loaded());
        }
    });
}

/// Each load keeps the files of another dataset.
fn look_for_kept_datasets(catalog: Catalog, store: Store) {
    let is_settled = catalog.settled();
    let version = memo(move |_| store.dataset.with(|dataset| dataset.version));
    effect(move |_| {
        version.track();
        if is_settled.get() {
            spawn_local(catalog.look_for_kept());
        }
    });
}

/// Fetches the code of the other places, once the engine is ready or has failed.
fn fetch_rest(store: Store) {
    let is_decided = memo(move |_| {
        store.engine.with(|engine| match engine {
            EngineState::Choosing | EngineState::Starting(_) => false,
            EngineState::Ready { .. } | EngineState::Failed(_) => true,
        })
    });
    effect(move |_| {
        if is_decided.get() {
            fetch_ahead(
                [notices::PART, data::PART, network::PART, understand::PART, using::PART]
                    .into_iter()
                    .chain(train::PARTS),
            );
        }
    });
}

/// Shows the place and a run's progress in the window's title. When the place changes, moves the keyboard focus to it, and scrolls to where the
/// visitor left it.
fn announce(place: RwSignal<Place>, store: Store) {
    let history = History::new();
    let percent = memo(move |_| {
        store.run.with(|state| state.run().filter(|_| state.is_active()).map(|run| (run.fraction() * 100.0) as u32))
    });
    effect(move |_| {
        let place = place.get().name();
        document().set_title(&match percent.get() {
            Some(percent) => format!("{percent}% · {place} · Kindling"),
            None => format!("{place} · Kindling"),
        });
    });
    watch(
        move || place.get(),
        move |_, before| {
            // These places have shown it.
            if matches!(before, Some(Place::Data | Place::Train)) {
                store.forget_failed_load();
            }
            if let Some(content) = document().get_element_by_id("content") {
                // Without this the keyboard focus would stay on the link.
                wasm_bindgen::JsCast::unchecked_into::<web_sys::HtmlElement>(content).focus().ok();
            }
            // Must follow the focus, which scrolls too.
            history.arrive();
        },
        false,
    );
}

fn browser_language() -> Language {
    let tags: Vec<String> = window().navigator().languages().iter().filter_map(|tag| tag.as_string()).collect();
    Language::of_browser(tags.iter().map(String::as_str))
}
