//! Moves keyboard focus when the focused control is moved, disabled or removed.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// A layer's card; layers count from 0.
pub fn card(at: usize) -> Option<Element> {
    document().query_selector(&format!("[data-layer=\"{}\"]", at + 1)).ok().flatten()
}

/// Focuses a control of a layer's card.
pub fn focus_control(at: usize, control: &str) {
    let found = card(at).and_then(|card| card.query_selector(&format!("[data-control=\"{control}\"]")).ok().flatten());
    focus(found);
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
