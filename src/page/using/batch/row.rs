//! What is known of each classified image, which of them are shown, and in which order. Pure.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::page::collect::project::clean_name;
use crate::page::sort::sort_by;
use crate::page::widgets::sorted_table::SortOrder;
use kindling_core::metrics::rejection::is_kept;
use kindling_core::protocol::ClassProbability;
use kindling_core::runs::curves::csv_field;

/// The classes that are kept of each image, most probable first.
pub const TOP: usize = 3;

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where its file and its thumbnail are.
    pub place: usize,
    /// Its path in the folder or the archive, or its name.
    pub path: String,
    /// At most [`TOP`], most probable first.
    pub classes: Vec<ClassProbability>,
    /// The visitor's own answer, if there is one; it may be none of the classes.
    pub corrected: Option<Option<u16>>,
}

impl Row {
    pub fn confidence(&self) -> f32 {
        self.classes.first().map_or(0.0, |first| first.probability)
    }

    /// The class that the network answers with; `None` is none of the classes.
    pub fn predicted(&self, threshold: f32) -> Option<u16> {
        let first = self.classes.first()?;
        is_kept(first.probability, threshold).then_some(first.class)
    }

    /// The class that counts: the visitor's answer before the network's.
    pub fn class(&self, threshold: f32) -> Option<u16> {
        self.corrected.unwrap_or_else(|| self.predicted(threshold))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClassFilter {
    #[default]
    All,
    Class(u16),
    /// None of the classes.
    Rejected,
    Corrected,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    pub class: ClassFilter,
    /// Only images with at most this confidence.
    pub most: f32,
}

impl Default for Filter {
    fn default() -> Self {
        Self { class: ClassFilter::All, most: 1.0 }
    }
}

impl Filter {
    pub fn takes(self, row: &Row, threshold: f32) -> bool {
        let is_of_class = match self.class {
            ClassFilter::All => true,
            ClassFilter::Class(class) => row.class(threshold) == Some(class),
            ClassFilter::Rejected => row.class(threshold).is_none(),
            ClassFilter::Corrected => row.corrected.is_some(),
        };
        is_of_class && row.confidence() <= self.most
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    File,
    Class,
    Confidence,
}

/// The places in `rows` of those that the filter takes, in this order.
pub fn shown(rows: &[Row], filter: Filter, order: SortOrder<Column>, threshold: f32) -> Vec<usize> {
    let mut found: Vec<(usize, &Row)> =
        rows.iter().enumerate().filter(|(_, row)| filter.takes(row, threshold)).collect();
    let compare = |one: &Row, other: &Row| match order.column {
        Column::File => order.directed(one.path.cmp(&other.path)),
        Column::Class => order.compare(number(one.class(threshold)), number(other.class(threshold))),
        Column::Confidence => order.directed(one.confidence().total_cmp(&other.confidence())),
    };
    // Equal ones are in the order of their paths.
    sort_by(&mut found, |(_, one), (_, other)| match compare(one, other) {
        Ordering::Equal => one.path.cmp(&other.path),
        ordering => ordering,
    });
    found.into_iter().map(|(place, _)| place).collect()
}

fn number(class: Option<u16>) -> Option<f64> {
    class.map(f64::from)
}

/// The names for what the table says.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub classes: &'a [String],
    /// Of no class.
    pub none: &'a str,
}

impl Names<'_> {
    pub fn of(&self, class: Option<u16>) -> &str {
        class.map_or(self.none, |class| self.classes.get(usize::from(class)).map_or("", String::as_str))
    }
}

/// The table as comma-separated values (RFC 4180): one row per image, in their order.
pub fn csv(rows: &[Row], threshold: f32, names: Names) -> String {
    let mut text = "file,class,predicted,confidence,second_class,second_probability,is_corrected\r\n".to_owned();
    for row in rows {
        let second = row.classes.get(1);
        let fields = [
            row.path.clone(),
            names.of(row.class(threshold)).to_owned(),
            names.of(row.predicted(threshold)).to_owned(),
            row.confidence().to_string(),
            second.map(|second| names.of(Some(second.class)).to_owned()).unwrap_or_default(),
            second.map(|second| second.probability.to_string()).unwrap_or_default(),
            row.corrected.is_some().to_string(),
        ];
        text.push_str(&fields.map(|field| csv_field(&field)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// The path of each image in an archive with a folder per class. Of files with one name in a class, the later ones get a number.
pub fn sorted_paths(rows: &[Row], threshold: f32, names: Names) -> Vec<String> {
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    let path = |row: &Row| {
        let folder = Some(clean_name(names.of(row.class(threshold)))).filter(|name| !name.is_empty());
        let folder = folder.unwrap_or_else(|| "images".to_owned());
        let name = row.path.rsplit('/').next().map(clean_name).unwrap_or_default();
        let number = taken.entry(format!("{folder}/{name}").to_lowercase()).or_default();
        *number += 1;
        match *number {
            1 if !name.is_empty() => format!("{folder}/{name}"),
            number => format!("{folder}/{number}-{name}"),
        }
    };
    rows.iter().map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(place: usize, path: &str, classes: &[(u16, f32)]) -> Row {
        let classes = classes.iter().map(|&(class, probability)| ClassProbability { class, probability }).collect();
        Row { place, path: path.into(), classes, corrected: None }
    }

    fn rows() -> Vec<Row> {
        let mut rows = vec![
            row(0, "in/b.png", &[(1, 0.9), (0, 0.1)]),
            row(1, "in/a, \"one\".png", &[(0, 0.6), (1, 0.4)]),
            row(2, "b.png", &[(1, 0.99), (0, 0.01)]),
            row(3, "c.png", &[(0, 0.7), (1, 0.3)]),
        ];
        rows[3].corrected = Some(Some(1));
        rows
    }

    const ORDER: SortOrder<Column> = SortOrder { column: Column::Confidence, is_descending: false };

    fn names(classes: &[String]) -> Names<'_> {
        Names { classes, none: "none" }
    }

    #[test]
    fn the_visitor_s_answer_counts_before_the_network_s() {
        let rows = rows();
        assert_eq!(rows.iter().map(|row| row.class(0.8)).collect::<Vec<_>>(), [Some(1), None, Some(1), Some(1)]);
        assert_eq!(rows.iter().map(|row| row.predicted(0.0)).collect::<Vec<_>>(), [Some(1), Some(0), Some(1), Some(0)]);
        assert_eq!(row(0, "", &[]).class(0.0), None);
        let rejected = Row { corrected: Some(None), ..rows[0].clone() };
        assert_eq!((rejected.class(0.0), rejected.predicted(0.0)), (None, Some(1)));
    }

    #[test]
    fn rows_are_filtered_and_sorted() {
        let rows = rows();
        let places = |filter: Filter, order| shown(&rows, filter, order, 0.8);
        assert_eq!(places(Filter::default(), ORDER), [1, 3, 0, 2]);
        assert_eq!(places(Filter::default(), ORDER.by(Column::Confidence, true)), [2, 0, 3, 1]);
        let by_class = SortOrder { column: Column::Class, is_descending: false };
        assert_eq!(places(Filter::default(), by_class), [2, 3, 0, 1]);
        let of = |class, most| places(Filter { class, most }, ORDER);
        assert_eq!(of(ClassFilter::Class(1), 0.95), [3, 0]);
        assert_eq!(of(ClassFilter::Rejected, 1.0), [1]);
        assert_eq!(of(ClassFilter::Corrected, 1.0), [3]);
    }

    #[test]
    fn a_table_of_commas_and_quotes_is_read_back() {
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let text = csv(&rows(), 0.8, names(&classes));
        let lines: Vec<_> = text.split("\r\n").collect();
        assert_eq!(lines[0], "file,class,predicted,confidence,second_class,second_probability,is_corrected");
        assert_eq!(lines[2], "\"in/a, \"\"one\"\".png\",none,none,0.6,dog,0.4,false");
        assert_eq!(lines[4], "c.png,dog,none,0.7,dog,0.3,true");
        assert_eq!(lines[5..], [""]);
    }

    #[test]
    fn files_of_one_name_have_paths_of_their_own() {
        let classes = ["cat".to_owned(), "a/b".to_owned()];
        let paths = sorted_paths(&rows(), 0.8, names(&classes));
        assert_eq!(paths, ["a b/b.png", "none/a, \"one\".png", "a b/2-b.png", "a b/c.png"]);
    }
}
