//! Leads the visitor to an element, also into what is folded.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Opens what is folded around an element, and moves the keyboard's focus to it, which scrolls it into view.
pub fn reveal(id: &str) {
    let Some(element) = document().get_element_by_id(id) else { return };
    unfold(&element);
    if let Ok(element) = element.dyn_into::<HtmlElement>() {
        // What was folded is there in the next frame.
        request_animation_frame(move || {
            element.focus().ok();
        });
    }
}

/// Opens the details around an element, and the parts of the page that a button folds.
fn unfold(element: &Element) {
    let mut around = element.parent_element();
    while let Some(fold) = around {
        if fold.tag_name() == "DETAILS" {
            // The attribute's name is valid, so this does not fail.
            fold.set_attribute("open", "").ok();
        }
        let closed = format!("button[aria-controls='{}'][aria-expanded='false']", fold.id());
        let button = document().query_selector(&closed).ok().flatten();
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            button.click();
        }
        around = fold.parent_element();
    }
}
