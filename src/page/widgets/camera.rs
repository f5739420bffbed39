//! The webcam: its live picture, the choice of camera, and the sentence that says why there is none.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::camera_choice::{CameraDevice, CameraFailure};
use super::camera_feed::{CameraFeed, cameras, on_cameras_changed};
use super::image_input::read_image;
use super::show::Show;
use crate::page::text::i18n::{move_tr, tr};
use kindling_core::protocol::{ImageInput, InputKind};

/// Time between frames: ten a second feel live, and leave the engine time to train.
const FRAME_MS: u64 = 100;

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
    /// Dropped when the component goes, and the camera with it.
    feed: StoredValue<Option<CameraFeed>, LocalStorage>,
    /// Counts the starts and stops: a camera that opens after a later one is let go at once.
    turn: StoredValue<u32>,
    is_reading: StoredValue<bool>,
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
            // Browsers tell the names of cameras only now.
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

    /// Lets the camera go. Returns the number of the turn that begins.
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

    /// Reads the frame of the moment, if there is one and someone wants it.
    fn read_frame(self) {
        let is_on = self.state.with_untracked(|state| matches!(state, CameraState::On { .. }));
        let (Some(video), Some(turn)) = (self.video.get_untracked(), self.turn.try_get_value()) else { return };
        // Below "have current data" there is no frame to read.
        if !is_on || self.is_reading.get_value() || video.ready_state() < 2 || !self.wants_image.run(()) {
            return;
        }
        self.is_reading.set_value(true);
        spawn_local(async move {
            let image = read_image(&video, InputKind::Photo).await;
            self.is_reading.try_set_value(false);
            // A frame that cannot be read is one of many.
            if let (Ok(image), true) = (image, self.turn.try_get_value() == Some(turn)) {
                self.on_image.run(Some(image));
            }
        });
    }
}

/// The webcam's live picture, mirrored where it shows the visitor; the frames that are given on never are.
#[component]
pub fn CameraView(
    /// Says whether a frame would be looked at now.
    #[prop(into)]
    wants_image: UnsyncCallback<(), bool>,
    /// Hears a frame at most ten times a second; none when the camera stops.
    #[prop(into)]
    on_image: UnsyncCallback<Option<ImageInput>>,
) -> impl IntoView {
    let camera = Camera {
        state: RwSignal::default(),
        devices: RwSignal::default(),
        video: NodeRef::new(),
        feed: StoredValue::new_local(None),
        turn: StoredValue::new(0),
        is_reading: StoredValue::new(false),
        wants_image,
        on_image,
    };
    let frames = set_interval_with_handle(move || camera.read_frame(), Duration::from_millis(FRAME_MS));
    let plugged = StoredValue::new_local(on_cameras_changed(move || camera.list_devices()));
    on_cleanup(move || {
        if let Ok(frames) = frames {
            frames.clear();
        }
        // The light goes out as the visitor leaves, not when memory is tidied.
        camera.feed.try_set_value(None);
        plugged.try_set_value(None);
    });
    let is_on = move || camera.state.with(|state| matches!(state, CameraState::On { .. }));
    // One button, so that it keeps the focus as its meaning changes.
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
