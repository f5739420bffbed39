//! A class: its name and color, the buttons that add images to it, and its images. Files may be dropped and pasted on it.

use js_sys::Array;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DragEvent, File, KeyboardEvent, PointerEvent};

use super::text::shown_text;
use super::thumbnails::Thumbnails;
use super::{CaptureKind, Panel, use_panel};
use crate::page::collect::adding::{Destination, NewImage};
use crate::page::collect::intake;
use crate::page::collect::project::{Class, N_COLORS, Source};
use crate::page::reactive::memo;
use crate::page::recipe::folder::Dropped;
use crate::page::recipe::sources::named;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::file_drop::FileDrop;
use crate::page::widgets::icon::{Glyph, Icon};

const NAME_LIMIT: usize = 80;

#[component]
pub fn ClassCard(id: String, classes: Memo<Vec<Class>>) -> impl IntoView {
    let Panel { collector, recorder, shown, .. } = use_panel();
    let id = StoredValue::new(id);
    let class =
        memo(move |_| classes.with(|classes| classes.iter().find(|it| id.with_value(|id| it.id == *id)).cloned()));
    let color = move || class.with(|class| class.as_ref().map_or(0, |class| class.color));
    let is_off = memo(move |_| class.with(|class| class.as_ref().is_some_and(|class| class.is_off)));
    let images = memo(move |_| shown.with(|shown| id.with_value(|id| shown.of_class(id))));
    let file_drop = FileDrop::default();
    let add_files = move |files: Vec<(String, File)>| {
        let (Some(project), false) = (collector.open.get_untracked(), files.is_empty()) else { return };
        let class = id.get_value();
        let rate = recorder.rate.get_untracked();
        collector.run(async move {
            let to = Destination { project: &project, class: &class, split: None };
            collector.add_media(to, files, rate).await.map(drop)
        });
    };
    let drop_files = move |event: DragEvent| {
        let Some(dropped) = file_drop.taken(&event).map(|data| Dropped::of(&data)) else { return };
        leptos::task::spawn_local(async move { add_files(dropped.walk().await) });
    };
    let paste = move |event: ClipboardEvent| {
        let files = event.clipboard_data().and_then(|data| data.files());
        add_files(files.map(|files| all_named(&files)).unwrap_or_default());
    };
    let is_recorded = memo(move |_| id.with_value(|id| recorder.class().as_ref() == Some(id)));
    view! {
        <li
            class="class-card"
            class:is-over=move || file_drop.is_over.get()
            class:is-off=move || is_off.get()
            class:is-recorded=move || is_recorded.get()
            style=("--class-color", move || format!("var(--line-{})", color()))
            on:dragover=move |event: DragEvent| file_drop.over(&event)
            on:dragleave=move |_| file_drop.is_over.set(false)
            on:drop=drop_files
            on:paste=paste
        >
            <ClassHead id class />
            <div class="controls class-add">
                <CaptureButtons id class is_recorded />
                <FileButton class add=move |files| add_files(files) />
            </div>
            <Thumbnails class images />
        </li>
    }
}

pub fn all_named(files: &web_sys::FileList) -> Vec<(String, File)> {
    Array::from(files).iter().map(|file| named(file.unchecked_into())).collect()
}

fn name_of(class: Memo<Option<Class>>) -> String {
    class.with(|class| class.as_ref().map(|class| class.name.clone()).unwrap_or_default())
}

/// Color, name, count, and what is done to the class as a whole.
#[component]
fn ClassHead(id: StoredValue<String>, class: Memo<Option<Class>>) -> impl IntoView {
    let Panel { collector, filter, shown, .. } = use_panel();
    let name = move || name_of(class);
    let input = NodeRef::<html::Input>::new();
    let rename = move |text: String| {
        let Some(project) = collector.open.get_untracked() else { return };
        let id = id.get_value();
        collector.run(async move {
            let result = collector.rename_class(&project, &id, &text).await;
            // The field shows the name as it was taken, or the one before.
            if let Some(input) = input.get_untracked() {
                input.set_value(&untrack(name));
            }
            result
        });
    };
    let color = move |_| {
        collector.edit_class(id.get_value(), |class| class.color = (class.color + 1) % N_COLORS);
    };
    let include = move |is_in: bool| collector.edit_class(id.get_value(), move |class| class.is_off = !is_in);
    let delete = move |_| {
        let id = id.get_value();
        collector.run(async move { collector.delete_class(&id).await });
    };
    let shift = move |is_up: bool| {
        move |_| {
            let id = id.get_value();
            collector.edit(move |project| project.move_class(&id, is_up));
        }
    };
    let figures = move || {
        let (n_shown, n_all) = shown.with(|shown| id.with_value(|id| (shown.of_class(id).len(), shown.n_of_class(id))));
        shown_text(filter.read().is_active().then_some(n_shown), n_all)
    };
    view! {
        <div class="class-head">
            <button type="button" class="class-color" aria-label=move || tr!(collect.color, class = name()) on:click=color></button>
            <input
                node_ref=input
                id=format!("class-{}", id.get_value())
                class="card-name"
                type="text"
                maxlength=NAME_LIMIT
                autocomplete="off"
                aria-label=move_tr!(collect.class_name)
                prop:value=name
                on:change:target=move |event| rename(event.target().value())
            />
            <span class="class-count">{figures}</span>
            <label class="check class-in">
                <input
                    type="checkbox"
                    aria-label=move || tr!(collect.include_name, class = name())
                    prop:checked=move || class.with(|class| class.as_ref().is_some_and(|class| !class.is_off))
                    on:change:target=move |event| include(event.target().checked())
                />
                <span aria-hidden="true">{move_tr!(collect.include)}</span>
            </label>
            <span class="class-tools">
                <button type="button" class="button is-quiet" aria-label=move || tr!(collect.up, class = name()) on:click=shift(true)>"↑"</button>
                <button type="button" class="button is-quiet" aria-label=move || tr!(collect.down, class = name()) on:click=shift(false)>"↓"</button>
                <button
                    type="button"
                    class="button is-quiet"
                    aria-label=move || tr!(collect.delete_class, class = name())
                    on:click=delete
                >
                    <Glyph icon=Icon::Close />
                </button>
            </span>
        </div>
    }
}

/// The buttons of what is open beside the classes: of the webcam or of the drawing pad.
#[component]
fn CaptureButtons(id: StoredValue<String>, class: Memo<Option<Class>>, is_recorded: Memo<bool>) -> impl IntoView {
    let Panel { capture, .. } = use_panel();
    move || match capture.get() {
        CaptureKind::Webcam => view! { <RecordButtons id class is_recorded /> }.into_any(),
        CaptureKind::Draw => view! { <DrawingButton id class /> }.into_any(),
    }
}

#[component]
fn RecordButtons(id: StoredValue<String>, class: Memo<Option<Class>>, is_recorded: Memo<bool>) -> impl IntoView {
    let Panel { recorder, .. } = use_panel();
    let name = move || name_of(class);
    // A held key repeats.
    let is_key = |event: &KeyboardEvent| matches!(event.key().as_str(), " " | "Enter");
    let is_counting =
        move || recorder.countdown.with(|it| it.as_ref().is_some_and(|(_, class)| id.with_value(|id| class == id)));
    view! {
        <button
            type="button"
            class="button is-primary class-record"
            aria-label=move || tr!(collect.hold_name, class = name())
            disabled=move || !recorder.is_live.get()
            on:pointerdown=move |event: PointerEvent| if event.button() == 0 {
                // The burst ends where the pointer is lifted, wherever it is by then.
                if let Some(button) = event.current_target().and_then(|it| it.dyn_into::<web_sys::Element>().ok()) {
                    button.set_pointer_capture(event.pointer_id()).ok();
                }
                recorder.hold(id.get_value());
            }
            on:pointerup=move |_| recorder.stop()
            on:pointercancel=move |_| recorder.stop()
            on:contextmenu=move |event| event.prevent_default()
            on:keydown=move |event| if is_key(&event) {
                event.prevent_default();
                if !event.repeat() { recorder.hold(id.get_value()) }
            }
            on:keyup=move |event| if is_key(&event) { recorder.stop() }
            on:blur=move |_| if is_recorded.get_untracked() { recorder.stop() }
        >
            {move || if is_recorded.get() { tr!(collect.recording_now) } else { tr!(collect.hold) }}
        </button>
        <button
            type="button"
            class="button class-timed"
            aria-label=move || tr!(collect.timed_name, count = recorder.count.get(), class = name())
            disabled=move || !recorder.is_live.get()
            on:click=move |_| {
                let is_busy = untrack(|| is_counting() || is_recorded.get());
                if is_busy { recorder.stop() } else { recorder.count_down(id.get_value()) }
            }
        >
            {move || match is_counting() || is_recorded.get() {
                true => tr!(collect.stop),
                false => tr!(collect.timed, count = recorder.count.get()),
            }}
        </button>
    }
}

#[component]
fn DrawingButton(id: StoredValue<String>, class: Memo<Option<Class>>) -> impl IntoView {
    let Panel { collector, drawing, pad_turn, .. } = use_panel();
    let add = move |_| {
        let (Some(project), Some(image)) = (collector.open.get_untracked(), drawing.get_untracked()) else { return };
        let class = id.get_value();
        collector.run(async move {
            let fresh = intake::of_drawing(&image).await;
            if let Some(fresh) = fresh {
                let added = collector.add_one(&project, &class, NewImage::new(fresh, Source::Drawing)).await?;
                if added {
                    drawing.set(None);
                    pad_turn.update(|turn| *turn += 1);
                }
            }
            Ok(())
        });
    };
    view! {
        <button
            type="button"
            class="button is-primary class-draw"
            aria-label=move || tr!(collect.add_drawing_name, class = name_of(class))
            disabled=move || drawing.with(Option::is_none)
            on:click=add
        >
            {move_tr!(collect.add_drawing)}
        </button>
    }
}

#[component]
fn FileButton(class: Memo<Option<Class>>, #[prop(into)] add: UnsyncCallback<Vec<(String, File)>>) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    view! {
        <label class="button">
            {move_tr!(data.pick)}
            <input
                class="visually-hidden"
                type="file"
                multiple
                accept="image/*,video/*"
                aria-label=move || tr!(collect.files_name, class = name_of(class))
                node_ref=input
                on:change=move |_| if let Some(input) = input.get_untracked() {
                    let files = input.files().map(|files| all_named(&files)).unwrap_or_default();
                    // Otherwise picking the same files again fires no event.
                    input.set_value("");
                    add.run(files);
                }
            />
        </label>
    }
}
