//! How long the frozen layers of the next run compute, where that takes a while.

use leptos::prelude::*;

use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::state::EngineState;
use crate::page::store::{Store, use_store};
use crate::page::text::format::{clock, count};
use crate::page::text::i18n::tr;
use kindling_core::network::frozen::FrozenWork;
use kindling_core::protocol::EngineKind;

pub const PART: Part = part!(workbench::feature_time, FeatureTime);

/// Shorter times are not worth a sentence.
const LEAST_MS: f64 = 60_000.0;

#[component]
fn FeatureTime() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let work = memo(move |_| {
        let (dataset, survey) = (recipe.dataset.read(), recipe.survey.read());
        FrozenWork::of(recipe.config.read().as_ref()?, &survey.as_ref()?.layers, dataset.as_ref()?.counts)
    });
    let text = move || {
        let work = work.get()?;
        let duration_ms = work.total_flops() as f64 / flops_per_ms(store);
        if duration_ms < LEAST_MS {
            return None;
        }
        let (images, time) = (count(work.n_passes), clock(duration_ms));
        Some(match work.kept_bytes {
            0 => tr!(features.time_in_epochs, images = images, time = time),
            _ => tr!(features.time_before, images = images, time = time),
        })
    };
    move || text().map(|text| view! { <p class="hint feature-time" id="feature-time">{text}</p> })
}

/// How fast convolutions are computed on the device, roughly: a CPU by its threads, as measured (BENCHMARKS.md), and a GPU about ten times as fast.
fn flops_per_ms(store: Store) -> f64 {
    const THREAD: f64 = 8e6;
    const GPU: f64 = 200e6;
    store.engine.with(|engine| match engine {
        EngineState::Ready { info, .. } if info.kind == EngineKind::Cpu || info.is_software => {
            THREAD * f64::from(info.threads.max(1))
        }
        EngineState::Ready { .. } => GPU,
        EngineState::Choosing | EngineState::Starting(_) | EngineState::Failed(_) => THREAD,
    })
}
