//! The menu of the page's settings: language and theme.

use gloo::events::EventListener;
use leptos::html::Details;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{FocusEvent, HtmlElement, KeyboardEvent, Node};

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
    let menu = Menu(NodeRef::new());
    EventListener::new(&document(), "click", move |event| {
        if menu.is_open() && !menu.contains(event.target()) {
            menu.close();
            // Where the click leaves the focus nowhere, it goes back to the button.
            if document().active_element().is_none_or(|focused| focused.tag_name() == "BODY") {
                menu.focus();
            }
        }
    })
    // The page lives as long as its window.
    .forget();
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Escape" && menu.is_open() {
            menu.close();
            menu.focus();
        }
    };
    let on_leave = move |event: FocusEvent| {
        // None if nothing else gets the focus. The focus is on its way, and stays so.
        if event.related_target().is_some() && !menu.contains(event.related_target()) {
            menu.close();
        }
    };
    view! {
        <details class="menu" node_ref=menu.0 on:keydown=on_key on:focusout=on_leave>
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

/// The menu's element, which the browser opens at its button. It closes by Escape, by a click elsewhere, and when the focus goes elsewhere.
#[derive(Clone, Copy)]
struct Menu(NodeRef<Details>);

impl Menu {
    fn is_open(self) -> bool {
        self.0.get_untracked().is_some_and(|menu| menu.open())
    }

    fn contains(self, target: Option<web_sys::EventTarget>) -> bool {
        let node = target.and_then(|target| target.dyn_into::<Node>().ok());
        self.0.get_untracked().is_some_and(|menu| menu.contains(node.as_ref()))
    }

    fn close(self) {
        if let Some(menu) = self.0.get_untracked() {
            menu.set_open(false);
        }
    }

    fn focus(self) {
        let button = self.0.get_untracked().and_then(|menu| menu.query_selector("summary").ok().flatten());
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            button.focus().ok();
        }
    }
}
