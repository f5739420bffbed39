//! Small pictures side by side, one per channel; the chosen one is enlarged.

use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::page::reactive::{effect, memo};
use crate::page::text::i18n::move_tr;
use crate::page::widgets::pixel_image::paint;
use crate::page::widgets::show::Show;
use kindling_core::protocol::{ImageShape, Pictures};

#[component]
pub fn Tiles(
    pictures: Memo<Option<Pictures>>,
    /// Whether middle gray stands for 0: such pictures are drawn in two colors.
    is_signed: bool,
    /// The accessible name of them all.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let count = memo(move |_| pictures.read().as_ref().map_or(0, |pictures| pictures.count));
    // The tile that Tab leads to.
    let current = RwSignal::new(0_u32);
    let enlarged = RwSignal::new(None::<u32>);
    let tile = move |place: u32| {
        let is_enlarged = move || enlarged.get() == Some(place);
        let choose = move |_| {
            current.set(place);
            enlarged.set((!is_enlarged()).then_some(place));
        };
        view! {
            <button
                type="button"
                class="tile"
                data-channel=place
                tabindex=move || if current.get() == place { "0" } else { "-1" }
                aria-label=move_tr!(inside.channel, number = place + 1)
                aria-pressed=move || is_enlarged().to_string()
                on:click=choose
            >
                <Picture pictures place is_signed />
            </button>
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let Some(next) = after_key(&event.key(), current.get_untracked(), count.get_untracked()) else { return };
        event.prevent_default();
        current.set(next);
        let tiles = event.current_target().and_then(|tiles| tiles.dyn_into::<HtmlElement>().ok());
        let tile = tiles.and_then(|tiles| tiles.query_selector(&format!("[data-channel=\"{next}\"]")).ok()?);
        if let Some(tile) = tile.and_then(|tile| tile.dyn_into::<HtmlElement>().ok()) {
            tile.focus().ok();
        }
    };
    let shown = memo(move |_| enlarged.get().filter(|place| *place < count.get()));
    view! {
        <div class="tiles" role="group" aria-label=name on:keydown=on_key>
            {move || (0..count.get()).map(tile).collect_view()}
        </div>
        <Show when=move || shown.get().is_some() fallback=|| view! { <p class="hint">{move_tr!(inside.enlarge)}</p> }>
            {move || shown.get().map(|place| view! {
                <figure class="tile-enlarged">
                    <Picture pictures place is_signed />
                    <figcaption class="hint">{move_tr!(inside.channel, number = place + 1)}</figcaption>
                </figure>
            })}
        </Show>
    }
}

/// One of the pictures; its accessible name is that of what contains it.
#[component]
fn Picture(pictures: Memo<Option<Pictures>>, place: u32, is_signed: bool) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move |_| {
        let picture = pictures.read().as_ref().and_then(|pictures| picture(pictures, place, is_signed));
        if let (Some(canvas), Some((shape, pixels))) = (canvas.get(), picture) {
            canvas.set_width(shape.width);
            canvas.set_height(shape.height);
            // A picture that cannot be painted stays empty.
            paint(&canvas, shape, &pixels);
        }
    });
    view! { <canvas node_ref=canvas class="pixels" aria-hidden="true"></canvas> }
}

/// The picture at this place; None if there is none, or if the pixels do not match their number.
fn picture(pictures: &Pictures, place: u32, is_signed: bool) -> Option<(ImageShape, Vec<u8>)> {
    let Pictures { channels, height, width, count, .. } = *pictures;
    let shape = ImageShape { channels, height, width };
    let n_values = shape.n_values();
    if n_values == 0 || pictures.pixels.len() != count as usize * n_values {
        return None;
    }
    let pixels = pictures.pixels.chunks_exact(n_values).nth(place as usize)?;
    if !is_signed || channels != 1 {
        return Some((shape, pixels.to_vec()));
    }
    let planes = (0..3).flat_map(|color| pixels.iter().map(move |pixel| diverging(*pixel, color)));
    Some((ImageShape { channels: 3, ..shape }, planes.collect()))
}

/// The color of the lowest, the middle and the highest value.
const NEGATIVE: [u8; 3] = [24, 92, 158];
const ZERO: [u8; 3] = [246, 244, 240];
const POSITIVE: [u8; 3] = [190, 72, 12];

/// One of the three colors' strength for a value, of which 128 is 0.
fn diverging(value: u8, color: usize) -> u8 {
    let of = |end: [u8; 3]| f32::from(end.get(color).copied().unwrap_or_default());
    let signed = (f32::from(value) - 128.0) / 127.0;
    let end = of(if signed < 0.0 { NEGATIVE } else { POSITIVE });
    (of(ZERO) + (end - of(ZERO)) * signed.abs().min(1.0)).round() as u8
}

/// The tile that a key leads to; None for other keys.
fn after_key(key: &str, current: u32, count: u32) -> Option<u32> {
    let last = count.checked_sub(1)?;
    match key {
        "ArrowRight" | "ArrowDown" => Some((current + 1).min(last)),
        "ArrowLeft" | "ArrowUp" => Some(current.saturating_sub(1)),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(count: u32, channels: u32) -> Pictures {
        let n_values = (count * channels * 2) as usize;
        let pixels: Vec<u8> = (0..n_values).map(|value| value as u8).collect();
        Pictures { channels, height: 1, width: 2, count, total: count, pixels: pixels.into() }
    }

    #[test]
    fn each_tile_has_its_own_pixels() {
        let (shape, pixels) = picture(&pictures(9, 1), 2, false).unwrap();
        assert_eq!((shape, pixels), (ImageShape { channels: 1, height: 1, width: 2 }, vec![4, 5]));
        assert_eq!(picture(&pictures(2, 3), 1, true).unwrap().1, [6, 7, 8, 9, 10, 11], "colors stay");
        assert_eq!(picture(&pictures(2, 1), 2, false), None);
        assert_eq!(picture(&Pictures { count: 3, ..pictures(2, 1) }, 0, false), None);
        assert_eq!(picture(&Pictures::default(), 0, false), None);
    }

    #[test]
    fn signs_have_colors_of_their_own() {
        let color = |value: u8| [0, 1, 2].map(|color| diverging(value, color));
        assert_eq!(color(128), ZERO);
        assert_eq!(color(255), POSITIVE);
        assert_eq!(color(1), NEGATIVE);
        assert!(color(192)[2] < color(160)[2] && color(64)[0] < color(96)[0]);
    }

    #[test]
    fn arrow_keys_stay_among_the_tiles() {
        assert_eq!(after_key("ArrowRight", 3, 4), Some(3));
        assert_eq!(after_key("ArrowLeft", 0, 4), Some(0));
        assert_eq!(after_key("End", 0, 4), Some(3));
        assert_eq!(after_key("Enter", 0, 4), None);
        assert_eq!(after_key("End", 0, 0), None);
    }
}
