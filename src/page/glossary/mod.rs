//! The glossary: the terms of the field that the page uses, in a dialog over the place where the visitor is.
//!
//! `#glossary` opens it, `#glossary/weight-decay` at a term, and `#glossary/train.weight_decay` at the term that this text of the page uses. The
//! place stays meanwhile, as only the places' own addresses change it. What the shell contains of it is only the address: the table and the
//! texts are in a part of their own.

mod entries;
mod texts;
mod view;

#[cfg(test)]
mod tests;

use gloo::events::EventListener;
use leptos::prelude::*;

use self::view::GlossaryDialog;
use crate::page::parts::{Part, Parted, part};
use crate::page::place::Place;
use crate::page::widgets::hint::GLOSSARY;
use crate::page::widgets::show::Show;

const PART: Part = part!(glossary::dialog, GlossaryDialog);

/// The dialog's state, shared with its part.
#[derive(Clone, Copy)]
struct Opened {
    /// The id or key in the address, empty for the glossary as a whole; None while it is closed.
    term: RwSignal<Option<String>>,
    /// Where the visitor is meanwhile.
    place: RwSignal<Place>,
}

/// Draws the dialog while the address asks for it.
#[component]
pub fn Glossary(place: RwSignal<Place>) -> impl IntoView {
    let read = || asked(&window().location().hash().unwrap_or_default()).map(str::to_owned);
    let term = RwSignal::new(read());
    EventListener::new(&window(), "hashchange", move |_| term.set(read()))
        // The page lives as long as its window.
        .forget();
    provide_context(Opened { term, place });
    view! { <Show when=move || term.with(Option::is_some)><Parted part=PART /></Show> }
}

/// What a hash asks the glossary for; None if it is not the glossary's.
fn asked(hash: &str) -> Option<&str> {
    match hash.strip_prefix(GLOSSARY)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}
