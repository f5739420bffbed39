//! Where images come from besides files: the webcam, with what a burst is made of, and the drawing pad.

use leptos::prelude::*;

use super::{CaptureKind, Panel, use_panel};
use crate::page::collect::recorder::{COUNTS, RATES};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::camera::CameraView;
use crate::page::widgets::draw_pad::DrawPad;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::select_field::{Choice, SelectField};
use crate::page::widgets::show::Show;

#[component]
pub fn Capture() -> impl IntoView {
    let Panel { capture, drawing, recorder, .. } = use_panel();
    let segments = vec![
        Segment { value: CaptureKind::Webcam, id: "capture-webcam", name: || tr!(collect.webcam) },
        Segment { value: CaptureKind::Draw, id: "capture-draw", name: || tr!(collect.draw) },
    ];
    let choose = move |kind| {
        recorder.stop();
        recorder.is_live.set(false);
        drawing.set(None);
        capture.set(kind);
    };
    on_cleanup(move || recorder.stop());
    view! {
        <div class="collect-capture">
            <Segments
                name="collect-capture"
                legend=Signal::derive(move_tr!(collect.capture))
                is_legend_hidden=true
                segments
                value=Signal::derive(move || Some(capture.get()))
                on_change=choose
            />
            {move || match capture.get() {
                CaptureKind::Webcam => view! { <Webcam /> }.into_any(),
                CaptureKind::Draw => view! { <Pad /> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Webcam() -> impl IntoView {
    let Panel { recorder, collector, .. } = use_panel();
    let countdown = move || {
        let (left, class) = recorder.countdown.get()?;
        let name = collector.project().and_then(|it| it.class(&class).map(|class| class.name.clone()));
        Some((left, name.unwrap_or_default()))
    };
    view! {
        <div class="collect-webcam">
            <CameraView
                wants_image=move |()| recorder.wants_frame()
                on_image=move |frame| recorder.take(frame)
                is_cropped=Signal::stored(true)
            />
            <p class="collect-countdown" role="status">
                {move || countdown().map(|(left, class)| tr!(collect.countdown, seconds = left, class = class))}
            </p>
        </div>
        <Show when=move || !recorder.is_live.get()><p class="hint">{move_tr!(collect.start_first)}</p></Show>
        <details class="setting-group">
            <summary>{move_tr!(collect.recording)}</summary>
            <div class="fields">
                <SelectField
                    id="collect-rate"
                    label=Signal::derive(move_tr!(collect.rate))
                    hint=Signal::derive(move_tr!(collect.rate_why))
                    choices=Signal::derive(|| RATES.iter().map(|(value, _)| choice(value)).collect::<Vec<_>>())
                    value=Signal::derive(move || name_of(&RATES, recorder.rate.get()))
                    on_change=move |value: String| if let Some(rate) = found(&RATES, &value) { recorder.rate.set(rate) }
                />
                <SelectField
                    id="collect-count"
                    label=Signal::derive(move_tr!(collect.frames))
                    hint=Signal::derive(move_tr!(collect.frames_why))
                    choices=Signal::derive(|| COUNTS.iter().map(|(value, _)| choice(value)).collect::<Vec<_>>())
                    value=Signal::derive(move || name_of(&COUNTS, recorder.count.get()))
                    on_change=move |value: String| if let Some(count) = found(&COUNTS, &value) { recorder.count.set(count) }
                />
            </div>
        </details>
    }
}

/// A new pad after each drawing that was added.
#[component]
fn Pad() -> impl IntoView {
    let Panel { drawing, pad_turn, .. } = use_panel();
    move || {
        pad_turn.track();
        view! { <DrawPad on_change=move |image| drawing.set(image) /> }
    }
}

fn choice(value: &'static str) -> Choice {
    Choice { value, name: value.to_owned() }
}

fn name_of<T: Copy + PartialEq>(values: &[(&'static str, T)], current: T) -> Option<&'static str> {
    values.iter().find(|(_, value)| *value == current).map(|(name, _)| *name)
}

fn found<T: Copy>(values: &[(&'static str, T)], name: &str) -> Option<T> {
    values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}
