//! The place DataPlace.

use leptos::prelude::*;

#[component]
pub fn DataPlace() -> impl IntoView {
    view! { <section></section> }
}
