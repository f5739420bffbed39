//! A choice between the kinds of a setting, such as optimizers; `kinds.rs` has the kinds.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::{TextKey, text_of};
use crate::page::widgets::select_field::{Choice, SelectField};
use kindling_core::config::RunConfig;

/// One of several kinds of a setting.
pub trait Kind: Clone + PartialEq + Send + Sync + 'static {
    /// Each kind once, with its defaults.
    const ALL: &'static [Self];

    /// Its name in configs.
    fn id(&self) -> &'static str;

    /// Its name in the visitor's language, tracked.
    fn name(&self) -> String;

    /// The key of the sentence that says what it does.
    fn why(&self) -> TextKey;
}

/// A select field of kinds with the sentence about the chosen one. Choosing a kind sets its defaults.
#[component]
pub fn KindField<T: Kind>(
    /// The DOM id, unique on the page; tests find the field by it.
    id: &'static str,
    label: fn() -> String,
    get: fn(&RunConfig) -> T,
    set: fn(&mut RunConfig, T),
    /// The kinds that can be chosen; all by default.
    #[prop(optional, into)]
    offered: Option<Signal<Vec<T>>>,
) -> impl IntoView {
    let recipe = use_recipe();
    let offered = offered.unwrap_or_else(|| Signal::derive(|| T::ALL.to_vec()));
    let chosen = memo(move |_| recipe.config.read().as_ref().map(|config| get(config).id()));
    let why = memo(move |_| recipe.config.read().as_ref().map(|config| get(config).why()));
    let choices = memo(move |_| {
        offered.get().iter().map(|kind| Choice { value: kind.id(), name: kind.name() }).collect::<Vec<_>>()
    });
    let choose = move |id: String| {
        if let Some(kind) = T::ALL.iter().find(|kind| kind.id() == id) {
            recipe.change(|config| set(config, kind.clone()));
        }
    };
    view! {
        <SelectField
            id
            label=Signal::derive(label)
            hint=Signal::derive(move || why.get().map(text_of).unwrap_or_default())
            term=Signal::derive(move || why.get().unwrap_or_default())
            choices
            value=chosen
            on_change=choose
        />
    }
}
