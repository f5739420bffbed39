//! Finds a learning rate: a test on throw-away weights, its curve, and a button that takes the proposal over.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::protocol::{Failure, FailureKind, RatePoint, RateTest};
use crate::ui::failure_text::failure_text;
use crate::ui::format::{figure, percent};
use crate::ui::i18n::{move_tr, tr};
use crate::ui::recipe::use_recipe;
use crate::ui::series::Point;
use crate::ui::state::{EngineState, RunState};
use crate::ui::store::use_store;
use crate::ui::widgets::chart::{Chart, Line, LineStyle, XAxis};
use crate::ui::widgets::chart_scale::{Bounds, ScaleKind, nearest};

/// Steps of a test that are kept; the engine takes a hundred.
const POINTS_LIMIT: usize = 1_000;

const LOSS: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY };

#[derive(Clone, Debug, Default, PartialEq)]
enum Test {
    #[default]
    Idle,
    /// How far it is, 0 to 1, and its points so far.
    Testing {
        fraction: f32,
        points: Vec<RatePoint>,
    },
    Found(RateTest),
    Failed(Failure),
}

impl Test {
    fn is_testing(&self) -> bool {
        matches!(self, Self::Testing { .. })
    }

    fn points(&self) -> &[RatePoint] {
        match self {
            Self::Idle | Self::Failed(_) => &[],
            Self::Testing { points, .. } => points,
            Self::Found(test) => &test.points,
        }
    }

    /// A rate to begin with, as it is shown and taken over.
    fn proposed(&self) -> Option<f64> {
        match self {
            Self::Found(test) => test.proposed.map(rounded),
            Self::Idle | Self::Testing { .. } | Self::Failed(_) => None,
        }
    }
}

#[component]
pub fn RateFinder() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let test = RwSignal::new(Test::default());
    let is_active = Memo::new(move |_| store.run.with(RunState::is_active) || recipe.is_starting.get());
    let is_testing = Memo::new(move |_| test.read().is_testing());
    let can_test = Memo::new(move |_| {
        let has_engine = store.engine.with(|engine| !matches!(engine, EngineState::Failed(_)));
        has_engine && !is_active.get() && recipe.config.read().is_some()
    });
    let withdraw = move || {
        if test.try_with_untracked(Test::is_testing) == Some(true) {
            store.stop_range_test();
        }
    };
    on_cleanup(withdraw);
    // A run has the device for itself, and what was found for another recipe is of no use.
    Effect::watch(
        move || is_active.get(),
        move |is_active, _, _| {
            if *is_active {
                withdraw()
            }
        },
        false,
    );
    let recipe_in_view =
        move || (recipe.preset.get(), recipe.dataset.read().as_ref().map(|dataset| dataset.id.clone()));
    Effect::watch(
        recipe_in_view,
        move |_, _, _| {
            withdraw();
            test.set(Test::Idle)
        },
        false,
    );
    let find = move |_| {
        test.set(Test::Testing { fraction: 0.0, points: Vec::new() });
        let on_progress = move |fraction: f32, new: &[RatePoint]| {
            // The page may show something else by now.
            test.try_update(|test| {
                if let Test::Testing { fraction: known, points } = test {
                    *known = fraction;
                    points.extend(new.iter().take(POINTS_LIMIT.saturating_sub(points.len())));
                }
            });
        };
        spawn_local(async move {
            let result = recipe.find_rate(on_progress).await;
            test.try_update(|test| {
                // Of a test that was given up, nobody wants to know.
                if test.is_testing() {
                    *test = match result {
                        Ok(found) => Test::Found(found),
                        Err(failure) if failure.kind == FailureKind::Canceled => Test::Idle,
                        Err(failure) => Test::Failed(failure),
                    };
                }
            });
        });
    };
    let take = move |_| {
        if let Some(rate) = test.read_untracked().proposed() {
            recipe.change(|config| config.learning_rate = rate);
        }
    };
    view! {
        <p class="hint" id="find-rate-why">{move_tr!(expert.finder_why)}</p>
        <Show
            when=move || is_testing.get()
            fallback=move || view! {
                <button
                    type="button"
                    class="button"
                    id="find-rate"
                    aria-describedby="find-rate-why find-rate-state"
                    disabled=move || !can_test.get()
                    on:click=find
                >
                    {move_tr!(expert.find_rate)}
                </button>
            }
        >
            <button type="button" class="button" id="find-rate-stop" on:click=move |_| withdraw()>
                {move_tr!(expert.find_rate_stop)}
            </button>
        </Show>
        <p class="hint" id="find-rate-state" role="status">
            {move || if is_active.get() { tr!(expert.finder_waits) } else { state_text(&test.read()) }}
        </p>
        <Show when=move || !test.read().points().is_empty()><TestChart test /></Show>
        <Show when=move || test.read().proposed().is_some()>
            <button type="button" class="button is-primary" id="take-rate" on:click=take>
                {move || test.read().proposed().map(|rate| tr!(expert.take_rate, rate = rate))}
            </button>
        </Show>
    }
}

#[component]
fn TestChart(test: RwSignal<Test>) -> impl IntoView {
    let lines = Signal::derive(move || {
        let test = test.read();
        let points: Vec<_> = test.points().iter().map(point).collect();
        let proposed = test.proposed().and_then(|rate| nearest(&points, rate));
        let proposed = proposed.map(|point| Line { points: [point].into(), style: LineStyle::Marked });
        std::iter::once(Line { points: points.into(), style: LineStyle::Exact }).chain(proposed).collect::<Vec<_>>()
    });
    let names = Signal::derive(move || {
        let proposed = test.read().proposed().map(|_| tr!(expert.proposed));
        std::iter::once(tr!(train.loss)).chain(proposed).collect::<Vec<_>>()
    });
    view! {
        <div id="rate-test">
            <Chart
                name=Signal::derive(|| tr!(expert.loss_by_rate))
                lines
                line_names=names
                format=figure
                bounds=LOSS
                kind=ScaleKind::Linear
                smoothing=0.0
                step_name=|rate| tr!(expert.at_rate, rate = figure(rate))
                x_name=Signal::derive(|| tr!(expert.rate_axis))
                x_axis=XAxis { kind: ScaleKind::Log, format: |rate| format!("{rate:e}") }
                empty=Signal::derive(String::new)
                steps_per_epoch=Signal::stored(None)
            />
        </div>
    }
}

fn state_text(test: &Test) -> String {
    match test {
        Test::Idle => String::new(),
        Test::Testing { fraction, .. } => tr!(expert.testing, share = percent(f64::from(*fraction))),
        Test::Found(test) if test.proposed.is_none() => tr!(expert.no_proposal),
        Test::Found(_) => tr!(expert.found),
        Test::Failed(failure) => failure_text(failure),
    }
}

/// The chart's horizontal axis is the rate.
fn point(of: &RatePoint) -> Point {
    Point { step: of.learning_rate, value: of.loss.into() }
}

/// To two digits that count: more would claim what the test does not know.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposals_have_two_digits() {
        assert_eq!(rounded(0.012_345), 0.012);
        assert_eq!(rounded(0.000_998), 0.001);
        assert_eq!(rounded(3.0), 3.0);
    }

    #[test]
    fn only_a_test_that_found_something_proposes() {
        let points = vec![RatePoint { learning_rate: 0.1, loss: 2.0 }];
        assert_eq!(Test::Testing { fraction: 0.5, points: points.clone() }.proposed(), None);
        assert_eq!(Test::Found(RateTest { points: points.clone(), proposed: None }).proposed(), None);
        assert_eq!(Test::Found(RateTest { points, proposed: Some(0.0123) }).proposed(), Some(0.012));
    }
}
