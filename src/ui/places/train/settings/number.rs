//! Numbers of a run's config as data: where each is kept, what it may be, and what it does.

use leptos::prelude::*;

use crate::protocol::RunConfig;
use crate::ui::reactive::memo;
use crate::ui::recipe::use_recipe;
use crate::ui::widgets::number_field::NumberField;
use crate::ui::widgets::show::Show;

/// A share that may not be all.
pub const SHARE: (f64, f64) = (0.0, 0.999_999);

/// What a value is multiplied by to become less, and not nothing.
pub const FACTOR: (f64, f64) = (1e-6, 1.0);

/// A positive number that keeps a division from failing.
pub const EPSILON: (f64, f64) = (1e-12, 1.0);

#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// No other element on the page has it; tests find the field by it.
    pub id: &'static str,
    pub label: fn() -> String,
    /// What the number does.
    pub why: fn() -> String,
    /// Least and greatest.
    pub range: (f64, f64),
    pub entry: Entry,
    pub value: Value,
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
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// None where the config has no such number: that of another optimizer, for example.
    pub read: fn(&RunConfig) -> Option<f64>,
    pub write: fn(&mut RunConfig, f64),
}

/// The number that a pattern finds in a field of the config: `found!(optimizer, OptimizerConfig::Lion { beta1, .. } => beta1)`.
macro_rules! found {
    ($field:ident, $pattern:pat => $value:ident) => {
        $crate::ui::places::train::settings::number::Value {
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

/// A number that every config has: `always!(augment.flip)`.
macro_rules! always {
    ($($field:ident).+) => {
        $crate::ui::places::train::settings::number::Value {
            read: |config| Some(config.$($field).+.into()),
            write: |config, number| config.$($field).+ = number as _,
        }
    };
}

pub(crate) use {always, found};

/// Fields for those of the numbers that the config has.
#[component]
pub fn NumberSettings(numbers: &'static [Number]) -> impl IntoView {
    let recipe = use_recipe();
    let field = move |number: &'static Number| {
        let value = memo(move |_| recipe.read(number.value.read));
        let is_there = memo(move |_| value.get().is_some());
        view! {
            <Show when=move || is_there.get()>
                <NumberField
                    id=number.id
                    label=Signal::derive(number.label)
                    hint=Signal::derive(number.why)
                    value=Signal::derive(move || value.get().unwrap_or_default())
                    range=number.range
                    is_whole=matches!(number.entry, Entry::Whole | Entry::WholeOrEmpty)
                    can_be_empty=matches!(number.entry, Entry::RealOrEmpty | Entry::WholeOrEmpty)
                    on_change=move |new: f64| recipe.change(|config| (number.value.write)(config, new))
                />
            </Show>
        }
    };
    numbers.iter().map(field).collect_view()
}
