//! A table in Markdown, and the format of the figures in its cells.

use std::fmt;

pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    /// The first column is text, the others are numbers.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "| {} |", row.join(" | "))?;
            if index == 0 {
                write!(formatter, "\n| --- |{}", " ---: |".repeat(row.len().saturating_sub(1)))?;
            }
        }
        Ok(())
    }
}

/// Three significant digits, but all of the digits before the decimal point.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", figure(bytes as f64 / 1e6))
}

/// Figures in the order in which they were measured.
pub fn all(values: &[f64]) -> String {
    values.iter().copied().map(figure).collect::<Vec<_>>().join(", ")
}

/// The middle value, or the mean of the two in the middle; NaN if there are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => (value + sorted.get(middle.wrapping_sub(1)).unwrap_or(value)) / 2.0,
        (None, _) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["what", "ms"]);
        table.row(["step".to_owned(), figure(12.345)]);
        assert_eq!(table.to_string(), "| what | ms |\n| --- | ---: |\n| step | 12.3 |");
    }

    #[test]
    fn figures_have_three_digits_that_count() {
        for (value, expected) in [(0.0, "0.00"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (12_345.6, "12346")]
        {
            assert_eq!(figure(value), expected);
        }
        assert_eq!(megabytes(1_500_000), "1.50 MB");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in [(&[3.0, 1.0, 2.0][..], 2.0), (&[4.0, 1.0], 2.5), (&[7.0], 7.0)] {
            assert_eq!(median(values), expected);
        }
        assert!(median(&[]).is_nan());
    }
}
