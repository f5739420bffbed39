//! A part of the page's state that views can track.

use leptos::prelude::*;

use crate::page::state::AppState;

/// A part of the state that is read and tracked independently of the others.
pub struct Part<T: 'static> {
    state: StoredValue<AppState>,
    changed: RwSignal<()>,
    select: fn(&AppState) -> &T,
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Part<T> {}

impl<T> Part<T> {
    pub(super) fn new(state: StoredValue<AppState>, select: fn(&AppState) -> &T) -> Self {
        Self { state, changed: RwSignal::new(()), select }
    }

    /// Reads the part and tracks it. `read` must not change the state.
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        self.changed.track();
        self.with_untracked(read)
    }

    pub fn with_untracked<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        // Through a guard: with a closure, leptos would compile its access to the state once per reader.
        let state = self.state.read_value();
        read((self.select)(&state))
    }

    /// A copy of the part, tracked.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    pub(super) fn notify(&self, has_changed: bool) {
        if has_changed {
            self.changed.set(());
        }
    }
}
