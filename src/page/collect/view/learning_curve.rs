//! What the labels that the model asked for have taught: accuracy against their number, beside the same labels in random order. Part of the tray.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Panel, use_panel};
use crate::page::charts::chart::{Chart, Line, LineStyle};
use crate::page::charts::scale::{Bounds, ScaleKind};
use crate::page::collect::tray::{Asking, asked_for};
use crate::page::reactive::{memo, watch};
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{count, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Why;
use crate::page::widgets::show::Show;
use kindling_core::active_learning::has_flattened;
use kindling_core::label_curve::{ASKED_MIN, N_DRAWS};
use kindling_core::protocol::question::TraceLabels;
use kindling_core::protocol::{Failure, FailureKind, LabelCurve, LabelPoint, RequestId};
use kindling_core::runs::series::Point;

const ACCURACY: Bounds = Bounds { lowest: 0.0, highest: 1.0, is_whole: false };

/// Fewer validation images are mentioned: one of them is more than a percentage point.
const FEW_VALIDATED: u32 = 100;

#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    #[default]
    None,
    /// The completed fraction.
    Running(f32),
    Done(Arc<LabelCurve>),
    Failed(Failure),
}

#[component]
pub fn LearningCurve(asking: Asking) -> impl IntoView {
    let Panel { collector, source, .. } = use_panel();
    let store = use_store();
    let state = RwSignal::new(State::None);
    let request = StoredValue::new(None::<RequestId>);
    let is_running = memo(move |_| matches!(*state.read(), State::Running(_)));
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let asked = memo(move |_| collector.images.with(|images| asked_for(images)));
    let model = memo(move |_| source.get().filter(|source| source.network.is_some()));
    let stop = move || {
        if let Some(request) = request.try_update_value(Option::take).flatten() {
            store.withdraw(request);
        }
    };
    // A curve is that of a model.
    watch(
        move || model.get(),
        move |_, _| {
            stop();
            state.set(State::None);
        },
        false,
    );
    on_cleanup(stop);
    let start = move || {
        let question = TraceLabels { asked: asked.get_untracked() };
        let of = model.get_untracked();
        state.set(State::Running(0.0));
        let on_progress = move |fraction| {
            state.try_update(|state| {
                if let State::Running(latest) = state {
                    *latest = fraction;
                }
            });
        };
        spawn_local(async move {
            let opened = move |opened| {
                request.try_update_value(|request| *request = Some(opened));
            };
            let result = store.ask_withdrawable(question, on_progress, opened).await;
            // The panel may be gone, or the model another one.
            if model.try_get_untracked() != Some(of) {
                return;
            }
            request.try_update_value(Option::take);
            state.try_set(match result {
                Ok(curve) => State::Done(Arc::new(curve)),
                Err(failure) if failure.kind == FailureKind::Canceled => State::None,
                Err(failure) => State::Failed(failure),
            });
        });
    };
    let missing = move || match asked.read().len() {
        _ if model.read().is_none() => Some(tr!(tray.curve_no_model)),
        n_asked if n_asked < ASKED_MIN => {
            Some(tr!(tray.curve_few, count = count(n_asked as u64), min = count(ASKED_MIN as u64)))
        }
        _ => None,
    };
    let curve = memo(move |_| match &*state.read() {
        State::Done(curve) => Some(curve.clone()),
        State::None | State::Running(_) | State::Failed(_) => None,
    });
    view! {
        <Show when=move || !asked.read().is_empty()>
            <h4>{move_tr!(tray.curve)}</h4>
            <Why text=key_tr!(tray.curve_why) />
            <div class="controls">
                // One button for both, so that it keeps keyboard focus.
                <button
                    type="button"
                    class="button"
                    id="tray-curve"
                    disabled=move || !is_running.get() && (is_active.get() || missing().is_some())
                    on:click=move |_| if is_running.get_untracked() { stop() } else { start() }
                >
                    {move || if is_running.get() { tr!(load.cancel) } else { tr!(tray.curve_draw) }}
                </button>
                <span class="hint">{missing}</span>
            </div>
            {move || match &*state.read() {
                State::Running(fraction) => Some(view! { <progress max="1" value=*fraction aria-label=move_tr!(tray.curve)></progress> }),
                State::None | State::Done(_) | State::Failed(_) => None,
            }}
            <div role="status">
                {move || match &*state.read() {
                    State::Done(curve) => view! { <p>{summary(curve)}</p> }.into_any(),
                    State::Failed(failure) => view! { <p class="failure">{failure_text(failure)}</p> }.into_any(),
                    State::None | State::Running(_) => ().into_any(),
                }}
            </div>
            // Where the answers have told it already, the hint beside them is enough.
            <Show when=move || curve.get().is_some_and(|curve| has_flattened(&curve)) && !asking.answers.read().has_stopped_teaching()>
                <p class="hint">{move_tr!(tray.curve_flat)}</p>
            </Show>
            <Show when=move || curve.get().is_some_and(|curve| !curve.points.is_empty())><CurveChart curve /></Show>
        </Show>
    }
}

/// The same in words: both lines where they differ most plainly, and their common end.
fn summary(curve: &LabelCurve) -> String {
    let images = count(curve.n_validation);
    let [.., before, last] = curve.points[..] else {
        return match curve.n_validation {
            0 => tr!(tray.curve_no_validation),
            _ => tr!(tray.curve_few_trained, count = count(curve.n_asked), min = count(ASKED_MIN as u64)),
        };
    };
    let percent = |accuracy: f32| percent(accuracy.into());
    let at = tr!(
        tray.curve_at,
        count = count(before.n_labels),
        asked = percent(before.asked),
        random = percent(before.random),
        lowest = percent(before.lowest),
        highest = percent(before.highest)
    );
    let end = tr!(tray.curve_end, count = count(last.n_labels), accuracy = percent(last.asked));
    let mut sentences = vec![at, end, tr!(tray.curve_measured, count = images, draws = N_DRAWS)];
    if curve.n_validation < FEW_VALIDATED {
        sentences.push(tr!(tray.curve_few_validated, fraction = percent(1.0 / curve.n_validation as f32)));
    }
    sentences.join(" ")
}

#[component]
fn CurveChart(curve: Memo<Option<Arc<LabelCurve>>>) -> impl IntoView {
    let lines = Signal::derive(move || {
        let curve = curve.get().unwrap_or_default();
        lines_of(&curve.points)
    });
    let names = || vec![tr!(tray.curve_asked), tr!(tray.curve_random), tr!(tray.curve_lowest), tr!(tray.curve_highest)];
    view! {
        <Chart
            name=Signal::derive(move_tr!(train.validation_accuracy))
            lines
            line_names=Signal::derive(names)
            format=percent
            bounds=ACCURACY
            kind=ScaleKind::Linear
            smoothing=0.0
            step_name=|labels: f64| tr!(tray.curve_labels, count = count(labels as u64))
            x_name=Signal::derive(move_tr!(tray.curve_axis))
            empty=String::new()
            steps_per_epoch=None
        />
    }
}

/// The lines of the chart: asked for, the mean of the random draws, and the band between the lowest and the highest of them.
fn lines_of(points: &[LabelPoint]) -> Vec<Line> {
    let line = |value: fn(&LabelPoint) -> f32| {
        let point = |point: &LabelPoint| Point { step: point.n_labels.into(), value: value(point).into() };
        points.iter().map(point).collect::<Vec<_>>()
    };
    let (lowest, highest) = (line(|point| point.lowest), line(|point| point.highest));
    let band: Vec<Point> = highest.iter().chain(lowest.iter().rev()).copied().collect();
    vec![
        Line::new(line(|point| point.asked), LineStyle::OneOf(0)),
        Line::new(line(|point| point.random), LineStyle::OneOf(1)),
        Line { figures: Some(lowest.into()), ..Line::new(band, LineStyle::Band) },
        // It has no area of its own, only figures.
        Line { figures: Some(highest.into()), ..Line::new(Vec::<Point>::new(), LineStyle::Band) },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(n_validation: u32) -> LabelCurve {
        let point = |n_labels, asked, random| LabelPoint {
            n_labels,
            asked,
            random,
            lowest: random - 0.04,
            highest: random + 0.03,
        };
        let last = LabelPoint { n_labels: 72, asked: 0.86, random: 0.86, lowest: 0.86, highest: 0.86 };
        LabelCurve {
            points: vec![point(0, 0.5, 0.5), point(40, 0.83, 0.78), last],
            n_asked: 72,
            n_start: 20,
            n_validation,
        }
    }

    #[test]
    fn the_sentence_says_what_the_chart_shows() {
        let text = summary(&curve(200));
        assert!(
            text.starts_with("With 40 labels asked for: 83.0%; with 40 at random: 78.0% (74.0% to 81.0%)."),
            "{text}"
        );
        assert!(text.contains("With all 72: 86.0%") && text.contains("200 validation images"), "{text}");
        assert!(!text.contains("chance") && summary(&curve(10)).contains("10.0%"));
    }

    #[test]
    fn what_is_missing_is_said() {
        let none = LabelCurve { n_asked: 5, n_start: 20, n_validation: 9, points: Vec::new() };
        assert!(summary(&none).contains('5'), "{}", summary(&none));
        assert_eq!(summary(&LabelCurve { n_validation: 0, ..none }), tr!(tray.curve_no_validation));
    }

    #[test]
    fn the_band_leads_there_and_back() {
        let lines = lines_of(&curve(200).points);
        let steps: Vec<f64> = lines[2].points.iter().map(|point| point.step).collect();
        assert_eq!(steps, [0.0, 40.0, 72.0, 72.0, 40.0, 0.0]);
        assert!(lines[2].points[1].value > lines[2].points[4].value);
        assert_eq!(lines[3].figures.as_ref().map(|it| it.len()), Some(3));
    }
}
