//! The Train place, a workbench of one screen: the run's status and controls, curves, validation images, and tabs with the details; the settings
//! scroll beside them.

mod adjust;
mod adjustments;
pub mod advice;
mod continuing;
mod controls;
mod curves;
mod feature_time;
mod fold;
mod form;
mod inside;
mod later;
mod outcome;
pub mod run_bar;
mod run_name;
mod samples;
mod search_stage;
mod settings;
mod stage;
pub mod tabs;

use leptos::prelude::*;

use self::fold::FoldedSettings;
use self::later::Later;
use self::samples::{SampleStrip, provide_sample_images};
use self::settings::mode::provide_settings_mode;
use self::settings::shown::provide_shown_setting;
use self::stage::Stage;
use self::tabs::Tabs;
use crate::page::parts::Part;
use crate::page::runs::{self, interrupted};
use crate::page::search;
use crate::page::text::i18n::move_tr;

/// Parts that a visitor need not wait for.
pub const PARTS: [Part; 9] = [
    curves::PART,
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
    provide_sample_images();
    view! {
        <section class="train-place" aria-labelledby="train-title">
            <h1 id="train-title" class="visually-hidden">{move_tr!(train.title)}</h1>
            <div class="bench">
                <Stage />
                <section class="panel charts" aria-label=move_tr!(train.charts)><Later part=curves::PART /></section>
                <SampleStrip />
            </div>
            <div class="settings-column">
                <div class="settings-scroll">
                    <Later part=advice::panel::PART is_quiet=true />
                    <Later part=adjust::PART is_quiet=true />
                    <FoldedSettings />
                </div>
                <p class="hint setting-hint" aria-hidden="true">{move_tr!(train.setting_hint)}</p>
            </div>
            <Tabs />
        </section>
    }
}
