//! Numbers of a config as data: how each is read and written, its range, and its explanation.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::text_of;
use crate::page::widgets::number_field::NumberField;
use crate::page::widgets::show::Show;
use kindling_core::config::RunConfig;
use kindling_core::config::fields::{ConfigField, Range};

/// A number of a run's config, or of a part of one.
#[derive(Debug)]
pub struct Number<C: 'static = RunConfig> {
    /// The DOM id, unique on the page; tests find the field by it.
    pub id: &'static str,
    /// The number's range and name.
    pub field: &'static ConfigField,
    /// The explanation of the number, tracked by the language.
    pub why: fn() -> String,
    pub value: Value<C>,
}

impl<C> Number<C> {
    /// The minimum and maximum that can be typed.
    fn ends(&self) -> (f64, f64) {
        let (min, max) = ends(self.field);
        // An empty field is 0, which stands for None.
        if self.field.is_optional() { (0.0, max) } else { (min, max) }
    }
}

/// The minimum and maximum of a config field in a form.
pub fn ends(field: &ConfigField) -> (f64, f64) {
    field.range().map_or((0.0, 0.0), Range::ends)
}

/// Access to a number of a config.
#[derive(Debug)]
pub struct Value<C: 'static = RunConfig> {
    /// None if the config has no such number, for example that of another optimizer.
    pub read: fn(&C) -> Option<f64>,
    pub write: Write<C>,
}

pub type Write<C> = fn(&mut C, f64);

/// The number that a pattern finds in a field of the config: `found!(optimizer, OptimizerConfig::Lion { beta1, .. } => beta1)`.
macro_rules! found {
    ($field:ident, $pattern:pat => $value:ident) => {
        $crate::page::train::settings::number::Value {
            read: |config| match &config.$field {
                $pattern => Some((*$value).into()),
                _ => None,
            },
            write: |config, number| {
                if let $pattern = &mut config.$field {
                    *$value = number as _;
                }
            },
        }
    };
}

/// A number that every config has: `always!(seed)`.
macro_rules! always {
    ($($field:ident).+) => {
        $crate::page::train::settings::number::Value {
            read: |config| Some(config.$($field).+.into()),
            write: |config, number| config.$($field).+ = number as _,
        }
    };
}

pub(crate) use {always, found};

/// Form fields for the numbers that the next run's config has.
#[component]
pub fn NumberSettings(numbers: &'static [Number]) -> impl IntoView {
    let recipe = use_recipe();
    let change = move |write: Write<RunConfig>, new| recipe.change(|config| write(config, new));
    view! { <NumberFields numbers config=recipe.config change /> }
}

/// Form fields for the numbers that a config has.
#[component]
pub fn NumberFields<C: Send + Sync + 'static>(
    numbers: &'static [Number<C>],
    /// Prefix of the DOM ids, for a second set of these fields on the page.
    #[prop(optional)]
    id_prefix: &'static str,
    #[prop(into)] config: Signal<Option<C>>,
    change: impl Fn(Write<C>, f64) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let field = move |number: &'static Number<C>| {
        let value = memo(move |_| config.read().as_ref().and_then(number.value.read));
        let is_there = memo(move |_| value.get().is_some());
        view! {
            <Show when=move || is_there.get()>
                <NumberField
                    id=format!("{id_prefix}{}", number.id)
                    label=Signal::derive(move || text_of(number.field.text))
                    hint=Signal::derive(number.why)
                    term=number.field.text
                    value=Signal::derive(move || value.get().unwrap_or_default())
                    range=number.ends()
                    is_whole=number.field.is_integer()
                    can_be_empty=number.field.is_optional()
                    on_change=move |new: f64| change(number.value.write, new)
                />
            </Show>
        }
    };
    numbers.iter().map(field).collect_view()
}

#[cfg(test)]
pub mod tests {
    //! The check that every number of the settings passes.

    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;
    use kindling_core::config::fields;

    /// Checks that each number that the config has is in range and is read and written at its field's path. `part` is the path of the config within a
    /// run's config. Returns the paths of the numbers that the config has.
    pub fn check<C: Clone + Serialize>(numbers: &[Number<C>], config: &C, part: &str) -> Vec<&'static str> {
        let mut there = Vec::new();
        for number in numbers {
            let path = number.field.path;
            let Some(before) = (number.value.read)(config) else { continue };
            let (min, max) = number.ends();
            assert!((min..=max).contains(&before), "{path}: {before} is not from {min} to {max}");
            let new = if number.field.is_integer() { before + 1.0 } else { min + (max.min(min + 1.0) - min) / 4.0 };
            let mut changed = config.clone();
            (number.value.write)(&mut changed, new);
            assert_eq!((number.value.read)(&changed), Some(new), "{path}");
            let (old, new) = (flat(part, &json!(config)), flat(part, &json!(changed)));
            let differs: Vec<_> = new.iter().filter(|it| !old.contains(it)).map(|(path, _)| path.as_str()).collect();
            assert!(differs.len() == 1, "{path}: {differs:?}");
            let found = differs.first().and_then(|path| fields::find(path)).map(|field| field.path);
            assert_eq!(found, Some(path), "what is written is elsewhere");
            there.push(path);
        }
        there
    }

    /// The leaf values of a JSON value by path.
    fn flat(path: &str, value: &Value) -> Vec<(String, Value)> {
        match value {
            Value::Object(fields) => {
                let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                fields.iter().flat_map(|(name, value)| flat(&below(name), value)).collect()
            }
            value => vec![(path.to_owned(), value.clone())],
        }
    }
}
