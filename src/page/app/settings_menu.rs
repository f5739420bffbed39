//! The menu of the page's settings: language and theme.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::preferences::{Preference, Theme};
use crate::page::text::i18n::{Language, language, move_tr, switch_language, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;

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
            let switched = switch_language(chosen).await;
            is_missing.set(switched.is_err());
        });
    };
    let themes = vec![
        Segment { value: Theme::System, id: "theme-system", name: || tr!(shell.theme_system) },
        Segment { value: Theme::Light, id: "theme-light", name: || tr!(shell.theme_light) },
        Segment { value: Theme::Dark, id: "theme-dark", name: || tr!(shell.theme_dark) },
    ];
    view! {
        <details class="menu">
            <summary class="button is-quiet" aria-label=move_tr!(shell.settings)><Glyph icon=Icon::Settings /></summary>
            <div class="menu-body">
                <fieldset class="segments">
                    <legend>{move_tr!(shell.language)}</legend>
                    {Language::VALUES.iter().map(|(value, tag)| {
                        let value = *value;
                        // Each language has its own name, so that people who read only that language find it.
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
                <Segments
                    name="theme"
                    legend=Signal::derive(move_tr!(shell.theme))
                    segments=themes
                    value=Signal::derive(move || Some(theme.get()))
                    on_change=choose_theme
                />
            </div>
        </details>
    }
}
