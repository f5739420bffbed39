//! A drawing as strokes of points, with undo and the segments that the canvas paints. Pure.

/// A position on the pad; both coordinates range from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

impl Point {
    /// Converts a pointer's position relative to the pad's top left corner, in the units of `side`. Positions outside are clamped to the pad.
    pub fn on_pad(x: f64, y: f64, side: f64) -> Self {
        let fraction = |value: f64| if side > 0.0 { (value / side).clamp(0.0, 1.0) } else { 0.0 };
        Self { x: fraction(x), y: fraction(y) }
    }

    fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stroke {
    /// Width of the pen, as a fraction of the pad's side.
    pub width: f64,
    /// At least one point; a single point is a dot.
    pub points: Vec<Point>,
}

/// Maximum number of points in a drawing: more than an hour of drawing by hand, but a stuck pointer does not fill the memory.
const POINT_LIMIT: usize = 50_000;

/// Points closer than this to the previous one are skipped, as a fraction of the pad's side: half a pixel of a large pad.
const SPACING: f64 = 0.001;

/// Minimum width of a line, as a fraction of the drawing's longer side: the strokes of MNIST are 2 to 3 of 20 pixels wide.
const MIN_WIDTH: f64 = 0.1;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    strokes: Vec<Stroke>,
    n_points: usize,
}

impl Drawing {
    pub fn strokes(&self) -> &[Stroke] {
        &self.strokes
    }

    pub fn is_blank(&self) -> bool {
        self.strokes.is_empty()
    }

    /// Puts the pen down. Returns false if the drawing is full.
    pub fn begin(&mut self, width: f64, point: Point) -> bool {
        if self.n_points >= POINT_LIMIT {
            return false;
        }
        self.strokes.push(Stroke { width, points: vec![point] });
        self.n_points += 1;
        true
    }

    /// Moves the pen that is down. Returns the segment to paint, unless the move is too small to see.
    pub fn extend(&mut self, point: Point) -> Option<Segment> {
        let stroke = self.strokes.last_mut()?;
        let from = *stroke.points.last()?;
        if self.n_points >= POINT_LIMIT || from.distance(point) < SPACING {
            return None;
        }
        stroke.points.push(point);
        self.n_points += 1;
        Some(Segment { width: stroke.width, from, to: point })
    }

    /// Removes the last stroke.
    pub fn undo(&mut self) {
        if let Some(stroke) = self.strokes.pop() {
            self.n_points -= stroke.points.len();
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The drawing with its thin lines as wide as the dataset's strokes are, relative to the drawing; None if no line is thin. A network that
    /// learned from a pen's strokes sees little of a hair line, which preparing scales down to gray pixels.
    pub fn thickened(&self) -> Option<Self> {
        let least = MIN_WIDTH * self.longer_side();
        let is_thin = |stroke: &Stroke| stroke.width < least;
        self.strokes.iter().any(is_thin).then(|| {
            let strokes = self.strokes.iter().map(|stroke| Stroke { width: stroke.width.max(least), ..stroke.clone() });
            Self { strokes: strokes.collect(), ..*self }
        })
    }

    /// Of the points' bounding box.
    fn longer_side(&self) -> f64 {
        let points = || self.strokes.iter().flat_map(|stroke| &stroke.points);
        let extent = |of: fn(&Point) -> f64| {
            let max = points().map(of).fold(f64::NEG_INFINITY, f64::max);
            max - points().map(of).fold(f64::INFINITY, f64::min)
        };
        extent(|point| point.x).max(extent(|point| point.y)).max(0.0)
    }

    /// Everything to paint, in order. A dot is a segment from a point to itself.
    pub fn segments(&self) -> impl Iterator<Item = Segment> {
        self.strokes.iter().flat_map(|stroke| {
            let width = stroke.width;
            let dot = stroke.points.first().map(|&point| Segment { width, from: point, to: point });
            dot.into_iter().chain(
                stroke.points.iter().zip(stroke.points.iter().skip(1)).map(move |(&from, &to)| Segment {
                    width,
                    from,
                    to,
                }),
            )
        })
    }
}

/// A straight piece of a stroke, painted with round ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    pub width: f64,
    pub from: Point,
    pub to: Point,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    #[test]
    fn pointers_off_the_pad_are_kept_on_it() {
        assert_eq!(Point::on_pad(150.0, -3.0, 300.0), at(0.5, 0.0));
        assert_eq!(Point::on_pad(900.0, 300.0, 300.0), at(1.0, 1.0));
        assert_eq!(Point::on_pad(5.0, 5.0, 0.0), at(0.0, 0.0));
    }

    #[test]
    fn undo_takes_back_whole_strokes_until_the_drawing_is_blank() {
        let mut drawing = Drawing::default();
        assert!(drawing.begin(0.1, at(0.1, 0.1)));
        assert!(drawing.extend(at(0.2, 0.2)).is_some());
        assert!(drawing.begin(0.1, at(0.5, 0.5)));
        drawing.undo();
        assert_eq!(drawing.strokes().len(), 1);
        assert_eq!(drawing.segments().count(), 2);
        drawing.undo();
        assert!(drawing.is_blank());
        drawing.undo();
        assert_eq!(drawing, Drawing::default());
    }

    #[test]
    fn a_tap_is_a_dot() {
        let mut drawing = Drawing::default();
        drawing.begin(0.1, at(0.3, 0.4));
        assert_eq!(
            drawing.segments().collect::<Vec<_>>(),
            [Segment { width: 0.1, from: at(0.3, 0.4), to: at(0.3, 0.4) }]
        );
    }

    #[test]
    fn moves_too_small_to_see_are_left_out() {
        let mut drawing = Drawing::default();
        assert_eq!(drawing.extend(at(0.5, 0.5)), None, "no pen is down");
        drawing.begin(0.1, at(0.5, 0.5));
        assert_eq!(drawing.extend(at(0.5001, 0.5)), None);
        assert_eq!(drawing.extend(at(0.6, 0.5)), Some(Segment { width: 0.1, from: at(0.5, 0.5), to: at(0.6, 0.5) }));
    }

    #[test]
    fn thin_lines_become_as_wide_as_the_drawing_needs() {
        let line = |width: f64, length: f64| {
            let mut drawing = Drawing::default();
            drawing.begin(width, at(0.2, 0.1));
            drawing.extend(at(0.2, 0.1 + length));
            drawing
        };
        let widths = |drawing: &Drawing| drawing.thickened().map(|it| it.strokes().iter().map(|it| it.width).collect());
        assert_eq!(widths(&line(0.02, 0.6)), Some(vec![0.06]));
        assert_eq!(widths(&line(0.07, 0.6)), None);
        let mut both = line(0.02, 0.6);
        both.begin(0.16, at(0.5, 0.5));
        assert_eq!(widths(&both), Some(vec![0.06, 0.16]));
        let mut dot = Drawing::default();
        dot.begin(0.02, at(0.5, 0.5));
        assert_eq!(dot.thickened(), None);
        assert_eq!(Drawing::default().thickened(), None);
    }

    #[test]
    fn the_points_are_limited_and_undo_makes_room() {
        let mut drawing = Drawing::default();
        drawing.begin(0.1, at(0.0, 0.0));
        for step in 0..2 * POINT_LIMIT {
            drawing.extend(at((step % 2) as f64, 0.0));
        }
        assert_eq!(drawing.segments().count(), POINT_LIMIT);
        assert!(!drawing.begin(0.1, at(0.0, 0.0)));
        drawing.undo();
        assert!(drawing.begin(0.1, at(0.0, 0.0)));
    }
}
