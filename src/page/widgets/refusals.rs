//! Fields whose text was refused: as long as there is one, nothing starts that would use the value before it.

use leptos::prelude::*;

use crate::page::text::i18n::tr;
use crate::page::widgets::reveal::reveal;

#[derive(Clone, Copy)]
pub struct Refusals(RwSignal<Vec<Refusal>>);

/// A field with a text that is no value.
#[derive(Clone, PartialEq)]
pub struct Refusal {
    /// The field's id in the document.
    pub id: String,
    pub label: Signal<String>,
    pub text: String,
}

impl Refusal {
    /// What is wrong; tracks the label and the language.
    pub fn sentence(&self) -> String {
        tr!(train.refused, field = self.label.get(), text = self.text)
    }
}

impl Refusals {
    /// Made once, for the page.
    pub fn new() -> Self {
        Self(RwSignal::new(Vec::new()))
    }

    /// The field that was refused first, tracked.
    pub fn first(self) -> Option<Refusal> {
        self.0.read().first().cloned()
    }

    /// Whether a field holds things back; if so, leads the visitor to it.
    pub fn hold_back(self) -> bool {
        let Some(Refusal { id, .. }) = self.0.with_untracked(|refused| refused.first().cloned()) else { return false };
        // If that fails, the message beside the button names the field all the same.
        reveal(&id);
        true
    }

    pub(super) fn put(self, refusal: Refusal) {
        self.0.update(|refused| {
            refused.retain(|other| other.id != refusal.id);
            refused.push(refusal);
        });
    }

    pub(super) fn remove(self, id: &str) {
        if self.0.with_untracked(|refused| refused.iter().any(|refusal| refusal.id == id)) {
            self.0.update(|refused| refused.retain(|refusal| refusal.id != id));
        }
    }
}
