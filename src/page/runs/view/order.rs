//! The sort order of the table of runs. Pure.

use std::cmp::Ordering;

use super::row::RunRow;
use crate::page::sort::sort_by;
use crate::page::widgets::sorted_table::SortOrder;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Star,
    Name,
    Dataset,
    Network,
    Accuracy,
    Loss,
    Test,
    Steps,
    Time,
    Date,
}

impl Column {
    /// All columns after the checkbox, from left to right.
    pub const ALL: [Self; 10] = [
        Self::Star,
        Self::Name,
        Self::Accuracy,
        Self::Loss,
        Self::Test,
        Self::Dataset,
        Self::Network,
        Self::Steps,
        Self::Time,
        Self::Date,
    ];

    /// The stable name by which tests find the column.
    pub fn key(self) -> &'static str {
        match self {
            Self::Star => "star",
            Self::Name => "name",
            Self::Dataset => "dataset",
            Self::Network => "network",
            Self::Accuracy => "accuracy",
            Self::Loss => "loss",
            Self::Test => "test",
            Self::Steps => "steps",
            Self::Time => "time",
            Self::Date => "date",
        }
    }

    /// Whether the first click sorts in descending order, so that the value of most interest is on top.
    fn begins_descending(self) -> bool {
        match self {
            Self::Star | Self::Accuracy | Self::Test | Self::Steps | Self::Time | Self::Date => true,
            Self::Name | Self::Dataset | Self::Network | Self::Loss => false,
        }
    }
}

pub type Order = SortOrder<Column>;

impl Default for Order {
    /// Newest first.
    fn default() -> Self {
        Self { column: Column::Date, is_descending: true }
    }
}

impl Order {
    /// The order after a click on a column's header.
    pub fn clicked(self, column: Column) -> Self {
        self.by(column, column.begins_descending())
    }

    /// Sorts the rows. Unknown values come last in both directions, and ties are sorted newest first. `label` gives a row's name.
    pub fn sort(self, rows: &mut Vec<RunRow>, label: impl Fn(&RunRow) -> String) {
        match self.column {
            Column::Name => self.sort_by_text(rows, label),
            Column::Dataset => self.sort_by_text(rows, |row| row.record.dataset_name.clone()),
            Column::Network => self.sort_by_text(rows, |row| row.record.config.network.name.clone()),
            Column::Star => self.sort_by_figure(rows, |row| Some(f64::from(u8::from(row.record.is_starred)))),
            Column::Accuracy => self.sort_by_figure(rows, RunRow::accuracy),
            Column::Loss => self.sort_by_figure(rows, RunRow::loss),
            Column::Test => self.sort_by_figure(rows, RunRow::test_accuracy),
            Column::Steps => self.sort_by_figure(rows, |row| Some(row.record.steps.into())),
            Column::Time => self.sort_by_figure(rows, |row| Some(row.record.elapsed_ms)),
            Column::Date => self.sort_by_figure(rows, |row| Some(row.record.started_at)),
        }
    }

    fn sort_by_text(self, rows: &mut Vec<RunRow>, text: impl Fn(&RunRow) -> String) {
        sort_by(rows, newest_first);
        // Computes each text once instead of for every comparison; the sort is stable.
        rows.sort_by_cached_key(|row| Directed { text: text(row).to_lowercase(), is_descending: self.is_descending });
    }

    fn sort_by_figure(self, rows: &mut Vec<RunRow>, figure: impl Fn(&RunRow) -> Option<f64>) {
        sort_by(rows, |left, right| {
            let ordering = self.compare(figure(left), figure(right));
            ordering.then_with(|| newest_first(left, right))
        });
    }
}

/// A text that compares in its column's direction.
#[derive(PartialEq, Eq)]
struct Directed {
    text: String,
    is_descending: bool,
}

impl Ord for Directed {
    fn cmp(&self, other: &Self) -> Ordering {
        let ordering = self.text.cmp(&other.text);
        if self.is_descending { ordering.reverse() } else { ordering }
    }
}

impl PartialOrd for Directed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn newest_first(left: &RunRow, right: &RunRow) -> Ordering {
    right.record.started_at.total_cmp(&left.record.started_at).then_with(|| right.record.id.cmp(&left.record.id))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use kindling_core::runs::record::{RunRecord, TestResult};
    use kindling_core::runs::samples::record;

    fn row(id: &str, started_at: f64, test: Option<f32>, name: &str) -> RunRow {
        let test = test.map(|accuracy| TestResult { loss: None, accuracy });
        let record = RunRecord { started_at, test, name: name.into(), is_starred: id == "b", ..record(id) };
        RunRow { record: Arc::new(record), differences: None, before_id: None }
    }

    fn check(column: Column, is_descending: bool, expected: [&str; 3]) {
        let mut rows =
            vec![row("a", 1.0, Some(0.5), "slow"), row("b", 2.0, None, "Fast"), row("c", 3.0, Some(0.7), "middling")];
        Order { column, is_descending }.sort(&mut rows, |row| row.record.name.clone());
        assert_eq!(rows.iter().map(|row| row.record.id.as_str()).collect::<Vec<_>>(), expected, "{column:?}");
    }

    #[test]
    fn unknown_values_stand_last_and_ties_newest_first() {
        check(Column::Date, true, ["c", "b", "a"]);
        check(Column::Date, false, ["a", "b", "c"]);
        check(Column::Test, true, ["c", "a", "b"]);
        check(Column::Test, false, ["a", "c", "b"]);
        check(Column::Name, false, ["b", "c", "a"]);
        check(Column::Name, true, ["a", "c", "b"]);
        check(Column::Steps, true, ["c", "b", "a"]);
        check(Column::Steps, false, ["c", "b", "a"]);
        check(Column::Star, true, ["b", "c", "a"]);
    }

    #[test]
    fn what_is_looked_for_comes_first() {
        assert_eq!(Order::default().clicked(Column::Loss), Order { column: Column::Loss, is_descending: false });
        let accuracy = Order::default().clicked(Column::Accuracy);
        assert!(accuracy.is_descending && !accuracy.clicked(Column::Accuracy).is_descending);
    }
}
