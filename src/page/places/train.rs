//! The place Train: one button starts a run; curves and predictions show how it goes.

mod adjust;
mod adjustments;
mod advice;
mod controls;
mod curves;
mod form;
mod inside;
mod interrupted;
mod outcome;
mod runs;
mod samples;
mod search;
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
use crate::page::catalog::Catalog;
use crate::page::engine_panel::EnginePanel;
use crate::page::i18n::move_tr;
use crate::page::parts::{Part, Parted};
use crate::page::widgets::show::Show;

/// What is not in sight when a visitor comes.
pub const PARTS: [Part; 8] = [
    runs::PART,
    search::PART,
    search::STAGE,
    advice::PART,
    inside::PART,
    interrupted::PART,
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
                    <Later part=advice::PART is_quiet=true />
                    <InsidePanel />
                    <SampleGrid />
                    <Later part=runs::PART />
                    <Later part=search::PART />
                </div>
                <div class="side-column">
                    <RunForm />
                    <EnginePanel />
                </div>
            </div>
        </section>
    }
}

/// A part that is not in sight when a visitor comes.
#[component]
fn Later(part: Part, #[prop(optional)] is_quiet: bool) -> impl IntoView {
    let is_settled = expect_context::<Catalog>().settled();
    view! { <Show when=move || is_settled.get()><Parted part is_quiet /></Show> }
}
