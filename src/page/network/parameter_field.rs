//! The form field of one layer parameter.

use leptos::prelude::*;

use crate::page::network::designer::edit::Edit;
use crate::page::network::designer::parameters::{Parameter, Range, value, with_value};
use crate::page::network::names::{option_name, parameter_name};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::widgets::small_number::SmallNumber;
use kindling_core::config::Layer;

#[component]
pub fn ParameterField(
    /// The layer's index, from 0.
    at: usize,
    layer: Memo<Option<Layer>>,
    parameter: Parameter,
) -> impl IntoView {
    let recipe = use_recipe();
    let id = format!("layer-{}-{}", at + 1, parameter.key());
    let now = memo(move |_| layer.read().as_ref().and_then(|layer| value(layer, parameter)).unwrap_or_default());
    let set = move |number: f64| {
        if let Some(layer) = layer.get_untracked() {
            recipe.edit(&Edit::Replace { at, layer: with_value(&layer, parameter, number) });
        }
    };
    let label = Signal::derive(move || parameter_name(parameter));
    match (parameter, parameter.range()) {
        (Parameter::Bias, _) => view! {
            <label class="small-check">
                <input
                    id=id
                    type="checkbox"
                    prop:checked={move || now.get() != 0.0}
                    on:change:target=move |event| set(f64::from(u8::from(event.target().checked())))
                />
                {label}
            </label>
        }
        .into_any(),
        (_, Range::Choice { n_options }) => {
            let options = (0..n_options).map(|option| {
                let is_now = now.get_untracked() == option as f64;
                view! { <option value=option selected=is_now>{move || option_name(parameter, option)}</option> }
            });
            view! {
                <span class="small-field">
                    <label for=id.clone()>{label}</label>
                    <select
                        id=id
                        prop:value=move || now.get().to_string()
                        on:change:target=move |event| set(event.target().value().parse::<u32>().unwrap_or_default().into())
                    >
                        {options.collect_view()}
                    </select>
                </span>
            }
            .into_any()
        }
        (_, Range::Whole { min, max }) => {
            view! { <SmallNumber id label value=now range=(min, max) is_whole=true on_change=set /> }.into_any()
        }
        (_, Range::Fraction { max }) => {
            view! { <SmallNumber id label value=now range=(0.0, max) on_change=set /> }.into_any()
        }
    }
}
