//! What goes on inside a network while it trains: figures and histograms of its layers, its filters, its feature maps.

use serde::{Deserialize, Serialize};

use super::Bulk;

/// What is to be looked at while a run is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The image, by its index in the dataset, whose feature maps are wanted. Without one, or without such an image, there are none.
    pub image: Option<u32>,
}

/// A look inside at one step, a second or more after the one before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayersReport {
    /// Steps done, that of the gradients and the update included.
    pub step: u32,
    /// The layers that learn something or are an activation, in the order of the network.
    pub layers: Vec<LayerReport>,
    /// Those that see the image, where it can be shown what they look for.
    pub filters: Option<Filters>,
    /// The watched image, if there is one.
    pub image: Option<u32>,
    /// What the layers make of it, where that is maps.
    pub maps: Vec<FeatureMaps>,
}

impl LayersReport {
    /// Without the pictures, which are large.
    pub fn without_pictures(self) -> Self {
        Self { filters: None, maps: Vec::new(), ..self }
    }
}

/// One layer of the network's list; a block with all that is in it. Parameters and gradients are those of all its tensors together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerReport {
    /// Its place in the network's list of layers.
    pub index: u32,
    /// After the update.
    pub weights: Option<Histogram>,
    /// Mean over the batch, before it is clipped.
    pub gradients: Option<Histogram>,
    /// What it puts out for a few validation images, as an evaluation would see it.
    pub activations: Option<Histogram>,
    /// ‖∇L‖, before it is clipped.
    pub gradient_norm: Option<f32>,
    /// ‖Δθ‖ / ‖θ‖ of the update.
    pub update_ratio: Option<f32>,
    /// Channels, features or units that are 0 for all of those images, at every place; only of ReLUs and blocks that end with one.
    pub dead_units: Option<UnitCount>,
    /// Share of the values within 1 % of the range's ends, 0 to 1; only of sigmoid and tanh.
    pub saturated: Option<f32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitCount {
    pub count: u32,
    pub total: u32,
}

impl UnitCount {
    /// 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.count) / f64::from(self.total.max(1))
    }
}

/// Of a tensor's values, or of a few thousand of them that lie evenly apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The least value.
    pub low: f32,
    /// The greatest.
    pub high: f32,
    /// Values in each of equally wide bins from the least to the greatest.
    pub counts: Vec<u16>,
}

/// Weights of the first layer as pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filters {
    /// The layer's place in the network's list.
    pub layer: u32,
    pub pictures: Pictures,
}

/// What a layer puts out for one image, a picture for each channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureMaps {
    /// The layer's place in the network's list.
    pub layer: u32,
    pub pictures: Pictures,
}

/// Pictures of one size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pictures {
    /// 1 (gray) or 3 (red, green, blue).
    pub channels: u32,
    pub height: u32,
    pub width: u32,
    /// How many there are here.
    pub count: u32,
    /// How many the layer has.
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
    fn a_share_of_no_units_is_none() {
        assert_eq!(UnitCount { count: 1, total: 4 }.share(), 0.25);
        assert_eq!(UnitCount::default().share(), 0.0);
    }
}
