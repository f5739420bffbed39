//! A chart's axes and vertical lines.

use leptos::prelude::*;

use super::chart::StepMark;
use crate::page::charts::drawing::{BOTTOM, Drawing, HEIGHT, LEFT, RIGHT, TOP, epoch_ends};
use crate::page::charts::scale::ScaleKind;
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
        let ticks = drawing.y.ticks(4).into_iter();
        let ticks = ticks.filter_map(|tick| Some((tick, drawing.y.position(tick)?)));
        ticks
            .map(|(tick, y)| {
                view! {
                    <line class="grid" x1=LEFT x2=right y1=y y2=y />
                    <text class="tick" x=LEFT - 6.0 y=y + 4.0 text-anchor="end">
                        {has_points.get().then(|| format(tick))}
                    </text>
                }
            })
            .collect_view()
    };
    let vertical = move || {
        if !has_points.get() {
            return Vec::new();
        }
        let drawing = drawing.read();
        let n_ticks = (drawing.width / 110.0).max(2.0) as usize;
        let ticks = drawing.x.ticks(n_ticks).into_iter();
        // Steps are whole numbers, so a short run has fewer ticks.
        let ticks = ticks.filter(|tick| x_axis.kind == ScaleKind::Log || tick.fract() == 0.0);
        let ticks = ticks.filter_map(|tick| Some((tick, drawing.x.position(tick)?)));
        ticks
            .map(|(tick, x)| {
                view! {
                    <line class="tick-mark" x1=x x2=x y1=HEIGHT - BOTTOM y2=HEIGHT - BOTTOM + 4.0 />
                    <text class="tick" x=x y=HEIGHT - BOTTOM + 16.0 text-anchor="middle">{(x_axis.format)(tick)}</text>
                }
            })
            .collect::<Vec<_>>()
    };
    let epochs = move || {
        let drawing = drawing.read();
        let ends = epoch_ends(steps_per_epoch.get(), drawing.x, drawing.width);
        let places = ends.into_iter().filter_map(|(epoch, step)| Some((epoch, drawing.x.position(step)?)));
        places
            .map(|(epoch, x)| {
                view! {
                    <line class="epoch-end" x1=x x2=x y1=TOP y2=HEIGHT - BOTTOM />
                    <text class="epoch-tick" x=x y=TOP - 8.0 text-anchor="middle">{epoch}</text>
                }
            })
            .collect_view()
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
