//! The learning rate of the coming run, or of the one under way with where it is now.

use leptos::prelude::*;

use super::rate_curve::Course;
use crate::protocol::{NetworkConfig, RunConfig};
use crate::ui::format::{count, figure};
use crate::ui::i18n::tr;
use crate::ui::recipe::use_recipe;
use crate::ui::state::RunState;
use crate::ui::store::use_store;
use crate::ui::widgets::chart::{Chart, Line, LineStyle};
use crate::ui::widgets::chart_scale::{Bounds, ScaleKind};

const RATE: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY };

#[component]
pub fn RateChart() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let running = Memo::new(move |_| store.run.with(course_under_way));
    let coming = Memo::new(move |_| {
        let n_train = recipe.dataset.read().as_ref()?.counts.train;
        let config = recipe.config.read();
        let config = config.as_ref()?;
        // Of the network, which may be large, the rate knows nothing.
        let network = NetworkConfig { layers: Vec::new(), ..config.network.clone() };
        Some(Course::coming(RunConfig { network, ..config.clone() }, n_train))
    });
    let course = Memo::new(move |_| running.get().or_else(|| coming.get()));
    let curve = Memo::new(move |_| course.read().as_ref().map(Course::curve).unwrap_or_default());
    let now =
        Memo::new(move |_| store.run.with(|run| run.run().filter(|_| run.is_active()).map(|run| run.progress.step)));
    let lines = Signal::derive(move || {
        let line = Line { points: curve.get().into(), style: LineStyle::Exact };
        let here = now.get().zip(course.read().as_ref()).map(|(step, course)| course.point(step));
        let here = here.map(|point| Line { points: [point].into(), style: LineStyle::Marked });
        std::iter::once(line).chain(here).collect::<Vec<_>>()
    });
    let names = Signal::derive(move || {
        let here = running.with(Option::is_some).then(|| tr!(expert.now));
        std::iter::once(tr!(expert.over_the_run)).chain(here).collect::<Vec<_>>()
    });
    view! {
        <div id="rate-curve">
            <Chart
                name=Signal::derive(|| tr!(train.learning_rate))
                lines
                line_names=names
                format=figure
                bounds=RATE
                kind=ScaleKind::Linear
                smoothing=0.0
                step_name=|step| tr!(expert.at_step, step = count(step as u64))
                x_name=Signal::derive(|| tr!(train.x_axis))
                empty=Signal::derive(|| tr!(expert.curve_wait))
                steps_per_epoch=Signal::derive(move || course.read().as_ref().map(|course| course.steps_per_epoch))
            />
        </div>
    }
}

fn course_under_way(state: &RunState) -> Option<Course> {
    let run = state.run().filter(|_| state.is_active())?;
    let plan = run.plan?;
    Some(Course {
        config: (*run.config).clone(),
        steps_per_epoch: plan.steps_per_epoch,
        total_steps: plan.total_steps,
        adjustments: run.adjustments.clone(),
        epochs: run.epochs.clone(),
    })
}
