//! One run in detail: its name and note, its difference from the previous run, how it ended, and the actions on it.

use std::sync::Arc;

use leptos::prelude::*;

use super::View;
use super::row::{RunRow, row_of};
use super::transfer::RunActions;
use crate::page::reactive::memo;
use crate::page::runs::label::difference_text_in;
use crate::page::runs::use_runs;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{count, date, list};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::TermLink;
use kindling_core::protocol::EngineKind;
use kindling_core::runs::record::{NAME_LIMIT, NOTE_LIMIT, RunEnding, RunRecord, shortened};

/// Empty until a run is chosen in the table.
#[component]
pub fn RunDetails(rows: Memo<Vec<RunRow>>, view: View) -> impl IntoView {
    view! {
        <div id="run-details">
            {move || view.open.get().map(|id| view! { <Opened id rows view /> })}
        </div>
    }
}

#[component]
fn Opened(id: String, rows: Memo<Vec<RunRow>>, view: View) -> impl IntoView {
    let runs = use_runs();
    let row = row_of(rows, id.clone());
    let id = StoredValue::new(id);
    let of_record = move |read: fn(&RunRecord) -> String| {
        memo(move |_| row.read().as_ref().map(|row| read(&row.record)).unwrap_or_default())
    };
    let (name, note) = (of_record(|record| record.name.clone()), of_record(|record| record.note.clone()));
    let label = memo(move |_| row.read().as_ref().map(RunRow::label).unwrap_or_default());
    let rename = move |text: String| {
        runs.change(&id.get_value(), |record| record.name = shortened(text.trim(), NAME_LIMIT));
    };
    let annotate = move |text: String| {
        runs.change(&id.get_value(), |record| record.note = shortened(&text, NOTE_LIMIT));
    };
    let can_open = move || row.read().as_ref().is_some_and(|row| row.record.weights_bytes.is_some());
    let store = use_store();
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let open = move |_| runs.reopen(id.get_value());
    view! {
        <section class="run-details" aria-labelledby="run-details-title">
            <h3 id="run-details-title">{label}</h3>
            {move || row.get().map(|row| view! { <Facts row /> })}
            <div class="field">
                <label for="run-name">{move_tr!(runs.name)}</label>
                <input
                    id="run-name"
                    type="text"
                    maxlength=NAME_LIMIT.to_string()
                    placeholder=move_tr!(runs.name_why)
                    prop:value=name
                    on:change:target=move |event| rename(event.target().value())
                />
            </div>
            <div class="field">
                <label for="run-note">{move_tr!(runs.note)}</label>
                <textarea
                    id="run-note"
                    rows="2"
                    maxlength=NOTE_LIMIT.to_string()
                    prop:value=note
                    on:change:target=move |event| annotate(event.target().value())
                ></textarea>
            </div>
            {move || can_open().then(|| view! {
                <button type="button" class="button" title=move_tr!(runs.open_why) disabled=is_active on:click=open>
                    {move_tr!(runs.open)}
                </button>
                <TermLink term=key_tr!(runs.open) />
            })}
            <RunActions row />
            <button type="button" class="button" on:click=move |_| view.open.set(None)>{move_tr!(runs.close)}</button>
        </section>
    }
}

/// The facts about a run that the table does not show.
#[component]
fn Facts(row: RunRow) -> impl IntoView {
    let RunRow { record, differences, .. } = row;
    let differences: Arc<[_]> = differences.unwrap_or_default();
    let (ending, engine) = (record.ending, record.environment.engine);
    let adapter = record.environment.adapter.clone();
    let network = record.config.network.clone();
    let changed = move || list(differences.iter().map(|it| difference_text_in(it, &network)));
    let engine = move || match engine {
        Some(EngineKind::Webgpu | EngineKind::Gpu) => tr!(engine.webgpu),
        Some(EngineKind::Cpu) => tr!(engine.cpu),
        None => "–".to_owned(),
    };
    let adjusted = (!record.adjustments.is_empty()).then(|| {
        let n_adjustments = record.adjustments.len();
        view! {
            <dt>{move_tr!(runs.adjusted)}</dt>
            <dd>{move_tr!(runs.adjustments, count = n_adjustments)}</dd>
        }
    });
    let continued = record.continued_from.as_ref().map(|id| {
        let before = use_runs().find(id);
        let before = before.map(|before| format!("{}, {}", before.config.network.name, date(before.started_at)));
        view! {
            <dt>{move_tr!(runs.continued_from)}</dt>
            <dd>{before.unwrap_or_else(|| "–".to_owned())}</dd>
        }
    });
    view! {
        <dl class="explanations">
            <dt>{move_tr!(runs.changed)}</dt>
            <dd>{move || Some(changed()).filter(|text| !text.is_empty()).unwrap_or_else(|| "–".to_owned())}</dd>
            <dt>{move_tr!(runs.ending)}</dt>
            <dd>{move || ending_text(ending)}</dd>
            {adjusted}
            {continued}
            <dt>{move_tr!(runs.parameters)}</dt>
            <dd>{record.parameters.map_or_else(|| "–".to_owned(), count)}</dd>
            <dt>{move_tr!(runs.engine)}</dt>
            <dd>{engine}" "{adapter}</dd>
            <dt>{move_tr!(runs.browser)}</dt>
            <dd title=record.environment.user_agent.clone()>{browser_text(&record.environment.user_agent)}</dd>
            <dt>{move_tr!(runs.build)}</dt>
            <dd>{record.environment.build.clone()}</dd>
        </dl>
    }
}

pub fn ending_text(ending: RunEnding) -> String {
    match ending {
        RunEnding::Completed => tr!(runs.completed),
        RunEnding::StepLimit => tr!(runs.step_limit),
        RunEnding::Stopped => tr!(runs.stopped),
        RunEnding::EarlyStopped => tr!(runs.early_stopped),
        RunEnding::Replaced => tr!(runs.replaced),
        RunEnding::Imported => tr!(runs.from_file),
        RunEnding::Failed(kind) => failure_text(&kindling_core::protocol::Failure::new(kind, "")),
    }
}

/// `Chrome 156, Linux` for a user agent, or the user agent if it is of another form.
fn browser_text(user_agent: &str) -> String {
    // Most browsers also claim to be those after them.
    const BROWSERS: [(&str, &str); 5] =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Version/", "Safari")];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iPadOS"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let browser = BROWSERS.iter().find_map(|(mark, name)| {
        let (_, version) = user_agent.split_once(mark)?;
        Some(format!("{name} {}", version.split(['.', ' ']).next()?))
    });
    let system = SYSTEMS.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        _ => user_agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_with_their_system() {
        for (user_agent, text) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                "Chrome 156, Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge 140, Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari 26, macOS",
            ),
            ("Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", "Firefox 143, Android"),
            ("kindling 0.1", "kindling 0.1"),
        ] {
            assert_eq!(browser_text(user_agent), text);
        }
    }
}
