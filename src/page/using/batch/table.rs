//! The table of answers: filtered, sorted, a page at a time; each answer can be corrected.

use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::Url;

use super::row::{ClassFilter, Column, Row};
use super::work::Batch;
use crate::page::collect::teaching::Shown;
use crate::page::reactive::memo;
use crate::page::text::format::{count, probability};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::using::teaching::{TeachNews, Teaching};
use crate::page::widgets::pager::{Pager, n_pages};
use crate::page::widgets::show::Show;
use crate::page::widgets::sorted_table::SortableHeader;

/// Rows per page.
const PAGE_SIZE: u32 = 25;

/// Confidences to choose from: those above are not shown.
const MOST: [(&str, f32); 5] = [("100", 1.0), ("99", 0.99), ("95", 0.95), ("80", 0.8), ("50", 0.5)];

#[component]
pub fn BatchTable(batch: Batch, teaching: Teaching) -> impl IntoView {
    let page = RwSignal::new(0_u32);
    let shown = memo(move |_| batch.shown());
    let pages = memo(move |_| n_pages(shown.with(Vec::len) as u32, PAGE_SIZE));
    // The last page may have gone.
    let current = move || page.get().min(pages.get().saturating_sub(1));
    // As `Row::place`, by which a row stays the same while others come.
    let places = memo(move |_| {
        let first = (current() * PAGE_SIZE) as usize;
        let at = shown.with(|shown| shown.iter().skip(first).take(PAGE_SIZE as usize).copied().collect::<Vec<_>>());
        batch.rows.with(|rows| at.iter().filter_map(|at| rows.get(*at).map(|row| row.place)).collect::<Vec<_>>())
    });
    let is_busy = move || batch.progress.with(Option::is_some);
    let counted = move || {
        let all = batch.rows.with(Vec::len);
        tr!(use_place.many_shown, count = count(shown.with(Vec::len) as u64), all = count(all as u64))
    };
    view! {
        <div class="batch-tools">
            <Filters batch page />
            <span class="hint" role="status">{counted}</span>
            <span class="controls">
                <button type="button" class="button is-small" disabled=is_busy on:click=move |_| batch.save_table()>
                    {move_tr!(use_place.save_table)}
                </button>
                <button type="button" class="button is-small" disabled=is_busy on:click=move |_| batch.save_sorted()>
                    {move_tr!(use_place.save_sorted)}
                </button>
            </span>
        </div>
        <TeachNews teaching />
        <div class="table-scroll batch-scroll" tabindex="0" role="group" aria-label=move_tr!(use_place.many_table)>
            <table class="batch-table" aria-label=move_tr!(use_place.many_table)>
                <thead>
                    <tr>
                        <th scope="col"><span class="visually-hidden">{move_tr!(use_place.before)}</span></th>
                        <Header column=Column::File name=|| tr!(use_place.file) batch />
                        <Header column=Column::Class name=|| tr!(use_place.answer) batch />
                        <Header column=Column::Confidence name=|| tr!(use_place.confidence) batch />
                        <th scope="col">{move_tr!(use_place.correction)}</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || places.get() key=|place| *place children=move |place| view! { <TableRow place batch teaching /> } />
                </tbody>
            </table>
        </div>
        <Show when=move || { pages.get() > 1 }><Pager page n_pages=Signal::derive(move || pages.get()) /></Show>
    }
}

#[component]
fn Header(column: Column, name: fn() -> String, batch: Batch) -> impl IntoView {
    let Batch { order, .. } = batch;
    let key = match column {
        Column::File => "file",
        Column::Class => "class",
        Column::Confidence => "confidence",
    };
    view! {
        <SortableHeader
            name
            direction=move || order.get().direction_of(column)
            on_sort=move || order.update(|order| *order = order.by(column, false))
            key
        />
    }
}

#[component]
fn Filters(batch: Batch, page: RwSignal<u32>) -> impl IntoView {
    let Batch { filter, .. } = batch;
    let by_class = move |value: String| {
        let class = match value.as_str() {
            "none" => ClassFilter::Rejected,
            "corrected" => ClassFilter::Corrected,
            value => value.parse().map_or(ClassFilter::All, ClassFilter::Class),
        };
        filter.update(|filter| filter.class = class);
        page.set(0);
    };
    let by_confidence = move |value: String| {
        if let Some((_, most)) = MOST.iter().find(|(name, _)| *name == value) {
            filter.update(|filter| filter.most = *most);
            page.set(0);
        }
    };
    view! {
        <label class="inline-field">
            <span>{move_tr!(use_place.filter_class)}</span>
            <select id="batch-class" on:change:target=move |event| by_class(event.target().value())>
                <option value="">{move_tr!(use_place.filter_all)}</option>
                {batch.classes().into_iter().enumerate().map(|(class, name)| view! {
                    <option value=class.to_string()>{name}</option>
                }).collect_view()}
                <option value="none">{move_tr!(use_place.none)}</option>
                <option value="corrected">{move_tr!(use_place.filter_corrected)}</option>
            </select>
        </label>
        <label class="inline-field">
            <span>{move_tr!(use_place.filter_confidence)}</span>
            <select id="batch-confidence" on:change:target=move |event| by_confidence(event.target().value())>
                {MOST.iter().map(|(value, most)| view! {
                    <option value=*value>{move || if *most < 1.0 { format!("≤ {value}%") } else { tr!(use_place.filter_all) }}</option>
                }).collect_view()}
            </select>
        </label>
    }
}

#[component]
fn TableRow(place: usize, batch: Batch, teaching: Teaching) -> impl IntoView {
    let row = memo(move |_| batch.rows.with(|rows| rows.iter().find(|row| row.place == place).cloned()));
    let classes = StoredValue::new(batch.classes());
    let name = move |class: Option<u16>| match class {
        Some(class) => classes.with_value(|classes| classes.get(usize::from(class)).cloned().unwrap_or_default()),
        None => tr!(use_place.none),
    };
    let of = move |read: fn(&Row) -> String| row.with(|row| row.as_ref().map(read).unwrap_or_default());
    let path = move || of(|row| row.path.clone());
    let class = move || {
        let threshold = batch.rejection.threshold_or_round();
        row.with(|row| row.as_ref().map(|row| name(row.class(threshold))))
    };
    let is_corrected = move || row.with(|row| row.as_ref().is_some_and(|row| row.corrected.is_some()));
    let correct = move |value: String| {
        let corrected = match value.as_str() {
            "" => None,
            "none" => Some(None),
            value => value.parse().ok().map(Some),
        };
        batch.correct(place, corrected);
        let (Some(Some(class)), Some(source)) = (corrected, batch.source(place)) else { return };
        if untrack(|| teaching.project()).is_none() {
            return;
        }
        let name = untrack(path);
        spawn_local(async move {
            let Ok(bytes) = source.bytes().await else { return };
            if let Ok(file) = source.blob(&bytes) {
                teaching.teach(class, Shown::File { name, file });
            }
        });
    };
    view! {
        <tr class:is-corrected=is_corrected>
            <td class="batch-picture"><Picture place batch /></td>
            <th scope="row" class="batch-file" title=path>{path}</th>
            <td>{class}</td>
            <td>{move || of(|row| probability(row.confidence().into()))}</td>
            <td>
                <select
                    aria-label=move || tr!(use_place.correction_of, file = path())
                    on:change:target=move |event| correct(event.target().value())
                >
                    <option value="">"–"</option>
                    {classes.get_value().into_iter().enumerate().map(|(class, name)| {
                        let is_chosen = move || row.with_untracked(|row| row.as_ref().is_some_and(|row| row.corrected == Some(Some(class as u16))));
                        view! { <option value=class.to_string() selected=is_chosen>{name}</option> }
                    }).collect_view()}
                    <option value="none">{move_tr!(use_place.none)}</option>
                </select>
            </td>
        </tr>
    }
}

/// The thumbnail, whose object URL is revoked when the row goes.
#[component]
fn Picture(place: usize, batch: Batch) -> impl IntoView {
    let url = batch.thumbnail(place).and_then(|blob| Url::create_object_url_with_blob(&blob).ok());
    let revoked = url.clone();
    on_cleanup(move || {
        if let Some(url) = revoked {
            Url::revoke_object_url(&url).ok();
        }
    });
    url.map(|url| view! { <img src=url alt="" /> })
}
