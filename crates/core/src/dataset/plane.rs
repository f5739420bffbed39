//! One channel of an image as floating-point values, resampled by area averaging.

/// Values row by row, 0 to 1 if they are brightness or ink.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    /// `width * height` values.
    pub values: Vec<f32>,
}

/// A rectangle in pixels from the upper left corner of a plane. It may extend beyond the plane, where values are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
}

impl Area {
    /// The largest rectangle with the aspect ratio `width : height` in the middle of a plane of a size.
    pub fn centered([from_width, from_height]: [f32; 2], [width, height]: [usize; 2]) -> Self {
        let scale = (from_width / width as f32).min(from_height / height as f32);
        let (area_width, area_height) = (width as f32 * scale, height as f32 * scale);
        Self {
            left: (from_width - area_width) / 2.0,
            top: (from_height - area_height) / 2.0,
            width: area_width,
            height: area_height,
        }
    }
}

impl Plane {
    /// The whole plane.
    pub fn area(&self) -> Area {
        Area { left: 0.0, top: 0.0, width: self.width as f32, height: self.height as f32 }
    }

    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// The values along the four edges.
    pub fn border(&self) -> Vec<f32> {
        let first_and_last = [self.rows().next(), self.rows().next_back()];
        let ends = self.rows().flat_map(|row| [row.first(), row.last()]).flatten();
        first_and_last.into_iter().flatten().flatten().chain(ends).copied().collect()
    }

    pub fn map(&self, value: impl Fn(f32) -> f32) -> Self {
        Self { values: self.values.iter().map(|old| value(*old)).collect(), ..*self }
    }

    /// The smallest area that contains every value of at least `threshold`; `None` if there is no such value.
    pub fn bounding_box(&self, threshold: f32) -> Option<Area> {
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for (y, row) in self.rows().enumerate() {
            let is_inside = |value: &f32| *value >= threshold;
            let (Some(first), Some(last)) = (row.iter().position(is_inside), row.iter().rposition(is_inside)) else {
                continue;
            };
            (left, right, top, bottom) = (left.min(first), right.max(last), top.min(y), y);
        }
        let area = || Area {
            left: left as f32,
            top: top as f32,
            width: (right - left + 1) as f32,
            height: (bottom - top + 1) as f32,
        };
        (top != usize::MAX).then(area)
    }

    /// The mean position weighted by the values, `[y, x]` in pixel indices; `None` if all are 0.
    pub fn center_of_mass(&self) -> Option<[f32; 2]> {
        let (mut sum, mut sum_y, mut sum_x) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (y, row) in self.rows().enumerate() {
            for (x, value) in row.iter().enumerate() {
                let value = f64::from(*value);
                sum += value;
                sum_y += value * y as f64;
                sum_x += value * x as f64;
            }
        }
        (sum > 0.0).then(|| [(sum_y / sum) as f32, (sum_x / sum) as f32])
    }

    /// Resamples an area of the plane to `width` by `height` values, each the mean over the pixels it covers, weighted by coverage.
    pub fn resample(&self, area: Area, width: usize, height: usize) -> Self {
        let columns = spans(area.left, area.width, width, self.width);
        let rows = spans(area.top, area.height, height, self.height);
        let mut narrow = Vec::with_capacity(width * self.height);
        for row in self.rows() {
            narrow.extend(columns.iter().map(|span| span.mean(row)));
        }
        let narrow_rows: Vec<_> = narrow.chunks_exact(width.max(1)).collect();
        let mut values = Vec::with_capacity(width * height);
        for span in &rows {
            let covered = || narrow_rows.iter().skip(span.first).zip(&span.weights);
            values.extend(
                (0..width).map(|x| covered().filter_map(|(row, weight)| Some(row.get(x)? * weight)).sum::<f32>()),
            );
        }
        Self { width, height, values }
    }
}

/// The source pixels that one output pixel covers along one axis, with the weight of each.
pub struct Span {
    pub first: usize,
    pub weights: Vec<f32>,
}

impl Span {
    fn mean(&self, row: &[f32]) -> f32 {
        row.iter().skip(self.first).zip(&self.weights).map(|(value, weight)| value * weight).sum()
    }
}

/// Cuts `length` pixels from `start` into `n_spans` equal parts.
pub fn spans(start: f32, length: f32, n_spans: usize, n_pixels: usize) -> Vec<Span> {
    let step = f64::from(length) / n_spans as f64;
    let span = |place: usize| {
        let from = f64::from(start) + place as f64 * step;
        let to = from + step;
        let inside = |position: f64| position.clamp(0.0, n_pixels as f64);
        let (first, end) = (inside(from).floor() as usize, inside(to).ceil() as usize);
        let coverage = |pixel: usize| (to.min(pixel as f64 + 1.0) - from.max(pixel as f64)).max(0.0) / step;
        Span { first, weights: (first..end).map(|pixel| coverage(pixel) as f32).collect() }
    };
    (0..n_spans).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(width: usize, values: &[f32]) -> Plane {
        Plane { width, height: values.len() / width, values: values.to_vec() }
    }

    #[test]
    fn halving_takes_the_mean_of_four() {
        let small = plane(4, &[1.0, 3.0, 0.0, 0.0, 5.0, 7.0, 0.0, 8.0]);
        assert_eq!(small.resample(small.area(), 2, 1).values, [4.0, 2.0]);
    }

    #[test]
    fn fractions_of_pixels_count_by_their_area() {
        let row = plane(3, &[0.0, 3.0, 6.0]);
        assert_eq!(row.resample(row.area(), 2, 1).values, [1.0, 5.0]);
        let beyond = Area { left: -1.0, top: 0.0, width: 2.0, height: 1.0 };
        assert_eq!(plane(1, &[4.0]).resample(beyond, 1, 1).values, [2.0]);
    }

    #[test]
    fn enlarging_by_a_whole_number_repeats_pixels() {
        let row = plane(2, &[1.0, 2.0]);
        assert_eq!(row.resample(row.area(), 4, 1).values, [1.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    fn boxes_and_centers_are_found() {
        let dot = plane(3, &[0.0, 0.0, 0.0, 0.1, 1.0, 0.0]);
        assert_eq!(dot.bounding_box(0.5), Some(Area { left: 1.0, top: 1.0, width: 1.0, height: 1.0 }));
        assert_eq!(dot.bounding_box(2.0), None);
        assert_eq!(plane(3, &[0.0, 1.0, 3.0]).center_of_mass(), Some([0.0, 1.75]));
        assert_eq!(plane(1, &[0.0]).center_of_mass(), None);
    }

    #[test]
    fn the_centered_area_is_the_largest() {
        assert_eq!(Area::centered([40.0, 20.0], [28, 28]), Area { left: 10.0, top: 0.0, width: 20.0, height: 20.0 });
    }
}
