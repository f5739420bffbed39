//! The menu of the page's own settings: language and appearance.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::i18n::{Language, language, move_tr, speak, tr};
use super::preferences::{Preference, Theme};
use super::widgets::icon::{Glyph, Icon};
use super::widgets::show::Show;

#[component]
pub fn SettingsMenu() -> impl IntoView {
    let theme = RwSignal::new(Theme::remembered().unwrap_or_default());
    let choose_theme = move |chosen: Theme| {
        theme.set(chosen);
        chosen.apply();
        chosen.remember();
    };
    let is_missing = RwSignal::new(false);
    let choose_language = move |chosen: Language| {
        chosen.remember();
        spawn_local(async move {
            let spoken = speak(chosen).await;
            is_missing.set(spoken.is_err());
        });
    };
    let theme_name = |theme| match theme {
        Theme::System => tr!(shell.theme_system),
        Theme::Light => tr!(shell.theme_light),
        Theme::Dark => tr!(shell.theme_dark),
    };
    view! {
        <details class="menu">
            <summary class="button is-quiet" aria-label=move_tr!(shell.settings)><Glyph icon=Icon::Settings /></summary>
            <div class="menu-body">
                <fieldset class="segments">
                    <legend>{move_tr!(shell.language)}</legend>
                    {Language::VALUES.iter().map(|(value, tag)| {
                        let value = *value;
                        // Each language under its own name, so that it can be found by those who read no other.
                        let name = match value {
                            Language::English => "English",
                            Language::Chinese => "简体中文",
                        };
                        let language = language();
                        view! {
                            <label lang=*tag>
                                <input
                                    type="radio"
                                    name="language"
                                    prop:checked=move || language.get() == value
                                    on:change=move |_| choose_language(value)
                                />
                                <span>{name}</span>
                            </label>
                        }
                    }).collect_view()}
                </fieldset>
                <Show when=move || is_missing.get()><p class="failure" role="alert">{move_tr!(shell.part_missing)}</p></Show>
                <fieldset class="segments">
                    <legend>{move_tr!(shell.theme)}</legend>
                    {Theme::VALUES.iter().map(|(value, _)| {
                        let value = *value;
                        view! {
                            <label>
                                <input
                                    type="radio"
                                    name="theme"
                                    prop:checked=move || theme.get() == value
                                    on:change=move |_| choose_theme(value)
                                />
                                <span>{move || theme_name(value)}</span>
                            </label>
                        }
                    }).collect_view()}
                </fieldset>
            </div>
        </details>
    }
}
