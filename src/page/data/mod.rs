//! The Data place: choose a dataset, see its splits, and browse its images.

mod browser;
mod cards;
mod drop_zone;
mod image_options;
mod import_report;
mod reading_form;
mod split_form;
mod statistics;

use leptos::prelude::*;

use self::browser::ImageBrowser;
use self::cards::DatasetCards;
use self::drop_zone::DropZone;
use self::import_report::ImportReport;
use self::reading_form::ReadingForm;
use self::split_form::SplitForm;
use self::statistics::Statistics;
use crate::page::collect;
use crate::page::load_status::LoadStatus;
use crate::page::parts::{Part, Parted, part};
use crate::page::reactive::{memo, watch};
use crate::page::store::use_store;
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::widgets::hint::TermLink;
use crate::page::widgets::show::Show;
use kindling_core::protocol::DatasetSource;

pub const PART: Part = part!(data::place, DataPlace);

/// Where a load was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Cards,
    OwnFiles,
}

#[component]
fn DataPlace() -> impl IntoView {
    let store = use_store();
    let current = memo(move |_| store.dataset.with(|dataset| dataset.current.clone()));
    // The status of a load is shown where it was asked for.
    let status = memo(move |_| {
        store.dataset.with(|dataset| {
            dataset.load.source().map(|source| match source {
                DatasetSource::Served { .. } => Asked::Cards,
                DatasetSource::Files { .. } => Asked::OwnFiles,
            })
        })
    });
    // One alert at a time: that of files that were not taken gives way to the next load, and stands in for that of the load before it.
    let n_too_many = RwSignal::new(None);
    let is_loading = memo(move |_| store.dataset.with(|dataset| dataset.load.is_loading()));
    watch(
        move || is_loading.get(),
        move |is_loading, _| {
            if *is_loading {
                n_too_many.set(None)
            }
        },
        false,
    );
    view! {
        <section class="data-place" aria-labelledby="data-title">
            <header class="place-header">
                <h1 id="data-title">{move_tr!(data.title)}</h1>
                <p>{move_tr!(data.lead)}" "<TermLink term=key_tr!(confusion.true_class) /></p>
            </header>
            <div class="columns">
                <div class="main-column">
                    <DatasetCards />
                    <Parted part=collect::PART />
                    <Show when=move || status.get() == Some(Asked::Cards) && n_too_many.get().is_none()>
                        <div class="panel"><LoadStatus /></div>
                    </Show>
                    <Show when=move || current.read().is_none() && status.get().is_none()>
                        <div class="panel empty"><p>{move_tr!(data.nothing_yet)}</p></div>
                    </Show>
                    {move || current.get().map(|summary| view! {
                        {summary.import.clone().map(|report| view! { <ImportReport report /> })}
                        <Statistics summary=summary.clone() />
                        <Parted part=collect::IMAGE_CHECKS is_quiet=true />
                        <ImageBrowser summary />
                    })}
                </div>
                <div class="side-column">
                    <DropZone n_too_many has_status=Signal::derive(move || status.get() == Some(Asked::OwnFiles)) />
                    {move || current.get().map(|summary| view! { <ReadingForm summary /> })}
                    <SplitForm />
                </div>
            </div>
        </section>
    }
}
