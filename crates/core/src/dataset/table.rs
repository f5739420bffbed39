//! Tables in CSV: a row an image, with its label and the brightness of each pixel, as MNIST and its kin are passed around.

use std::collections::BTreeMap;

use csv::{ByteRecord, ReaderBuilder};

use super::array::{Scale, ValueRange, whole};
use super::class_names::{ClassNames, FileLabels};
use super::content::is_text;
use super::gzip::Unpacked;
use super::{DatasetError, MAX_CLASSES, MAX_IMAGES, MAX_PIXEL_BYTES, MAX_SIDE_PIXELS};
use crate::decimal;
use crate::protocol::ImageShape;

/// The images of a table, and their labels as they are written.
#[derive(Debug)]
pub struct Table {
    pub file: String,
    pub shape: ImageShape,
    pub pixels: Vec<u8>,
    /// The place of each image's label in `names`.
    labels: Vec<usize>,
    /// The labels that occur, in the order of their first images.
    names: Vec<String>,
}

/// Fewer columns are no image.
const MIN_COLUMNS: usize = 5;

/// Columns that hold the label, by their names in the first row.
pub(super) const LABEL_NAMES: [&str; 8] = ["label", "labels", "class", "target", "y", "digit", "letter", "category"];

/// Whether a file's first bytes are those of a table.
pub fn is_table(head: &[u8]) -> bool {
    is_text(head) && delimiter(head).1 + 1 >= MIN_COLUMNS
}

/// The delimiter that the first line has most of, and how many.
pub(super) fn delimiter(head: &[u8]) -> (u8, usize) {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| (delimiter, line.iter().filter(|byte| **byte == delimiter).count());
    [b',', b';', b'\t'].map(count).into_iter().max_by_key(|(_, n)| *n).unwrap_or((b',', 0))
}

/// The columns of a table.
struct Columns {
    n_columns: usize,
    has_header: bool,
    /// None if the first row does not name it.
    label: Option<usize>,
}

impl Columns {
    fn of(first: &ByteRecord) -> Self {
        let is_number = |place: usize| first.get(place).is_some_and(|field| number(field).is_some());
        let is_label =
            |field: &[u8]| LABEL_NAMES.iter().any(|name| field.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
        let label = first.iter().position(is_label);
        // Labels may be words; the second column and the last but one are pixels in any case.
        let has_header = label.is_some() || !is_number(1) || !is_number(first.len().saturating_sub(2));
        Self { n_columns: first.len(), has_header, label }
    }
}

impl Table {
    /// Reads a table, gzip or not.
    ///
    /// # Errors
    ///
    /// If rows differ in length, a value is no brightness, the pixels of a row are no square image, or a limit is exceeded.
    pub fn read(file: &str, bytes: &[u8], head: &[u8]) -> Result<Self, DatasetError> {
        let rows = Rows { file, bytes, delimiter: delimiter(head).0 };
        let columns = rows.columns()?;
        let label = match columns.label {
            Some(label) => label,
            None => rows.label_column(&columns)?,
        };
        let n_values = columns.n_columns - 1;
        let side = n_values.isqrt();
        let bad = |detail: String| DatasetError::BadTable { file: file.to_owned(), detail };
        if side * side != n_values || side > MAX_SIDE_PIXELS as usize {
            return Err(bad(format!("{n_values} values a row beside the label are no square gray image")));
        }
        let shape = ImageShape { channels: 1, height: side as u32, width: side as u32 };
        let mut table =
            Self { file: file.to_owned(), shape, pixels: Vec::new(), labels: Vec::new(), names: Vec::new() };
        let mut places = BTreeMap::new();
        let mut range = ValueRange::default();
        let mut is_whole = true;
        rows.each(&columns, |row, record| {
            table.reserve_image(n_values)?;
            let name = String::from_utf8_lossy(record.get(label).unwrap_or_default().trim_ascii()).into_owned();
            if name.is_empty() {
                return Err(bad(format!("row {row} has no label")));
            }
            let place = *places.entry(name.clone()).or_insert(table.names.len());
            if place == table.names.len() {
                if place >= MAX_CLASSES {
                    let limit = MAX_CLASSES as u64;
                    return Err(DatasetError::TooLarge { file: file.to_owned(), what: "number of classes", limit });
                }
                table.names.push(name);
            }
            table.labels.push(place);
            for (column, field) in record.iter().enumerate().filter(|(column, _)| *column != label) {
                let value = number(field).ok_or_else(|| {
                    let field = String::from_utf8_lossy(field);
                    bad(format!("row {row}, column {}: {field:?} is no number", column + 1))
                })?;
                range.take(value);
                is_whole &= value.fract() == 0.0;
                table.pixels.push(value as u8);
            }
            Ok(())
        })?;
        if table.labels.is_empty() {
            return Err(DatasetError::Empty { file: file.to_owned() });
        }
        let scale = Scale::of(range).ok_or_else(|| bad(range.to_string()))?;
        if scale != Scale::AsIs || !is_whole {
            table.convert(&rows, &columns, label, scale)?;
        }
        Ok(table)
    }

    /// Reads the values again, now that their range is known.
    fn convert(&mut self, rows: &Rows, columns: &Columns, label: usize, scale: Scale) -> Result<(), DatasetError> {
        let mut pixels = self.pixels.iter_mut();
        rows.each(columns, |_, record| {
            let fields = record.iter().enumerate().filter(|(column, _)| *column != label);
            for ((_, field), pixel) in fields.zip(pixels.by_ref()) {
                *pixel = scale.to_byte(number(field).unwrap_or_default());
            }
            Ok(())
        })
    }

    fn reserve_image(&mut self, n_values: usize) -> Result<(), DatasetError> {
        let too_large = |what, limit| DatasetError::TooLarge { file: self.file.clone(), what, limit };
        if self.labels.len() >= MAX_IMAGES as usize {
            return Err(too_large("number of images", MAX_IMAGES.into()));
        }
        let n_bytes = (self.pixels.len() + n_values) as u64;
        if n_bytes > MAX_PIXEL_BYTES {
            return Err(too_large("size in bytes", MAX_PIXEL_BYTES));
        }
        self.pixels.try_reserve(n_values).map_err(|_| DatasetError::OutOfMemory { bytes: n_bytes })
    }

    pub fn n_images(&self) -> usize {
        self.labels.len()
    }
}

/// The labels of tables as numbers, with the names of these numbers if they are words.
pub fn labels(tables: &[Table]) -> (Vec<FileLabels>, Option<ClassNames>) {
    let written = || tables.iter().flat_map(|table| &table.names);
    let is_whole = |name: &String| number(name.as_bytes()).and_then(whole).is_some();
    let words: Option<BTreeMap<&String, i64>> = (!written().all(is_whole)).then(|| {
        let sorted: std::collections::BTreeSet<&String> = written().collect();
        sorted.into_iter().zip(0..).collect()
    });
    let label = |name: &String| match &words {
        Some(words) => words.get(name).copied().unwrap_or_default(),
        None => number(name.as_bytes()).and_then(whole).unwrap_or_default(),
    };
    let of_table = |table: &Table| {
        let by_place: Vec<i64> = table.names.iter().map(label).collect();
        let labels = table.labels.iter().filter_map(|place| by_place.get(*place).copied()).collect();
        FileLabels { file: table.file.clone(), labels }
    };
    let files = tables.iter().map(of_table).collect();
    let names =
        words.map(|words| ClassNames::ByLabel(words.into_iter().map(|(name, label)| (label, name.clone())).collect()));
    (files, names)
}

/// The rows of a table's file, which can be read more than once.
struct Rows<'a> {
    file: &'a str,
    bytes: &'a [u8],
    delimiter: u8,
}

impl Rows<'_> {
    fn reader(&self) -> csv::Reader<Unpacked<'_>> {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).delimiter(self.delimiter);
        builder.from_reader(Unpacked::open(self.file, self.bytes))
    }

    fn columns(&self) -> Result<Columns, DatasetError> {
        let mut first = ByteRecord::new();
        match self.reader().read_byte_record(&mut first) {
            Ok(true) if first.len() >= MIN_COLUMNS => Ok(Columns::of(&first)),
            Ok(_) => Err(DatasetError::Empty { file: self.file.to_owned() }),
            Err(error) => Err(self.bad(&error)),
        }
    }

    /// The first column, unless the first thousand rows have the same there and not in the last.
    fn label_column(&self, columns: &Columns) -> Result<usize, DatasetError> {
        const N_ROWS: usize = 1_000;
        let last = columns.n_columns - 1;
        let mut seen: Option<[Vec<u8>; 2]> = None;
        let mut differs = [false; 2];
        let n_skipped = usize::from(columns.has_header);
        for record in self.reader().into_byte_records().skip(n_skipped).take(N_ROWS) {
            let record = record.map_err(|error| self.bad(&error))?;
            let ends = [0, last].map(|place| record.get(place).unwrap_or_default());
            let first = seen.get_or_insert_with(|| ends.map(<[u8]>::to_vec));
            for ((differs, first), end) in differs.iter_mut().zip(first.iter()).zip(ends) {
                *differs |= first.as_slice() != end;
            }
        }
        Ok(if differs == [false, true] { last } else { 0 })
    }

    /// Calls `take` with each row below the header and its number in the file, from 1.
    fn each(
        &self,
        columns: &Columns,
        mut take: impl FnMut(u64, &ByteRecord) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let mut reader = self.reader();
        let mut record = ByteRecord::new();
        let mut row = 0;
        while reader.read_byte_record(&mut record).map_err(|error| self.bad(&error))? {
            row += 1;
            if row > 1 || !columns.has_header {
                take(row, &record)?;
            }
        }
        Ok(())
    }

    fn bad(&self, error: &csv::Error) -> DatasetError {
        let file = self.file.to_owned();
        match error.kind() {
            csv::ErrorKind::Io(error) => DatasetError::BadArchive { file, detail: error.to_string() },
            csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                let row = pos.as_ref().map_or(0, |place| place.record() + 1);
                DatasetError::BadTable { file, detail: format!("row {row} has {len} values, the first {expected_len}") }
            }
            _ => DatasetError::BadTable { file, detail: error.to_string() },
        }
    }
}

/// Reads a number; bytes, the most frequent, without a general parser.
fn number(field: &[u8]) -> Option<f64> {
    let field = field.trim_ascii();
    match field {
        digits if (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            Some(digits.iter().fold(0.0, |number, digit| number * 10.0 + f64::from(digit - b'0')))
        }
        _ => decimal::parse(std::str::from_utf8(field).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table, DatasetError> {
        Table::read("t.csv", text.as_bytes(), text.as_bytes())
    }

    fn check(text: &str, expected_labels: &[i64], expected_pixels: &[u8]) {
        assert!(is_table(text.as_bytes()), "{text}");
        let table = read(text).unwrap();
        assert_eq!((table.shape.height, table.shape.width), (2, 2));
        assert_eq!(table.pixels, expected_pixels, "{text}");
        let (labels, names) = labels(&[table]);
        assert_eq!((labels[0].labels.as_slice(), names), (expected_labels, None), "{text}");
    }

    #[test]
    fn tables_are_read_in_every_usual_form() {
        let pixels = [0, 128, 255, 7, 1, 2, 3, 4];
        check("5,0,128,255,7\n3,1,2,3,4\n", &[5, 3], &pixels);
        check("label,a,b,c,d\r\n5,0,128,255,7\r\n3,1,2,3,4", &[5, 3], &pixels);
        check("\u{feff}label;a;b;c;d\n5;0;128;255;7\n3;1;2;3;4\n", &[5, 3], &pixels);
        check("a\tb\tc\td\tclass\n0\t128\t255\t7\t5\n1\t2\t3\t4\t3\n", &[5, 3], &pixels);
        check("5,0,0.5,1.0,0.2\n3,0,0,0,1e-9\n", &[5, 3], &[0, 128, 255, 51, 0, 0, 0, 0]);
        // The first column is the same everywhere, so that the last has the labels.
        check("0,1,255,3,5\n0,4,5,6,3\n", &[5, 3], &[0, 1, 255, 3, 0, 4, 5, 6]);
        check("5.0,0,128,255,7.0\n3.0,1,2,3,4\n", &[5, 3], &pixels);
    }

    #[test]
    fn words_as_labels_are_classes_in_alphabetical_order() {
        let (labels, names) = labels(&[read("dog,1,2,3,4\ncat,5,6,7,8\n").unwrap()]);
        assert_eq!(labels[0].labels, [1, 0]);
        assert_eq!(names, Some(ClassNames::ByLabel([(0, "cat".to_owned()), (1, "dog".to_owned())].into())));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_row() {
        let check = |text: &str, expected: &str| {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("5,1,2,3,4\n3,1,2,3\n", "row 2 has 4 values, the first 5");
        check("5,1,2,3,4\n3,1,x,3,4\n", "row 2, column 3: \"x\" is no number");
        check("5,1,2,3,400000\n3,1,2,3,4\n", "from 1 to 400000");
        check("label,1,2,3,a,b\n5,1,2,3,4,5\n", "5 values a row");
        check("label,a,b,c,d\n", "no images");
        check("5,1,2,3,4\n,1,2,3,4\n", "row 2 has no label");
        assert!(!is_table(b"cat\ndog\n") && !is_table(b"a,b,c,d\x00,e"));
    }
}
