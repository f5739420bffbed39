//! The place NetworkPlace.

use leptos::prelude::*;

#[component]
pub fn NetworkPlace() -> impl IntoView {
    view! { <section></section> }
}
