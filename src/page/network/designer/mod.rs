//! Edits the next run's network. Everything but the methods here is pure.

pub mod edit;
pub mod palette;
pub mod parameters;
pub mod remedy;
pub mod text;

use leptos::prelude::*;

use self::edit::{Edit, marked};
use crate::page::recipe::Recipe;
use kindling_core::config::NetworkConfig;

impl Recipe {
    /// Applies an edit that can be undone. Returns whether it changed the network.
    pub fn edit(self, edit: &Edit) -> bool {
        let Some(now) = self.network.get_untracked() else { return false };
        let Some(next) = edit.apply(&now).map(|next| self.named(next)) else { return false };
        if next == now {
            return false;
        }
        self.editor.update(|editor| editor.remember(now));
        self.show(next);
        true
    }

    pub fn undo(self) {
        let Some(now) = self.network.get_untracked() else { return };
        if let Some(before) = self.editor.try_update(|editor| editor.undo(now)).flatten() {
            self.show(before);
        }
    }

    pub fn redo(self) {
        let Some(now) = self.network.get_untracked() else { return };
        if let Some(after) = self.editor.try_update(|editor| editor.redo(now)).flatten() {
            self.show(after);
        }
    }

    /// The chosen preset's network, tracked.
    pub fn preset_network(self) -> Option<NetworkConfig> {
        let id = self.preset.get();
        self.presets.with(|presets| {
            presets.iter().find(|preset| Some(preset.id) == id).map(|preset| preset.config.network.clone())
        })
    }

    /// Whether the network differs from the preset's, tracked.
    pub fn is_edited(self) -> bool {
        self.preset_network().is_some_and(|preset| Some(preset) != self.network.get())
    }

    fn named(self, network: NetworkConfig) -> NetworkConfig {
        match untrack(|| self.preset_network()) {
            Some(preset) => marked(network, &preset),
            None => network,
        }
    }

    /// Makes the network the current one, and chooses the preset whose network it equals, if any.
    fn show(self, network: NetworkConfig) {
        let of = self.presets.with_untracked(|all| all.iter().find(|it| it.config.network == network).map(|it| it.id));
        if of.is_some() {
            self.preset.set(of);
        }
        self.config.update(|config| {
            if let Some(config) = config {
                config.network = network;
            }
        });
    }
}
