//! A frame around the largest centered square of the picture below it: the part that the network gets.

use leptos::prelude::*;

/// Covers its parent, which is positioned and as large as the picture.
#[component]
pub fn CropFrame() -> impl IntoView {
    view! {
        <svg class="crop-frame" viewBox="0 0 100 100" aria-hidden="true" focusable="false">
            <rect x="0.5" y="0.5" width="99" height="99" />
        </svg>
    }
}
