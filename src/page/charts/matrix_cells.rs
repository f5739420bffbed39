//! The cells of a confusion matrix: the most confused pairs, the predictions of a cell, its tint, and keyboard navigation. Pure.

use crate::page::sort::sort_by;
use kindling_core::metrics::ConfusionMatrix;
use kindling_core::protocol::Prediction;

/// A cell by its row, the true class, and its column, the predicted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub label: usize,
    pub predicted: usize,
}

impl Cell {
    pub fn is_correct(self) -> bool {
        self.label == self.predicted
    }

    /// The cell that a key moves to in a matrix of `n_classes`; None for other keys.
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

/// The off-diagonal cells with the highest counts, the highest first.
pub fn most_confused(matrix: &ConfusionMatrix, limit: usize) -> Vec<(Cell, u32)> {
    let classes = 0..matrix.n_classes();
    let mut cells: Vec<_> = classes
        .clone()
        .flat_map(|label| classes.clone().map(move |predicted| Cell { label, predicted }))
        .map(|cell| (cell, matrix.count(cell.label, cell.predicted)))
        .filter(|(cell, count)| *count > 0 && !cell.is_correct())
        .collect();
    sort_by(&mut cells, |left, right| right.1.cmp(&left.1));
    cells.truncate(limit);
    cells
}

/// The predictions that a cell counts, the most confident first: confident errors are the most informative.
pub fn behind(predictions: &[Prediction], cell: Cell) -> Vec<Prediction> {
    let is_behind = |it: &&Prediction| Cell { label: it.label.into(), predicted: it.predicted.into() } == cell;
    let mut behind: Vec<_> = predictions.iter().filter(is_behind).copied().collect();
    sort_by(&mut behind, |left, right| right.confidence.total_cmp(&left.confidence));
    behind
}

/// The strength of a cell's tint, 0 to 1: the square root of its fraction of the row, so that one error in a hundred is still visible.
pub fn tint(count: u32, row_total: u32) -> f64 {
    if row_total == 0 { 0.0 } else { (f64::from(count) / f64::from(row_total)).min(1.0).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(index: u32, label: u16, predicted: u16, confidence: f32) -> Prediction {
        Prediction { index, label, predicted, confidence, loss: 0.0 }
    }

    #[test]
    fn the_most_confused_pairs_come_first_and_correct_predictions_never() {
        let pairs = [(0, 0), (0, 0), (0, 0), (1, 2), (1, 0), (1, 0), (2, 2)];
        let predictions = pairs.map(|(label, predicted)| prediction(0, label, predicted, 0.5));
        let matrix = ConfusionMatrix::new(&predictions, 3);
        let cell = |label, predicted| Cell { label, predicted };
        assert_eq!(most_confused(&matrix, 9), [(cell(1, 0), 2), (cell(1, 2), 1)]);
        assert_eq!(most_confused(&matrix, 1), [(cell(1, 0), 2)]);
        assert!(most_confused(&ConfusionMatrix::new(&predictions, 1), 9).is_empty());
    }

    #[test]
    fn behind_a_cell_are_its_images_the_surest_first() {
        let all = [prediction(0, 4, 9, 0.5), prediction(1, 4, 4, 0.9), prediction(2, 4, 9, 0.75)];
        let found = behind(&all, Cell { label: 4, predicted: 9 });
        assert_eq!(found.iter().map(|it| it.index).collect::<Vec<_>>(), [2, 0]);
    }

    #[test]
    fn tints_follow_the_fraction_of_the_row() {
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
