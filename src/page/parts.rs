//! The page's code in parts: what a visitor sees first is loaded at once, the rest when it is shown, or earlier, once nothing more urgent is being
//! fetched.
//!
//! A part is all code that is reachable only through one `wasm_split` function; `cargo xtask build` moves it into files of its own.

use std::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_split_helpers::SplitLoaderError;

use crate::page::style;
use crate::page::text::i18n::{fetch_later, move_tr};
use kindling_core::protocol::{Failure, FailureKind};

/// Draws a part that has been fetched.
pub type Draw = fn() -> AnyView;

pub type Fetching = Pin<Box<dyn Future<Output = Result<Draw, SplitLoaderError>>>>;

/// A part of the page, see [`part!`].
#[derive(Clone, Copy)]
pub struct Part(pub fn() -> Fetching);

impl Part {
    /// The part with its texts and its style.
    async fn fetch(self) -> Result<Draw, SplitLoaderError> {
        let draw = (self.0)().await?;
        fetch_later().await?;
        style::fetch_later().await?;
        Ok(draw)
    }
}

/// The part that a component is the root of: `part!(workbench::runs, RunsPanel)`. Parts with the same name before the colons are fetched together.
macro_rules! part {
    ($file:ident::$name:ident, $component:ident) => {{
        #[wasm_split_helpers::wasm_split($file, fallible)]
        fn $name() -> Result<$crate::page::parts::Draw, wasm_split_helpers::SplitLoaderError> {
            // A function pointer: once fetched, a part is drawn synchronously and in place, like any other component.
            Ok(|| view! { <$component /> }.into_any())
        }
        $crate::page::parts::Part(|| Box::pin($name()))
    }};
}

pub(in crate::page) use part;

/// The state of a part's fetch.
#[derive(Clone, Copy)]
enum Fetch {
    Underway,
    Done(Draw),
    Failed,
}

/// What has failed if code needs a part that cannot be fetched.
pub fn unfetched() -> Failure {
    Failure::new(FailureKind::DownloadFailed, "a part of the page could not be fetched")
}

/// Draws a part as soon as it has been fetched.
#[component]
pub fn Parted(
    part: Part,
    /// Whether to show nothing while the part is missing, for parts that are rarely visible.
    #[prop(optional)]
    is_quiet: bool,
) -> impl IntoView {
    let fetch = RwSignal::new(Fetch::Underway);
    let start = move || {
        fetch.set(Fetch::Underway);
        spawn_local(async move {
            let outcome = part.fetch().await.map_or(Fetch::Failed, Fetch::Done);
            // Does nothing if the visitor has moved on to another place meanwhile.
            fetch.try_set(outcome);
        });
    };
    start();
    move || match fetch.get() {
        Fetch::Underway | Fetch::Failed if is_quiet => ().into_any(),
        Fetch::Underway => view! { <p class="part-wait hint">{move_tr!(shell.part_wait)}</p> }.into_any(),
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

/// Fetches parts before they are needed, one after the other. A part whose fetch fails is fetched again when it is shown.
pub fn fetch_ahead(parts: impl IntoIterator<Item = Part> + 'static) {
    spawn_local(async move {
        for part in parts {
            part.fetch().await.ok();
        }
    });
}
