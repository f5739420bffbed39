//! A chart of the learning rate over the next run, or over the active run with its current step marked.

use leptos::prelude::*;

use super::rate_curve::Course;
use crate::page::charts::chart::{Chart, Line, LineStyle};
use crate::page::charts::log_scale::{LogScale, scale_of};
use crate::page::charts::scale::Bounds;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::format::{count, figure};
use crate::page::text::i18n::{move_tr, tr};
use kindling_core::config::ScheduleConfig;

const RATE: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY, is_whole: false };

#[component]
pub fn RateChart() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let running = memo(move |_| store.run.with(course_under_way));
    let coming = memo(move |_| {
        let n_train = recipe.dataset.read().as_ref()?.counts.train;
        recipe.config.read().as_ref().map(|config| Course::coming(config, n_train))
    });
    let course = memo(move |_| running.get().or_else(|| coming.get()));
    let curve = memo(move |_| course.read().as_ref().map(Course::curve).unwrap_or_default());
    let here = memo(move |_| {
        let step = store.run.with(|state| state.run().map(|run| run.progress.step))?;
        running.read().as_ref().map(|course| course.point(step))
    });
    let lines = Signal::derive(move || {
        let line = Line::new(curve.get(), LineStyle::Exact);
        let here = here.get().map(|point| Line::new([point], LineStyle::Marked));
        std::iter::once(line).chain(here).collect::<Vec<_>>()
    });
    let is_running = memo(move |_| running.read().is_some());
    let names = Signal::derive(move || {
        let here = is_running.get().then(|| tr!(expert.now));
        std::iter::once(tr!(expert.over_the_run)).chain(here).collect::<Vec<_>>()
    });
    let is_log = RwSignal::new(false);
    view! {
        <div id="rate-curve">
            <LogScale is_log />
            <Chart
                name=Signal::derive(move_tr!(train.learning_rate))
                lines
                line_names=names
                format=figure
                bounds=RATE
                kind=scale_of(is_log)
                smoothing=0.0
                step_name=|step: f64| tr!(expert.at_step, step = count(step as u64))
                x_name=Signal::derive(move_tr!(train.epochs_axis))
                empty=Signal::derive(move_tr!(expert.curve_wait))
                steps_per_epoch=Signal::derive(move || course.read().as_ref().map(|course| course.steps_per_epoch))
            />
        </div>
    }
}

fn course_under_way(state: &RunState) -> Option<Course> {
    let run = state.run().filter(|_| state.is_active())?;
    let plan = run.plan?;
    let has_plateau = matches!(run.config.schedule, ScheduleConfig::Plateau { .. });
    Some(Course {
        schedule: run.config.schedule,
        base: run.config.learning_rate,
        steps_per_epoch: plan.steps_per_epoch,
        total_steps: plan.total_steps,
        adjustments: run.adjustments.clone(),
        // Only the plateau schedule depends on the epochs' reports.
        epochs: if has_plateau { run.epochs.clone() } else { Vec::new() },
    })
}
