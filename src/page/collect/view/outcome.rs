//! What is to be said of the images before a network learns from them, the button that makes them the dataset, what was done last with the
//! way to take it back, and the storage that they take.

use leptos::prelude::*;

use super::text::{news_text, warning_text};
use super::{Panel, use_panel};
use crate::page::collect::warnings::{Warning, warnings};
use crate::page::reactive::memo;
use crate::page::recipe::ending::may_replace;
use crate::page::recipe::use_recipe;
use crate::page::store::use_store;
use crate::page::text::format::bytes;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::dataset::Reading;

#[component]
pub fn Outcome() -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let store = use_store();
    let recipe = use_recipe();
    let found = memo(move |_| {
        let project = collector.project();
        project.map(|project| collector.images.with(|images| warnings(&project, images))).unwrap_or_default()
    });
    let is_blocked = memo(move |_| found.with(|found| found.iter().any(Warning::is_blocking)));
    let is_loading = memo(move |_| store.dataset.with(|dataset| dataset.load.is_loading()));
    let use_images = move |_| {
        let Some(id) = collector.open.get_untracked().filter(|_| may_replace(store)) else { return };
        let split = recipe.split.get_untracked();
        collector.run(async move { collector.use_project(&id, split, Reading::default()).await.map(drop) });
    };
    let is_used = memo(move |_| {
        let current = store.dataset.with(|dataset| dataset.current.as_ref().map(|current| current.id.clone()));
        let project = current.and_then(|current| collector.project_of_dataset(&current));
        project.is_some() && project == collector.open.get()
    });
    view! {
        <ul class="collect-warnings" aria-label=move_tr!(collect.warnings)>
            {move || found.get().into_iter().map(|warning| view! {
                <li class="import-warning"><Glyph icon=Icon::Warning /><span>{warning_text(&warning)}</span></li>
            }).collect_view()}
        </ul>
        <div class="collect-bar">
            <Show when=move || collector.open.read().is_some()>
                <button
                    type="button"
                    class="button is-primary"
                    id="collect-use"
                    disabled=move || is_blocked.get() || is_loading.get()
                    on:click=use_images
                >
                    {move_tr!(collect.use_images)}
                </button>
                <Show when=move || is_used.get()><a class="button" href="#train">{move_tr!(use_place.to_train)}</a></Show>
            </Show>
            <News />
        </div>
    }
}

/// What was done last, and the way to take it back.
#[component]
fn News() -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let undo = move |_| collector.run(async move { collector.undo().await });
    view! {
        <p role="status">{move || collector.news.with(|news| news.as_ref().map(news_text))}</p>
        <Show when=move || collector.can_undo()>
            <button type="button" class="button" id="collect-undo" on:click=undo>{move_tr!(runs.undo)}</button>
        </Show>
    }
}

#[component]
pub fn StorageLine() -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let of_project = memo(move |_| collector.images.with(|images| images.iter().map(|image| image.bytes).sum::<u64>()));
    move || {
        collector.room.get().map(|room| {
            let text = tr!(
                collect.room,
                project = bytes(of_project.get()),
                used = bytes(room.used),
                left = bytes(room.left())
            );
            let kept = if room.is_persistent { tr!(collect.persistent) } else { tr!(collect.not_persistent) };
            view! { <p class="hint">{text}" "{kept}</p> }
        })
    }
}
