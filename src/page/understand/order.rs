//! The rows of the class table, and their order. Pure.

use crate::page::sort::sort_by;
use crate::page::widgets::sorted_table::SortOrder;
use kindling_core::metrics::{ClassMetrics, ConfusionMatrix};

/// The figures of one class on one split, as the table shows them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassRow {
    pub class: u16,
    /// Images of this class.
    pub n_images: u32,
    /// None if no image was predicted as this class.
    pub precision: Option<f64>,
    /// None if there is no image of this class.
    pub recall: Option<f64>,
    /// None if there is no image of this class and none was predicted as it.
    pub f1: Option<f64>,
}

/// One row per class, in the order of the classes.
pub fn class_rows(matrix: &ConfusionMatrix) -> Vec<ClassRow> {
    let rows = matrix.class_metrics().into_iter().zip(0_u16..);
    rows.map(|(figures, class)| class_row(class, figures, matrix.n_predicted(class.into()))).collect()
}

/// `ClassMetrics` has 0 where a metric would divide by zero; the table shows such a metric as unknown.
fn class_row(class: u16, figures: ClassMetrics, n_predicted: u32) -> ClassRow {
    let known = |figure: f32, n_images: u32| (n_images > 0).then(|| f64::from(figure));
    ClassRow {
        class,
        n_images: figures.support,
        precision: known(figures.precision, n_predicted),
        recall: known(figures.recall, figures.support),
        f1: known(figures.f1, n_predicted.saturating_add(figures.support)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Class,
    Images,
    Precision,
    Recall,
    F1,
}

pub type Order = SortOrder<Column>;

impl Default for Order {
    fn default() -> Self {
        Self { column: Column::Class, is_descending: false }
    }
}

impl Order {
    /// The order after a click on a column's header. The first click puts the worst metrics or the largest class on top.
    pub fn clicked(self, column: Column) -> Self {
        self.by(column, column == Column::Images)
    }

    /// Sorts the rows. Unknown metrics are last in both directions, and ties are in the order of the classes.
    pub fn sort(self, rows: &mut Vec<ClassRow>) {
        sort_by(rows, |left, right| {
            let by_figure = |figure: fn(&ClassRow) -> Option<f64>| self.compare(figure(left), figure(right));
            let ordering = match self.column {
                Column::Class => self.directed(left.class.cmp(&right.class)),
                Column::Images => self.directed(left.n_images.cmp(&right.n_images)),
                Column::Precision => by_figure(|row| row.precision),
                Column::Recall => by_figure(|row| row.recall),
                Column::F1 => by_figure(|row| row.f1),
            };
            ordering.then(left.class.cmp(&right.class))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::protocol::Prediction;

    fn check(order: Order, expected: [u16; 4]) {
        let row = |class, n_images, recall| ClassRow { class, n_images, precision: None, recall, f1: recall };
        let mut rows = vec![row(2, 5, Some(0.5)), row(0, 5, Some(0.9)), row(3, 0, None), row(1, 8, Some(0.7))];
        order.sort(&mut rows);
        assert_eq!(rows.iter().map(|row| row.class).collect::<Vec<_>>(), expected, "{order:?}");
    }

    #[test]
    fn what_would_divide_by_zero_is_unknown() {
        let prediction = |label, predicted| Prediction { index: 0, label, predicted, confidence: 1.0, loss: 0.0 };
        let matrix = ConfusionMatrix::new(&[prediction(0, 0), prediction(0, 1)], 3);
        let rows = class_rows(&matrix);
        let figures = |row: &ClassRow| (row.n_images, row.precision, row.recall);
        let found: Vec<_> = rows.iter().map(figures).collect();
        assert_eq!(found, [(2, Some(1.0), Some(0.5)), (0, Some(0.0), None), (0, None, None)]);
        assert_eq!(rows.iter().map(|row| row.f1.is_some()).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn unknown_figures_stand_last_and_ties_in_class_order() {
        let by = |column, is_descending| Order { column, is_descending };
        check(Order::default(), [0, 1, 2, 3]);
        check(by(Column::Class, true), [3, 2, 1, 0]);
        check(by(Column::Images, true), [1, 0, 2, 3]);
        check(by(Column::Images, false), [3, 0, 2, 1]);
        check(by(Column::Recall, false), [2, 1, 0, 3]);
        check(by(Column::Recall, true), [0, 1, 2, 3]);
        check(by(Column::Precision, true), [0, 1, 2, 3]);
    }

    #[test]
    fn a_second_click_turns_the_order_around() {
        let order = Order::default().clicked(Column::F1);
        assert_eq!(order, Order { column: Column::F1, is_descending: false });
        assert!(order.clicked(Column::F1).is_descending);
        assert!(order.clicked(Column::Images).is_descending);
    }
}
