//! Buttons to the previous and the next page of a list, with the page's number between them.

use leptos::prelude::*;

use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};

/// The number of pages for a list of `n_items`; an empty list has one empty page.
pub fn n_pages(n_items: u32, page_size: u32) -> u32 {
    n_items.div_ceil(page_size).max(1)
}

#[component]
pub fn Pager(
    /// The open page, from 0.
    page: RwSignal<u32>,
    #[prop(into)] n_pages: Signal<u32>,
) -> impl IntoView {
    let is_last = move || page.get() + 1 >= n_pages.get();
    view! {
        <nav class="pager" aria-label=move_tr!(pager.name)>
            <button
                type="button"
                class="button"
                disabled=move || page.get() == 0
                on:click=move |_| page.update(|page| *page = page.saturating_sub(1))
            >
                {move_tr!(pager.previous)}
            </button>
            <span aria-live="polite">
                {move || tr!(pager.page, page = count(page.get() + 1), pages = count(n_pages.get()))}
            </span>
            <button
                type="button"
                class="button"
                disabled=is_last
                on:click=move |_| page.update(|page| *page += 1)
            >
                {move_tr!(pager.next)}
            </button>
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use super::n_pages;

    #[test]
    fn a_full_page_needs_no_second_one() {
        assert_eq!([0, 1, 24, 25].map(|n_items| n_pages(n_items, 24)), [1, 1, 1, 2]);
    }
}
