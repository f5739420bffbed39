//! What to make of image files: size, channels, framing. For the files that come next, and to read those that are there once more.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::reactive::memo;
use crate::page::recipe::ending::may_replace;
use crate::page::recipe::use_recipe;
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::select_field::{Choice, SelectField};
use crate::page::widgets::show::Show;
use kindling_core::dataset::{Framing, ImageFormat, ImageReading, Reading};
use kindling_core::protocol::DatasetSource;

const AUTOMATIC: &str = "automatic";

/// The sizes offered; the API takes others, too.
const SIDES: [(&str, u32); 9] = [
    ("28", 28),
    ("32", 32),
    ("48", 48),
    ("64", 64),
    ("96", 96),
    ("128", 128),
    ("160", 160),
    ("192", 192),
    ("224", 224),
];

const CHANNELS: [(&str, u32); 2] = [("gray", 1), ("rgb", 3)];

const FRAMINGS: [(&str, Framing); 2] = [("center-crop", Framing::CenterCrop), ("letterbox", Framing::Letterbox)];

#[component]
pub fn ImageOptions(
    /// The visitor's choice.
    reading: RwSignal<ImageReading>,
) -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    // The current dataset and how it was read, if it was made of image files.
    let imported = memo(move |_| {
        store.dataset.with(|dataset| {
            let format = dataset.current.as_ref()?.read_as.images?;
            match dataset.origin.as_ref()? {
                (DatasetSource::Files { files, reading }, _) => Some((files.clone(), *reading, format)),
                (DatasetSource::Served { .. }, _) => None,
            }
        })
    });
    let differs = move || {
        imported.with(|imported| imported.as_ref().is_some_and(|(_, _, format)| would_differ(reading.get(), *format)))
    };
    let read_again = move |_: MouseEvent| {
        let Some((files, earlier, _)) = imported.get_untracked().filter(|_| may_replace(store)) else { return };
        let source = DatasetSource::Files { files, reading: Reading { images: reading.get_untracked(), ..earlier } };
        spawn_local(async move { drop(store.load_dataset(source, recipe.split.get_untracked()).await) });
    };
    view! {
        <details class="image-options">
            <summary>{move_tr!(images.options)}</summary>
            <SelectField
                id="image-size"
                label=Signal::derive(move_tr!(images.size))
                hint=Signal::derive(move_tr!(images.size_why))
                choices=Signal::derive(move || choices(&SIDES, |side| format!("{side} × {side}")))
                value=Signal::derive(move || Some(chosen(&SIDES, reading.get().side)))
                on_change=move |value: String| reading.update(|reading| reading.side = found(&SIDES, &value))
            />
            <SelectField
                id="image-channels"
                label=Signal::derive(move_tr!(images.channels))
                hint=Signal::derive(move_tr!(images.channels_why))
                choices=Signal::derive(move || choices(&CHANNELS, |channels| match channels {
                    1 => tr!(images.gray),
                    _ => tr!(images.rgb),
                }))
                value=Signal::derive(move || Some(chosen(&CHANNELS, reading.get().channels)))
                on_change=move |value: String| reading.update(|reading| reading.channels = found(&CHANNELS, &value))
            />
            <SelectField
                id="image-framing"
                label=Signal::derive(move_tr!(images.framing))
                hint=Signal::derive(move_tr!(images.framing_why))
                choices=Signal::derive(move || choices(&FRAMINGS, |framing| match framing {
                    Framing::CenterCrop => tr!(images.center_crop),
                    Framing::Letterbox => tr!(images.letterbox),
                }))
                value=Signal::derive(move || Some(chosen(&FRAMINGS, reading.get().framing)))
                on_change=move |value: String| reading.update(|reading| reading.framing = found(&FRAMINGS, &value))
            />
            <Show when=differs>
                <button type="button" class="button is-primary" on:click=read_again>{move_tr!(images.read_again)}</button>
            </Show>
        </details>
    }
}

/// Whether a choice asks for another format than the one at hand.
fn would_differ(reading: ImageReading, format: ImageFormat) -> bool {
    reading.side.is_some_and(|side| side != format.side)
        || reading.channels.is_some_and(|channels| channels != format.channels)
        || reading.framing.is_some_and(|framing| framing != format.framing)
}

fn choices<T: Copy>(values: &[(&'static str, T)], name: impl Fn(T) -> String) -> Vec<Choice> {
    let automatic = Choice { value: AUTOMATIC, name: tr!(images.automatic) };
    let others = values.iter().map(|(value, it)| Choice { value, name: name(*it) });
    std::iter::once(automatic).chain(others).collect()
}

fn chosen<T: Copy + PartialEq>(values: &[(&'static str, T)], current: Option<T>) -> &'static str {
    values.iter().find(|(_, it)| Some(*it) == current).map_or(AUTOMATIC, |(value, _)| *value)
}

fn found<T: Copy>(values: &[(&'static str, T)], value: &str) -> Option<T> {
    values.iter().find(|(name, _)| *name == value).map(|(_, it)| *it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_format_is_worth_reading_again() {
        let format = ImageFormat { side: 64, channels: 3, framing: Framing::CenterCrop };
        let automatic = ImageReading::default();
        assert!(!would_differ(automatic, format));
        assert!(!would_differ(ImageReading { side: Some(64), channels: Some(3), ..automatic }, format));
        assert!(would_differ(ImageReading { side: Some(96), ..automatic }, format));
        assert!(would_differ(ImageReading { framing: Some(Framing::Letterbox), ..automatic }, format));
    }

    #[test]
    fn choices_are_found_by_their_values() {
        assert_eq!((chosen(&SIDES, Some(96)), found(&SIDES, "96")), ("96", Some(96)));
        assert_eq!((chosen(&SIDES, None), found(&SIDES, AUTOMATIC)), (AUTOMATIC, None));
        assert_eq!(chosen(&SIDES, Some(100)), AUTOMATIC);
    }
}
