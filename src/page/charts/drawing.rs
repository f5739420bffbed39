//! The contents of a chart in pixels: raw and smoothed lines, marks, and scales. Plain functions of their arguments.

use std::sync::Arc;

use crate::page::charts::scale::{Bounds, Reach, Scale, ScaleKind, Values, domain, path};
use kindling_core::runs::series::{Point, smooth};

/// One line, as the chart draws it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub points: Arc<[Point]>,
    pub style: LineStyle,
    /// What the legend and the table give in place of the points, such as the means of the epochs.
    pub figures: Option<Arc<[Point]>>,
}

impl Line {
    pub fn new(points: impl Into<Arc<[Point]>>, style: LineStyle) -> Self {
        Self { points: points.into(), style, figures: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    /// Many noisy points: drawn faintly, with the smoothed line on top.
    Noisy,
    /// A few points that matter individually: each has a mark.
    Marked,
    /// Points of a known curve: not smoothed, and all within the chart.
    Exact,
    /// One of several lines of the same kind, by index; each has its own color and dashes. Not smoothed.
    OneOf(usize),
    /// A line from elsewhere, faint in the background: it has no figures, and the axes do not follow it.
    Ghost,
    /// The area inside a line that leads along its upper edge and back along the lower one, in the color of the second of several lines. Its figures
    /// are those of an edge.
    Band,
}

/// CSS classes of [`LineStyle::OneOf`]; further lines use them again.
const KINDS: [&str; 6] = ["line is-0", "line is-1", "line is-2", "line is-3", "line is-4", "line is-5"];

const MARKS: [&str; 6] = ["mark is-0", "mark is-1", "mark is-2", "mark is-3", "mark is-4", "mark is-5"];

/// [`LineStyle::OneOf`] lines with more points than this have no marks.
const MARKS_LIMIT: usize = 60;

impl LineStyle {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Noisy => "line is-noisy",
            Self::Marked => "line is-marked",
            Self::Exact => "line is-exact",
            Self::Ghost => "line is-ghost",
            Self::Band => "line is-band",
            Self::OneOf(place) => KINDS.get(place % KINDS.len()).copied().unwrap_or_default(),
        }
    }

    pub(super) fn mark_class(self) -> &'static str {
        match self {
            Self::Noisy | Self::Marked | Self::Exact | Self::Ghost | Self::Band => "mark",
            // Marks have the line's color.
            Self::OneOf(place) => MARKS.get(place % MARKS.len()).copied().unwrap_or_default(),
        }
    }
}

pub(super) const HEIGHT: f64 = 188.0;
pub(super) const LEFT: f64 = 46.0;
pub(super) const RIGHT: f64 = 12.0;
pub(super) const TOP: f64 = 10.0;
/// Lines and marks at the edge of the plot are drawn this far beyond it.
pub(super) const MARGIN: f64 = 5.0;
pub(super) const BOTTOM: f64 = 38.0;

pub(super) const CLIP_HEIGHT: f64 = HEIGHT - TOP - BOTTOM + 2.0 * MARGIN;

/// Everything that is drawn, in pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drawing {
    pub(super) lines: Vec<DrawnLine>,
    pub(super) x: Scale,
    pub(super) y: Scale,
    pub(super) width: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct DrawnLine {
    pub(super) style: LineStyle,
    /// The points of the line: smoothed if it is.
    pub(super) points: Arc<[Point]>,
    /// The points of the legend and the table.
    pub(super) figures: Arc<[Point]>,
    pub(super) raw_path: String,
    pub(super) path: String,
    /// Centers of the marks.
    pub(super) marks: Vec<(f64, f64)>,
    /// The point that is farthest above the axis, if one is.
    pub(super) clipped: Option<Clipped>,
}

/// A point above the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clipped {
    /// In pixels.
    pub(super) x: f64,
    pub(super) value: f64,
}

impl DrawnLine {
    /// Whether the legend gives means of epochs in place of the line's points.
    pub(super) fn has_means(&self) -> bool {
        self.style != LineStyle::Band && !Arc::ptr_eq(&self.figures, &self.points)
    }
}

/// The minimum distance between epoch lines; closer ones would look like hatching.
const EPOCHS_APART_PIXELS: f64 = 28.0;

/// The steps at which epochs end, as many as there is room for.
pub(super) fn epoch_ends(steps_per_epoch: Option<u32>, x: Scale, width: f64) -> Vec<f64> {
    let Some(steps) = steps_per_epoch.filter(|steps| *steps > 0) else { return Vec::new() };
    let last = (x.value(width) / f64::from(steps)) as u32;
    let max_lines = ((width - LEFT - RIGHT) / EPOCHS_APART_PIXELS).max(1.0) as u32;
    let every = last.div_ceil(max_lines).max(1);
    (1..=last).filter(|epoch| epoch % every == 0).map(|epoch| f64::from(epoch) * f64::from(steps)).collect()
}

/// The kinds of the axes' scales.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scales {
    pub(super) x: ScaleKind,
    pub(super) y: ScaleKind,
    /// Limits of the vertical axis.
    pub(super) bounds: Bounds,
}

/// From step 0, or from the first point on a logarithmic axis, which has no 0, to the last point.
fn x_domain(lines: &[Line], kind: ScaleKind) -> (f64, f64) {
    let lines = || lines.iter().filter(|line| line.style != LineStyle::Ghost);
    let last = |min| lines().filter_map(|line| line.points.last()).map(|point| point.step).fold(min, f64::max);
    let first = || lines().filter_map(|line| line.points.first()).map(|point| point.step).fold(f64::MAX, f64::min);
    match kind {
        ScaleKind::Linear => (0.0, last(1.0)),
        ScaleKind::Log => (first(), last(f64::MIN_POSITIVE)),
    }
}

pub(super) fn draw(lines: &[Line], width: f64, Scales { x, y: kind, bounds }: Scales, smoothing: f64) -> Drawing {
    let x = Scale::new(x, x_domain(lines, x), (LEFT, (width - RIGHT).max(LEFT + 1.0)));
    let spread: Vec<Values> = lines.iter().filter_map(spread).collect();
    let y = Scale::new(kind, domain(&spread, kind, bounds), (HEIGHT - BOTTOM, TOP));
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
                LineStyle::Noisy | LineStyle::Exact | LineStyle::Ghost | LineStyle::Band => Vec::new(),
                LineStyle::OneOf(_) if line.points.len() > MARKS_LIMIT => Vec::new(),
                LineStyle::Marked | LineStyle::OneOf(_) => line.points.iter().filter_map(mark).collect(),
            },
            clipped: if line.style == LineStyle::Ghost { None } else { clipped(&points, x, y) },
            figures: match (line.style, &line.figures) {
                (LineStyle::Ghost, _) => Arc::default(),
                (_, Some(figures)) => figures.clone(),
                (_, None) => points.clone(),
            },
            points,
        }
    });
    Drawing { lines: lines.collect(), x, y, width }
}

/// The values that the vertical axis follows; None for a line that it does not follow.
fn spread(line: &Line) -> Option<Values> {
    let reach = match line.style {
        LineStyle::Noisy => Reach::Noisy,
        LineStyle::Marked => Reach::Points,
        LineStyle::OneOf(_) => Reach::Peer,
        LineStyle::Exact | LineStyle::Band => Reach::All,
        LineStyle::Ghost => return None,
    };
    Some(Values { values: line.points.iter().map(|point| point.value).collect(), reach })
}

fn clipped(points: &[Point], x: Scale, y: Scale) -> Option<Clipped> {
    let highest = points.iter().filter(|point| point.value.is_finite()).max_by(|a, b| a.value.total_cmp(&b.value))?;
    let is_above = y.position(highest.value)? < TOP - 1.0;
    is_above.then_some(Clipped { x: x.position(highest.step)?, value: highest.value })
}

impl Drawing {
    /// The last step of any line, 0 without points.
    pub(super) fn last_step(&self) -> f64 {
        let ends = self.lines.iter().filter(|line| line.style != LineStyle::Ghost);
        ends.filter_map(|line| line.points.last()).map(|point| point.step).fold(0.0, f64::max)
    }

    /// The step that a key moves the cursor to; None for other keys. Moves along the first line that has points.
    pub(super) fn after_key(&self, key: &str, cursor: Option<f64>) -> Option<f64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(style: LineStyle, values: &[f64]) -> Line {
        let points = values.iter().enumerate().map(|(step, value)| Point { step: step as f64 + 1.0, value: *value });
        Line::new(points.collect::<Vec<_>>(), style)
    }

    const BOUNDS: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY, is_whole: false };
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
        let lines = [Line::new(points, LineStyle::Exact)];
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
    fn a_band_is_an_area_that_the_axis_has_room_for() {
        let points = [(1.0, 0.5), (2.0, 0.9), (2.0, 0.7), (1.0, 0.1)].map(|(step, value)| Point { step, value });
        let lowest = [(1.0, 0.1), (2.0, 0.7)].map(|(step, value)| Point { step, value });
        let band = Line { figures: Some(lowest.into()), ..Line::new(points, LineStyle::Band) };
        let drawing = draw(&[line(LineStyle::OneOf(0), &[0.4, 0.8]), band], 600.0, LINEAR, 0.0);
        let band = &drawing.lines[1];
        assert_eq!((band.path.matches('L').count(), band.marks.len(), band.has_means()), (3, 0, false));
        assert_eq!(band.figures.last().map(|point| point.value), Some(0.7));
        assert!(drawing.y.position(0.1).unwrap() <= HEIGHT - BOTTOM && drawing.last_step() == 2.0);
    }

    #[test]
    fn what_is_above_the_axis_is_marked_and_a_ghost_moves_no_axis() {
        let mut values = [1.0; 100];
        values[99] = 1e9;
        let ghost = line(LineStyle::Ghost, &[400.0; 300]);
        let lines = [line(LineStyle::Marked, &values), ghost];
        let drawing = draw(&lines, 600.0, LINEAR, 0.0);
        let clipped = drawing.lines[0].clipped.unwrap();
        assert_eq!(clipped.value, 1e9);
        assert!((clipped.x - (600.0 - RIGHT)).abs() < 1e-6);
        assert_eq!(drawing.last_step(), 100.0);
        assert!(drawing.y.position(400.0).unwrap() < TOP && drawing.lines[1].clipped.is_none());
        assert!(drawing.lines[1].figures.is_empty());
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
