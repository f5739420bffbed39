//! Where the visitor's own dataset files are dropped or picked.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{File, FileList};

use crate::page::recipe::sources::{FILES_LIMIT, dropped};
use crate::page::recipe::use_recipe;
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::file_drop::listen_for_files;
use crate::page::widgets::icon::{Glyph, Icon};

#[component]
pub fn DropZone() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
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
    let is_over = listen_for_files(take);
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
                        // Otherwise picking the same files again fires no event.
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
