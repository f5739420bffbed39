//! Offers to resume an interrupted run.

use leptos::prelude::*;

use crate::page::parts::{Part, Parted, part};
use crate::page::reactive::memo;
use crate::page::runs::interrupted::record::InterruptedRun;
use crate::page::runs::interrupted::use_interrupted;
use crate::page::text::format::{count, percent};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;

pub const PART: Part = part!(workbench::interrupted, Offer);

/// Renders nothing if no run was interrupted.
#[component]
pub fn InterruptedOffer() -> impl IntoView {
    let interrupted = use_interrupted();
    let is_there = memo(move |_| interrupted.newest().is_some());
    view! { <Show when=move || is_there.get()><Parted part=PART /></Show> }
}

#[component]
fn Offer() -> impl IntoView {
    let interrupted = use_interrupted();
    move || {
        let run = interrupted.newest()?;
        let (resumed, discarded) = (run.id.clone(), run.id.clone());
        let step = run.run.progress.step;
        let has_dataset = {
            let run = run.clone();
            memo(move |_| interrupted.has_dataset(&run))
        };
        let dataset = run.dataset_name.clone();
        Some(view! {
            <section class="interrupted" aria-labelledby="interrupted-title">
                <h2 id="interrupted-title">{move_tr!(interrupted.title)}</h2>
                <p>{how_far(&run)}</p>
                <Show when=move || !has_dataset.get()>
                    <p class="hint">{tr!(interrupted.needs_files, dataset = dataset)}</p>
                </Show>
                <div class="controls">
                    <button
                        type="button"
                        class="button is-primary"
                        disabled=move || !has_dataset.get()
                        on:click=move |_| interrupted.resume(resumed.clone())
                    >
                        <Glyph icon=Icon::Play />
                        {move || tr!(interrupted.resume, step = count(step))}
                    </button>
                    <button type="button" class="button" on:click=move |_| interrupted.discard(&discarded)>
                        {move_tr!(interrupted.discard)}
                    </button>
                </div>
            </section>
        })
    }
}

/// Describes the run and its progress.
fn how_far(InterruptedRun { run, dataset_name, .. }: &InterruptedRun) -> String {
    let total = run.plan.map_or_else(|| "–".to_owned(), |plan| count(plan.total_steps));
    let (network, step) = (run.config.network.name.clone(), count(run.progress.step));
    match run.epochs.last().and_then(|epoch| epoch.validation_accuracy) {
        Some(accuracy) => {
            let accuracy = percent(accuracy.into());
            tr!(
                interrupted.how_far_measured,
                network = network,
                dataset = dataset_name,
                step = step,
                total = total,
                accuracy = accuracy,
            )
        }
        None => tr!(interrupted.how_far, network = network, dataset = dataset_name, step = step, total = total),
    }
}
