//! Numbers of a config as data: where each is kept, what it may be, and what it does.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::widgets::number_field::NumberField;
use crate::page::widgets::show::Show;
use kindling_core::config::RunConfig;

/// A share that may not be all.
pub const SHARE: (f64, f64) = (0.0, 0.999_999);

/// What a value is multiplied by to become less, and not nothing.
pub const FACTOR: (f64, f64) = (1e-6, 1.0);

/// A positive number that keeps a division from failing.
pub const EPSILON: (f64, f64) = (1e-12, 1.0);

/// A number of a run's config, or of a part of one.
#[derive(Debug)]
pub struct Number<C: 'static = RunConfig> {
    /// No other element on the page has it; tests find the field by it.
    pub id: &'static str,
    pub label: fn() -> String,
    /// What the number does.
    pub why: fn() -> String,
    /// Least and greatest.
    pub range: (f64, f64),
    pub entry: Entry,
    pub value: Value<C>,
}

/// What can be typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Real,
    Whole,
    /// Empty is 0, which is none.
    RealOrEmpty,
    WholeOrEmpty,
}

/// Where a number is kept.
#[derive(Debug)]
pub struct Value<C: 'static = RunConfig> {
    /// None where the config has no such number: that of another optimizer, for example.
    pub read: fn(&C) -> Option<f64>,
    pub write: Write<C>,
}

pub type Write<C> = fn(&mut C, f64);

/// The number that a pattern finds in a field of the config: `found!(optimizer, OptimizerConfig::Lion { beta1, .. } => beta1)`.
macro_rules! found {
    ($field:ident, $pattern:pat => $value:ident) => {
        $crate::page::places::train::settings::number::Value {
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
        $crate::page::places::train::settings::number::Value {
            read: |config| Some(config.$($field).+.into()),
            write: |config, number| config.$($field).+ = number as _,
        }
    };
}

pub(crate) use {always, found};

/// Fields for those of the numbers that the next run's config has.
#[component]
pub fn NumberSettings(numbers: &'static [Number]) -> impl IntoView {
    let recipe = use_recipe();
    let change = move |write: Write<RunConfig>, new| recipe.change(|config| write(config, new));
    view! { <NumberFields numbers config=recipe.config change /> }
}

/// Fields for those of the numbers that a config has.
#[component]
pub fn NumberFields<C: Send + Sync + 'static>(
    numbers: &'static [Number<C>],
    /// Begins the ids of the fields, where the page has fields for these numbers already.
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
                    label=Signal::derive(number.label)
                    hint=Signal::derive(number.why)
                    value=Signal::derive(move || value.get().unwrap_or_default())
                    range=number.range
                    is_whole=matches!(number.entry, Entry::Whole | Entry::WholeOrEmpty)
                    can_be_empty=matches!(number.entry, Entry::RealOrEmpty | Entry::WholeOrEmpty)
                    on_change=move |new: f64| change(number.value.write, new)
                />
            </Show>
        }
    };
    numbers.iter().map(field).collect_view()
}
