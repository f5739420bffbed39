//! What is there only while a condition holds.

use leptos::children::ViewFn;
use leptos::either::Either;
use leptos::prelude::*;

/// As leptos' own `Show`, which is compiled anew for every condition and all that it shows; of this one only the condition and the children
/// differ.
#[component(transparent)]
pub fn Show(
    when: impl Fn() -> bool + Send + Sync + 'static,
    children: ChildrenFn,
    /// What is there while it does not hold; nothing, unless said.
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
