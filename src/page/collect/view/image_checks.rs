//! The panel of the place Data that looks for copies and for images without content.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::suspects::Suspects;
use super::text::flaws_text;
use crate::page::collect::collector::collector;
use crate::page::collect::suspects::of_checks;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::count;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Why;
use crate::page::widgets::icon::{Glyph, Icon};
use kindling_core::dataset::image_checks::ImageChecks;
use kindling_core::protocol::question::CheckImages;
use kindling_core::protocol::{DatasetSummary, Failure};

pub const PART: Part = part!(collect::image_checks, ImageChecksPanel);

#[derive(Clone)]
enum Check {
    None,
    Running,
    Done(Arc<DatasetSummary>, Arc<ImageChecks>),
    Failed(Failure),
}

#[component]
fn ImageChecksPanel() -> impl IntoView {
    let store = use_store();
    let collector = collector(store);
    let check = RwSignal::new(Check::None);
    let is_running = memo(move |_| check.with(|check| matches!(check, Check::Running)));
    let current = memo(move |_| store.dataset.with(|dataset| dataset.current.clone()));
    let look = move |_| {
        let Some(dataset) = current.get_untracked() else { return };
        check.set(Check::Running);
        spawn_local(async move {
            let result = store.ask(CheckImages).await.map(Arc::new);
            if let Ok(found) = &result {
                collector.facts.checks.set(Some((dataset.clone(), found.clone())));
            }
            // Does nothing once the panel has been removed from the page.
            check.try_set(match result {
                Ok(found) => Check::Done(dataset, found),
                Err(failure) => Check::Failed(failure),
            });
        });
    };
    view! {
        <section class="panel image-checks" aria-labelledby="image-checks-title">
            <header class="images-head">
                <h2 id="image-checks-title">{move_tr!(suspects.checks)}</h2>
                <button type="button" class="button" id="check-images" disabled=move || is_running.get() on:click=look>
                    {move_tr!(suspects.check)}
                </button>
            </header>
            <Why text=key_tr!(suspects.checks_why) />
            <div role="status">
                {move || match check.get() {
                    Check::None => ().into_any(),
                    Check::Running => view! { <p class="hint">{move_tr!(suspects.checking)}</p> }.into_any(),
                    Check::Failed(failure) => view! { <p class="failure">{failure_text(&failure)}</p> }.into_any(),
                    // The result of another dataset says nothing of this one.
                    Check::Done(dataset, found) => current.with(|now| now.as_ref().is_some_and(|now| now.id == dataset.id))
                        .then(|| view! { <Summary found /> })
                        .into_any(),
                }}
            </div>
            {move || match check.get() {
                Check::Done(dataset, found) if current.with(|now| now.as_ref().is_some_and(|now| now.id == dataset.id)) => Some(view! {
                    <Suspects collector dataset=(*dataset).clone() suspects=of_checks(&found) />
                }),
                _ => None,
            }}
        </section>
    }
}

#[component]
fn Summary(found: Arc<ImageChecks>) -> impl IntoView {
    let n_images = found.n_images;
    let warnings = found.counts.iter().map(|(kind, number)| {
        let (kind, number) = (*kind, *number);
        view! { <li class="import-warning"><Glyph icon=Icon::Warning /><span>{move || flaws_text(kind, number)}</span></li> }
    });
    view! {
        {found.counts.is_empty().then(|| view! { <p>{move || tr!(suspects.flawless, count = count(n_images))}</p> })}
        <ul class="collect-warnings">{warnings.collect_view()}</ul>
        {(!found.compares_all).then(|| view! { <p class="hint">{move_tr!(suspects.not_compared)}</p> })}
    }
}
