//! An image, large, with what is known of it: it can be given another class, or be deleted, and the keys lead to the next.

use leptos::html::Dialog;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlSelectElement, KeyboardEvent, MouseEvent};

use super::text::{source_text, split_text};
use super::thumbnails::image_address;
use super::{Panel, use_panel};
use crate::page::collect::project::ImageRecord;
use crate::page::preferences::Preference;
use crate::page::reactive::{effect, memo};
use crate::page::text::format::bytes;
use crate::page::text::i18n::{language, move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};

#[component]
pub fn Viewer() -> impl IntoView {
    let Panel { viewed, .. } = use_panel();
    let is_open = memo(move |_| viewed.read().is_some());
    move || is_open.get().then(|| view! { <ViewerDialog /> })
}

#[component]
fn ViewerDialog() -> impl IntoView {
    let Panel { collector, viewed, shown, .. } = use_panel();
    let dialog = NodeRef::<Dialog>::new();
    let is_zoomed = RwSignal::new(false);
    effect(move |_| {
        if let Some(dialog) = dialog.get() {
            // Fails if it is open already, which is what is wanted.
            dialog.show_modal().ok();
        }
    });
    let record = memo(move |_| {
        let id = viewed.get()?;
        collector.images.with(|images| images.iter().find(|image| image.id == id).cloned())
    });
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    // The backdrop is part of the dialog; all else in it is inside its only child.
    let is_backdrop = move |event: &MouseEvent| {
        dialog.get_untracked().is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref()))
    };
    // Among the images of its class that are shown, as the thumbnails lie. One that a filter hides by now was between those around it.
    let neighbor = move |is_next: bool| {
        let record = record.get_untracked()?;
        let of_class = shown.with_untracked(|shown| shown.of_class(&record.class));
        match of_class.iter().position(|id| *id == record.id) {
            Some(place) => of_class.get(if is_next { place.checked_add(1) } else { place.checked_sub(1) }?).cloned(),
            None => of_class.first().cloned(),
        }
    };
    let go = move |is_next: bool| {
        if let Some(id) = neighbor(is_next) {
            viewed.set(Some(id));
        }
    };
    let delete = move || {
        let Some(id) = viewed.get_untracked() else { return };
        let next = neighbor(true).or_else(|| neighbor(false));
        if next.is_none() {
            close();
        }
        viewed.set(next);
        collector.run(async move { collector.delete_images(&[id]).await });
    };
    let move_to = move |class: String| {
        let Some(id) = viewed.get_untracked() else { return };
        collector.run(async move { collector.move_image(&id, &class).await });
    };
    let keys = move |event: KeyboardEvent| {
        // In the list of classes, the keys choose one; in an image that is larger than its frame, arrows move it.
        let is_choosing = event.target().is_some_and(|target| target.has_type::<HtmlSelectElement>());
        let frame = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let is_moving = is_zoomed.get_untracked() && frame.is_some_and(|it| it.class_list().contains("viewer-image"));
        match event.key().as_str() {
            _ if is_choosing => {}
            "ArrowRight" | "ArrowLeft" if is_moving => {}
            "z" | "Z" => is_zoomed.update(|is_zoomed| *is_zoomed = !*is_zoomed),
            "ArrowRight" => go(true),
            "ArrowLeft" => go(false),
            "Delete" => delete(),
            key => {
                let class = collector.open_project().and_then(|it| it.class_of_key(key).map(|class| class.id.clone()));
                if let Some(class) = class {
                    let next = neighbor(true).or_else(|| neighbor(false));
                    if record.get_untracked().is_some_and(|record| record.class != class) {
                        move_to(class);
                    }
                    if next.is_some() {
                        viewed.set(next);
                    }
                }
            }
        }
    };
    view! {
        <dialog
            node_ref=dialog
            class="viewer"
            aria-label=move_tr!(collect.viewer)
            on:close=move |_| viewed.set(None)
            on:click=move |event| if is_backdrop(&event) { close() }
            on:keydown=keys
        >
            <div class="viewer-body">
                {move || record.get().map(|record| view! { <Large record is_zoomed /> })}
                <div class="controls">
                    <button type="button" class="button" on:click=move |_| go(false)>{move_tr!(pager.previous)}</button>
                    <button type="button" class="button" on:click=move |_| go(true)>{move_tr!(pager.next)}</button>
                    <button
                        type="button"
                        class="button"
                        id="viewer-zoom"
                        title="Z"
                        aria-pressed=move || is_zoomed.get().to_string()
                        on:click=move |_| is_zoomed.update(|is_zoomed| *is_zoomed = !*is_zoomed)
                    >
                        {move_tr!(collect.zoom)}
                    </button>
                    <label class="inline-field">
                        <span>{move_tr!(data.class)}</span>
                        <select id="viewer-class" on:change=move |event| {
                            if let Some(select) = event.target().and_then(|it| it.dyn_into::<HtmlSelectElement>().ok()) {
                                move_to(select.value());
                            }
                        }>
                            {move || {
                                let current = record.get().map(|record| record.class);
                                let classes = collector.project().map(|project| project.live_classes().cloned().collect::<Vec<_>>());
                                classes.unwrap_or_default().into_iter().map(|class| {
                                    let is_current = current.as_ref() == Some(&class.id);
                                    view! { <option value=class.id selected=is_current>{class.name}</option> }
                                }).collect_view()
                            }}
                        </select>
                    </label>
                    <button type="button" class="button" on:click=move |_| delete()>{move_tr!(collect.delete_image)}</button>
                    <button type="button" class="button is-quiet" aria-label=move_tr!(shell.dismiss) on:click=move |_| close()>
                        <Glyph icon=Icon::Close />
                    </button>
                </div>
            </div>
        </dialog>
    }
}

#[component]
fn Large(record: ImageRecord, is_zoomed: RwSignal<bool>) -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let address = image_address(collector, record.id.clone());
    let ImageRecord { name, source, added_at, bytes: size, is_pseudo, split, .. } = record;
    let time = js_sys::Date::new(&added_at.into())
        .to_locale_string(language().get_untracked().name(), &wasm_bindgen::JsValue::UNDEFINED);
    let time = String::from(time);
    let facts = move || {
        let mut facts = vec![source_text(source), time.clone(), bytes(size)];
        facts.extend(Some(name.clone()).filter(|name| !name.is_empty()));
        facts.extend(is_pseudo.then(|| tr!(tray.pseudo_mark)));
        facts.extend(split.map(|split| tr!(collect.came_for, split = split_text(split))));
        facts.join(" · ")
    };
    let label = facts.clone();
    view! {
        <figure>
            <div
                class="viewer-image"
                class:is-zoomed=move || is_zoomed.get()
                // By keyboard, what does not fit is reached with the arrows.
                tabindex=move || is_zoomed.get().then_some("0")
            >
                {move || address.get().map(|address| view! { <img src=address alt=label.clone() /> })}
            </div>
            <figcaption class="hint">{facts}</figcaption>
        </figure>
    }
}
