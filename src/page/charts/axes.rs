//! A chart's axes and vertical lines.

use leptos::prelude::*;

use super::chart::StepMark;
use crate::page::charts::drawing::{BOTTOM, Drawing, HEIGHT, LEFT, RIGHT, TOP, epoch_ends};
use crate::page::charts::scale::{Scale, ScaleKind};
use crate::page::text::format::count;

/// The horizontal axis; steps by default.
#[derive(Clone, Copy, Debug)]
pub struct XAxis {
    pub kind: ScaleKind,
    /// Formats a tick's value.
    pub format: fn(f64) -> String,
}

impl Default for XAxis {
    fn default() -> Self {
        Self { kind: ScaleKind::Linear, format: |step| count(step as u64) }
    }
}

#[component]
pub(super) fn Axes(
    drawing: Memo<Drawing>,
    format: fn(f64) -> String,
    x_axis: XAxis,
    x_name: Signal<String>,
    steps_per_epoch: Signal<Option<u32>>,
    has_points: Memo<bool>,
) -> impl IntoView {
    let horizontal = move || {
        let drawing = drawing.read();
        let right = drawing.width - RIGHT;
        let labels = if has_points.get() { distinct(&drawing.y.ticks(4), format) } else { Vec::new() };
        let label = |tick: f64| labels.iter().find(|(of, _)| *of == tick).map(|(_, label)| label.clone());
        let ticks = drawing.y.ticks(4).into_iter();
        let ticks = ticks.filter_map(|tick| Some((tick, drawing.y.position(tick)?)));
        ticks
            .map(|(tick, y)| {
                view! {
                    <line class="grid" x1=LEFT x2=right y1=y y2=y />
                    <text class="tick" x=LEFT - 6.0 y=y + 4.0 text-anchor="end">{label(tick)}</text>
                }
            })
            .collect_view()
    };
    let vertical = move || {
        if !has_points.get() {
            return Vec::new();
        }
        let drawing = drawing.read();
        let n_ticks = (drawing.width / 90.0).max(2.0) as usize;
        let ticks = match steps_per_epoch.get().filter(|steps| *steps > 0) {
            Some(steps) => epoch_ticks(drawing.x, n_ticks, steps),
            None => {
                // Steps are whole numbers, so a short run has fewer ticks.
                let ticks = drawing.x.ticks(n_ticks).into_iter();
                let ticks = ticks.filter(|tick| x_axis.kind == ScaleKind::Log || tick.fract() == 0.0);
                ticks.map(|tick| (tick, (x_axis.format)(tick))).collect()
            }
        };
        ticks
            .into_iter()
            .filter_map(|(tick, label)| Some((drawing.x.position(tick)?, label)))
            .map(|(x, label)| {
                view! {
                    <line class="tick-mark" x1=x x2=x y1=HEIGHT - BOTTOM y2=HEIGHT - BOTTOM + 4.0 />
                    <text class="tick" x=x y=HEIGHT - BOTTOM + 16.0 text-anchor="middle">{label}</text>
                }
            })
            .collect::<Vec<_>>()
    };
    let epochs = move || {
        let drawing = drawing.read();
        let ends = epoch_ends(steps_per_epoch.get(), drawing.x, drawing.width);
        let places = ends.into_iter().filter_map(|step| drawing.x.position(step));
        places.map(|x| view! { <line class="epoch-end" x1=x x2=x y1=TOP y2=HEIGHT - BOTTOM /> }).collect_view()
    };
    let middle = move || LEFT + (drawing.read().width - LEFT - RIGHT) / 2.0;
    view! {
        <g class="axes">
            {horizontal}
            {vertical}
            {epochs}
            <text class="axis-name" x=middle y=HEIGHT - 4.0 text-anchor="middle">{x_name}</text>
        </g>
    }
}

/// The ticks with their labels, without those that repeat the label before them.
fn distinct(ticks: &[f64], format: fn(f64) -> String) -> Vec<(f64, String)> {
    let mut labels: Vec<(f64, String)> = Vec::new();
    for tick in ticks {
        let label = without_zeros(&format(*tick));
        if labels.last().is_none_or(|(_, before)| *before != label) {
            labels.push((*tick, label));
        }
    }
    labels
}

/// `0.50` as `0.5`, `25.0%` as `25%`; powers of ten stay as they are.
fn without_zeros(label: &str) -> String {
    let (number, unit) = label.strip_suffix('%').map_or((label, ""), |number| (number, "%"));
    if !number.contains('.') || number.contains('e') {
        return label.to_owned();
    }
    format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.'))
}

/// Steps at round numbers of epochs, with these numbers.
fn epoch_ticks(x: Scale, n_ticks: usize, steps_per_epoch: u32) -> Vec<(f64, String)> {
    let steps = f64::from(steps_per_epoch);
    let in_epochs = x.over(steps).ticks(n_ticks);
    // Three decimals, for the first moments of a run.
    in_epochs.into_iter().map(|epoch| (epoch * steps, without_zeros(&format!("{epoch:.3}")))).collect()
}

#[component]
pub(super) fn StepMarks(drawing: Memo<Drawing>, marks: Signal<Vec<StepMark>>) -> impl IntoView {
    move || {
        let drawing = drawing.read();
        let placed = marks.get().into_iter().filter_map(|mark| Some((drawing.x.position(mark.step)?, mark.title)));
        let line = |(x, title): (f64, String)| {
            view! { <line class="step-mark" x1=x x2=x y1=TOP y2=HEIGHT - BOTTOM><title>{title}</title></line> }
        };
        placed.filter(|(x, _)| *x <= drawing.width - RIGHT).map(line).collect_view()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::text::format::percent;

    #[test]
    fn no_label_is_there_twice() {
        let labels = |ticks: &[f64]| distinct(ticks, percent).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(&[0.0935, 0.0938, 0.094, 0.095]), ["9.4%", "9.5%"]);
        assert_eq!(labels(&[0.0, 0.25, 0.5, 0.75, 1.0]), ["0%", "25%", "50%", "75%", "100%"]);
        assert_eq!(without_zeros("1.50e21"), "1.50e21");
        assert_eq!(without_zeros("100"), "100");
    }

    #[test]
    fn a_run_is_counted_in_epochs() {
        let ticks = |last: f64| epoch_ticks(Scale::new(ScaleKind::Linear, (0.0, last), (0.0, 400.0)), 5, 540);
        let labels = |last: f64| ticks(last).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(1620.0), ["0", "1", "2", "3"]);
        assert_eq!(labels(270.0), ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(ticks(1620.0)[1].0, 540.0);
    }
}
