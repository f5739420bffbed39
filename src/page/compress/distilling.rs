//! Distillation: a smaller network learns from the model.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::runs::use_runs;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::text::preset::preset_name;
use crate::page::widgets::hint::Hint;
use crate::page::widgets::number_field::NumberField;
use crate::page::widgets::select_field::{Choice, SelectField};
use kindling_core::config::{DistillationConfig, NetworkConfig, RunConfig};
use kindling_core::network::Preset;
use kindling_core::protocol::Failure;
use kindling_core::runs::record::RunRecord;

#[component]
pub fn Distilling(record: Arc<RunRecord>) -> impl IntoView {
    let (store, runs, recipe) = (use_store(), use_runs(), use_recipe());
    let student = RwSignal::new(None::<&'static str>);
    let lesson = RwSignal::new(DistillationConfig::default());
    let failure = RwSignal::new(None::<Failure>);
    let is_active = memo(move |_| store.run.with(RunState::is_active) || recipe.is_starting.get());
    let chosen = memo(move |_| {
        let presets = recipe.presets.read();
        let preset = presets.iter().find(|preset| student.get() == Some(preset.id)).or(presets.first());
        preset.map(|preset| preset.id)
    });
    let choices = move || {
        let choice = |preset: &Preset| Choice { value: preset.id, name: preset_name(preset) };
        recipe.presets.read().iter().map(choice).collect::<Vec<_>>()
    };
    let choose = move |id: String| {
        let presets = recipe.presets.read_untracked();
        student.set(presets.iter().find(|preset| preset.id == id).map(|preset| preset.id));
    };
    let distill = move |_| {
        let preset = recipe
            .presets
            .with_untracked(|presets| presets.iter().find(|preset| chosen.get_untracked() == Some(preset.id)).cloned());
        let Some(preset) = preset.filter(|_| !is_active.get_untracked()) else { return };
        let config = distilled(&preset.config, &record, lesson.get_untracked());
        failure.set(None);
        let id = record.id.clone();
        spawn_local(async move {
            match runs.teacher(&id).await {
                Ok(teacher) => {
                    // That place shows the run, and also how it fails.
                    window().location().set_hash("train").ok();
                    drop(runs.train_taught(config, teacher, |_| {}).await);
                }
                // Does nothing if the visitor has moved on meanwhile.
                Err(why) => {
                    failure.try_set(Some(why));
                }
            }
        });
    };
    view! {
        <div class="compress-distilling">
            <h3>{move_tr!(expert.distillation)}</h3>
            <Hint text=Signal::derive(move_tr!(compress.distillation_why)) term=key_tr!(expert.distillation) />
            <div class="compress-choice">
                <SelectField
                    id="distill-student"
                    label=Signal::derive(move_tr!(compress.student))
                    hint=Signal::derive(move_tr!(compress.student_why))
                    choices=Signal::derive(choices)
                    value=chosen
                    on_change=choose
                />
                <NumberField
                    id="distill-temperature"
                    label=Signal::derive(move_tr!(expert.temperature))
                    hint=Signal::derive(move_tr!(compress.temperature_why))
                    value=Signal::derive(move || lesson.get().temperature)
                    range=(1.0, 100.0)
                    on_change=move |number| lesson.update(|lesson| lesson.temperature = number)
                />
                <NumberField
                    id="distill-weight"
                    label=Signal::derive(move_tr!(expert.teacher_weight))
                    hint=Signal::derive(move_tr!(compress.teacher_weight_why))
                    value=Signal::derive(move || lesson.get().weight)
                    range=(0.0, 1.0)
                    on_change=move |number| lesson.update(|lesson| lesson.weight = number)
                />
            </div>
            // Not disabled, because it would lose the focus.
            <button type="button" class="button" id="distill-start" aria-disabled=move || is_active.get().to_string() on:click=distill>
                {move_tr!(compress.distill)}
            </button>
            {move || failure.get().map(|failure| view! { <p class="failure" role="alert">{move || failure_text(&failure)}</p> })}
        </div>
    }
}

/// The run of a student: as its preset says, on the images of its teacher.
fn distilled(preset: &RunConfig, teacher: &RunRecord, lesson: DistillationConfig) -> RunConfig {
    let network = NetworkConfig { name: format!("{}, distilled", preset.network.name), ..preset.network.clone() };
    let RunConfig { dataset, split, .. } = teacher.config.clone();
    RunConfig { dataset, split, network, distillation: Some(lesson), ..preset.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::SplitConfig;
    use kindling_core::runs::samples::record;

    #[test]
    fn a_student_sees_its_teacher_s_images() {
        let mut teacher = record("one");
        teacher.config.split = SplitConfig { seed: 7, ..SplitConfig::default() };
        let preset = RunConfig::new("another", NetworkConfig::new("Small", vec![]));
        let lesson = DistillationConfig { temperature: 2.0, weight: 0.5 };
        let config = distilled(&preset, &teacher, lesson);
        assert_eq!((&config.dataset, config.split.seed), (&teacher.config.dataset, 7));
        assert_eq!((config.network.name.as_str(), config.distillation), ("Small, distilled", Some(lesson)));
    }
}
