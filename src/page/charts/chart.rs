//! A line chart: axes, raw and smoothed lines, and a readout of the values under the pointer or the arrow keys.
//!
//! A component of our own, because leptos-chartistry 0.2 has no logarithmic axis and requires the same x positions for every line (validation
//! points are an epoch apart), and plotters has no hover and is as large as the rest of the page.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{KeyboardEvent, PointerEvent, ResizeObserver};

pub use crate::page::charts::axes::XAxis;
use crate::page::charts::axes::{Axes, StepMarks};
use crate::page::charts::drawing::{
    BOTTOM, CLIP_HEIGHT, Drawing, DrawnLine, HEIGHT, LEFT, MARGIN, RIGHT, Scales, TOP, draw,
};
pub use crate::page::charts::drawing::{Line, LineStyle};
use crate::page::charts::scale::{Bounds, ScaleKind, nearest};
use crate::page::charts::table::FigureTable;
use crate::page::reactive::{effect, memo};
use crate::page::text::format::list;
use crate::page::text::i18n::tr;
use crate::page::widgets::show::Show;

/// Something that happened at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepMark {
    pub step: f64,
    /// What happened, shown as a tooltip.
    pub title: String,
}

#[component]
pub fn Chart(
    /// What is plotted; also the chart's accessible name.
    #[prop(into)]
    name: Signal<String>,
    lines: Signal<Vec<Line>>,
    /// The names of the lines, in their order.
    #[prop(into)]
    line_names: Signal<Vec<String>>,
    /// Formats a value.
    format: fn(f64) -> String,
    #[prop(into)] bounds: Signal<Bounds>,
    #[prop(into)] kind: Signal<ScaleKind>,
    /// Strength of the smoothing, 0 to 1.
    #[prop(into)]
    smoothing: Signal<f64>,
    /// Formats a step for the readout.
    #[prop(into)]
    step_name: Callback<(f64,), String>,
    /// Name of the horizontal axis.
    #[prop(into)]
    x_name: Signal<String>,
    /// The text shown while there is nothing to draw.
    #[prop(into)]
    empty: Signal<String>,
    /// Steps per epoch, for vertical lines at the ends of epochs; None draws no such lines.
    #[prop(into)]
    steps_per_epoch: Signal<Option<u32>>,
    #[prop(optional)] x_axis: XAxis,
    /// Drawn as vertical lines.
    #[prop(optional, into)]
    marks: Signal<Vec<StepMark>>,
    /// The step under the pointer, or chosen with the keyboard, where several charts have one.
    #[prop(optional)]
    cursor: Option<RwSignal<Option<f64>>>,
) -> impl IntoView {
    let frame = NodeRef::<Div>::new();
    let width = RwSignal::new(0.0);
    observe_width(frame, width);
    let cursor = cursor.unwrap_or_else(|| RwSignal::new(None));
    let is_table = RwSignal::new(false);
    let drawing = memo(move |_| {
        let scales = Scales { x: x_axis.kind, y: kind.get(), bounds: bounds.get() };
        draw(&lines.read(), width.get(), scales, smoothing.get())
    });
    let has_points = memo(move |_| {
        drawing.read().lines.iter().any(|line| line.style != LineStyle::Ghost && !line.points.is_empty())
    });

    let clip_width = memo(move |_| (width.get() - LEFT - RIGHT + 2.0 * MARGIN).max(0.0));
    let clip_box = move || format!("{} {} {} {CLIP_HEIGHT}", LEFT - MARGIN, TOP - MARGIN, clip_width.get());

    let on_move = move |event: PointerEvent| {
        cursor.set(has_points.get_untracked().then(|| drawing.read_untracked().x.value(event.offset_x().into())));
    };
    let on_key = move |event: KeyboardEvent| {
        let drawing = drawing.read_untracked();
        if let Some(step) = drawing.after_key(&event.key(), cursor.get_untracked()) {
            event.prevent_default();
            cursor.set(Some(step));
        }
    };
    let readout = move |place: usize| drawing.with(|drawing| figure_at(drawing, place, cursor.get())).map(format);
    let legend = move |place: usize, line_name: String| {
        let style = lines.read_untracked().get(place).map_or(LineStyle::Noisy, |line| line.style);
        let figure = (style != LineStyle::Ghost).then(|| {
            view! { <strong>{move || readout(place).unwrap_or_else(|| "–".to_owned())}</strong> }
        });
        view! {
            <li>
                <svg class="swatch" viewBox="0 0 20 10" aria-hidden="true">
                    <line class=style.class() x1="0" y1="5" x2="20" y2="5" />
                    {matches!(style, LineStyle::Marked | LineStyle::OneOf(_)).then(|| view! { <circle class=style.mark_class() cx="10" cy="5" r="3" /> })}
                </svg>
                <span>{line_name}</span>
                {figure}
            </li>
        }
    };
    // What a screen reader says as the arrow keys move the cursor.
    let spoken = move || {
        let Some(step) = cursor.get() else { return tr!(chart.explore) };
        let names = line_names.get().into_iter().enumerate();
        let figures = names.filter_map(|(place, name)| Some(format!("{name} {}", readout(place)?)));
        list(std::iter::once(step_name.run((step,))).chain(figures))
    };
    let summary = memo(move |_| {
        let drawing = drawing.read();
        let sentences = line_names.get().into_iter().zip(&drawing.lines).filter_map(|(name, line)| {
            let last = line.figures.last()?.value;
            let values = || line.figures.iter().map(|point| point.value);
            let (lowest, highest) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
            let (last, lowest, highest) = (format(last), format(lowest), format(highest));
            Some(tr!(chart.summary, name = name, last = last, lowest = lowest, highest = highest))
        });
        sentences.collect::<Vec<_>>().join(" ")
    });
    let switch_name = move || {
        let to = if is_table.get() { tr!(chart.as_chart) } else { tr!(chart.as_table) };
        format!("{to}: {}", name.get())
    };
    view! {
        <figure class="chart" translate="no">
            <figcaption>
                <span class="chart-name">{name}</span>
                <ul class="chart-legend">
                    {move || line_names.get().into_iter().enumerate().map(|(place, name)| legend(place, name)).collect_view()}
                </ul>
                <span class="chart-step">{move || cursor.get().map(|step| step_name.run((step,)))}</span>
                <button
                    type="button"
                    class="link chart-switch"
                    aria-label=switch_name
                    on:click=move |_| is_table.update(|is_table| *is_table = !*is_table)
                >
                    {move || if is_table.get() { tr!(chart.chart) } else { tr!(chart.table) }}
                </button>
            </figcaption>
            <p class="visually-hidden">{summary}</p>
            <Show when=move || is_table.get()>
                <FigureTable drawing name line_names format step_name x_name />
            </Show>
            <div
                node_ref=frame
                class="chart-frame"
                class:is-hidden=move || is_table.get()
                tabindex="0"
                role="slider"
                aria-label=name
                aria-valuemin="0"
                aria-valuemax=move || drawing.read().last_step()
                aria-valuenow=move || cursor.get().unwrap_or_else(|| drawing.read().last_step())
                aria-valuetext=spoken
                on:pointermove=on_move
                on:pointerdown=on_move
                on:pointerleave=move |_| cursor.set(None)
                on:blur=move |_| cursor.set(None)
                on:keydown=on_key
            >
                <svg width="100%" height=HEIGHT aria-hidden="true">
                    <Axes drawing format x_axis x_name steps_per_epoch has_points />
                    <StepMarks drawing marks />
                    // A nested svg clips what lies beyond the axes.
                    <svg x=LEFT - MARGIN y=TOP - MARGIN width=clip_width height=CLIP_HEIGHT viewBox=clip_box>
                        {move || drawing.read().lines.iter().map(|line| draw_line(line, format)).collect_view()}
                    </svg>
                    {move || cursor.get().and_then(|step| drawing.read().x.position(step)).map(|x| view! {
                        <line class="cursor" x1=x x2=x y1=TOP y2=HEIGHT - BOTTOM />
                    })}
                </svg>
                <Show when=move || !has_points.get()><p class="chart-empty">{empty}</p></Show>
            </div>
        </figure>
    }
}

/// The figure of a line at the cursor, or its newest. Of figures that are means of epochs, that of the cursor's epoch.
fn figure_at(drawing: &Drawing, place: usize, cursor: Option<f64>) -> Option<f64> {
    let line = drawing.lines.get(place)?;
    let figures = &line.figures;
    let point = match cursor {
        None => figures.last().copied(),
        Some(step) if line.has_means() => {
            let place = figures.partition_point(|point| point.step < step);
            figures.get(place).or(figures.last()).copied()
        }
        Some(step) => nearest(figures, step),
    };
    point.map(|point| point.value)
}

fn draw_line(line: &DrawnLine, format: fn(f64) -> String) -> impl IntoView + use<> {
    let class = line.style.class();
    let mark = line.style.mark_class();
    // An arrow at the upper edge.
    let clipped = line.clipped.map(|clipped| {
        let arrow = format!("M{:.1} {}l-5 8h10z", clipped.x, TOP - MARGIN + 1.0);
        let title = tr!(chart.clipped, value = format(clipped.value));
        view! { <path class=format!("clipped {class}") d=arrow><title>{title}</title></path> }
    });
    view! {
        <path class="line-raw" d=line.raw_path.clone() />
        <path class=class d=line.path.clone() />
        {line.marks.iter().map(|(x, y)| view! { <circle class=mark cx=*x cy=*y r="3" /> }).collect_view()}
        {clipped}
    }
}

/// Keeps `width` at the element's width in pixels.
fn observe_width(frame: NodeRef<Div>, width: RwSignal<f64>) {
    let observed = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    effect(move |_| {
        let Some(frame) = frame.get() else { return };
        width.set(frame.client_width().into());
        let measured = frame.clone();
        let on_resize = Closure::<dyn FnMut()>::new(move || {
            // Does nothing once the chart has been removed from the page.
            width.try_set(measured.client_width().into());
        });
        // Without the observer the chart keeps its first width.
        if let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            observer.observe(&frame);
            observed.set_value(Some((observer, on_resize)));
        }
    });
    on_cleanup(move || {
        if let Some(Some((observer, _))) = observed.try_update_value(Option::take) {
            observer.disconnect();
        }
    });
}
