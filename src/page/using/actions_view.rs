//! The choice of an action for each class, with the counters.

use leptos::prelude::*;

use super::actions::{Action, Actions, WORDS_LIMIT};
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;

#[component]
pub fn ActionChoices(actions: Actions) -> impl IntoView {
    let store = use_store();
    let classes = memo(move |_| {
        store
            .dataset
            .with(|dataset| dataset.current.as_ref().map(|current| current.classes.clone()).unwrap_or_default())
    });
    view! {
        <details class="setting-group">
            <summary>{move_tr!(use_place.actions)}</summary>
            <p class="hint">{move_tr!(use_place.actions_why)}</p>
            <ul class="class-actions">
                {move || classes.get().into_iter().map(|name| view! { <ActionChoice name actions /> }).collect_view()}
            </ul>
        </details>
    }
}

#[component]
fn ActionChoice(name: String, actions: Actions) -> impl IntoView {
    let class = StoredValue::new(name);
    let action = memo(move |_| class.with_value(|name| actions.of(name)));
    let value = move || match action.get() {
        Action::None => "none",
        Action::Sound => "sound",
        Action::Words(_) => "words",
        Action::Count => "count",
    };
    let choose = move |value: String| {
        let chosen = match value.as_str() {
            "sound" => Action::Sound,
            "words" => Action::Words(String::new()),
            "count" => Action::Count,
            _ => Action::None,
        };
        actions.set(class.get_value(), chosen);
    };
    let words = move || match action.get() {
        Action::Words(words) => words,
        Action::None | Action::Sound | Action::Count => String::new(),
    };
    let seen =
        move || actions.counts.with(|counts| class.with_value(|name| counts.get(name).copied().unwrap_or_default()));
    let option = move |this: &'static str, text: fn() -> String| {
        view! { <option value=this selected=move || value() == this>{text}</option> }
    };
    view! {
        <li class="class-action">
            <span class="class-action-name">{class.get_value()}</span>
            <select
                aria-label=move || tr!(use_place.action_of, class = class.get_value())
                on:change:target=move |event| choose(event.target().value())
            >
                {option("none", || tr!(use_place.action_none))}
                {option("sound", || tr!(use_place.action_sound))}
                {option("words", || tr!(use_place.action_words))}
                {option("count", || tr!(use_place.action_count))}
            </select>
            <Show when=move || value() == "words">
                <input
                    type="text"
                    maxlength=WORDS_LIMIT
                    autocomplete="off"
                    placeholder=class.get_value()
                    aria-label=move || tr!(use_place.words_of, class = class.get_value())
                    prop:value=words
                    on:change:target=move |event| actions.set(class.get_value(), Action::Words(event.target().value()))
                />
            </Show>
            <Show when=move || value() == "count">
                <output class="class-action-count">{move || count(seen())}</output>
                <button
                    type="button"
                    class="button is-small"
                    on:click=move |_| class.with_value(|name| actions.reset(name))
                >
                    {move_tr!(use_place.count_reset)}
                </button>
            </Show>
        </li>
    }
}
