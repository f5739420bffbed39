//! A line chart: axes, raw and smoothed lines, and a readout of the values under the pointer or the arrow keys.
//!
//! Our own, since leptos-chartistry 0.2 has no logarithmic axis and wants every line to have the same x positions (the
//! validation points lie an epoch apart), and plotters has no hover and weighs as much as the rest of the page.

use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{KeyboardEvent, PointerEvent, ResizeObserver};

use super::chart_scale::{Bounds, Scale, ScaleKind, domain, nearest, path};
use crate::ui::format::count;
use crate::ui::series::{Point, smooth};

/// One line, as the chart draws it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub points: Arc<[Point]>,
    pub style: LineStyle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    /// Many noisy points: drawn faintly, and smoothed over it.
    Noisy,
    /// Few points that count: each is marked.
    Marked,
    /// Points of a known curve: drawn as they are, and all of them in the chart.
    Exact,
    /// The line at this place among several of the same kind, each with its own color and dashes; drawn as it is.
    OneOf(usize),
}

/// Lines of one kind that can be told apart, and the classes that do it.
const KINDS: [&str; 6] = ["line is-0", "line is-1", "line is-2", "line is-3", "line is-4", "line is-5"];

const MARKS: [&str; 6] = ["mark is-0", "mark is-1", "mark is-2", "mark is-3", "mark is-4", "mark is-5"];

/// Lines with more points than these have no marks.
const MARKS_LIMIT: usize = 60;

impl LineStyle {
    fn class(self) -> &'static str {
        match self {
            Self::Noisy => "line is-noisy",
            Self::Marked => "line is-marked",
            Self::Exact => "line is-exact",
            Self::OneOf(place) => KINDS.get(place % KINDS.len()).copied().unwrap_or_default(),
        }
    }

    fn mark_class(self) -> &'static str {
        match self {
            Self::Noisy | Self::Marked | Self::Exact => "mark",
            // The line's own color.
            Self::OneOf(place) => MARKS.get(place % MARKS.len()).copied().unwrap_or_default(),
        }
    }
}

/// Something that happened at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepMark {
    pub step: f64,
    /// What happened, for the pointer.
    pub title: String,
}

/// What lies along the horizontal axis; steps, unless said.
#[derive(Clone, Copy, Debug)]
pub struct XAxis {
    pub kind: ScaleKind,
    /// How a value is written below the axis.
    pub format: fn(f64) -> String,
}

impl Default for XAxis {
    fn default() -> Self {
        Self { kind: ScaleKind::Linear, format: |step| count(step as u64) }
    }
}

const HEIGHT: f64 = 232.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
/// Lines and marks at the edge of the plot are drawn this far beyond it.
const MARGIN: f64 = 5.0;
const BOTTOM: f64 = 38.0;

const CLIP_HEIGHT: f64 = HEIGHT - TOP - BOTTOM + 2.0 * MARGIN;

/// Everything that is drawn, in pixels.
#[derive(Clone, Debug, PartialEq)]
struct Drawing {
    lines: Vec<DrawnLine>,
    x: Scale,
    y: Scale,
    width: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct DrawnLine {
    style: LineStyle,
    /// What is read out: smoothed where the line is drawn smoothed.
    points: Arc<[Point]>,
    raw_path: String,
    path: String,
    /// Centers of the marks.
    marks: Vec<(f64, f64)>,
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
    /// How a value is written.
    format: fn(f64) -> String,
    bounds: Bounds,
    #[prop(into)] kind: Signal<ScaleKind>,
    /// Strength of the smoothing, 0 to 1.
    #[prop(into)]
    smoothing: Signal<f64>,
    /// What a step is called in the readout, with the step's number and epoch.
    step_name: impl Fn(f64) -> String + Copy + Send + Sync + 'static,
    /// Name of the horizontal axis.
    #[prop(into)]
    x_name: Signal<String>,
    /// What is said while there is nothing to draw.
    #[prop(into)]
    empty: Signal<String>,
    /// Steps at which an epoch ends, for the vertical lines.
    #[prop(into)]
    steps_per_epoch: Signal<Option<u32>>,
    #[prop(optional)] x_axis: XAxis,
    /// Drawn as vertical lines.
    #[prop(optional, into)]
    marks: Signal<Vec<StepMark>>,
) -> impl IntoView {
    let frame = NodeRef::<Div>::new();
    let width = RwSignal::new(0.0);
    observe_width(frame, width);
    // Step under the pointer or the keyboard's cursor.
    let cursor = RwSignal::new(None::<f64>);
    let drawing = Memo::new(move |_| {
        let scales = Scales { x: x_axis.kind, y: kind.get(), bounds };
        draw(&lines.read(), width.get(), scales, smoothing.get())
    });
    let has_points = Memo::new(move |_| drawing.read().lines.iter().any(|line| !line.points.is_empty()));

    let clip_width = Memo::new(move |_| (width.get() - LEFT - RIGHT + 2.0 * MARGIN).max(0.0));
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
    let readout = move |place: usize| {
        drawing.with(|drawing| {
            let line = drawing.lines.get(place)?;
            let point = match cursor.get() {
                Some(step) => nearest(&line.points, step),
                None => line.points.last().copied(),
            };
            point.map(|point| format(point.value))
        })
    };
    let legend = move |place: usize, line_name: String| {
        let style = lines.read_untracked().get(place).map_or(LineStyle::Noisy, |line| line.style);
        view! {
            <li>
                <svg class="swatch" viewBox="0 0 20 10" aria-hidden="true">
                    <line class=style.class() x1="0" y1="5" x2="20" y2="5" />
                    {matches!(style, LineStyle::Marked | LineStyle::OneOf(_)).then(|| view! { <circle class=style.mark_class() cx="10" cy="5" r="3" /> })}
                </svg>
                <span>{line_name}</span>
                <strong>{move || readout(place).unwrap_or_else(|| "–".to_owned())}</strong>
            </li>
        }
    };
    view! {
        <figure class="chart">
            <figcaption>
                <span class="chart-name">{name}</span>
                <ul class="chart-legend">
                    {move || line_names.get().into_iter().enumerate().map(|(place, name)| legend(place, name)).collect_view()}
                </ul>
                <span class="chart-step">{move || cursor.get().map(step_name)}</span>
            </figcaption>
            <div
                node_ref=frame
                class="chart-frame"
                tabindex="0"
                role="group"
                aria-label=name
                on:pointermove=on_move
                on:pointerdown=on_move
                on:pointerleave=move |_| cursor.set(None)
                on:blur=move |_| cursor.set(None)
                on:keydown=on_key
            >
                <svg width="100%" height=HEIGHT aria-hidden="true">
                    <Axes drawing format x_axis x_name steps_per_epoch has_points />
                    <StepMarks drawing marks />
                    // A picture within the picture, so that what lies beyond the axes is cut off.
                    <svg x=LEFT - MARGIN y=TOP - MARGIN width=clip_width height=CLIP_HEIGHT viewBox=clip_box>
                        {move || drawing.read().lines.iter().map(draw_line).collect_view()}
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

#[component]
fn Axes(
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
        // There are no half steps: a short run has fewer ticks.
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
fn StepMarks(drawing: Memo<Drawing>, marks: Signal<Vec<StepMark>>) -> impl IntoView {
    move || {
        let drawing = drawing.read();
        let placed = marks.get().into_iter().filter_map(|mark| Some((drawing.x.position(mark.step)?, mark.title)));
        let line = |(x, title): (f64, String)| {
            view! { <line class="step-mark" x1=x x2=x y1=TOP y2=HEIGHT - BOTTOM><title>{title}</title></line> }
        };
        placed.filter(|(x, _)| *x <= drawing.width - RIGHT).map(line).collect_view()
    }
}

/// Lines closer to each other than this would be a hatching.
const EPOCHS_APART_PIXELS: f64 = 28.0;

/// Epochs (from 1) with the steps at which they end, as many as there is room for.
fn epoch_ends(steps_per_epoch: Option<u32>, x: Scale, width: f64) -> Vec<(u32, f64)> {
    let Some(steps) = steps_per_epoch.filter(|steps| *steps > 0) else { return Vec::new() };
    let last = (x.value(width) / f64::from(steps)) as u32;
    let most = ((width - LEFT - RIGHT) / EPOCHS_APART_PIXELS).max(1.0) as u32;
    let every = last.div_ceil(most).max(1);
    (1..=last).filter(|epoch| epoch % every == 0).map(|epoch| (epoch, f64::from(epoch) * f64::from(steps))).collect()
}

fn draw_line(line: &DrawnLine) -> impl IntoView + use<> {
    let class = line.style.class();
    let mark = line.style.mark_class();
    view! {
        <path class="line-raw" d=line.raw_path.clone() />
        <path class=class d=line.path.clone() />
        {line.marks.iter().map(|(x, y)| view! { <circle class=mark cx=*x cy=*y r="3" /> }).collect_view()}
    }
}

/// What the axes are like.
#[derive(Clone, Copy, Debug)]
struct Scales {
    x: ScaleKind,
    y: ScaleKind,
    /// Of the vertical axis.
    bounds: Bounds,
}

/// From step 0; on a logarithmic axis, which has no 0, from the first point.
fn x_domain(lines: &[Line], kind: ScaleKind) -> (f64, f64) {
    let last = |least| lines.iter().filter_map(|line| line.points.last()).map(|point| point.step).fold(least, f64::max);
    let first = || lines.iter().filter_map(|line| line.points.first()).map(|point| point.step).fold(f64::MAX, f64::min);
    match kind {
        ScaleKind::Linear => (0.0, last(1.0)),
        ScaleKind::Log => (first(), last(f64::MIN_POSITIVE)),
    }
}

fn draw(lines: &[Line], width: f64, Scales { x, y: kind, bounds }: Scales, smoothing: f64) -> Drawing {
    let x = Scale::new(x, x_domain(lines, x), (LEFT, (width - RIGHT).max(LEFT + 1.0)));
    let values = |is_noisy: bool| {
        let lines = lines.iter().filter(move |line| (line.style == LineStyle::Noisy) == is_noisy);
        lines.flat_map(|line| line.points.iter()).map(|point| point.value)
    };
    let newest = lines.iter().filter_map(|line| line.points.last()).map(|point| point.value);
    let always = values(false).chain(newest);
    let y = Scale::new(kind, domain(values(true), always, kind, bounds), (HEIGHT - BOTTOM, TOP));
    let lines = lines.iter().map(|line| {
        let is_smoothed = line.style == LineStyle::Noisy && smoothing > 0.0;
        let points: Arc<[Point]> =
            if is_smoothed { smooth(&line.points, smoothing).into() } else { line.points.clone() };
        let mark = |point: &Point| Some((x.position(point.step)?, y.position(point.value)?));
        DrawnLine {
            style: line.style,
            raw_path: if is_smoothed { path(&line.points, &x, &y) } else { String::new() },
            path: path(&points, &x, &y),
            marks: match line.style {
                LineStyle::Noisy | LineStyle::Exact => Vec::new(),
                LineStyle::OneOf(_) if line.points.len() > MARKS_LIMIT => Vec::new(),
                LineStyle::Marked | LineStyle::OneOf(_) => line.points.iter().filter_map(mark).collect(),
            },
            points,
        }
    });
    Drawing { lines: lines.collect(), x, y, width }
}

impl Drawing {
    /// The step that a key leads to.
    fn after_key(&self, key: &str, cursor: Option<f64>) -> Option<f64> {
        let points = &self.lines.iter().find(|line| !line.points.is_empty())?.points;
        let last = points.len().checked_sub(1)?;
        let here = cursor.map_or(last, |step| points.partition_point(|point| point.step < step).min(last));
        let to = match key {
            "ArrowLeft" => here.saturating_sub(1),
            "ArrowRight" => (here + 1).min(last),
            "PageUp" => here.saturating_sub(last / 10 + 1),
            "PageDown" => (here + last / 10 + 1).min(last),
            "Home" => 0,
            "End" => last,
            _ => return None,
        };
        points.get(to).map(|point| point.step)
    }
}

/// Keeps `width` at the element's width in pixels.
fn observe_width(frame: NodeRef<Div>, width: RwSignal<f64>) {
    let observed = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    Effect::new(move |_| {
        let Some(frame) = frame.get() else { return };
        width.set(frame.client_width().into());
        let measured = frame.clone();
        let on_resize = Closure::<dyn FnMut()>::new(move || {
            // Gone with its place.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(style: LineStyle, values: &[f64]) -> Line {
        let points = values.iter().enumerate().map(|(step, value)| Point { step: step as f64 + 1.0, value: *value });
        Line { points: points.collect(), style }
    }

    const BOUNDS: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY };
    const LINEAR: Scales = Scales { x: ScaleKind::Linear, y: ScaleKind::Linear, bounds: BOUNDS };

    #[test]
    fn a_noisy_line_is_drawn_twice_and_a_marked_one_with_its_marks() {
        let lines = [line(LineStyle::Noisy, &[2.0, 1.0, 1.5]), line(LineStyle::Marked, &[1.8, 1.2])];
        let drawing = draw(&lines, 600.0, LINEAR, 0.5);
        assert!(!drawing.lines[0].raw_path.is_empty() && drawing.lines[0].raw_path != drawing.lines[0].path);
        assert!(drawing.lines[1].raw_path.is_empty());
        assert_eq!(drawing.lines[1].marks.len(), 2);
    }

    #[test]
    fn a_chart_without_points_or_width_can_be_drawn() {
        for width in [0.0, 600.0] {
            let drawing = draw(&[line(LineStyle::Noisy, &[])], width, Scales { y: ScaleKind::Log, ..LINEAR }, 0.5);
            assert_eq!(drawing.lines[0].path, "");
            assert!(drawing.y.ticks(4).iter().all(|tick| tick.is_finite()));
            assert_eq!(drawing.after_key("ArrowLeft", None), None);
        }
    }

    #[test]
    fn an_exact_line_is_all_in_the_chart_and_not_smoothed() {
        let mut values = [1.0; 100];
        values[50] = 5.0;
        let drawing = draw(&[line(LineStyle::Exact, &values)], 600.0, LINEAR, 0.9);
        assert!(drawing.lines[0].raw_path.is_empty());
        assert!(drawing.y.position(5.0).unwrap() >= TOP);
    }

    #[test]
    fn a_logarithmic_axis_runs_from_the_first_point_to_the_last() {
        let points = [(1e-6, 2.0), (1e-2, 1.0), (10.0, 4.0)].map(|(step, value)| Point { step, value });
        let lines = [Line { points: points.into(), style: LineStyle::Exact }];
        let drawing = draw(&lines, 600.0, Scales { x: ScaleKind::Log, ..LINEAR }, 0.0);
        assert_eq!(drawing.x.position(1e-6), Some(LEFT));
        assert!((drawing.x.position(10.0).unwrap() - (600.0 - RIGHT)).abs() < 1e-6);
        assert!(drawing.x.ticks(4).len() >= 2);
    }

    #[test]
    fn lines_of_one_kind_can_be_told_apart_and_are_all_in_the_chart() {
        let lines = [line(LineStyle::OneOf(0), &[5.0, 1.0]), line(LineStyle::OneOf(1), &[2.0; 100])];
        let drawing = draw(&lines, 600.0, LINEAR, 0.5);
        assert_eq!(drawing.lines.iter().map(|line| line.marks.len()).collect::<Vec<_>>(), [2, 0]);
        assert!(drawing.lines.iter().all(|line| line.raw_path.is_empty()));
        assert!(drawing.y.position(5.0).unwrap() >= TOP);
        assert_ne!(LineStyle::OneOf(0).class(), LineStyle::OneOf(1).class());
        assert_eq!(LineStyle::OneOf(7).class(), LineStyle::OneOf(1).class());
    }

    #[test]
    fn the_keys_lead_along_the_line() {
        let drawing = draw(&[line(LineStyle::Noisy, &[3.0, 2.0, 1.0])], 600.0, LINEAR, 0.0);
        assert_eq!(drawing.after_key("ArrowLeft", None), Some(2.0));
        assert_eq!(drawing.after_key("ArrowLeft", Some(2.0)), Some(1.0));
        assert_eq!(drawing.after_key("ArrowLeft", Some(1.0)), Some(1.0));
        assert_eq!(drawing.after_key("End", Some(1.0)), Some(3.0));
        assert_eq!(drawing.after_key("Tab", Some(1.0)), None);
    }

    #[test]
    fn epoch_lines_never_become_a_hatching() {
        let x = Scale::new(ScaleKind::Linear, (0.0, 100_000.0), (LEFT, 600.0 - RIGHT));
        let ends = epoch_ends(Some(100), x, 600.0);
        assert!(ends.len() <= 25 && !ends.is_empty(), "{}", ends.len());
        assert!(epoch_ends(Some(0), x, 600.0).is_empty());
    }
}
