//! Data augmentation: random changes to the train images, so that the network rarely sees the same image twice.

use serde::{Deserialize, Serialize};

use super::check::check_augment;
use crate::protocol::Failure;

/// The strength of each change; 0 is off. Every image has its own draw, except for `mixup` and `cutmix`, which have one per batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AugmentConfig {
    /// Probability of a horizontal flip. Not for digits or letters.
    pub flip: f64,
    /// Maximum translation along each axis, as a fraction of the side. Uncovered pixels repeat the edge.
    pub shift: f64,
    /// Maximum rotation in either direction.
    pub rotation_degrees: f64,
    /// Maximum change of scale: a factor from `1 - zoom` to `1 + zoom`.
    pub zoom: f64,
    /// Maximum shear in either direction.
    pub shear_degrees: f64,
    /// Values are multiplied by a factor from `1 - brightness` to `1 + brightness`.
    pub brightness: f64,
    /// Differences from middle gray are multiplied by a factor from `1 - contrast` to `1 + contrast`.
    pub contrast: f64,
    /// Differences from the pixel's own gray are multiplied by a factor from `1 - saturation` to `1 + saturation`. Color images only.
    pub saturation: f64,
    /// Maximum hue rotation in either direction, as a fraction of the color circle. Color images only.
    pub hue: f64,
    /// Standard deviation of Gaussian noise added to every value, as a fraction of the pixel range.
    pub noise: f64,
    /// Side of a square that is set to gray, as a fraction of the image's shorter side (DeVries and Taylor, 2017).
    pub cutout: f64,
    /// α of the distribution Beta(α, α) of the weight with which two images and their labels are mixed (Zhang et al., 2017).
    pub mixup: f64,
    /// α of the same distribution for the area that is pasted from the other image (Yun et al., 2019). If `mixup` is on too, each batch
    /// uses one of the two.
    pub cutmix: f64,
}

impl AugmentConfig {
    /// Whether augmentation is off: images stay as they are.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether images are flipped, and not changed in any other way.
    pub fn only_flips(&self) -> bool {
        self.flip > 0.0 && Self { flip: 0.0, ..*self }.is_nothing()
    }

    /// Checks that every strength is in its range.
    ///
    /// # Errors
    ///
    /// `BadConfig`, naming the field and its range.
    pub fn check(&self) -> Result<(), Failure> {
        check_augment(self)
    }

    /// Whether a geometric change is on: flip, translation, rotation, scale or shear.
    pub fn is_geometric(&self) -> bool {
        [self.flip, self.shift, self.rotation_degrees, self.zoom, self.shear_degrees].iter().any(|it| *it > 0.0)
    }

    pub fn changes_colors(&self) -> bool {
        [self.brightness, self.contrast, self.saturation, self.hue].iter().any(|it| *it > 0.0)
    }
}
