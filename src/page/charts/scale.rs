//! The geometry of a chart: scales, ticks, paths. Plain functions of their arguments.

use std::fmt::Write;

use kindling_core::runs::series::Point;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScaleKind {
    #[default]
    Linear,
    /// For values above zero; other values are not drawn.
    Log,
}

/// Maps values to pixels and back. The domain is never empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    kind: ScaleKind,
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// `range` may run backwards, as pixels do from the top down.
    pub fn new(kind: ScaleKind, domain: (f64, f64), range: (f64, f64)) -> Self {
        let (low, high) = domain;
        let domain = match kind {
            ScaleKind::Linear if high > low => (low, high),
            ScaleKind::Linear => (low - 0.5, low + 0.5),
            ScaleKind::Log if low > 0.0 && high > low => (low, high),
            ScaleKind::Log if high > 0.0 => (high / 10.0, high),
            ScaleKind::Log => (0.1, 1.0),
        };
        Self { kind, domain, range }
    }

    /// None for a value that is not above zero on a logarithmic scale.
    pub fn position(&self, value: f64) -> Option<f64> {
        let fraction = match self.kind {
            ScaleKind::Linear => (value - self.domain.0) / (self.domain.1 - self.domain.0),
            ScaleKind::Log if value > 0.0 => (value / self.domain.0).ln() / (self.domain.1 / self.domain.0).ln(),
            ScaleKind::Log => return None,
        };
        Some(self.range.0 + fraction * (self.range.1 - self.range.0))
    }

    /// The value at a pixel, kept within the domain.
    pub fn value(&self, position: f64) -> f64 {
        let fraction = ((position - self.range.0) / (self.range.1 - self.range.0)).clamp(0.0, 1.0);
        match self.kind {
            ScaleKind::Linear => self.domain.0 + fraction * (self.domain.1 - self.domain.0),
            ScaleKind::Log => self.domain.0 * (self.domain.1 / self.domain.0).powf(fraction),
        }
    }

    /// Round values within the domain, at most about `n_ticks`.
    pub fn ticks(&self, n_ticks: usize) -> Vec<f64> {
        match self.kind {
            ScaleKind::Linear => linear_ticks(self.domain, n_ticks),
            ScaleKind::Log => log_ticks(self.domain, n_ticks),
        }
    }
}

fn linear_ticks((low, high): (f64, f64), n_ticks: usize) -> Vec<f64> {
    let rough = (high - low) / n_ticks.max(1) as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let Some(step) =
        [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * magnitude).into_iter().find(|step| *step >= rough)
    else {
        return Vec::new();
    };
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    // The step is at least `rough`, so there are never many more ticks than `n_ticks`.
    (first..=last).take(2 * n_ticks + 2).map(|tick| tick as f64 * step).collect()
}

fn log_ticks((low, high): (f64, f64), n_ticks: usize) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let in_domain = |tick: &f64| *tick >= low * 0.999 && *tick <= high * 1.001;
    let of_decades = |factors: &[f64]| -> Vec<f64> {
        (first..=last)
            .flat_map(|power| factors.iter().map(move |it| it * 10_f64.powi(power)))
            .filter(in_domain)
            .collect()
    };
    let ticks = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]].map(of_decades);
    let fits = |ticks: &&Vec<f64>| ticks.len() <= n_ticks + 2;
    ticks.iter().find(fits).or(ticks.last()).cloned().unwrap_or_default()
}

/// Limits of a chart's vertical axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The axis never reaches below.
    pub lowest: f64,
    /// The axis never reaches above.
    pub highest: f64,
}

/// The fraction of the values at either end that the axis leaves out once there are many: the steep first steps of a run would otherwise flatten
/// the rest of the line. TensorBoard scales its charts in the same way.
const OUTLIER_FRACTION: f64 = 0.05;

/// With fewer values than this, none are left out.
const OUTLIER_MIN_VALUES: usize = 60;

/// The domain of the vertical axis: the range of the values with a small margin. Values of `always` are never left out as outliers.
pub fn domain(
    values: impl Iterator<Item = f64>,
    always: impl Iterator<Item = f64>,
    kind: ScaleKind,
    bounds: Bounds,
) -> (f64, f64) {
    let is_usable = |value: &f64| value.is_finite() && (kind == ScaleKind::Linear || *value > 0.0);
    let mut values: Vec<f64> = values.filter(is_usable).collect();
    values.sort_by(f64::total_cmp);
    let n_left_out =
        if values.len() < OUTLIER_MIN_VALUES { 0 } else { (values.len() as f64 * OUTLIER_FRACTION) as usize };
    let inner = values.iter().skip(n_left_out).take(values.len() - 2 * n_left_out).copied();
    let (low, high) = inner
        .chain(always.filter(is_usable))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (bounds.lowest.max(0.1), bounds.highest.min(1.0));
    }
    match kind {
        ScaleKind::Linear => {
            let room = ((high - low) * 0.08).max(high.abs() * 0.01);
            ((low - room).max(bounds.lowest), (high + room).min(bounds.highest))
        }
        ScaleKind::Log => (low / 1.1, (high * 1.1).min(bounds.highest)),
    }
}

/// An SVG path through the points. Of the points within one column of pixels, only the first, lowest, highest and last are drawn: this looks the
/// same, and the path has at most four points per pixel of width.
pub fn path(points: &[Point], x: &Scale, y: &Scale) -> String {
    let placed = points.iter().filter_map(|point| Some((x.position(point.step)?, y.position(point.value)?)));
    let mut path = String::new();
    let mut column: Vec<(f64, f64)> = Vec::new();
    for place in placed {
        if column.first().is_some_and(|first| place.0 - first.0 >= 1.0) {
            draw_column(&mut path, &column);
            column.clear();
        }
        column.push(place);
    }
    draw_column(&mut path, &column);
    path
}

fn draw_column(path: &mut String, column: &[(f64, f64)]) {
    let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
    let extremes = [column.first(), column.iter().min_by(by_height), column.iter().max_by(by_height), column.last()];
    let mut last = None;
    for place in extremes.into_iter().flatten() {
        if last == Some(place) {
            continue;
        }
        let command = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        write!(path, "{command}{:.1} {:.1}", place.0, place.1).ok();
        last = Some(place);
    }
}

/// The point with the nearest step; the points are in the order of their steps.
pub fn nearest(points: &[Point], step: f64) -> Option<Point> {
    let after = points.partition_point(|point| point.step < step);
    let candidates = [after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)];
    let distance = |point: &&Point| (point.step - step).abs();
    candidates.into_iter().flatten().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: f64, value: f64) -> Point {
        Point { step, value }
    }

    #[test]
    fn positions_lead_back_to_values() {
        for kind in [ScaleKind::Linear, ScaleKind::Log] {
            let scale = Scale::new(kind, (0.01, 3.0), (200.0, 10.0));
            for value in [0.01, 0.5, 3.0] {
                let position = scale.position(value).unwrap();
                assert!((scale.value(position) - value).abs() < 1e-9, "{kind:?} {value}");
            }
            assert!((scale.position(0.01).unwrap() - 200.0).abs() < 1e-9);
            assert!((scale.position(3.0).unwrap() - 10.0).abs() < 1e-9);
        }
    }

    #[test]
    fn an_empty_domain_is_widened() {
        let scale = Scale::new(ScaleKind::Linear, (2.0, 2.0), (0.0, 100.0));
        assert_eq!(scale.position(2.0), Some(50.0));
        assert!(Scale::new(ScaleKind::Log, (0.0, 0.0), (0.0, 1.0)).position(0.5).is_some_and(f64::is_finite));
    }

    #[test]
    fn a_logarithm_has_no_place_for_zero() {
        assert_eq!(Scale::new(ScaleKind::Log, (0.1, 1.0), (0.0, 1.0)).position(0.0), None);
    }

    #[test]
    fn ticks_are_round_and_few() {
        let linear = |domain, n| Scale::new(ScaleKind::Linear, domain, (0.0, 1.0)).ticks(n);
        assert_eq!(linear((0.0, 10.0), 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(linear((0.0, 2345.0), 4), [0.0, 1000.0, 2000.0]);
        let log = |domain, n| Scale::new(ScaleKind::Log, domain, (0.0, 1.0)).ticks(n);
        assert_eq!(log((0.1, 1.0), 4), [0.1, 0.2, 0.5, 1.0]);
        assert_eq!(log((1.0, 1e6), 4).len(), 7);
        for domain in [(0.0, 1e-9), (0.0, 1e12), (-5.0, 5.0)] {
            assert!(linear(domain, 5).len() <= 12, "{domain:?}");
        }
    }

    #[test]
    fn a_path_is_thinned_to_the_pixels() {
        let points: Vec<_> = (0..10_000).map(|step| point(f64::from(step), f64::from(step % 7))).collect();
        let x = Scale::new(ScaleKind::Linear, (0.0, 10_000.0), (0.0, 300.0));
        let y = Scale::new(ScaleKind::Linear, (0.0, 6.0), (100.0, 0.0));
        let path = path(&points, &x, &y);
        let n_places = path.matches(['M', 'L']).count();
        assert!(n_places <= 4 * 301, "{n_places}");
        assert!(path.starts_with("M0.0 100.0") && path.contains(" 0.0L"), "{path:.60}");
    }

    #[test]
    fn few_points_are_all_drawn() {
        let x = Scale::new(ScaleKind::Linear, (0.0, 2.0), (0.0, 100.0));
        let y = Scale::new(ScaleKind::Linear, (0.0, 1.0), (100.0, 0.0));
        let points = [point(0.0, 1.0), point(1.0, 0.5), point(2.0, 0.0)];
        assert_eq!(path(&points, &x, &y), "M0.0 0.0L50.0 50.0L100.0 100.0");
        assert_eq!(path(&[], &x, &y), "");
    }

    #[test]
    fn the_domain_keeps_its_bounds() {
        let bounds = Bounds { lowest: 0.0, highest: 1.0 };
        let of = |values: &[f64], kind| domain(values.iter().copied(), std::iter::empty(), kind, bounds);
        let (low, high) = of(&[0.9, 0.99], ScaleKind::Linear);
        assert!(low < 0.9 && low > 0.8 && high <= 1.0, "{low} {high}");
        let (low, high) = of(&[], ScaleKind::Log);
        assert!(low < high);
        let (low, _) = of(&[0.0, 0.5], ScaleKind::Log);
        assert!(low > 0.0);
    }

    #[test]
    fn a_steep_beginning_does_not_flatten_the_rest() {
        let bounds = Bounds { lowest: 0.0, highest: f64::INFINITY };
        let mut values = vec![2.3; 5];
        values.extend([0.1; 195]);
        let (_, high) = domain(values.iter().copied(), std::iter::empty(), ScaleKind::Linear, bounds);
        assert!(high < 0.2, "{high}");
        // Values in `always` are never left out.
        let (_, high) = domain(values.into_iter(), [0.7].into_iter(), ScaleKind::Linear, bounds);
        assert!(high > 0.7, "{high}");
    }

    #[test]
    fn the_nearest_point_is_found() {
        let points = [point(1.0, 0.1), point(5.0, 0.5), point(9.0, 0.9)];
        assert_eq!(nearest(&points, 2.0), Some(points[0]));
        assert_eq!(nearest(&points, 4.0), Some(points[1]));
        assert_eq!(nearest(&points, 99.0), Some(points[2]));
        assert_eq!(nearest(&[], 1.0), None);
    }
}
