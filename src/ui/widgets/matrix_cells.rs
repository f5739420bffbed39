//! A confusion matrix as cells: how strongly each is tinted, and which the arrow keys lead to. Pure.

/// A cell by its row, the true class, and its column, the predicted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub label: usize,
    pub predicted: usize,
}

impl Cell {
    pub fn is_right(self) -> bool {
        self.label == self.predicted
    }

    /// The cell that a key leads to in a matrix of `n_classes`; none for keys that lead nowhere.
    pub fn after_key(self, key: &str, n_classes: usize) -> Option<Self> {
        let last = n_classes.checked_sub(1)?;
        let moved = match key {
            "ArrowUp" => Self { label: self.label.saturating_sub(1), ..self },
            "ArrowDown" => Self { label: (self.label + 1).min(last), ..self },
            "ArrowLeft" => Self { predicted: self.predicted.saturating_sub(1), ..self },
            "ArrowRight" => Self { predicted: (self.predicted + 1).min(last), ..self },
            "Home" => Self { predicted: 0, ..self },
            "End" => Self { predicted: last, ..self },
            "PageUp" => Self { label: 0, ..self },
            "PageDown" => Self { label: last, ..self },
            _ => return None,
        };
        Some(moved)
    }
}

/// How strongly a cell is tinted, 0 to 1: the square root of its share of its row, so that one mistake in a hundred still
/// shows.
pub fn tint(count: u32, row_total: u32) -> f64 {
    if row_total == 0 { 0.0 } else { (f64::from(count) / f64::from(row_total)).min(1.0).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tints_follow_the_share_of_the_row() {
        assert_eq!(tint(0, 100), 0.0);
        assert_eq!(tint(1, 100), 0.1);
        assert_eq!(tint(100, 100), 1.0);
        assert_eq!(tint(0, 0), 0.0);
    }

    #[test]
    fn arrow_keys_stay_in_the_matrix() {
        let check = |from: (usize, usize), key: &str, to: Option<(usize, usize)>| {
            let cell = |(label, predicted)| Cell { label, predicted };
            assert_eq!(cell(from).after_key(key, 3), to.map(cell), "{from:?} {key}");
        };
        check((0, 0), "ArrowUp", Some((0, 0)));
        check((0, 0), "ArrowDown", Some((1, 0)));
        check((2, 2), "ArrowRight", Some((2, 2)));
        check((2, 2), "ArrowLeft", Some((2, 1)));
        check((1, 1), "Home", Some((1, 0)));
        check((1, 1), "End", Some((1, 2)));
        check((1, 1), "PageUp", Some((0, 1)));
        check((1, 1), "PageDown", Some((2, 1)));
        check((1, 1), "Enter", None);
        assert_eq!(Cell::default().after_key("ArrowUp", 0), None);
    }
}
