//! A part of the place that is not visible when a visitor arrives.

use leptos::prelude::*;

use crate::page::parts::{Part, Parted};
use crate::page::recipe::catalog::Catalog;
use crate::page::widgets::show::Show;

/// Its fetch waits until the catalog's has ended.
#[component]
pub fn Later(part: Part, #[prop(optional)] is_quiet: bool) -> impl IntoView {
    let is_settled = expect_context::<Catalog>().settled();
    view! { <Show when=move || is_settled.get()><Parted part is_quiet /></Show> }
}
