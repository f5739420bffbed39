//! Moves keyboard focus when the focused control is moved, disabled or removed.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// A layer's card, or its tab in the picture; layers count from 0.
pub fn card(at: usize) -> Option<Element> {
    document().query_selector(&format!("[data-layer=\"{}\"]", at + 1)).ok().flatten()
}

/// Focuses a control of a layer: on its card, or in the inspector, which shows the layer in the next frame.
pub fn focus_control(at: usize, control: &str) {
    let selector = format!("[data-control=\"{control}\"]");
    let found = card(at).and_then(|card| card.query_selector(&selector).ok().flatten());
    if found.is_some() {
        return focus(found);
    }
    let selector = format!("#layer-inspector {selector}:not(:disabled)");
    request_animation_frame(move || match document().query_selector(&selector).ok().flatten() {
        Some(control) => focus(Some(control)),
        None => focus(card(at)),
    });
}

/// Focuses a layer of the picture in the next frame.
pub fn focus_layer(at: usize) {
    request_animation_frame(move || focus(card(at)));
}

/// Focuses an element in the next frame, once a change just made has drawn or enabled it.
pub fn focus_soon(id: &'static str) {
    request_animation_frame(move || focus(document().get_element_by_id(id)));
}

fn focus(element: Option<Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        element.focus().ok();
    }
}
