//! The page's code in parts: what a visitor sees first comes at once, the rest is fetched when it is to be shown, or before, once nothing more
//! urgent is on its way.
//!
//! A part is whatever is reached through one `wasm_split` function only; `cargo xtask build` moves it into files of its own.

use std::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_split_helpers::SplitLoaderError;

use crate::page::text::i18n::move_tr;

/// Draws a part that is there.
pub type Draw = fn() -> AnyView;

pub type Fetching = Pin<Box<dyn Future<Output = Result<Draw, SplitLoaderError>>>>;

/// A part of the page, see [`part!`].
#[derive(Clone, Copy)]
pub struct Part(pub fn() -> Fetching);

/// The part that begins at a component: `part!(workbench::runs, RunsPanel)`. What has the same name before the colons comes together.
macro_rules! part {
    ($file:ident::$name:ident, $component:ident) => {{
        #[wasm_split_helpers::wasm_split($file, fallible)]
        fn $name() -> Result<$crate::page::parts::Draw, wasm_split_helpers::SplitLoaderError> {
            // A pointer to what draws it: once it is there, a part is drawn at once and where it stands, like any other component.
            Ok(|| view! { <$component /> }.into_any())
        }
        $crate::page::parts::Part(|| Box::pin($name()))
    }};
}

pub(in crate::page) use part;

/// How the fetch of a part goes.
#[derive(Clone, Copy)]
enum Fetch {
    Underway,
    Done(Draw),
    Failed,
}

/// Draws a part as soon as it is there.
#[component]
pub fn Parted(
    part: Part,
    /// Whether nothing is said while it is missing, as of what is seldom to be seen.
    #[prop(optional)]
    is_quiet: bool,
) -> impl IntoView {
    let fetch = RwSignal::new(Fetch::Underway);
    let start = move || {
        fetch.set(Fetch::Underway);
        spawn_local(async move {
            let outcome = (part.0)().await.map_or(Fetch::Failed, Fetch::Done);
            // None, if the visitor has gone on to another place.
            fetch.try_set(outcome);
        });
    };
    start();
    move || match fetch.get() {
        Fetch::Underway | Fetch::Failed if is_quiet => ().into_any(),
        Fetch::Underway => view! { <p class="part-wait hint" role="status">{move_tr!(shell.part_wait)}</p> }.into_any(),
        Fetch::Done(draw) => draw(),
        Fetch::Failed => view! {
            <div class="panel failure-panel" role="alert">
                <p>{move_tr!(shell.part_missing)}</p>
                <div class="controls">
                    <button type="button" class="button" on:click=move |_| start()>{move_tr!(shell.try_again)}</button>
                </div>
            </div>
        }
        .into_any(),
    }
}

/// Fetches parts before they are wanted, one after the other. One that fails is fetched again when it is.
pub fn fetch_ahead(parts: impl IntoIterator<Item = Part> + 'static) {
    spawn_local(async move {
        for part in parts {
            (part.0)().await.ok();
        }
    });
}
