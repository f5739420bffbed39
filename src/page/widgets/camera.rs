//! The webcam: its live picture, the choice of camera, and the error message if it does not start.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::camera_choice::{CameraDevice, CameraFailure};
use super::camera_feed::{CameraFeed, cameras, on_cameras_changed};
use super::crop_frame::CropFrame;
use super::image_input::{middle_square, read_image};
use super::show::Show;
use crate::page::text::i18n::{move_tr, tr};
use kindling_core::protocol::{ImageInput, InputKind};

/// Interval between frames: cameras give thirty in a second. `wants_image` says how many of them are read.
const FRAME_MS: u64 = 33;

#[derive(Clone, Debug, Default, PartialEq)]
enum CameraState {
    #[default]
    Off,
    Starting,
    On {
        device_id: String,
        is_mirrored: bool,
    },
    Failed(CameraFailure),
}

#[derive(Clone, Copy)]
struct Camera {
    state: RwSignal<CameraState>,
    devices: RwSignal<Vec<CameraDevice>>,
    video: NodeRef<html::Video>,
    /// The open camera; it is closed when this is dropped.
    feed: StoredValue<Option<CameraFeed>, LocalStorage>,
    /// Counts starts and stops: a camera that opens after a later start or stop is closed immediately.
    turn: StoredValue<u32>,
    is_reading: StoredValue<bool>,
    is_cropped: Signal<bool>,
    wants_image: UnsyncCallback<(), bool>,
    on_image: UnsyncCallback<Option<ImageInput>>,
}

impl Camera {
    fn start(self, device_id: Option<String>) {
        let turn = self.stop_feed();
        self.state.set(CameraState::Starting);
        spawn_local(async move {
            let on_ended = move || self.fail(turn, CameraFailure::Unplugged);
            let opened = CameraFeed::open(device_id.as_deref(), on_ended).await;
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            match opened {
                Ok(feed) => self.show(feed),
                Err(failure) => self.fail(turn, failure),
            }
            // Browsers only reveal the names of cameras after permission is granted.
            self.list_devices();
        });
    }

    fn show(self, feed: CameraFeed) {
        if let Some(video) = self.video.get_untracked() {
            video.set_src_object(Some(&feed.stream));
        }
        self.state.set(CameraState::On { device_id: feed.device_id.clone(), is_mirrored: feed.is_mirrored });
        self.feed.set_value(Some(feed));
    }

    /// Mirrors the live picture, or no longer.
    fn mirror(self, mirrored: bool) {
        self.state.update(|state| {
            if let CameraState::On { is_mirrored, .. } = state {
                *is_mirrored = mirrored;
            }
        });
    }

    fn stop(self) {
        self.stop_feed();
        self.state.set(CameraState::Off);
    }

    fn fail(self, turn: u32, failure: CameraFailure) {
        if self.turn.try_get_value() == Some(turn) {
            self.stop_feed();
            self.state.set(CameraState::Failed(failure));
        }
    }

    /// Closes the camera. Returns the number of the new turn.
    fn stop_feed(self) -> u32 {
        let turn = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(turn);
        self.feed.set_value(None);
        if let Some(video) = self.video.get_untracked() {
            video.set_src_object(None);
        }
        self.on_image.run(None);
        turn
    }

    fn list_devices(self) {
        spawn_local(async move {
            self.devices.try_set(cameras().await);
        });
    }

    /// Reads the current frame, if there is one and `wants_image` returns true.
    fn read_frame(self) {
        let is_on = self.state.with_untracked(|state| matches!(state, CameraState::On { .. }));
        let (Some(video), Some(turn)) = (self.video.get_untracked(), self.turn.try_get_value()) else { return };
        // Below `HAVE_CURRENT_DATA` (2) there is no frame to read.
        if !is_on || self.is_reading.get_value() || video.ready_state() < 2 || !self.wants_image.run(()) {
            return;
        }
        self.is_reading.set_value(true);
        spawn_local(async move {
            let image = read_image(&video, InputKind::Photo).await;
            self.is_reading.try_set_value(false);
            // A frame that cannot be read is skipped: the next one follows soon.
            if let (Ok(image), true) = (image, self.turn.try_get_value() == Some(turn)) {
                // What lies outside of the frame in the picture is not shown to the network.
                let is_cropped = self.is_cropped.get_untracked();
                self.on_image.run(Some(if is_cropped { middle_square(&image) } else { image }));
            }
        });
    }
}

/// The webcam's live picture, at first mirrored if the camera faces the visitor. The frames passed to `on_image` are never mirrored.
#[component]
pub fn CameraView(
    /// Returns whether a frame would be used now.
    #[prop(into)]
    wants_image: UnsyncCallback<(), bool>,
    /// Receives the frames; none when the camera stops.
    #[prop(into)]
    on_image: UnsyncCallback<Option<ImageInput>>,
    /// Whether the frames are the square in the middle of the picture.
    #[prop(into)]
    is_cropped: Signal<bool>,
) -> impl IntoView {
    let camera = Camera {
        state: RwSignal::default(),
        devices: RwSignal::default(),
        video: NodeRef::new(),
        feed: StoredValue::new_local(None),
        turn: StoredValue::new(0),
        is_reading: StoredValue::new(false),
        is_cropped,
        wants_image,
        on_image,
    };
    let frames = set_interval_with_handle(move || camera.read_frame(), Duration::from_millis(FRAME_MS));
    let plugged = StoredValue::new_local(on_cameras_changed(move || camera.list_devices()));
    on_cleanup(move || {
        if let Ok(frames) = frames {
            frames.clear();
        }
        // Switches the camera's light off as soon as the visitor leaves, not only when the values are dropped.
        camera.feed.try_set_value(None);
        plugged.try_set_value(None);
    });
    let is_on = move || camera.state.with(|state| matches!(state, CameraState::On { .. }));
    // One button for both actions, so that it keeps the focus when its action changes.
    let is_running = move || camera.state.with(|state| matches!(state, CameraState::On { .. } | CameraState::Starting));
    let is_mirrored = move || camera.state.with(|state| matches!(state, CameraState::On { is_mirrored: true, .. }));
    let failure = move || {
        camera.state.with(|state| match state {
            CameraState::Failed(failure) => Some(*failure),
            CameraState::Off | CameraState::Starting | CameraState::On { .. } => None,
        })
    };
    view! {
        <div class="camera">
            <div class="camera-picture">
                <video
                    node_ref=camera.video
                    class:is-mirrored=is_mirrored
                    class:is-hidden=move || !is_on()
                    autoplay
                    playsinline
                    prop:muted=true
                    aria-label=move_tr!(camera.name)
                ></video>
                <Show when=move || is_on() && is_cropped.get()><CropFrame /></Show>
                <div class="camera-off" class:is-hidden=is_on>
                    {move || match failure() {
                        Some(failure) => view! { <p role="alert">{move || sentence(failure)}</p> }.into_any(),
                        None => view! { <p>{move_tr!(camera.off)}</p> }.into_any(),
                    }}
                </div>
            </div>
            <div class="camera-tools">
                <button
                    type="button"
                    class="button"
                    class:is-primary=move || !is_running()
                    on:click=move |_| if is_running() { camera.stop() } else { camera.start(None) }
                >
                    {move || if is_running() { tr!(camera.stop) } else { tr!(camera.start) }}
                </button>
                <Show when=move || is_on() && !camera.devices.read().is_empty()>
                    <CameraChoice camera />
                </Show>
                <Show when=is_on>
                    <label class="check">
                        <input
                            type="checkbox"
                            prop:checked=is_mirrored
                            on:change:target=move |event| camera.mirror(event.target().checked())
                        />
                        <span>{move_tr!(camera.mirror)}</span>
                    </label>
                </Show>
            </div>
        </div>
    }
}

/// What happened, and what helps.
fn sentence(failure: CameraFailure) -> String {
    match failure {
        CameraFailure::Refused => tr!(camera.refused),
        CameraFailure::Missing => tr!(camera.missing),
        CameraFailure::Busy => tr!(camera.busy),
        CameraFailure::Unplugged => tr!(camera.unplugged),
        CameraFailure::Unsupported => tr!(camera.unsupported),
        CameraFailure::Other => tr!(camera.other),
    }
}

#[component]
fn CameraChoice(camera: Camera) -> impl IntoView {
    let current = move || {
        camera.state.with(|state| match state {
            CameraState::On { device_id, .. } => device_id.clone(),
            CameraState::Off | CameraState::Starting | CameraState::Failed(_) => String::new(),
        })
    };
    view! {
        <label class="camera-choice">
            <span>{move_tr!(camera.choice)}</span>
            <select on:change:target=move |event| camera.start(Some(event.target().value()))>
                {move || camera.devices.get().into_iter().enumerate().map(|(position, device)| {
                    let is_current = device.id == current();
                    let label = match device.label.is_empty() {
                        true => tr!(camera.numbered, number = position + 1),
                        false => device.label,
                    };
                    view! { <option value=device.id selected=is_current>{label}</option> }
                }).collect_view()}
            </select>
        </label>
    }
}
