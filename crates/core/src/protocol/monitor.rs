//! Monitoring a network during training: layer statistics and histograms, filters, feature maps.

use serde::{Deserialize, Serialize};

use super::Bulk;

/// What to monitor during a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Index in the dataset of the image whose feature maps are reported. Without a valid index, none are.
    pub image: Option<u32>,
}

/// Layer statistics of one step, at least a second after the previous ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayersReport {
    /// Steps done, including the step of these gradients and this update.
    pub step: u32,
    /// Layers with parameters and activation layers, in network order.
    pub layers: Vec<LayerReport>,
    /// The filters of the first layer, if they can be shown as images.
    pub filters: Option<Filters>,
    /// Index of the watched image, if any.
    pub image: Option<u32>,
    /// The watched image's feature maps, for layers that output feature maps.
    pub maps: Vec<FeatureMaps>,
}

impl LayersReport {
    /// Drops the pictures, which are large.
    pub fn without_pictures(self) -> Self {
        Self { filters: None, maps: Vec::new(), ..self }
    }
}

/// One layer of the network, with the layers inside it if it is a block. Parameters and gradients are those of all its tensors together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerReport {
    /// Index in the network's list of layers.
    pub index: u32,
    /// Weights after the update.
    pub weights: Option<Histogram>,
    /// Gradients before clipping; the mean over the batch.
    pub gradients: Option<Histogram>,
    /// Outputs for a few validation images, in inference mode.
    pub activations: Option<Histogram>,
    /// ‖∇L‖, before clipping.
    pub gradient_norm: Option<f32>,
    /// ‖Δθ‖ / ‖θ‖ of the update.
    pub update_ratio: Option<f32>,
    /// Channels, features or units that output 0 everywhere for all of those images; only for ReLUs and for blocks that end with one.
    pub dead_units: Option<UnitCount>,
    /// Fraction of the outputs within 1 % of either end of the activation's range, 0 to 1; only for sigmoid and tanh.
    pub saturated: Option<f32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitCount {
    pub count: u32,
    pub total: u32,
}

impl UnitCount {
    /// `count / total`, 0 to 1; 0 if there are no units.
    pub fn share(self) -> f64 {
        f64::from(self.count) / f64::from(self.total.max(1))
    }
}

/// Histogram of a tensor's values, or of an evenly spaced sample of a few thousand of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Minimum value.
    pub low: f32,
    /// Maximum value.
    pub high: f32,
    /// Counts in equally wide bins from `low` to `high`.
    pub counts: Vec<u16>,
}

/// Weights of the first layer as images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filters {
    /// Index of the layer in the network's list of layers.
    pub layer: u32,
    pub pictures: Pictures,
}

/// Feature maps of a layer for one image, one picture per channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureMaps {
    /// Index of the layer in the network's list of layers.
    pub layer: u32,
    pub pictures: Pictures,
}

/// Images of equal size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pictures {
    /// 1 (gray) or 3 (red, green, blue).
    pub channels: u32,
    pub height: u32,
    pub width: u32,
    /// Number of pictures included here.
    pub count: u32,
    /// Number of filters or channels of the layer.
    pub total: u32,
    /// `count * channels * height * width` bytes, picture by picture, channel by channel.
    pub pixels: Bulk,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::bulk::{decode, encode};

    #[test]
    fn a_report_crosses_the_boundary_with_its_pictures_beside_it() {
        let pictures = Pictures { channels: 1, height: 4, width: 4, count: 2, total: 9, pixels: vec![7; 32].into() };
        let histogram = Histogram { low: -1.0, high: 1.0, counts: vec![3; 32] };
        let report = LayersReport {
            step: 5,
            layers: vec![LayerReport { index: 2, weights: Some(histogram), ..LayerReport::default() }],
            filters: Some(Filters { layer: 0, pictures: pictures.clone() }),
            image: Some(1),
            maps: vec![FeatureMaps { layer: 0, pictures }],
        };
        let envelope = encode(&report).unwrap();
        assert_eq!(envelope.bulks.len(), 2);
        assert!(envelope.header.len() < 100, "{}", envelope.header.len());
        assert_eq!(decode::<LayersReport>(envelope).unwrap(), report);
        assert_eq!(report.without_pictures().maps, []);
    }

    #[test]
    fn a_fraction_of_no_units_is_zero() {
        assert_eq!(UnitCount { count: 1, total: 4 }.share(), 0.25);
        assert_eq!(UnitCount::default().share(), 0.0);
    }
}
