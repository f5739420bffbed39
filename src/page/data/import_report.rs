//! What became of the visitor's image files: those left out with the reason, copies, transparent pixels.

use leptos::prelude::*;

use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::text::left_out::reason_text;
use crate::page::widgets::icon::{Glyph, Icon};
use kindling_core::dataset::ImageReport;
use kindling_core::dataset::image_folder::LeftOut;

#[component]
pub fn ImportReport(report: ImageReport) -> impl IntoView {
    let (warnings, notes) = (warnings(&report), notes(&report));
    let ImageReport { n_files, n_left_out, left_out, .. } = report;
    let n_unnamed = n_left_out.saturating_sub(left_out.len() as u32);
    view! {
        <section class="panel import-report" aria-labelledby="import-title">
            <h2 id="import-title">{move_tr!(images.report)}</h2>
            {(n_left_out == 0).then(|| view! { <p class="hint">{move_tr!(images.all_read, count = count(n_files))}</p> })}
            {(n_left_out > 0).then(|| view! {
                <details>
                    <summary>{move_tr!(images.left_out, count = count(n_left_out), files = count(n_files))}</summary>
                    <ul class="left-out">
                        {left_out.into_iter().map(|LeftOut { file, reason }| view! {
                            <li><span class="left-out-file">{file}</span>" "{move || reason_text(&reason)}</li>
                        }).collect_view()}
                        {(n_unnamed > 0).then(|| view! { <li>{move_tr!(images.left_out_more, count = count(n_unnamed))}</li> })}
                    </ul>
                </details>
            })}
            {warnings.into_iter().map(|warning| view! {
                <p class="import-warning"><Glyph icon=Icon::Warning /><span>{warning}</span></p>
            }).collect_view()}
            {notes.into_iter().map(|note| view! { <p class="hint">{note}</p> }).collect_view()}
        </section>
    }
}

type Text = Box<dyn Fn() -> String + Send>;

/// What makes an accuracy wrong.
fn warnings(report: &ImageReport) -> Vec<Text> {
    let warnings = [
        counted(report.n_contradictions, |number| tr!(images.contradictions, count = count(number))),
        counted(report.n_leaked, |number| tr!(images.leaked, count = count(number))),
    ];
    warnings.into_iter().flatten().collect()
}

/// What else is in the dataset.
fn notes(report: &ImageReport) -> Vec<Text> {
    let notes = [
        counted(report.n_given, |number| tr!(images.given, count = count(number))),
        counted(report.n_duplicates, |number| tr!(images.duplicates, count = count(number))),
        counted(report.n_near_duplicates, |number| tr!(images.near_duplicates, count = count(number))),
        counted(report.n_on_white, |number| tr!(images.on_white, count = count(number))),
        counted(report.n_on_black, |number| tr!(images.on_black, count = count(number))),
        counted(report.has_standard_validation.into(), |_| tr!(images.standard_validation)),
    ];
    notes.into_iter().flatten().collect()
}

/// A sentence on a number of images, if there are any.
fn counted(number: u32, text: fn(u32) -> String) -> Option<Text> {
    (number > 0).then(|| Box::new(move || text(number)) as Text)
}
