//! An image of the visitor: chosen, dropped anywhere on the page, or pasted.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{ClipboardEvent, File, FileList, Url};

use super::crop_frame::CropFrame;
use super::file_drop::listen_for_files;
use super::image_input::read_image;
use super::show::Show;
use crate::page::text::i18n::move_tr;
use kindling_core::protocol::{Failure, ImageInput, InputKind};

/// The object URL of a file for an `img` element, revoked on drop.
#[derive(Debug)]
struct Address(String);

impl Drop for Address {
    fn drop(&mut self) {
        Url::revoke_object_url(&self.0).ok();
    }
}

#[derive(Clone, Copy)]
struct Upload {
    /// The name of the image shown.
    name: RwSignal<Option<String>>,
    address: StoredValue<Option<Address>, LocalStorage>,
    /// Counts the files: if two are read at the same time, the later one is shown.
    turn: StoredValue<u32>,
    on_image: UnsyncCallback<Result<ImageInput, Failure>>,
}

impl Upload {
    fn take(self, files: Option<FileList>) {
        let Some(file) = files.as_ref().and_then(first_image) else { return };
        let turn = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(turn);
        spawn_local(async move {
            let image = read_image(&file, InputKind::Photo).await;
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            let address = image.is_ok().then(|| Url::create_object_url_with_blob(&file).ok()).flatten().map(Address);
            let name = address.is_some().then(|| file.name());
            self.address.set_value(address);
            self.name.set(name);
            self.on_image.run(image);
        });
    }

    fn address(self) -> Option<String> {
        self.address.with_value(|address| address.as_ref().map(|Address(address)| address.clone()))
    }
}

/// The first image among the files. If there is none, the first file, so that the visitor sees an error for it.
fn first_image(files: &FileList) -> Option<File> {
    let all = || (0..files.length()).filter_map(|position| files.get(position));
    all().find(|file| file.type_().starts_with("image/")).or_else(|| all().next())
}

/// A zone to drop an image on, or to click to choose one. Pasting also works while it is shown.
#[component]
pub fn ImageUpload(
    /// Receives each image, or the reason why a file cannot be read as one.
    #[prop(into)]
    on_image: UnsyncCallback<Result<ImageInput, Failure>>,
    /// Whether only the square in the middle is used.
    #[prop(into)]
    is_cropped: Signal<bool>,
) -> impl IntoView {
    let upload = Upload {
        name: RwSignal::new(None),
        address: StoredValue::new_local(None),
        turn: StoredValue::new(0),
        on_image,
    };
    let input = NodeRef::<html::Input>::new();
    let paste = window_event_listener(ev::paste, move |event: ClipboardEvent| {
        upload.take(event.clipboard_data().and_then(|data| data.files()));
    });
    on_cleanup(move || paste.remove());
    let is_over = listen_for_files(move |data| upload.take(data.and_then(|data| data.files())));
    view! {
        <div class="upload">
            <label class="upload-zone" class:is-over=move || is_over.get()>
                <input
                    node_ref=input
                    class="visually-hidden"
                    type="file"
                    accept="image/*"
                    aria-label=move_tr!(upload.choose)
                    on:change=move |_| {
                        if let Some(input) = input.get_untracked() {
                            upload.take(input.files());
                            // Lets the same file be chosen again.
                            input.set_value("");
                        }
                    }
                />
                {move || match upload.name.get() {
                    Some(name) => view! {
                        <span class="cropped">
                            <img src=upload.address() alt=name />
                            <Show when=move || is_cropped.get()><CropFrame /></Show>
                        </span>
                    }.into_any(),
                    None => view! {
                        <span class="upload-invitation">
                            <strong>{move_tr!(upload.choose)}</strong>
                            <span>{move_tr!(upload.or_drop)}</span>
                        </span>
                    }.into_any(),
                }}
            </label>
            <p class="hint" class:is-hidden=move || upload.name.with(Option::is_none)>{move_tr!(upload.another)}</p>
        </div>
    }
}
