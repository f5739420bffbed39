//! One change to a network.

use kindling_core::config::{InitConfig, Layer, NetworkConfig};
use kindling_core::network::shape::MAX_LAYERS;

/// An edit. Layers count from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    Insert {
        at: usize,
        layer: Layer,
    },
    Replace {
        at: usize,
        layer: Layer,
    },
    Duplicate(usize),
    Remove(usize),
    /// Moves a layer so that it ends up at index `to`.
    Move {
        from: usize,
        to: usize,
    },
    Clear,
    Rename(String),
    Init(InitConfig),
    /// Freezes this many layers, counted from the first, and thaws the others.
    Freeze(usize),
    Network(NetworkConfig),
}

impl Edit {
    /// Appends a layer, before the classifier if the network ends with one.
    pub fn append(network: &NetworkConfig, layer: Layer) -> Self {
        let ends = matches!(network.layers.last(), Some(Layer::Classifier { .. }));
        let is_before = ends && !matches!(layer, Layer::Classifier { .. });
        Self::Insert { at: network.layers.len() - usize::from(is_before), layer }
    }

    /// The changed network; None if an index is out of range or the network has the maximum number of layers.
    pub fn apply(&self, network: &NetworkConfig) -> Option<NetworkConfig> {
        let mut next = network.clone();
        let layers = &mut next.layers;
        match self {
            Self::Insert { at, layer } => {
                (*at <= layers.len() && layers.len() < MAX_LAYERS).then(|| layers.insert(*at, layer.clone()))?;
                next.frozen += u32::from(*at < next.frozen as usize);
            }
            Self::Replace { at, layer } => *layers.get_mut(*at)? = layer.clone(),
            Self::Duplicate(at) => {
                let copy = layers.get(*at).filter(|_| layers.len() < MAX_LAYERS)?.clone();
                layers.insert(at + 1, copy);
                next.frozen += u32::from(*at < next.frozen as usize);
            }
            Self::Remove(at) => {
                (*at < layers.len()).then(|| layers.remove(*at))?;
                next.frozen -= u32::from(*at < next.frozen as usize);
            }
            Self::Move { from, to } => {
                if *from >= layers.len() || *to >= layers.len() {
                    return None;
                }
                let layer = layers.remove(*from);
                layers.insert(*to, layer);
                // A layer that comes out of the frozen ones, or into them, moves their end.
                let (was_frozen, end) = (*from < next.frozen as usize, next.frozen as usize);
                match (was_frozen, *to < end) {
                    (true, false) => next.frozen -= 1,
                    (false, true) => next.frozen += 1,
                    (true, true) | (false, false) => {}
                }
            }
            Self::Clear => {
                layers.clear();
                next.frozen = 0;
            }
            Self::Rename(name) => next.name.clone_from(name),
            Self::Init(init) => next.init = *init,
            Self::Freeze(n_layers) => next.frozen = (*n_layers).min(layers.len()) as u32,
            Self::Network(network) => next = network.clone(),
        }
        Some(next)
    }
}

/// Marks an edited network by its name, and restores the preset's name if the network equals the preset's again. A name that the visitor
/// has given is kept.
pub fn marked(network: NetworkConfig, preset: &NetworkConfig) -> NetworkConfig {
    let edited = format!("{} (edited)", preset.name);
    let unnamed = |network: &NetworkConfig| NetworkConfig { name: String::new(), ..network.clone() };
    let is_equal = unnamed(&network) == unnamed(preset);
    let name = match (&network.name, is_equal) {
        (name, false) if *name == preset.name => edited,
        (name, true) if *name == edited => preset.name.clone(),
        (name, _) => name.clone(),
    };
    NetworkConfig { name, ..network }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSIFIER: Layer = Layer::Classifier { bias: true };

    fn network(layers: &[Layer]) -> NetworkConfig {
        NetworkConfig::new("N", layers.to_vec())
    }

    /// Applies the edit to batch norm, flatten, classifier.
    fn check(edit: Edit, expected: Option<&[Layer]>) {
        let before = network(&[Layer::BatchNorm, Layer::Flatten, CLASSIFIER]);
        assert_eq!(edit.apply(&before).map(|after| after.layers).as_deref(), expected, "{edit:?}");
    }

    #[test]
    fn layers_are_added_removed_copied_and_moved() {
        use Layer::{BatchNorm, Flatten, Rows};
        check(Edit::Insert { at: 1, layer: Rows }, Some(&[BatchNorm, Rows, Flatten, CLASSIFIER]));
        check(Edit::Insert { at: 3, layer: Rows }, Some(&[BatchNorm, Flatten, CLASSIFIER, Rows]));
        check(Edit::Insert { at: 4, layer: Rows }, None);
        check(Edit::Replace { at: 0, layer: Rows }, Some(&[Rows, Flatten, CLASSIFIER]));
        check(Edit::Replace { at: 3, layer: Rows }, None);
        check(Edit::Duplicate(0), Some(&[BatchNorm, BatchNorm, Flatten, CLASSIFIER]));
        check(Edit::Duplicate(3), None);
        check(Edit::Remove(1), Some(&[BatchNorm, CLASSIFIER]));
        check(Edit::Remove(3), None);
        check(Edit::Move { from: 0, to: 2 }, Some(&[Flatten, CLASSIFIER, BatchNorm]));
        check(Edit::Move { from: 2, to: 0 }, Some(&[CLASSIFIER, BatchNorm, Flatten]));
        check(Edit::Move { from: 0, to: 3 }, None);
        check(Edit::Clear, Some(&[]));
    }

    #[test]
    fn layers_are_frozen_up_to_one_and_move_with_it() {
        let before = network(&[Layer::BatchNorm, Layer::Flatten, CLASSIFIER]);
        let frozen = Edit::Freeze(2).apply(&before).unwrap();
        let n_frozen = |edit: Edit| edit.apply(&frozen).unwrap().frozen;
        assert_eq!(frozen.frozen, 2);
        assert_eq!(n_frozen(Edit::Freeze(9)), 3);
        assert_eq!(n_frozen(Edit::Freeze(0)), 0);
        assert_eq!(n_frozen(Edit::Remove(0)), 1);
        assert_eq!(n_frozen(Edit::Remove(2)), 2);
        assert_eq!(n_frozen(Edit::Insert { at: 1, layer: Layer::Rows }), 3);
        assert_eq!(n_frozen(Edit::Move { from: 0, to: 2 }), 1);
    }

    #[test]
    fn a_layer_is_added_before_the_classifier() {
        let ending = network(&[Layer::Flatten, CLASSIFIER]);
        assert_eq!(Edit::append(&ending, Layer::BatchNorm), Edit::Insert { at: 1, layer: Layer::BatchNorm });
        assert_eq!(Edit::append(&ending, CLASSIFIER), Edit::Insert { at: 2, layer: CLASSIFIER });
        assert_eq!(Edit::append(&network(&[]), CLASSIFIER), Edit::Insert { at: 0, layer: CLASSIFIER });
    }

    #[test]
    fn a_full_network_takes_no_more() {
        let full = network(&vec![Layer::BatchNorm; MAX_LAYERS]);
        assert_eq!(Edit::Insert { at: 0, layer: Layer::Rows }.apply(&full), None);
        assert_eq!(Edit::Duplicate(0).apply(&full), None);
    }

    #[test]
    fn the_name_tells_an_edited_network_from_the_preset() {
        let preset = network(&[Layer::Flatten, CLASSIFIER]);
        let edited = marked(network(&[CLASSIFIER]), &preset);
        assert_eq!(edited.name, "N (edited)");
        assert_eq!(marked(edited.clone(), &preset), edited);
        assert_eq!(marked(NetworkConfig { name: edited.name, ..preset.clone() }, &preset), preset);
        let own = NetworkConfig { name: "Mine".into(), ..network(&[CLASSIFIER]) };
        assert_eq!(marked(own.clone(), &preset), own);
        let drawn = NetworkConfig { init: InitConfig::He, ..preset.clone() };
        assert_eq!(marked(drawn, &preset).name, "N (edited)");
    }
}
