//! A few images with the probabilities that Kindling computed for them: what an exported file must reproduce.

use serde::{Deserialize, Serialize};

use crate::error::ExchangeError;

/// Largest difference of a probability that counts as equal, for weights of 32-bit floats.
pub const TOLERANCE: f32 = 1e-4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Images of the network's input shape: bytes, channel by channel. Base64 in JSON.
    #[serde(with = "base64_images")]
    pub images: Vec<Vec<u8>>,
    /// One per class for each image.
    pub probabilities: Vec<Vec<f32>>,
}

impl Check {
    /// Fails unless there is an image, and all of them have these sizes.
    pub fn validate(&self, n_values: usize, n_classes: usize) -> Result<(), ExchangeError> {
        let is_sound = !self.images.is_empty()
            && self.images.len() == self.probabilities.len()
            && self.images.iter().all(|image| image.len() == n_values)
            && self.probabilities.iter().all(|row| row.len() == n_classes);
        if is_sound { Ok(()) } else { Err(ExchangeError::BadCheck { n_values, n_classes }) }
    }

    /// The largest difference between the probabilities of the check and others; infinite if any is missing or no number.
    pub fn largest_difference(&self, others: &[Vec<f32>]) -> f32 {
        let same_shape = self.probabilities.len() == others.len()
            && self.probabilities.iter().zip(others).all(|(row, other)| row.len() == other.len());
        if !same_shape {
            return f32::INFINITY;
        }
        let pairs = self.probabilities.iter().flatten().zip(others.iter().flatten());
        // `max` would ignore NaN.
        pairs.map(|(one, other)| (one - other).abs()).fold(0.0_f32, |largest, difference| {
            if difference.is_nan() { f32::INFINITY } else { largest.max(difference) }
        })
    }
}

mod base64_images {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(images: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        images.iter().map(|image| STANDARD.encode(image)).collect::<Vec<_>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| STANDARD.decode(text).map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_comes_back_from_json() {
        let check = Check { images: vec![vec![0, 128, 255]], probabilities: vec![vec![0.25, 0.75]] };
        let text = serde_json::to_string(&check).unwrap();
        assert!(text.contains(r#""AID/""#), "{text}");
        assert_eq!(serde_json::from_str::<Check>(&text).unwrap(), check);
    }

    #[test]
    fn whatever_is_missing_or_no_number_differs_infinitely() {
        let check = Check { images: vec![vec![0]], probabilities: vec![vec![0.25, 0.75]] };
        assert_eq!(check.largest_difference(&[vec![0.5, 0.5]]), 0.25);
        for other in [vec![], vec![vec![0.25]], vec![vec![f32::NAN, 0.75]]] {
            assert_eq!(check.largest_difference(&other), f32::INFINITY);
        }
    }
}
