//! Where the visitor's own dataset files are dropped or picked.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{DragEvent, File, FileList};

use crate::page::i18n::{move_tr, tr};
use crate::page::recipe::use_recipe;
use crate::page::sources::{FILES_LIMIT, dropped};
use crate::page::store::use_store;
use crate::page::widgets::icon::{Glyph, Icon};

#[component]
pub fn DropZone() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let is_over = RwSignal::new(false);
    let n_too_many = RwSignal::new(None::<u32>);
    let input = NodeRef::<html::Input>::new();
    let take = move |files: Option<FileList>| {
        let Some(files) = files.filter(|files| files.length() > 0) else { return };
        n_too_many.set((files.length() as usize > FILES_LIMIT).then(|| files.length()));
        if n_too_many.get_untracked().is_some() {
            return;
        }
        let files: Vec<File> = (0..files.length()).filter_map(|position| files.get(position)).collect();
        spawn_local(async move { drop(store.load_dataset(dropped(&files), recipe.split.get_untracked()).await) });
    };
    // A file that misses the zone would make the browser leave the page for it.
    let listeners = [
        window_event_listener(leptos::ev::dragover, move |event: DragEvent| {
            event.prevent_default();
            is_over.set(true);
        }),
        window_event_listener(leptos::ev::dragleave, move |event: DragEvent| {
            // Only leaving the window is leaving: it has no related target.
            is_over.update(|is_over| *is_over &= event.related_target().is_some());
        }),
        window_event_listener(leptos::ev::drop, move |event: DragEvent| {
            event.prevent_default();
            is_over.set(false);
            take(event.data_transfer().and_then(|data| data.files()));
        }),
    ];
    on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    view! {
        <section class="panel" aria-labelledby="own-title">
            <h2 id="own-title">{move_tr!(data.own)}</h2>
            <div class="drop-zone" class:is-over=move || is_over.get()>
                <Glyph icon=Icon::Upload />
                <p>{move_tr!(data.drop)}</p>
                <button
                    type="button"
                    class="button"
                    on:click=move |_| if let Some(input) = input.get_untracked() { input.click() }
                >
                    {move_tr!(data.pick)}
                </button>
                <input
                    node_ref=input
                    class="visually-hidden"
                    type="file"
                    multiple
                    tabindex="-1"
                    aria-label=move_tr!(data.pick_name)
                    on:change:target=move |event| {
                        take(event.target().files());
                        // So that the same files can be picked again.
                        event.target().set_value("");
                    }
                />
            </div>
            {move || n_too_many.get().map(|files| view! {
                <p class="failure" role="alert">{move || tr!(data.too_many_files, files = files, most = FILES_LIMIT)}</p>
            })}
            <p class="hint">{move_tr!(data.formats)}</p>
        </section>
    }
}
