//! The images of a class that are shown, the newest first, a page at a time. Only those that are shown are read.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{KeyboardEvent, Url};

use super::selection::toggle;
use super::{Panel, use_panel};
use crate::page::collect::collector::Collector;
use crate::page::collect::project::{Class, ImageRecord};
use crate::page::reactive::{memo, watch};
use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::pager::{Pager, n_pages};
use crate::page::widgets::show::Show;

/// Images per page.
const PAGE_SIZE: u32 = 24;

#[component]
pub fn Thumbnails(
    class: Memo<Option<Class>>,
    /// Ids of the images that are shown.
    images: Memo<Arc<Vec<String>>>,
) -> impl IntoView {
    let Panel { collector, filter, .. } = use_panel();
    let page = RwSignal::new(0_u32);
    let pages = memo(move |_| n_pages(images.with(|images| images.len()) as u32, PAGE_SIZE));
    watch(move || filter.get(), move |_, _| page.set(0), false);
    // The last page may have gone.
    let current = move || page.get().min(pages.get().saturating_sub(1));
    let shown = move || {
        let first = (current() * PAGE_SIZE) as usize;
        images.with(|images| images.iter().skip(first).take(PAGE_SIZE as usize).cloned().collect::<Vec<_>>())
    };
    let name = move || class.with(|class| class.as_ref().map(|class| class.name.clone()).unwrap_or_default());
    let is_empty = memo(move |_| images.with(|images| images.is_empty()));
    let pseudo = memo(move |_| {
        let of_pseudo = |images: &Vec<ImageRecord>| -> BTreeSet<String> {
            images.iter().filter(|image| image.is_pseudo).map(|image| image.id.clone()).collect()
        };
        collector.images.with(of_pseudo)
    });
    view! {
        <Show when=move || is_empty.get()><p class="hint">{move_tr!(collect.class_empty)}</p></Show>
        <ul class="thumbnails" aria-label=move || tr!(collect.images_of, class = name())>
            <For each=shown key=|id| id.clone() children=move |id| view! { <Thumbnail id images class pseudo /> } />
        </ul>
        <Show when=move || { pages.get() > 1 }><Pager page n_pages=Signal::derive(move || pages.get()) /></Show>
    }
}

#[component]
fn Thumbnail(
    id: String,
    images: Memo<Arc<Vec<String>>>,
    class: Memo<Option<Class>>,
    /// Ids of the images with a pseudo-label.
    pseudo: Memo<BTreeSet<String>>,
) -> impl IntoView {
    let Panel { collector, viewed, selected, .. } = use_panel();
    let id = StoredValue::new(id);
    let is_selected = memo(move |_| selected.with(|selected| id.with_value(|id| selected.contains(id))));
    let is_pseudo = memo(move |_| pseudo.with(|pseudo| id.with_value(|id| pseudo.contains(id))));
    let address = image_address(collector, id.get_value());
    let number = move || {
        images.with(|images| {
            let place = images.iter().position(|image| id.with_value(|id| image == id));
            place.map_or(0, |place| images.len() - place)
        })
    };
    let name = move || {
        let class = class.with(|class| class.as_ref().map(|class| class.name.clone()).unwrap_or_default());
        let name = tr!(collect.image_name, number = count(number() as u64), class = class);
        if is_pseudo.get() { format!("{name}, {}", tr!(tray.pseudo_mark)) } else { name }
    };
    let delete = move || {
        let id = id.get_value();
        collector.run(async move { collector.delete_images(&[id]).await });
    };
    // That of another class than its own.
    let class_of_key = move |key: &str| {
        let own = class.with_untracked(|class| class.as_ref().map(|class| class.id.clone()));
        let wanted = collector.open_project()?.class_of_key(key).map(|class| class.id.clone());
        wanted.filter(|wanted| Some(wanted) != own.as_ref())
    };
    view! {
        <li class="thumbnail" class:is-selected=move || is_selected.get() class:is-pseudo=move || is_pseudo.get()>
            <button
                type="button"
                class="thumbnail-image"
                aria-label=name
                title=move_tr!(collect.thumbnail_keys)
                on:click=move |_| viewed.set(Some(id.get_value()))
                on:keydown=move |event: KeyboardEvent| match event.key().as_str() {
                    "Delete" | "Backspace" => {
                        event.prevent_default();
                        focus_neighbor(&event);
                        delete();
                    }
                    "x" | "X" => id.with_value(|id| toggle(selected, id)),
                    key => if let Some(class) = class_of_key(key) {
                        focus_neighbor(&event);
                        let id = id.get_value();
                        collector.run(async move { collector.move_image(&id, &class).await });
                    },
                }
            >
                {move || address.get().map(|address| view! { <img src=address alt="" /> })}
            </button>
            // For the pointer: by keyboard, X selects, Delete deletes, and digits move.
            <input
                type="checkbox"
                class="thumbnail-select"
                tabindex="-1"
                aria-label=move || tr!(collect.select_name, image = name())
                prop:checked=move || is_selected.get()
                on:change=move |_| id.with_value(|id| toggle(selected, id))
            />
            <button type="button" class="thumbnail-delete" tabindex="-1" aria-hidden="true" on:click=move |_| delete()>"×"</button>
        </li>
    }
}

/// The keyboard's focus would be lost with the image: the next one gets it, or else the one before.
fn focus_neighbor(event: &KeyboardEvent) {
    use wasm_bindgen::JsCast;
    let item = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let item = item.and_then(|button| button.parent_element());
    let neighbor = item.and_then(|item| item.next_element_sibling().or_else(|| item.previous_element_sibling()));
    let button = neighbor.and_then(|item| item.first_element_child());
    if let Some(button) = button.and_then(|button| button.dyn_into::<web_sys::HtmlElement>().ok()) {
        button.focus().ok();
    }
}

/// The object URL of an image's file, once it is read; revoked when the view goes.
pub fn image_address(collector: Collector, id: String) -> RwSignal<Option<String>> {
    let address = RwSignal::new(None::<String>);
    spawn_local(async move {
        let url = collector.address_of(&id).await;
        // The view may be gone by now.
        if let Some(url) = url
            && let Some(unused) = address.try_set(Some(url)).flatten()
        {
            Url::revoke_object_url(&unused).ok();
        }
    });
    on_cleanup(move || {
        if let Some(url) = address.try_get_untracked().flatten() {
            Url::revoke_object_url(&url).ok();
        }
    });
    address
}
