//! The Train place: one button starts a run; curves and predictions show its progress.

mod adjust;
mod adjustments;
pub mod advice;
mod controls;
mod curves;
mod form;
mod inside;
mod outcome;
pub mod run_bar;
mod samples;
mod search_stage;
mod settings;
mod stage;

use leptos::prelude::*;

use self::curves::RunCharts;
use self::form::RunForm;
use self::inside::InsidePanel;
use self::samples::SampleGrid;
use self::settings::mode::provide_settings_mode;
use self::settings::shown::provide_shown_setting;
use self::stage::Stage;
use crate::page::engines::panel::EnginePanel;
use crate::page::parts::{Part, Parted};
use crate::page::recipe::catalog::Catalog;
use crate::page::runs::{self, interrupted};
use crate::page::search;
use crate::page::text::i18n::move_tr;
use crate::page::widgets::show::Show;

/// Parts that are not visible when a visitor arrives.
pub const PARTS: [Part; 8] = [
    runs::view::PART,
    search::view::PART,
    search_stage::PART,
    advice::panel::PART,
    inside::PART,
    interrupted::panel::PART,
    settings::PART,
    adjust::PART,
];

#[component]
pub fn TrainPlace() -> impl IntoView {
    provide_shown_setting();
    provide_settings_mode();
    view! {
        <section class="train-place" aria-labelledby="train-title">
            <header class="place-header">
                <h1 id="train-title">{move_tr!(train.title)}</h1>
                <p>{move_tr!(train.lead)}</p>
            </header>
            <div class="columns">
                <div class="main-column">
                    <Stage />
                    <RunCharts />
                    <Later part=advice::panel::PART is_quiet=true />
                    <InsidePanel />
                    <SampleGrid />
                    <Later part=runs::view::PART />
                    <Later part=search::view::PART />
                </div>
                <div class="side-column">
                    <RunForm />
                    <EnginePanel />
                </div>
            </div>
        </section>
    }
}

/// A part that is not visible when a visitor arrives. Its fetch waits until the catalog's has ended.
#[component]
fn Later(part: Part, #[prop(optional)] is_quiet: bool) -> impl IntoView {
    let is_settled = expect_context::<Catalog>().settled();
    view! { <Show when=move || is_settled.get()><Parted part is_quiet /></Show> }
}
