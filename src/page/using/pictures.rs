//! The image before and after it was prepared: the part of a photo that is used, and the model input.

use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::classifier::Outcome;
use super::input::Input;
use crate::page::reactive::{effect, memo};
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::pixel_image::paint;
use crate::page::widgets::show::Show;
use kindling_core::dataset::Framing;
use kindling_core::protocol::{Classification, ImageInput, ImageShape, Treatment};

/// The pad itself shows a drawing as it was, so only photos have a picture of before.
#[component]
pub fn Pictures(outcome: Signal<Outcome>, input: Signal<Input>) -> impl IntoView {
    view! {
        <div class="answer-pictures">
            <Show when=move || input.get() != Input::Draw>
                <figure>
                    <Before outcome />
                    <figcaption>{move_tr!(use_place.before)}</figcaption>
                </figure>
            </Show>
            <Seen outcome />
        </div>
    }
}

/// The part of the photo that is used, on one canvas that is repainted.
#[component]
fn Before(outcome: Signal<Outcome>) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move |_| {
        let Some(canvas) = canvas.get() else { return };
        // Setting a canvas's size clears it.
        canvas.set_width(1);
        canvas.set_height(1);
        if let Outcome::Classified { image, classification } = &*outcome.read() {
            show(&canvas, image, used([image.width, image.height], classification));
        }
    });
    view! { <canvas node_ref=canvas class="pixels is-photo" width="1" height="1" role="img" aria-label=move_tr!(use_place.before)></canvas> }
}

/// Left, top, width and height of the part of an image that is used: all of it if it was set between two bars, else the largest centered part with
/// the aspect ratio of the model input.
fn used([width, height]: [u32; 2], classification: &Classification) -> [u32; 4] {
    if classification.treatment == Some(Treatment::Framed(Framing::Letterbox)) {
        return [0, 0, width, height];
    }
    let shape = classification.shape;
    let scale = (f64::from(width) / f64::from(shape.width)).min(f64::from(height) / f64::from(shape.height));
    let part = |side: u32, limit: u32| ((f64::from(side) * scale).round() as u32).min(limit);
    let (part_width, part_height) = (part(shape.width, width), part(shape.height, height));
    [(width - part_width) / 2, (height - part_height) / 2, part_width, part_height]
}

fn show(canvas: &HtmlCanvasElement, image: &ImageInput, [left, top, width, height]: [u32; 4]) -> Option<()> {
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&image.rgba[..]), image.width, image.height).ok()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
    context.put_image_data(&data, -f64::from(left), -f64::from(top)).ok()
}

/// The model input, on one canvas that is repainted.
#[component]
fn Seen(outcome: Signal<Outcome>) -> impl IntoView {
    let store = use_store();
    let canvas = NodeRef::<Canvas>::new();
    let shape = memo(move |_| {
        let shape = outcome.read().classification().map(|found| found.shape);
        shape.or_else(|| store.dataset.with(|dataset| dataset.current.as_ref().map(|current| current.shape)))
    });
    let is_blank = memo(move |_| outcome.read().classification().is_none());
    effect(move |_| {
        // Setting a canvas's size clears it, so this effect comes before the one that paints.
        if let (Some(canvas), Some(ImageShape { width, height, .. })) = (canvas.get(), shape.get()) {
            is_blank.track();
            canvas.set_width(width);
            canvas.set_height(height);
        }
    });
    effect(move |_| {
        if let (Some(canvas), Some(found)) = (canvas.get(), outcome.read().classification()) {
            // If the pixels do not match the shape, the canvas keeps its content.
            paint(&canvas, found.shape, &found.seen);
        }
    });
    let name = move || {
        let size = shape.get().map(|ImageShape { width, height, .. }| format!("{width}×{height}")).unwrap_or_default();
        tr!(use_place.seen, size = size)
    };
    view! {
        <figure class="seen">
            <canvas node_ref=canvas class="pixels" role="img" aria-label=name></canvas>
            <figcaption>{name}</figcaption>
        </figure>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::protocol::Bulk;

    #[test]
    fn the_part_that_is_used_is_shown() {
        let found = |framing: Framing| Classification {
            classes: Vec::new(),
            seen: Bulk::default(),
            shape: ImageShape { channels: 3, height: 28, width: 28 },
            treatment: Some(Treatment::Framed(framing)),
        };
        assert_eq!(used([341, 256], &found(Framing::CenterCrop)), [42, 0, 256, 256]);
        assert_eq!(used([100, 201], &found(Framing::CenterCrop)), [0, 50, 100, 100]);
        assert_eq!(used([341, 256], &found(Framing::Letterbox)), [0, 0, 341, 256]);
    }
}
