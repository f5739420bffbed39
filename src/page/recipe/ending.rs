//! Asks before something ends the run under way.

use leptos::prelude::*;

use crate::page::state::RunState;
use crate::page::store::Store;
use crate::page::text::i18n::tr;

/// Whether another dataset may take the place of the current one: no run trains on it, or the visitor agrees that the run ends.
pub fn may_replace(store: Store) -> bool {
    if !store.run.with_untracked(RunState::is_active) {
        return true;
    }
    // A browser that shows no dialogs has nobody to ask.
    window().confirm_with_message(&tr!(data.ends_run)).unwrap_or(true)
}
