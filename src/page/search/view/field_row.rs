//! One field of the search space: the bounds of its range, or its choices.

use leptos::prelude::*;
use serde_json::Value;

use super::fields::named;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::config::value_text;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::number_field::NumberField;
use kindling_core::config::fields::{self, Range};
use kindling_core::search::{Field, Values};

/// The row is not rebuilt while its field stays, so that a number being typed keeps the keyboard focus.
#[component]
pub fn FieldRow(
    field: Memo<Option<Field>>,
    /// The same field with all its choices; none if the config no longer has it.
    all: Memo<Option<Field>>,
    on_change: impl Fn(Field) + Copy + Send + Sync + 'static,
    on_remove: impl Fn() + 'static,
) -> impl IntoView {
    let path = field.with_untracked(|field| field.as_ref().map(|field| field.path.clone())).unwrap_or_default();
    let path = StoredValue::new(path);
    let recipe = use_recipe();
    let name = move || path.with_value(|path| named(recipe, path));
    let is_range =
        memo(move |_| field.read().as_ref().is_some_and(|field| matches!(field.values, Values::Range { .. })));
    view! {
        <fieldset class="search-field" data-path=path.get_value()>
            <legend class="label">{name}</legend>
            {move || match is_range.get() {
                true => view! { <RangeFields field path on_change /> }.into_any(),
                false => view! { <ChoiceBoxes field all on_change /> }.into_any(),
            }}
            <button
                type="button"
                class="button is-quiet"
                aria-label=move || tr!(search.remove, name = name())
                on:click=move |_| on_remove()
            >
                <Glyph icon=Icon::Close />
            </button>
        </fieldset>
    }
}

#[component]
fn RangeFields(
    field: Memo<Option<Field>>,
    path: StoredValue<String>,
    on_change: impl Fn(Field) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let values = move || match field.read().as_ref().map(|field| field.values.clone()) {
        Some(Values::Range { least, most, is_log, is_whole }) => (least, most, is_log, is_whole),
        Some(Values::Choices(_)) | None => (0.0, 1.0, false, false),
    };
    let is_whole = untrack(values).3;
    // A layer's values are not in the table of fields: the trial's shape check refuses what does not fit.
    let range = path.with_value(|path| fields::find(path)?.range()).map_or((0.0, 1e9), Range::ends);
    let change = move |change: &dyn Fn(&mut f64, &mut f64, &mut bool)| {
        let (mut least, mut most, mut is_log, is_whole) = untrack(values);
        change(&mut least, &mut most, &mut is_log);
        let values = Values::Range { least, most, is_log, is_whole };
        on_change(Field { path: path.get_value(), values });
    };
    let id = move |end: &str| path.with_value(|path| format!("search-{end}-{}", path.replace('.', "-")));
    view! {
        <div class="search-range">
            <NumberField
                id=id("least")
                label=Signal::derive(move_tr!(search.least))
                hint=Signal::derive(String::new)
                value=Signal::derive(move || values().0)
                range
                is_whole
                on_change=move |new: f64| change(&|least, _, _| *least = new)
            />
            <NumberField
                id=id("most")
                label=Signal::derive(move_tr!(search.most))
                hint=Signal::derive(String::new)
                value=Signal::derive(move || values().1)
                range
                is_whole
                on_change=move |new: f64| change(&|_, most, _| *most = new)
            />
            <label class="inline-field" title=move_tr!(search.log_why)>
                <input
                    type="checkbox"
                    prop:checked=move || values().2
                    on:change:target=move |event| change(&|_, _, is_log| *is_log = event.target().checked())
                />
                {move_tr!(search.log)}
            </label>
        </div>
    }
}

#[component]
fn ChoiceBoxes(
    field: Memo<Option<Field>>,
    all: Memo<Option<Field>>,
    on_change: impl Fn(Field) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let choices = |field: &Option<Field>| match field.as_ref().map(|field| field.values.clone()) {
        Some(Values::Choices(choices)) => choices,
        Some(Values::Range { .. }) | None => Vec::new(),
    };
    let chosen = memo(move |_| choices(&field.read()));
    // Chosen values can be deselected even if the config no longer offers them.
    let offered = memo(move |_| {
        let mut offered = choices(&all.read());
        let missing: Vec<Value> = chosen.read().iter().filter(|choice| !offered.contains(choice)).cloned().collect();
        offered.extend(missing);
        offered
    });
    let toggle = move |choice: &Value, is_chosen: bool| {
        let Some(field) = field.get_untracked() else { return };
        // Keeps the order in which the choices are offered.
        let is_wanted = |it: &Value| if it == choice { is_chosen } else { chosen.read_untracked().contains(it) };
        let wanted = offered.get_untracked().into_iter().filter(is_wanted).collect();
        on_change(Field { values: Values::Choices(wanted), ..field });
    };
    let check_box = move |choice: Value| {
        let name = value_text(&choice);
        let of = choice.clone();
        view! {
            <label class="inline-field">
                <input
                    type="checkbox"
                    prop:checked=move || chosen.read().contains(&of)
                    on:change:target=move |event| toggle(&choice, event.target().checked())
                />
                {name}
            </label>
        }
    };
    view! {
        <div class="search-choices">{move || offered.get().into_iter().map(check_box).collect_view()}</div>
    }
}
