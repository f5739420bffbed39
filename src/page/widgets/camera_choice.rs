//! Logic of cameras that needs no browser: why a camera did not start, and which previews are mirrored. Pure.

/// Why there is no picture. Each variant has a translated sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraFailure {
    /// The visitor, the browser or the system denied permission.
    Refused,
    /// There is no camera, or not the requested one.
    Missing,
    /// Another program is using the camera.
    Busy,
    /// The camera stopped while in use: it was unplugged, or the system took it away.
    Unplugged,
    /// The browser offers no cameras to this page, for example because it is not served over https or from localhost.
    Unsupported,
    Other,
}

impl CameraFailure {
    /// Maps the `name` of the error that `getUserMedia` rejects with.
    pub fn from_error_name(name: &str) -> Self {
        match name {
            "NotAllowedError" | "SecurityError" | "PermissionDeniedError" => Self::Refused,
            "NotFoundError" | "OverconstrainedError" | "DevicesNotFoundError" => Self::Missing,
            "NotReadableError" | "AbortError" | "TrackStartError" => Self::Busy,
            "TypeError" | "NotSupportedError" => Self::Unsupported,
            _ => Self::Other,
        }
    }
}

/// A camera that the visitor can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraDevice {
    pub id: String,
    /// Empty until the visitor has allowed a camera.
    pub label: String,
}

/// Whether the preview is mirrored, as it is for cameras that face the visitor. `facing` is the track's `facingMode`, which a laptop's
/// camera does not report.
pub fn is_mirrored(facing: Option<&str>, label: &str) -> bool {
    match facing {
        Some("environment") => false,
        Some("user") => true,
        Some(_) | None => {
            let label = label.to_lowercase();
            !["back", "rear", "environment", "document"].iter().any(|word| label.contains(word))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_name() {
        assert_eq!(CameraFailure::from_error_name("NotAllowedError"), CameraFailure::Refused);
        assert_eq!(CameraFailure::from_error_name("NotFoundError"), CameraFailure::Missing);
        assert_eq!(CameraFailure::from_error_name("NotReadableError"), CameraFailure::Busy);
        assert_eq!(CameraFailure::from_error_name("TypeError"), CameraFailure::Unsupported);
        assert_eq!(CameraFailure::from_error_name(""), CameraFailure::Other);
    }

    #[test]
    fn only_cameras_that_look_at_the_visitor_are_mirrored() {
        assert!(is_mirrored(Some("user"), "back of the room"));
        assert!(!is_mirrored(Some("environment"), ""));
        assert!(is_mirrored(None, "Integrated Webcam"));
        assert!(!is_mirrored(None, "camera2 0, facing Back"));
    }
}
