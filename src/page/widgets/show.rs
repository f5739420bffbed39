//! Shows its children only while a condition holds.

use leptos::children::ViewFn;
use leptos::either::Either;
use leptos::prelude::*;

/// Like the `Show` of leptos, which is compiled again for every combination of condition and children. Of this one, only the condition and
/// the children are compiled per use.
#[component(transparent)]
pub fn Show(
    when: impl Fn() -> bool + Send + Sync + 'static,
    children: ChildrenFn,
    /// Shown while the condition does not hold; nothing by default.
    #[prop(optional, into)]
    fallback: ViewFn,
) -> impl IntoView {
    boxed(Box::new(when), children, fallback)
}

fn boxed(when: Box<dyn Fn() -> bool + Send + Sync>, children: ChildrenFn, fallback: ViewFn) -> impl IntoView {
    let is_shown = ArcMemo::new(move |_| when());
    move || match is_shown.get() {
        true => Either::Left(children()),
        false => Either::Right(fallback.run()),
    }
}
