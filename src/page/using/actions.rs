//! What happens when a live camera shows a class: a tone, spoken words, or a counter that goes on. Kept in this browser by the class's name.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::browser_sound::{play, speak};
use super::classifier::{Classifier, is_sure};
use super::rejection::Rejection;
use crate::page::json::{from_text, to_text};
use crate::page::preferences;
use crate::page::reactive::{memo, watch};
use crate::page::store::Store;

const KEY: &str = "kindling.actions";

/// Maximum number of classes whose actions are kept.
const KEPT_LIMIT: usize = 200;

/// Maximum length of spoken words, in characters.
pub const WORDS_LIMIT: usize = 80;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    #[default]
    None,
    Sound,
    /// Without words, the class's name is spoken.
    Words(String),
    Count,
}

#[derive(Clone, Copy)]
pub struct Actions {
    store: Store,
    /// By the names of the classes.
    by_class: RwSignal<BTreeMap<String, Action>>,
    /// How often each class has come, by its name, in this visit.
    pub counts: RwSignal<BTreeMap<String, u32>>,
}

impl Actions {
    pub fn new(store: Store) -> Self {
        let kept = preferences::read(KEY).and_then(|text| from_text(&text)).unwrap_or_default();
        Self { store, by_class: RwSignal::new(kept), counts: RwSignal::default() }
    }

    /// Acts whenever a class comes into view, while `is_live`.
    pub fn follow(self, classifier: Classifier, rejection: Rejection, is_live: Memo<bool>) {
        let seen = memo(move |_| {
            let threshold = rejection.threshold_or_round();
            let outcome = classifier.outcome.read();
            let classes = &outcome.classification().filter(|_| is_live.get())?.classes;
            classes.first().filter(|_| is_sure(classes, threshold)).map(|first| first.class)
        });
        watch(move || seen.get(), move |class, _| class.iter().for_each(|class| self.act(*class)), false);
    }

    fn act(self, class: u16) {
        let name = self.store.dataset.with_untracked(|dataset| {
            dataset.current.as_ref().and_then(|current| current.classes.get(usize::from(class)).cloned())
        });
        let Some(name) = name else { return };
        match untrack(|| self.of(&name)) {
            Action::None => {}
            Action::Sound => play(class),
            Action::Words(words) => speak(if words.trim().is_empty() { &name } else { &words }),
            Action::Count => self.counts.update(|counts| *counts.entry(name).or_default() += 1),
        }
    }

    /// Counts from zero again.
    pub fn reset(self, name: &str) {
        self.counts.update(|counts| {
            counts.remove(name);
        });
    }

    /// The action of a class, tracked.
    pub fn of(self, name: &str) -> Action {
        self.by_class.with(|actions| actions.get(name).cloned().unwrap_or_default())
    }

    pub fn set(self, name: String, action: Action) {
        self.by_class.update(|actions| {
            match action {
                Action::None => drop(actions.remove(&name)),
                action => drop(actions.insert(name, action)),
            }
            while actions.len() > KEPT_LIMIT {
                actions.pop_first();
            }
            preferences::write(KEY, &to_text(actions));
        });
    }
}
