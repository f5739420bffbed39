//! Undo and redo: the networks before and after the current one.

use std::collections::VecDeque;

use kindling_core::config::NetworkConfig;

/// The maximum number of undo steps.
pub const HISTORY_LIMIT: usize = 100;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Editor {
    /// The newest last.
    past: VecDeque<NetworkConfig>,
    /// Undone networks, the most recently undone last.
    future: Vec<NetworkConfig>,
}

impl Editor {
    /// Records the network as it was before a change, and clears the redo history.
    pub fn remember(&mut self, before: NetworkConfig) {
        if self.past.len() == HISTORY_LIMIT {
            self.past.pop_front();
        }
        self.past.push_back(before);
        self.future.clear();
    }

    /// The network before the current one, `now`.
    pub fn undo(&mut self, now: NetworkConfig) -> Option<NetworkConfig> {
        let before = self.past.pop_back()?;
        self.future.push(now);
        Some(before)
    }

    /// The network that was undone last.
    pub fn redo(&mut self, now: NetworkConfig) -> Option<NetworkConfig> {
        let after = self.future.pop()?;
        self.past.push_back(now);
        Some(after)
    }

    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::Layer;

    /// A network that its number of layers identifies.
    fn network(n_layers: usize) -> NetworkConfig {
        NetworkConfig::new("N", vec![Layer::BatchNorm; n_layers])
    }

    #[test]
    fn undo_and_redo_go_back_and_forth() {
        let mut editor = Editor::default();
        assert!(!editor.can_undo() && !editor.can_redo());
        editor.remember(network(0));
        editor.remember(network(1));
        assert_eq!(editor.undo(network(2)), Some(network(1)));
        assert_eq!(editor.undo(network(1)), Some(network(0)));
        assert_eq!(editor.undo(network(0)), None);
        assert!(!editor.can_undo() && editor.can_redo());
        assert_eq!(editor.redo(network(0)), Some(network(1)));
        assert_eq!(editor.redo(network(1)), Some(network(2)));
        assert_eq!(editor.redo(network(2)), None);
    }

    #[test]
    fn an_edit_after_undo_forgets_what_was_undone() {
        let mut editor = Editor::default();
        editor.remember(network(0));
        editor.undo(network(1));
        editor.remember(network(0));
        assert!(!editor.can_redo());
        assert_eq!(editor.undo(network(5)), Some(network(0)));
    }

    #[test]
    fn the_oldest_networks_are_forgotten() {
        let mut editor = Editor::default();
        (0..HISTORY_LIMIT + 3).for_each(|n_layers| editor.remember(network(n_layers)));
        let mut now = network(HISTORY_LIMIT + 3);
        let mut n_steps = 0;
        while let Some(before) = editor.undo(now.clone()) {
            now = before;
            n_steps += 1;
        }
        assert_eq!((n_steps, now), (HISTORY_LIMIT, network(3)));
    }
}
