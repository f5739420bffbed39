//! Random changes to the train images, so that the network never sees quite the same image twice.

use serde::{Deserialize, Serialize};

use super::check::check_augment;
use crate::protocol::Failure;

/// How strong each change is; 0 is none. Every image has its own draw, but for `mixup` and `cutmix`, which have one for each batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AugmentConfig {
    /// Probability that an image is mirrored left to right. Not for digits or letters.
    pub flip: f64,
    /// Largest shift along each side, as a share of the side. What comes in from outside continues the edge.
    pub shift: f64,
    /// Largest turn either way.
    pub rotation_degrees: f64,
    /// Largest change of size: from `1 - zoom` to `1 + zoom` times.
    pub zoom: f64,
    /// Largest slant either way.
    pub shear_degrees: f64,
    /// Values are multiplied by `1 - brightness` to `1 + brightness`.
    pub brightness: f64,
    /// Distances from middle gray are multiplied by `1 - contrast` to `1 + contrast`.
    pub contrast: f64,
    /// Distances from the pixel's own gray are multiplied by `1 - saturation` to `1 + saturation`. Colors only.
    pub saturation: f64,
    /// Largest turn of the color circle either way, as a share of it. Colors only.
    pub hue: f64,
    /// Standard deviation of normal noise on every value, as a share of the way from black to white.
    pub noise: f64,
    /// Side of a square that becomes gray, as a share of the image's shorter side (DeVries and Taylor, 2017).
    pub cutout: f64,
    /// α of the distribution Beta(α, α) of the share in which two images and their labels are mixed (Zhang et al.,
    /// 2017).
    pub mixup: f64,
    /// α of the same for the area that is taken from the other image (Yun et al., 2019). With `mixup` too, each batch has
    /// one of both.
    pub cutmix: f64,
}

impl AugmentConfig {
    /// Whether images stay as they are.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether every strength is in its range; else it is a `BadConfig`.
    pub fn check(&self) -> Result<(), Failure> {
        check_augment(self)
    }

    /// Whether pixels go elsewhere within their image.
    pub fn moves_pixels(&self) -> bool {
        [self.flip, self.shift, self.rotation_degrees, self.zoom, self.shear_degrees].iter().any(|it| *it > 0.0)
    }

    pub fn changes_colors(&self) -> bool {
        [self.brightness, self.contrast, self.saturation, self.hue].iter().any(|it| *it > 0.0)
    }
}
