//! The list of notices about problems that did not stop the work.

use leptos::prelude::*;

use crate::page::engines::panel::differ_text;
use crate::page::parts::{Part, Parted, part};
use crate::page::reactive::memo;
use crate::page::runs::{run_notice_text, use_runs};
use crate::page::state::{Notice, NoticeKind, RunNotice};
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;

/// A part of its own: it also tells that another one could not be fetched.
pub const PART: Part = part!(notices::list, Items);

/// Screen readers announce changes. Each notice stays until it is dismissed, or for as long as its action can be undone.
#[component]
pub fn NoticeList() -> impl IntoView {
    let store = use_store();
    let has_any = memo(move |_| store.notices.with(|notices| !notices.list().is_empty()));
    view! {
        <ul class="notices" aria-label=move_tr!(shell.notices) aria-live="polite">
            <Show when=move || has_any.get()><Parted part=PART is_quiet=true /></Show>
        </ul>
    }
}

#[component]
fn Items() -> impl IntoView {
    let store = use_store();
    let notices = move || store.notices.with(|notices| notices.list().to_vec());
    let item = move |notice: Notice| {
        let id = notice.id;
        let undone = match &notice.kind {
            NoticeKind::Runs(RunNotice::Deleted { id, .. }) => Some(Undone::Deletion(id.clone())),
            NoticeKind::Runs(RunNotice::Imported { ids }) if !ids.is_empty() => Some(Undone::Import(ids.clone())),
            NoticeKind::Runs(_)
            | NoticeKind::Warning(_)
            | NoticeKind::FellBack(_)
            | NoticeKind::Restarted(_)
            | NoticeKind::StoppedMidStep
            | NoticeKind::DevicesDiffer { .. } => None,
        };
        let undo = move |undone: Undone| {
            let runs = use_runs();
            let undo = move |_| {
                match &undone {
                    Undone::Deletion(id) => runs.undo_delete(id),
                    Undone::Import(ids) => runs.undo_import(ids.clone()),
                }
                store.dismiss_notice(id);
            };
            view! { <button type="button" class="button" on:click=undo>{move_tr!(runs.undo)}</button> }
        };
        view! {
            <li class="notice">
                <Glyph icon=Icon::Warning />
                <p>{move || notice_text(&notice.kind)}</p>
                {undone.map(undo)}
                <button
                    type="button"
                    class="button is-quiet"
                    aria-label=move_tr!(shell.dismiss)
                    on:click=move |_| store.dismiss_notice(id)
                >
                    <Glyph icon=Icon::Close />
                </button>
            </li>
        }
    };
    view! { <For each=notices key=|notice| notice.id children=item /> }
}

/// What a notice offers to undo.
enum Undone {
    Deletion(String),
    Import(Vec<String>),
}

fn notice_text(kind: &NoticeKind) -> String {
    match kind {
        NoticeKind::Warning(failure) => tr!(notice.warning, failure = failure_text(failure)),
        NoticeKind::FellBack(failure) => tr!(notice.fell_back, failure = failure_text(failure)),
        NoticeKind::Runs(notice) => run_notice_text(notice),
        NoticeKind::DevicesDiffer { cpu, gpu } => differ_text(*cpu, *gpu),
        NoticeKind::StoppedMidStep => tr!(notice.stopped_mid_step),
        NoticeKind::Restarted(failure) => tr!(notice.restarted, failure = failure_text(failure)),
    }
}
