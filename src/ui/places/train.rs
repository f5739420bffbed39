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

use self::advice::AdvicePanel;
use self::curves::RunCharts;
use self::form::RunForm;
use self::inside::InsidePanel;
use self::runs::RunsPanel;
use self::samples::SampleGrid;
use self::search::SearchPanel;
use self::settings::mode::provide_settings_mode;
use self::settings::shown::provide_shown_setting;
use self::stage::Stage;
use crate::ui::engine_panel::EnginePanel;
use crate::ui::i18n::move_tr;

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
                    <AdvicePanel />
                    <InsidePanel />
                    <SampleGrid />
                    <RunsPanel />
                    <SearchPanel />
                </div>
                <div class="side-column">
                    <RunForm />
                    <EnginePanel />
                </div>
            </div>
        </section>
    }
}
