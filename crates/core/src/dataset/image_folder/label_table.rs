//! Tables that name the class of each image file, in CSV: a column of files, a column of labels, and perhaps one of parts.

use std::collections::BTreeMap;

use csv::{ByteRecord, ReaderBuilder};

use super::layout::{File, Labeled, class_name, is_image_name, part_of_folder};
use super::report::{ImageReport, LeftOutReason};
use crate::dataset::files::{Part, base_name};
use crate::dataset::gzip::Unpacked;
use crate::dataset::table::{LABEL_NAMES, delimiter};
use crate::dataset::{DatasetError, MAX_IMAGES};

/// Names of label columns beside those of tables of pixels.
const MORE_LABEL_NAMES: [&str; 8] =
    ["class_name", "classname", "label_name", "species", "breed", "diagnosis", "dx", "name"];

const PART_NAMES: [&str; 4] = ["split", "set", "subset", "part"];

/// Rows that decide which column is which.
const N_DECIDING: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTable {
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// As in the table.
    file: String,
    class: String,
    part: Part,
}

impl LabelTable {
    /// The table, if one of its columns has names of these image files; `None` if it is about something else.
    ///
    /// # Errors
    ///
    /// If it names images, but it is unclear which column has their labels, or it is damaged.
    pub fn read(file: &str, bytes: &[u8], paths: &[String]) -> Result<Option<Self>, DatasetError> {
        let bad = |detail: String| DatasetError::BadTable { file: file.to_owned(), detail };
        let head = crate::dataset::gzip::peek(bytes);
        let mut reader = ReaderBuilder::new();
        reader.has_headers(false).flexible(true).delimiter(delimiter(&head).0);
        let mut reader = reader.from_reader(Unpacked::open(file, bytes));
        let mut records = Vec::new();
        for record in reader.byte_records() {
            let record = record.map_err(|error| bad(error.to_string()))?;
            if records.len() > MAX_IMAGES as usize {
                return Err(DatasetError::TooLarge {
                    file: file.to_owned(),
                    what: "number of rows",
                    limit: MAX_IMAGES.into(),
                });
            }
            records.push(record);
        }
        let known = Known::of(paths.iter().map(String::as_str));
        let Some(columns) = Columns::of(&records, &known).map_err(bad)? else { return Ok(None) };
        let whole = Part::of(base_name(file));
        let rows = records.iter().skip(usize::from(columns.has_header)).filter_map(|record| {
            let class = class_name(&text(record, columns.label));
            let part = columns.part.and_then(|part| part_of_folder(&text(record, part))).unwrap_or(whole);
            (!class.is_empty()).then(|| Row { file: text(record, columns.file), class, part })
        });
        Ok(Some(Self { rows: rows.collect() }))
    }

    /// One table of several, such as `train.csv` and `test.csv`.
    pub fn join(tables: Vec<Self>) -> Option<Self> {
        let rows: Vec<Row> = tables.into_iter().flat_map(|table| table.rows).collect();
        (!rows.is_empty()).then_some(Self { rows })
    }

    /// The classes of the files that the table names. Of two rows for one file, the first counts.
    pub(super) fn label<'a>(&self, files: Vec<File<'a>>, report: &mut ImageReport) -> Vec<Labeled<'a>> {
        let known = Known::of(files.iter().map(|file| file.path));
        let mut rows: Vec<Option<&Row>> = vec![None; files.len()];
        for row in &self.rows {
            match known.find(&row.file).and_then(|place| rows.get_mut(place)) {
                Some(found) => *found = found.or(Some(row)),
                None => report.leave_out(&row.file, LeftOutReason::Missing),
            }
        }
        let mut labeled = Vec::with_capacity(files.len());
        for (file, row) in files.into_iter().zip(rows) {
            match row {
                Some(row) => labeled.push(Labeled { file, class: row.class.clone(), part: row.part }),
                None => report.leave_out(file.path, LeftOutReason::NoLabel),
            }
        }
        labeled
    }
}

/// Which columns a table of labels has.
struct Columns {
    has_header: bool,
    file: usize,
    label: usize,
    part: Option<usize>,
}

impl Columns {
    fn of(records: &[ByteRecord], known: &Known) -> Result<Option<Self>, String> {
        let deciding = || records.iter().skip(1).take(N_DECIDING);
        let n_deciding = deciding().count();
        let n_columns = records.iter().take(N_DECIDING).map(ByteRecord::len).max().unwrap_or_default();
        let n_known = |column: &usize| deciding().filter(|record| known.find(&text(record, *column)).is_some()).count();
        let Some(file) = (0..n_columns).max_by_key(|column| (n_known(column), std::cmp::Reverse(*column))) else {
            return Ok(None);
        };
        let Some(first) = records.first() else { return Ok(None) };
        if n_known(&file) == 0 || n_known(&file) * 2 < n_deciding {
            return Ok(None);
        }
        let named = text(first, file);
        let has_header = known.find(&named).is_none() && !is_image_name(&named);
        let is_called = |column: &usize, names: &[&str]| {
            has_header && names.iter().any(|name| text(first, *column).eq_ignore_ascii_case(name))
        };
        let others: Vec<usize> = (0..n_columns).filter(|column| *column != file).collect();
        let label = match others.as_slice() {
            [only] => Some(*only),
            _ => [LABEL_NAMES.as_slice(), MORE_LABEL_NAMES.as_slice()]
                .iter()
                .find_map(|names| others.iter().copied().find(|column| is_called(column, names))),
        };
        let part = others.iter().copied().find(|column| Some(*column) != label && is_called(column, &PART_NAMES));
        match label {
            Some(label) => Ok(Some(Self { has_header, file, label, part })),
            None => Err("it names images, but none of its columns is called \"label\" or \"class\"".to_owned()),
        }
    }
}

fn text(record: &ByteRecord, column: usize) -> String {
    let bytes = record.get(column).unwrap_or_default();
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).trim().to_owned()
}

/// Image files by the names that a table may call them: their path, its end, or the file's name, with or without extension.
struct Known<'a> {
    /// `None` for a name that several files share.
    places: BTreeMap<&'a str, Option<usize>>,
}

impl<'a> Known<'a> {
    fn of(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut places = BTreeMap::new();
        for (place, path) in paths.enumerate().filter(|(_, path)| is_image_name(path)) {
            let below = path.split_once('/').map_or(path, |(_, below)| below);
            let mut names = vec![path, below, base_name(path)];
            names.extend(
                [path, below, base_name(path)].map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem)),
            );
            names.sort_unstable();
            names.dedup();
            for name in names {
                places.entry(name).and_modify(|known| *known = None).or_insert(Some(place));
            }
        }
        Self { places }
    }

    fn find(&self, name: &str) -> Option<usize> {
        let name = name.strip_prefix("./").unwrap_or(name);
        self.places.get(name).or_else(|| self.places.get(name.replace('\\', "/").as_str())).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::*;

    fn paths() -> Vec<String> {
        ["d/1.png", "d/2.png", "d/sub/3.jpg", "d/4.png"].map(str::to_owned).into()
    }

    fn classes(text: &str) -> Vec<(usize, String, Part)> {
        let table = LabelTable::read("labels.csv", text.as_bytes(), &paths()).unwrap().unwrap();
        let layout = Layout::of(&paths(), Some(&table)).unwrap();
        let class = |class: u16| layout.classes[usize::from(class)].clone();
        layout.items.iter().map(|item| (item.place, class(item.class), item.part)).collect()
    }

    #[test]
    fn files_are_known_by_path_name_or_stem() {
        let expected =
            [(0, "cat"), (1, "dog"), (2, "cat")].map(|(place, class)| (place, class.to_owned(), Part::Train));
        for text in [
            "file,label\n1.png,cat\n2.png,dog\nsub/3.jpg,cat\n",
            "1.png,cat\n2.png,dog\n3.jpg,cat\n",
            "label;image\ncat;d/1.png\ndog;d/2.png\ncat;d/sub/3.jpg\n",
            "\u{feff}id,breed,age\n1,cat,4\n2,dog,1\n3,cat,9\n",
            "cat\t./1.png\ndog\t2.png\ncat\tsub\\3.jpg\n",
        ] {
            assert_eq!(classes(text), expected, "{text}");
        }
    }

    #[test]
    fn a_column_of_parts_counts() {
        let found = classes("file,class,split\n1.png,a,train\n2.png,b,test\n3.jpg,b,val\n");
        let part = |place| found.iter().find(|(found, ..)| *found == place).unwrap().2;
        assert_eq!([part(0), part(1), part(2)], [Part::Train, Part::Test, Part::Validation]);
    }

    #[test]
    fn what_is_missing_on_either_side_is_listed() {
        let table = LabelTable::read("l.csv", b"f,label\n1.png,a\n2.png,b\n9.png,a\n", &paths()).unwrap().unwrap();
        let report = Layout::of(&paths(), Some(&table)).unwrap().report;
        let left: Vec<_> = report.left_out.iter().map(|left| (left.file.as_str(), left.reason.clone())).collect();
        let expected = [
            ("9.png", LeftOutReason::Missing),
            ("d/sub/3.jpg", LeftOutReason::NoLabel),
            ("d/4.png", LeftOutReason::NoLabel),
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn other_tables_are_ignored_and_unclear_ones_refused() {
        let read = |text: &str| LabelTable::read("l.csv", text.as_bytes(), &paths());
        assert_eq!(read("city,people\nBern,134\nBasel,173\n"), Ok(None));
        assert_eq!(read(""), Ok(None));
        let unclear = read("file,a,b\n1.png,4,5\n2.png,5,6\n").unwrap_err().to_string();
        assert!(unclear.contains("none of its columns"), "{unclear}");
    }
}
