//! The fields of the search space, and those that can be added.

use leptos::prelude::*;
use serde_json::json;

use super::field_row::FieldRow;
use crate::page::reactive::memo;
use crate::page::recipe::{Recipe, use_recipe};
use crate::page::search::draft::Draft;
use crate::page::search::use_searcher;
use crate::page::text::config::{path_text, path_text_in};
use crate::page::text::i18n::{TextKey, key_tr, move_tr, text_of};
use crate::page::widgets::hint::Hint;
use kindling_core::search::offer::{offered_fields, offered_within};
use kindling_core::search::space::FIELDS_LIMIT;
use kindling_core::search::{Field, Values};

/// Number of networks selected at first, out of those that fit the dataset. Each one adds training time.
const FIRST_NETWORKS: usize = 3;

#[component]
pub fn FieldList() -> impl IntoView {
    let draft = use_searcher().draft;
    let recipe = use_recipe();
    let offered = memo(move |_| offer(recipe, &draft.read()));
    let fields = memo(move |_| {
        let config = recipe.config.read();
        config.as_ref().map(|config| draft.read().fields(config)).unwrap_or_default()
    });
    let paths = memo(move |_| fields.read().iter().map(|field| field.path.clone()).collect::<Vec<_>>());
    let change = move |change: &dyn Fn(&mut Vec<Field>)| {
        let mut changed = fields.get_untracked();
        change(&mut changed);
        draft.update(|draft| draft.fields = Some(changed));
    };
    let add = move |path: String| {
        let field = offered.with_untracked(|offered| offered.iter().find(|field| field.path == path).cloned());
        let Some(mut field) = field else { return };
        if let (Values::Choices(choices), "network") = (&mut field.values, field.path.as_str()) {
            choices.truncate(FIRST_NETWORKS);
        }
        change(&|fields| fields.push(field.clone()));
    };
    let row = move |path: String| {
        let (of, from) = (path.clone(), path.clone());
        let field = memo(move |_| fields.read().iter().find(|field| field.path == of).cloned());
        let all = memo(move |_| offered.read().iter().find(|field| field.path == from).cloned());
        let on_change = move |new: Field| {
            change(&|fields| {
                if let Some(field) = fields.iter_mut().find(|field| field.path == new.path) {
                    field.values = new.values.clone();
                }
            });
        };
        let on_remove = move || change(&|fields| fields.retain(|field| field.path != path));
        view! { <FieldRow field all on_change on_remove /> }
    };
    let rest = move || {
        let paths = paths.read();
        let offered = offered.read();
        let options = |group: Option<TextKey>| {
            let of_group =
                offered.iter().filter(|field| group_of(&field.path) == group && !paths.contains(&field.path));
            let option = |field: &Field| {
                view! { <option value=field.path.clone()>{named(recipe, &field.path)}</option> }
            };
            of_group.map(option).collect::<Vec<_>>()
        };
        let grouped = GROUPS.iter().map(|(group, _)| (*group, options(Some(*group))));
        let grouped = grouped.filter(|(_, options)| !options.is_empty());
        let grouped = grouped.map(|(group, options)| view! { <optgroup label=text_of(group)>{options}</optgroup> });
        (options(None), grouped.collect_view())
    };
    view! {
        <fieldset class="search-fields">
            <legend>{move_tr!(search.fields)}</legend>
            <For each=move || paths.get() key=String::clone let:path>{row(path)}</For>
            <div class="field">
                <label for="search-add">{move_tr!(search.add)}</label>
                <select
                    id="search-add"
                    aria-describedby="search-add-why"
                    disabled=move || { paths.read().len() >= FIELDS_LIMIT }
                    prop:value=move || { paths.track(); "" }
                    on:change:target=move |event| {
                        add(event.target().value());
                        event.target().set_value("");
                    }
                >
                    <option value="">{move_tr!(search.choose)}</option>
                    {rest}
                </select>
                <Hint id="search-add-why" text=Signal::derive(move_tr!(search.add_why)) term=key_tr!(search.fields) />
            </div>
        </fieldset>
    }
}

/// The groups of fields as the settings have them, by the first part of their paths; fields of no group come first.
const GROUPS: [(TextKey, &[&str]); 7] = [
    (
        key_tr!(train.optimizer),
        &["optimizer", "weightDecay", "decay", "clipNorm", "batchesPerUpdate", "pretrainedRateShare"],
    ),
    (key_tr!(expert.schedule), &["schedule"]),
    (key_tr!(train.loss), &["loss"]),
    (key_tr!(expert.over_fitting), &["earlyStopping", "emaDecay"]),
    (key_tr!(expert.augment), &["augment"]),
    (key_tr!(expert.adversarial), &["adversarial"]),
    (key_tr!(shell.network), &["network"]),
];

fn group_of(path: &str) -> Option<TextKey> {
    let first = path.split('.').next().unwrap_or_default();
    GROUPS.iter().find(|(_, fields)| fields.contains(&first)).map(|(group, _)| *group)
}

/// The name of a field of the config in the form; tracked.
pub(super) fn named(recipe: Recipe, path: &str) -> String {
    let network = recipe.network.read();
    network.as_ref().map_or_else(|| path_text(path), |network| path_text_in(path, network))
}

/// All fields of the config in the form and of the chosen kinds (optimizers, losses, schedules), and the networks that fit the dataset.
fn offer(recipe: Recipe, draft: &Draft) -> Vec<Field> {
    let config = recipe.config.read();
    let Some(config) = config.as_ref() else { return Vec::new() };
    let mut fields = offered_fields(config);
    for chosen in draft.fields(config).iter().filter(|field| field.path != "network") {
        for within in offered_within(chosen) {
            if !fields.iter().any(|field| field.path == within.path) {
                fields.push(within);
            }
        }
    }
    let presets = recipe.presets.read();
    let networks: Vec<_> = presets.iter().map(|preset| json!(preset.config.network)).collect();
    if networks.len() > 1 {
        let after_batch = fields.iter().position(|field| field.path.starts_with("optimizer")).unwrap_or(0);
        fields.insert(after_batch, Field { path: "network".into(), values: Values::Choices(networks) });
    }
    fields
}
