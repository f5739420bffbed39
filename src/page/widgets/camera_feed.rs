//! An open camera, which is closed on drop, and the list of cameras.

use gloo::events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MediaDeviceInfo, MediaDeviceKind, MediaDevices, MediaStream, MediaStreamConstraints, MediaStreamTrack};

use super::camera_choice::{CameraDevice, CameraFailure, is_mirrored};
use crate::page::property::property;

/// Requested width in pixels; the network's input is far smaller.
const IDEAL_WIDTH: u32 = 640;

/// An open camera. Dropping it switches the camera and its light off.
#[derive(Debug)]
pub struct CameraFeed {
    pub stream: MediaStream,
    /// Empty if the browser does not report it.
    pub device_id: String,
    pub is_mirrored: bool,
    _ended: Option<EventListener>,
}

impl CameraFeed {
    /// Opens the camera with this id. Without an id the browser chooses, on a phone the rear camera. `on_ended` is called when the camera
    /// stops by itself, for example because it was unplugged.
    pub async fn open(device_id: Option<&str>, on_ended: impl Fn() + 'static) -> Result<Self, CameraFailure> {
        let devices = media_devices().ok_or(CameraFailure::Unsupported)?;
        let promise = devices.get_user_media_with_constraints(&constraints(device_id)).map_err(failure)?;
        let stream = JsFuture::from(promise).await.map_err(failure)?.unchecked_into::<MediaStream>();
        let track = stream.get_video_tracks().get(0).dyn_into::<MediaStreamTrack>().ok();
        let settings = track.as_ref().map(MediaStreamTrack::get_settings);
        let facing = settings.as_ref().and_then(|settings| settings.get_facing_mode());
        let label = track.as_ref().map(MediaStreamTrack::label).unwrap_or_default();
        Ok(Self {
            device_id: settings.and_then(|settings| settings.get_device_id()).unwrap_or_default(),
            is_mirrored: is_mirrored(facing.as_deref(), &label),
            _ended: track.map(|track| EventListener::new(&track, "ended", move |_| on_ended())),
            stream,
        })
    }
}

impl Drop for CameraFeed {
    fn drop(&mut self) {
        for track in self.stream.get_tracks() {
            track.unchecked_into::<MediaStreamTrack>().stop();
        }
    }
}

/// The cameras of this device; empty if the browser does not list them.
pub async fn cameras() -> Vec<CameraDevice> {
    let Some(promise) = media_devices().and_then(|devices| devices.enumerate_devices().ok()) else {
        return Vec::new();
    };
    let Ok(list) = JsFuture::from(promise).await else {
        return Vec::new();
    };
    js_sys::Array::from(&list)
        .iter()
        .filter_map(|device| device.dyn_into::<MediaDeviceInfo>().ok())
        .filter(|device| device.kind() == MediaDeviceKind::Videoinput)
        .map(|device| CameraDevice { id: device.device_id(), label: device.label() })
        .collect()
}

/// Calls back whenever a camera is plugged in or unplugged, until the returned listener is dropped.
pub fn on_cameras_changed(callback: impl Fn() + 'static) -> Option<EventListener> {
    let devices = media_devices()?;
    Some(EventListener::new(&devices, "devicechange", move |_| callback()))
}

/// None on pages that are not served over https or from localhost, where `navigator.mediaDevices` is undefined.
fn media_devices() -> Option<MediaDevices> {
    let devices = web_sys::window()?.navigator().media_devices().ok()?;
    (!devices.is_undefined()).then_some(devices)
}

fn constraints(device_id: Option<&str>) -> MediaStreamConstraints {
    let video = match device_id {
        Some(id) => serde_json::json!({ "deviceId": { "exact": id }, "width": { "ideal": IDEAL_WIDTH } }),
        None => serde_json::json!({ "facingMode": { "ideal": "environment" }, "width": { "ideal": IDEAL_WIDTH } }),
    };
    let constraints = MediaStreamConstraints::new();
    // `true` accepts any camera. The JSON above always parses.
    constraints.set_video(&js_sys::JSON::parse(&video.to_string()).unwrap_or(JsValue::TRUE));
    constraints
}

fn failure(error: JsValue) -> CameraFailure {
    let name = property(&error, "name").as_string();
    CameraFailure::from_error_name(name.as_deref().unwrap_or_default())
}
