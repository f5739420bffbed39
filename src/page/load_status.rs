//! Progress of loading a dataset: bytes, bytes per second, time left, retries, failure.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::state::{Load, LoadStage};
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{byte_rate, bytes, clock, count};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::protocol::FailureKind;

/// Empty unless a dataset is loading or failed to load.
#[component]
pub fn LoadStatus() -> impl IntoView {
    let store = use_store();
    let is_loading = memo(move |_| store.dataset.with(|dataset| dataset.load.is_loading()));
    let failure = memo(move |_| {
        store.dataset.with(|dataset| match &dataset.load {
            Load::Failed { failure, .. } if failure.kind != FailureKind::Canceled => Some(failure.clone()),
            Load::Failed { .. } | Load::Idle | Load::Loading { .. } | Load::Canceled => None,
        })
    });
    view! {
        <Show when=move || is_loading.get()><Loading /></Show>
        {move || failure.get().map(|failure| view! {
            <p class="failure" role="alert"><Glyph icon=Icon::Warning />{move || failure_text(&failure)}</p>
        })}
    }
}

#[component]
fn Loading() -> impl IntoView {
    let store = use_store();
    let stage = memo(move |_| {
        store.dataset.with(|dataset| match &dataset.load {
            Load::Loading { stage, .. } => Some(stage.clone()),
            Load::Idle | Load::Failed { .. } | Load::Canceled => None,
        })
    });
    // None makes the bar indeterminate.
    let fraction = memo(move |_| stage.with(|stage| stage.as_ref().and_then(fraction)));
    let phase = memo(move |_| match &*stage.read() {
        None | Some(LoadStage::Asked) => tr!(load.asked),
        Some(LoadStage::Downloading { .. }) => tr!(load.downloading),
        Some(LoadStage::Retrying { attempt, attempts, .. }) => {
            tr!(load.retrying, attempt = attempt, attempts = attempts)
        }
        Some(LoadStage::Parsing) => tr!(load.parsing),
        Some(LoadStage::Decoding { .. }) => tr!(load.decoding),
    });
    view! {
        <div class="load">
            <p class="stage-status" role="status">{phase}</p>
            <progress max="1" value=move || fraction.get().map(|it| it.to_string()) aria-label=move_tr!(load.bar)></progress>
            <p class="load-figures">{move || stage.with(|stage| stage.as_ref().map(figures))}</p>
            <button type="button" class="button" on:click=move |_| store.cancel_dataset()>{move_tr!(load.cancel)}</button>
        </div>
    }
}

fn fraction(stage: &LoadStage) -> Option<f64> {
    match stage {
        LoadStage::Downloading { received_bytes, total_bytes: Some(total), .. } if *total > 0 => {
            Some((*received_bytes as f64 / *total as f64).min(1.0))
        }
        LoadStage::Decoding { done, total, .. } => Some(f64::from(*done) / f64::from((*total).max(1))),
        LoadStage::Asked | LoadStage::Downloading { .. } | LoadStage::Retrying { .. } | LoadStage::Parsing => None,
    }
}

fn figures(stage: &LoadStage) -> String {
    if let LoadStage::Decoding { done, total, images_per_second } = stage {
        return image_figures(*done, *total, *images_per_second);
    }
    let LoadStage::Downloading { received_bytes, total_bytes, bytes_per_second } = stage else { return String::new() };
    let received = match total_bytes {
        Some(total) => tr!(load.of_total, received = bytes(*received_bytes), total = bytes(*total)),
        None => bytes(*received_bytes),
    };
    let mut figures = vec![received];
    if *bytes_per_second > 0.0 {
        figures.push(byte_rate(*bytes_per_second));
        if let Some(total) = total_bytes {
            let left_ms = total.saturating_sub(*received_bytes) as f64 / bytes_per_second * 1_000.0;
            figures.push(tr!(shell.run_left, time = clock(left_ms)));
        }
    }
    figures.join(" · ")
}

/// How many images are done, how fast they go, and the time left.
pub fn image_figures(done: u32, total: u32, images_per_second: f64) -> String {
    let mut figures = vec![tr!(load.images_of_total, done = count(done), total = count(total))];
    if images_per_second > 0.0 {
        let left_ms = f64::from(total.saturating_sub(done)) / images_per_second * 1_000.0;
        figures.push(tr!(load.images_per_second, rate = image_rate(images_per_second)));
        figures.push(tr!(shell.run_left, time = clock(left_ms)));
    }
    figures.join(" · ")
}

/// Large photos take a second each.
fn image_rate(images_per_second: f64) -> String {
    match images_per_second {
        ..9.95 => format!("{images_per_second:.1}"),
        _ => count(images_per_second.round() as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_rates_have_a_decimal() {
        assert_eq!([1.44, 9.94, 9.96, 1234.5].map(image_rate), ["1.4", "9.9", "10", "1,235"]);
    }

    #[test]
    fn a_download_of_known_size_has_a_fraction() {
        let stage = |total_bytes| LoadStage::Downloading { received_bytes: 25, total_bytes, bytes_per_second: 5.0 };
        assert_eq!(fraction(&stage(Some(100))), Some(0.25));
        assert_eq!(fraction(&stage(Some(20))), Some(1.0));
        assert_eq!(fraction(&stage(Some(0))), None);
        assert_eq!(fraction(&stage(None)), None);
    }
}
