//! Choices between kinds of a setting, such as optimizers; `kinds.rs` has the kinds.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::widgets::select_field::{Choice, SelectField};
use kindling_core::config::RunConfig;

/// One of several kinds of a setting.
pub trait Kind: Clone + PartialEq + Send + Sync + 'static {
    /// Each kind once, with its defaults.
    const ALL: &'static [Self];

    /// As configs name it.
    fn id(&self) -> &'static str;

    /// What the visitor reads; tracked, as it follows the language.
    fn name(&self) -> String;

    /// What it does, in a sentence; tracked.
    fn why(&self) -> String;
}

/// A list of kinds with the sentence of the one that is chosen. A kind that is newly chosen begins with its defaults.
#[component]
pub fn KindField<T: Kind>(
    /// No other element on the page has it; tests find the field by it.
    id: &'static str,
    label: fn() -> String,
    get: fn(&RunConfig) -> T,
    set: fn(&mut RunConfig, T),
    /// Those that can be chosen; all, unless said.
    #[prop(optional, into)]
    offered: Option<Signal<Vec<T>>>,
) -> impl IntoView {
    let recipe = use_recipe();
    let offered = offered.unwrap_or_else(|| Signal::derive(|| T::ALL.to_vec()));
    let chosen = memo(move |_| recipe.config.read().as_ref().map(|config| get(config).id()));
    let why = memo(move |_| recipe.config.read().as_ref().map(|config| get(config).why()).unwrap_or_default());
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
            hint=why
            choices
            value=chosen
            on_change=choose
        />
    }
}
