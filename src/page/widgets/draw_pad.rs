//! A square canvas to draw on with mouse, finger, pen or keyboard.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, KeyboardEvent, PointerEvent};

use super::image_input::{read_canvas, readable_context};
use super::strokes::{Drawing, Point, Segment};
use crate::page::text::i18n::move_tr;
use kindling_core::protocol::ImageInput;

/// Side of the canvas in pixels: fine enough for a large high-density screen, and far more than a network's input.
const SIDE: u32 = 512;

/// Minimum, default and maximum pen width, in percent of the canvas side. The default is about the stroke width of MNIST digits.
const PEN_PERCENT: [u32; 3] = [2, 7, 16];

/// How far an arrow key moves the pen, without and with Shift, as a fraction of the canvas side.
const KEY_STEPS: [f64; 2] = [0.02, 0.1];

/// The background is white in both themes, as people expect of paper. The engine inverts the drawing if the dataset's background is dark.
const PAPER: &str = "#ffffff";
const INK: &str = "#141414";

/// The canvas, its pen width, undo and clear.
#[component]
pub fn DrawPad(
    /// Receives the drawing, at most once per frame while it changes; none when it is blank.
    #[prop(into)]
    on_change: UnsyncCallback<Option<ImageInput>>,
) -> impl IntoView {
    let pad = Pad {
        canvas: NodeRef::new(),
        drawing: StoredValue::default(),
        thickened: StoredValue::new_local(None),
        n_strokes: RwSignal::new(0),
        pen_percent: RwSignal::new(PEN_PERCENT[1]),
        pointer: StoredValue::new(None),
        key_pen: RwSignal::new(None),
        is_frame_due: StoredValue::new(false),
        on_change,
    };
    let is_blank = move || pad.n_strokes.get() == 0;
    // A new canvas is transparent; this paints it white.
    pad.canvas.on_load(move |_| pad.repaint());
    view! {
        <div class="draw-pad">
            <div class="draw-pad-paper">
                <canvas
                    node_ref=pad.canvas
                    width=SIDE
                    height=SIDE
                    tabindex="0"
                    role="application"
                    aria-label=move_tr!(draw_pad.name)
                    aria-describedby="draw-pad-help"
                    on:pointerdown=move |event| pad.pointer_down(&event)
                    on:pointermove=move |event| pad.pointer_move(&event)
                    on:pointerup=move |event| pad.pointer_up(&event)
                    on:pointercancel=move |event| pad.pointer_up(&event)
                    on:keydown=move |event| pad.key_down(&event)
                    on:blur=move |_| pad.key_pen.set(None)
                ></canvas>
                <p class="draw-pad-hint" class:is-hidden=move || !is_blank() aria-hidden="true">{move_tr!(draw_pad.hint)}</p>
                {move || pad.key_pen.get().map(|(point, is_down)| view! {
                    <span
                        class="draw-pad-pen"
                        class:is-down=is_down
                        style:left=format!("{}%", point.x * 100.0)
                        style:top=format!("{}%", point.y * 100.0)
                    ></span>
                })}
            </div>
            <div class="draw-pad-tools">
                <label class="draw-pad-width">
                    <span>{move_tr!(draw_pad.pen_size)}</span>
                    <input
                        type="range"
                        min=PEN_PERCENT[0]
                        max=PEN_PERCENT[2]
                        prop:value=move || pad.pen_percent.get().to_string()
                        on:input:target=move |event| {
                            if let Ok(percent) = event.target().value().parse() {
                                pad.pen_percent.set(percent);
                            }
                        }
                    />
                </label>
                <button type="button" class="button" disabled=is_blank on:click=move |_| pad.undo()>{move_tr!(draw_pad.undo)}</button>
                <button type="button" class="button" disabled=is_blank on:click=move |_| pad.clear()>{move_tr!(draw_pad.clear)}</button>
            </div>
            <p id="draw-pad-help" class="hint draw-pad-help">{move_tr!(draw_pad.help)}</p>
        </div>
    }
}

/// The canvas with its pen and its drawing.
#[derive(Clone, Copy)]
struct Pad {
    canvas: NodeRef<html::Canvas>,
    drawing: StoredValue<Drawing>,
    /// A canvas outside the document, for a drawing with thin lines.
    thickened: StoredValue<Option<HtmlCanvasElement>, LocalStorage>,
    /// The number of strokes in the drawing, as a signal for the view.
    n_strokes: RwSignal<usize>,
    pen_percent: RwSignal<u32>,
    /// The pointer that is down; other pointers are ignored until it is up.
    pointer: StoredValue<Option<i32>>,
    /// The position of the keyboard's pen, and whether it is down; none until a key moves it or puts it down.
    key_pen: RwSignal<Option<(Point, bool)>>,
    is_frame_due: StoredValue<bool>,
    on_change: UnsyncCallback<Option<ImageInput>>,
}

impl Pad {
    fn begin(self, point: Point) {
        let width = f64::from(self.pen_percent.get_untracked()) / 100.0;
        let has_begun = self.drawing.try_update_value(|drawing| drawing.begin(width, point)).unwrap_or(false);
        if has_begun {
            self.paint(Segment { width, from: point, to: point });
            self.changed();
        }
    }

    fn extend(self, point: Point) {
        if let Some(segment) = self.drawing.try_update_value(|drawing| drawing.extend(point)).flatten() {
            self.paint(segment);
            self.changed();
        }
    }

    fn undo(self) {
        self.lift();
        self.drawing.update_value(Drawing::undo);
        self.repaint();
    }

    fn clear(self) {
        self.lift();
        self.drawing.update_value(Drawing::clear);
        self.repaint();
    }

    /// Lifts the pointer's and the keyboard's pen.
    fn lift(self) {
        self.pointer.set_value(None);
        self.key_pen.update(|pen| *pen = pen.map(|(point, _)| (point, false)));
    }

    fn paint(self, segment: Segment) {
        if let Some(context) = self.context() {
            paint_segment(&context, segment);
        }
    }

    fn repaint(self) {
        if let Some(context) = self.context() {
            self.drawing.with_value(|drawing| paint_drawing(&context, drawing));
        }
        self.changed();
    }

    /// Reports the drawing once, for all changes before the next frame.
    fn changed(self) {
        self.n_strokes.set(self.drawing.with_value(|drawing| drawing.strokes().len()));
        if self.is_frame_due.try_update_value(|is_due| std::mem::replace(is_due, true)) == Some(false) {
            request_animation_frame(move || {
                // The pad may have been disposed by now.
                if self.is_frame_due.try_update_value(|is_due| *is_due = false).is_some() {
                    self.on_change.run(self.image());
                }
            });
        }
    }

    /// The drawing as an image, its thin lines thickened; none if it is blank.
    fn image(self) -> Option<ImageInput> {
        if self.drawing.with_value(Drawing::is_blank) {
            return None;
        }
        let Some(drawing) = self.drawing.with_value(Drawing::thickened) else {
            return read_canvas(&self.canvas.get_untracked()?);
        };
        if self.thickened.with_value(Option::is_none) {
            let canvas = document().create_element("canvas").ok()?.unchecked_into::<HtmlCanvasElement>();
            canvas.set_width(SIDE);
            canvas.set_height(SIDE);
            self.thickened.set_value(Some(canvas));
        }
        let canvas = self.thickened.get_value()?;
        paint_drawing(&readable_context(&canvas)?, &drawing);
        read_canvas(&canvas)
    }

    fn context(self) -> Option<CanvasRenderingContext2d> {
        readable_context(&self.canvas.get_untracked()?)
    }
}

fn paint_drawing(context: &CanvasRenderingContext2d, drawing: &Drawing) {
    context.set_fill_style_str(PAPER);
    context.fill_rect(0.0, 0.0, SIDE.into(), SIDE.into());
    for segment in drawing.segments() {
        paint_segment(context, segment);
    }
}

fn paint_segment(context: &CanvasRenderingContext2d, segment: Segment) {
    let side = f64::from(SIDE);
    context.begin_path();
    if segment.from == segment.to {
        context.set_fill_style_str(INK);
        let radius = segment.width * side / 2.0;
        context.arc(segment.from.x * side, segment.from.y * side, radius, 0.0, std::f64::consts::TAU).ok();
        context.fill();
        return;
    }
    context.set_stroke_style_str(INK);
    context.set_line_width(segment.width * side);
    context.set_line_cap("round");
    context.move_to(segment.from.x * side, segment.from.y * side);
    context.line_to(segment.to.x * side, segment.to.y * side);
    context.stroke();
}

impl Pad {
    fn pointer_down(self, event: &PointerEvent) {
        // Only the main button, a finger or the pen's tip, and one pointer at a time.
        if event.button() != 0 || self.pointer.get_value().is_some() {
            return;
        }
        let Some(canvas) = self.canvas.get_untracked() else { return };
        event.prevent_default();
        // If the capture fails, a stroke merely ends where the pointer leaves the canvas.
        canvas.set_pointer_capture(event.pointer_id()).ok();
        canvas.focus().ok();
        self.pointer.set_value(Some(event.pointer_id()));
        self.key_pen.set(None);
        self.begin(position(&canvas, event));
    }

    fn pointer_move(self, event: &PointerEvent) {
        let Some(canvas) = self.canvas.get_untracked() else { return };
        if self.pointer.get_value() == Some(event.pointer_id()) {
            for event in coalesced(event) {
                self.extend(position(&canvas, &event));
            }
        }
    }

    fn pointer_up(self, event: &PointerEvent) {
        if self.pointer.get_value() == Some(event.pointer_id()) {
            self.pointer.set_value(None);
        }
    }

    fn key_down(self, event: &KeyboardEvent) {
        let has_command = event.ctrl_key() || event.meta_key();
        let key = event.key();
        let [small, large] = KEY_STEPS;
        let step = if event.shift_key() { large } else { small };
        match key.as_str() {
            "z" | "Z" if has_command => self.undo(),
            _ if has_command => return,
            "ArrowUp" => self.move_key_pen(0.0, -step),
            "ArrowDown" => self.move_key_pen(0.0, step),
            "ArrowLeft" => self.move_key_pen(-step, 0.0),
            "ArrowRight" => self.move_key_pen(step, 0.0),
            " " => self.toggle_key_pen(),
            "Backspace" | "Delete" => self.clear(),
            _ => return,
        }
        event.prevent_default();
    }

    fn move_key_pen(self, dx: f64, dy: f64) {
        let (from, is_down) = self.key_pen.get_untracked().unwrap_or((Point { x: 0.5, y: 0.5 }, false));
        let to = Point::on_pad(from.x + dx, from.y + dy, 1.0);
        self.key_pen.set(Some((to, is_down)));
        if is_down {
            self.extend(to);
        }
    }

    fn toggle_key_pen(self) {
        let (point, was_down) = self.key_pen.get_untracked().unwrap_or((Point { x: 0.5, y: 0.5 }, false));
        self.key_pen.set(Some((point, !was_down)));
        if !was_down {
            self.begin(point);
        }
    }
}

fn position(canvas: &HtmlCanvasElement, event: &PointerEvent) -> Point {
    let bounds = canvas.get_bounding_client_rect();
    let (x, y) = (f64::from(event.client_x()) - bounds.left(), f64::from(event.client_y()) - bounds.top());
    Point::on_pad(x, y, bounds.width())
}

/// The moves that the browser has coalesced into one event, so that fast strokes are smooth lines. Older browsers, and pages not served over
/// https, do not provide them; then only the event itself is returned.
fn coalesced(event: &PointerEvent) -> Vec<PointerEvent> {
    let has_coalesced = js_sys::Reflect::has(event, &JsValue::from_str("getCoalescedEvents")).unwrap_or(false);
    let mut events = Vec::new();
    if has_coalesced {
        events.extend(event.get_coalesced_events().iter().filter_map(|event| event.dyn_into::<PointerEvent>().ok()));
    }
    if events.is_empty() {
        events.push(event.clone());
    }
    events
}
