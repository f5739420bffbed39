//! The order of the table of classes. Pure.

use std::cmp::Ordering;

/// The figures of one class on one split, as the table shows them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassRow {
    pub class: u16,
    /// Images of this class.
    pub n_images: u32,
    /// None where no image was taken for this class.
    pub precision: Option<f64>,
    /// None where there is no image of this class.
    pub recall: Option<f64>,
    pub f1: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Class,
    Images,
    Precision,
    Recall,
    F1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub column: Column,
    pub is_descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { column: Column::Class, is_descending: false }
    }
}

impl Order {
    /// A click on a column's header: the other direction of the same column, or the new column with what is looked for
    /// first on top, the worst figures and the largest class.
    pub fn clicked(self, column: Column) -> Self {
        if column == self.column {
            return Self { column, is_descending: !self.is_descending };
        }
        Self { column, is_descending: column == Column::Images }
    }

    /// Sorts the rows. Unknown figures stand last in both directions, and ties in the order of the classes.
    pub fn sort(self, rows: &mut [ClassRow]) {
        rows.sort_by(|left, right| {
            let directed = |ordering: Ordering| if self.is_descending { ordering.reverse() } else { ordering };
            let by_figure = |figure: fn(&ClassRow) -> Option<f64>| match (figure(left), figure(right)) {
                (Some(left), Some(right)) => directed(left.total_cmp(&right)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            };
            let ordering = match self.column {
                Column::Class => directed(left.class.cmp(&right.class)),
                Column::Images => directed(left.n_images.cmp(&right.n_images)),
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

    fn check(order: Order, expected: [u16; 4]) {
        let row = |class, n_images, recall| ClassRow { class, n_images, precision: None, recall, f1: recall };
        let mut rows = [row(2, 5, Some(0.5)), row(0, 5, Some(0.9)), row(3, 0, None), row(1, 8, Some(0.7))];
        order.sort(&mut rows);
        assert_eq!(rows.map(|row| row.class), expected, "{order:?}");
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
