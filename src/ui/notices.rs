//! Notices: what went wrong while work goes on.

use leptos::prelude::*;

use super::failure_text::failure_text;
use super::i18n::tr;
use super::state::{Notice, NoticeKind};
use super::store::use_store;
use super::widgets::icon::{Glyph, Icon};

/// Read out when it changes; each stays until it is dismissed.
#[component]
pub fn NoticeList() -> impl IntoView {
    let store = use_store();
    let notices = move || store.notices.with(|notices| notices.list().to_vec());
    let item = move |notice: Notice| {
        let id = notice.id;
        view! {
            <li class="notice">
                <Glyph icon=Icon::Warning />
                <p>{move || notice_text(&notice.kind)}</p>
                <button
                    type="button"
                    class="button is-quiet"
                    aria-label=move || tr!(shell.dismiss)
                    on:click=move |_| store.dismiss_notice(id)
                >
                    <Glyph icon=Icon::Close />
                </button>
            </li>
        }
    };
    view! {
        <ul class="notices" aria-label=move || tr!(shell.notices) aria-live="polite">
            <For each=notices key=|notice| notice.id children=item />
        </ul>
    }
}

fn notice_text(kind: &NoticeKind) -> String {
    match kind {
        NoticeKind::Warning(failure) => tr!(notice.warning, failure = failure_text(failure)),
        NoticeKind::FellBack(failure) => tr!(notice.fell_back, failure = failure_text(failure)),
        NoticeKind::Restarted(failure) => tr!(notice.restarted, failure = failure_text(failure)),
    }
}
