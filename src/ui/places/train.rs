//! The place TrainPlace.

use leptos::prelude::*;

#[component]
pub fn TrainPlace() -> impl IntoView {
    view! { <section></section> }
}
