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

    /// The same scale in a larger unit.
    pub fn over(&self, unit: f64) -> Self {
        Self::new(self.kind, (self.domain.0 / unit, self.domain.1 / unit), self.range)
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
    /// Whether a linear axis shows all from the lowest to the highest, whatever the values are.
    pub is_whole: bool,
}

/// Which values of a line the vertical axis may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The steep ends of many noisy values, as in TensorBoard: the first steps of a run would otherwise flatten the rest of the line.
    Noisy,
    /// Values far above the line's usual ones and above the noisy line.
    Points,
    /// Lines far above most of the others.
    Peer,
    /// None.
    All,
}

/// The values of a line, in order, and which of them the axis may leave out.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub values: Vec<f64>,
    pub reach: Reach,
}

/// The fraction of noisy values at either end that the axis leaves out once there are many.
const OUTLIER_FRACTION: f64 = 0.05;

/// With fewer values than this, none are left out.
const OUTLIER_MIN_VALUES: usize = 60;

/// Values this many times as large as the line's median are left out: the run has diverged.
const DIVERGED: f64 = 20.0;

/// A line of points reaches this many times as high as its usual values or the noisy line.
const POINTS_FACTOR: f64 = 4.0;

/// A line reaches this many times as high as most of its peers.
const PEER_FACTOR: f64 = 8.0;

/// The robust range of one line.
struct Range {
    low: f64,
    high: f64,
    median: f64,
}

impl Values {
    fn range(&self, kind: ScaleKind) -> Option<Range> {
        let is_usable = |value: &f64| value.is_finite() && (kind == ScaleKind::Linear || *value > 0.0);
        let newest = self.values.last().copied().filter(is_usable);
        let mut sorted: Vec<f64> = self.values.iter().copied().filter(is_usable).collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let is_cut = self.reach == Reach::Noisy && sorted.len() >= OUTLIER_MIN_VALUES;
        let n_left_out = if is_cut { (sorted.len() as f64 * OUTLIER_FRACTION) as usize } else { 0 };
        let median = *sorted.get(last / 2)?;
        let (mut low, mut high) = (*sorted.get(n_left_out)?, *sorted.get(last - n_left_out)?);
        if self.reach == Reach::Noisy {
            low = newest.map_or(low, |newest| low.min(newest));
            high = newest.map_or(high, |newest| high.max(newest));
        }
        if self.reach != Reach::All && kind == ScaleKind::Linear && low >= 0.0 && median > 0.0 {
            high = high.min(DIVERGED * median);
        }
        Some(Range { low, high, median })
    }
}

/// The domain of the vertical axis: the robust range of the lines with a small margin.
pub fn domain(lines: &[Values], kind: ScaleKind, bounds: Bounds) -> (f64, f64) {
    if bounds.is_whole && kind == ScaleKind::Linear {
        return (bounds.lowest, bounds.highest);
    }
    let ranges: Vec<(Reach, Range)> = lines.iter().filter_map(|line| Some((line.reach, line.range(kind)?))).collect();
    let low = ranges.iter().map(|(_, range)| range.low).fold(f64::INFINITY, f64::min);
    let high = highest(&ranges, kind);
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

fn highest(ranges: &[(Reach, Range)], kind: ScaleKind) -> f64 {
    let highest_of = |reach: Reach| {
        ranges.iter().filter(move |(of, _)| *of == reach).map(|(_, range)| range.high).fold(f64::NEG_INFINITY, f64::max)
    };
    let noisy = highest_of(Reach::Noisy);
    let mut peers: Vec<f64> =
        ranges.iter().filter(|(reach, _)| *reach == Reach::Peer).map(|(_, range)| range.high).collect();
    peers.sort_by(f64::total_cmp);
    let usual = peers.get(peers.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    let reached = |(reach, range): &(Reach, Range)| match reach {
        // A logarithmic axis has room for all.
        _ if kind == ScaleKind::Log || range.low < 0.0 => range.high,
        Reach::Points => range.high.min(POINTS_FACTOR * range.median.max(noisy)),
        Reach::Peer => range.high.min(PEER_FACTOR * usual),
        Reach::Noisy | Reach::All => range.high,
    };
    ranges.iter().map(reached).fold(f64::NEG_INFINITY, f64::max)
}

/// Beyond every chart.
const FAR_PIXELS: f64 = 20_000.0;

/// An SVG path through the points. Of the points within one column of pixels, only the first, lowest, highest and last are drawn: this looks the
/// same, and the path has at most four points per pixel of width.
pub fn path(points: &[Point], x: &Scale, y: &Scale) -> String {
    // Browsers draw nothing if a coordinate is too large.
    let height = |value: f64| Some(y.position(value)?.clamp(-FAR_PIXELS, FAR_PIXELS));
    let placed = points.iter().filter_map(|point| Some((x.position(point.step)?, height(point.value)?)));
    let mut path = String::new();
    let mut column: Vec<(f64, f64)> = Vec::new();
    for place in placed {
        if column.first().is_some_and(|first| (place.0 - first.0).abs() >= 1.0) {
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

    const LOSS: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY, is_whole: false };

    fn high(lines: &[(Reach, &[f64])]) -> f64 {
        let lines: Vec<_> = lines.iter().map(|(reach, of)| Values { values: of.to_vec(), reach: *reach }).collect();
        domain(&lines, ScaleKind::Linear, LOSS).1
    }

    #[test]
    fn the_domain_keeps_its_bounds() {
        let bounds = Bounds { lowest: 0.0, highest: 1.0, is_whole: false };
        let of =
            |values: &[f64], kind| domain(&[Values { values: values.to_vec(), reach: Reach::Noisy }], kind, bounds);
        let (low, high) = of(&[0.9, 0.99], ScaleKind::Linear);
        assert!(low < 0.9 && low > 0.8 && high <= 1.0, "{low} {high}");
        let (low, high) = of(&[], ScaleKind::Log);
        assert!(low < high);
        let (low, _) = of(&[0.0, 0.5], ScaleKind::Log);
        assert!(low > 0.0);
        let values = [Values { values: vec![0.9, 0.99], reach: Reach::Noisy }];
        assert_eq!(domain(&values, ScaleKind::Linear, Bounds { is_whole: true, ..bounds }), (0.0, 1.0));
    }

    #[test]
    fn a_steep_beginning_does_not_flatten_the_rest() {
        let mut values = vec![2.3; 5];
        values.extend([0.1; 195]);
        assert!(high(&[(Reach::Noisy, &values)]) < 0.2);
        // A validation loss far above it, as of a network that overfits, stays in the chart.
        assert!(high(&[(Reach::Noisy, &values), (Reach::Points, &[0.5, 0.7])]) > 0.7);
        assert!(high(&[(Reach::All, &values)]) > 2.3);
    }

    #[test]
    fn what_diverges_does_not_press_the_rest_flat() {
        let mut diverged = vec![2.3; 80];
        diverged.extend([1e21; 20]);
        assert!(high(&[(Reach::Noisy, &diverged)]) < 60.0);
        // One bad epoch of validation.
        let usual = [2.3; 100];
        assert!(high(&[(Reach::Noisy, &usual), (Reach::Points, &[15.0, 2.4, 2.3])]) < 12.0);
        // One bad run among others, but all of a run that stands alone.
        let peers: [(Reach, &[f64]); 3] =
            [(Reach::Peer, &[2.2, 0.3]), (Reach::Peer, &[1.9, 0.4]), (Reach::Peer, &[635.0, 600.0])];
        assert!(high(&peers) < 25.0);
        assert!(high(&peers[2..]) > 635.0);
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
