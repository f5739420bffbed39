//! Layers whose units are stuck: dead ReLUs, saturated sigmoids and tanhs.

use super::{Advice, LayerHealth};

/// Minimum fraction of a layer's units that is reported; a few dead ones are normal.
const MIN_FRACTION: f64 = 0.5;

pub fn dead_units(layers: &[LayerHealth]) -> Option<Advice> {
    worst(layers, |layer| layer.dead_fraction).map(|(layer, share)| Advice::DeadUnits { layer, share })
}

pub fn saturated_outputs(layers: &[LayerHealth]) -> Option<Advice> {
    worst(layers, |layer| layer.saturated_fraction).map(|(layer, share)| Advice::SaturatedOutputs { layer, share })
}

fn worst(layers: &[LayerHealth], share: impl Fn(&LayerHealth) -> Option<f64>) -> Option<(u32, f64)> {
    let shares = layers.iter().filter_map(|layer| Some((layer.layer, share(layer)?)));
    shares.filter(|(_, share)| *share >= MIN_FRACTION).max_by(|(_, one), (_, other)| one.total_cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_with_most_stuck_units_is_named() {
        let dead = |layer, share| LayerHealth { layer, dead_fraction: Some(share), saturated_fraction: None };
        assert_eq!(dead_units(&[dead(1, 0.1), dead(4, 0.3)]), None, "a few are usual");
        let expected = Some(Advice::DeadUnits { layer: 4, share: 0.9 });
        assert_eq!(dead_units(&[dead(1, 0.6), dead(4, 0.9), dead(7, f64::NAN)]), expected);
        assert_eq!(saturated_outputs(&[dead(4, 0.9)]), None);
        let saturated = LayerHealth { layer: 2, dead_fraction: None, saturated_fraction: Some(0.75) };
        let expected = Some(Advice::SaturatedOutputs { layer: 2, share: 0.75 });
        assert_eq!(saturated_outputs(&[saturated, dead(4, 0.9)]), expected);
    }
}
