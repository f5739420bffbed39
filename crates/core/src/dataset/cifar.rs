//! CIFAR-10's binary batches: records of one label byte and 3072 pixel bytes, in red, green and blue planes of 32 x 32.

use std::io::{self, Read};

use super::gzip::reserve;
use super::{Dataset, DatasetError, MAX_IMAGES, MAX_PIXEL_BYTES, mnist};
use crate::protocol::ImageShape;

/// The batches read so far, with all images in one buffer: training batches in order of their names, then test batches.
pub struct Batches {
    batches: Vec<Batch>,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    /// Bytes to reserve at the first record.
    expected_bytes: u64,
}

struct Batch {
    file: String,
    is_test: bool,
    n_images: usize,
}

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const PIXEL_BYTES: usize = 3072;
pub const RECORD_BYTES: usize = 1 + PIXEL_BYTES;

/// The classes, if no `batches.meta.txt` names them; in label order.
const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

impl Batches {
    /// `source_bytes` is the size of the files that contain the batches. Photos hardly compress with gzip, so the images take about as
    /// much.
    pub fn new(source_bytes: u64) -> Self {
        let expected_bytes = source_bytes.saturating_add(source_bytes / 8).min(MAX_PIXEL_BYTES);
        Self { batches: Vec::new(), pixels: Vec::new(), labels: Vec::new(), expected_bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Reads a batch to its end, record by record.
    ///
    /// # Errors
    ///
    /// If the batch is empty, truncated, too large, unreadable, or given twice.
    pub fn read(&mut self, file: &str, mut source: impl Read) -> Result<(), DatasetError> {
        if self.batches.iter().any(|batch| batch.file == file) {
            return Err(DatasetError::BadArchive { file: file.to_owned(), detail: "it is there twice".to_owned() });
        }
        let n_before = self.labels.len();
        let mut record = [0; RECORD_BYTES];
        loop {
            let n_read = fill(&mut source, &mut record)
                .map_err(|error| DatasetError::BadArchive { file: file.to_owned(), detail: error.to_string() })?;
            let n_images = self.labels.len() - n_before;
            match (&record, n_read) {
                (_, 0) if n_images == 0 => return Err(DatasetError::Empty { file: file.to_owned() }),
                (_, 0) => {
                    self.put_in_order(Batch { file: file.to_owned(), is_test: mnist::is_test(file), n_images });
                    return Ok(());
                }
                ([label, pixels @ ..], RECORD_BYTES) => self.push(file, *label, pixels)?,
                (_, n_read) => {
                    let expected = ((n_images + 1) * RECORD_BYTES) as u64;
                    let found = (n_images * RECORD_BYTES + n_read) as u64;
                    return Err(DatasetError::Truncated { file: file.to_owned(), found, expected });
                }
            }
        }
    }

    /// The dataset of all batches. Batches with "test" in their name become its standard test set.
    ///
    /// # Errors
    ///
    /// If a label has no class.
    pub fn finish(self, name: &str, classes: Option<Vec<String>>) -> Result<Dataset, DatasetError> {
        let classes = classes.unwrap_or_else(|| CLASSES.map(str::to_owned).to_vec());
        let n_classes = classes.len();
        let mut labels = self.labels.iter();
        for batch in &self.batches {
            let wrong =
                labels.by_ref().take(batch.n_images).zip(0..).find(|(label, _)| usize::from(**label) >= n_classes);
            if let Some((&label, image)) = wrong {
                let file = batch.file.clone();
                return Err(DatasetError::LabelOutOfRange { file, image, label: label.into(), n_classes });
            }
        }
        let n_test: usize = self.batches.iter().filter(|batch| batch.is_test).map(|batch| batch.n_images).sum();
        // A single test batch is an ordinary dataset.
        let n_standard_test = if n_test == self.labels.len() { 0 } else { n_test };
        let labels = self.labels.into_iter().map(u16::from).collect();
        Ok(Dataset { name: name.to_owned(), classes, shape: SHAPE, pixels: self.pixels, labels, n_standard_test })
    }

    fn push(&mut self, file: &str, label: u8, pixels: &[u8]) -> Result<(), DatasetError> {
        let too_large = |what, limit| DatasetError::TooLarge { file: file.to_owned(), what, limit };
        if self.labels.len() >= MAX_IMAGES as usize {
            return Err(too_large("number of images", MAX_IMAGES.into()));
        }
        let n_bytes = (self.pixels.len() + pixels.len()) as u64;
        if n_bytes > MAX_PIXEL_BYTES {
            return Err(too_large("size in bytes", MAX_PIXEL_BYTES));
        }
        if n_bytes > self.pixels.capacity() as u64 {
            // Reserve the expected size first; if that is too little, a quarter more each time.
            let more = if self.pixels.is_empty() { self.expected_bytes } else { n_bytes / 4 };
            reserve(&mut self.pixels, more.max(pixels.len() as u64))?;
        }
        self.pixels.extend_from_slice(pixels);
        self.labels.push(label);
        Ok(())
    }

    /// Moves the images just appended to their position, so that the order of the files in an archive makes no difference. In place: a
    /// second buffer would double the memory.
    fn put_in_order(&mut self, batch: Batch) {
        let place = self.batches.partition_point(|other| other.key() < batch.key());
        let n_images_before: usize = self.batches.iter().take(place).map(|other| other.n_images).sum();
        if let Some(labels) = self.labels.get_mut(n_images_before..) {
            labels.rotate_right(batch.n_images);
        }
        if let Some(pixels) = self.pixels.get_mut(n_images_before * PIXEL_BYTES..) {
            pixels.rotate_right(batch.n_images * PIXEL_BYTES);
        }
        self.batches.insert(place, batch);
    }
}

impl Batch {
    /// Sort key: by length before name, so that batch 10 comes after batch 9.
    fn key(&self) -> (bool, usize, &str) {
        (self.is_test, self.file.len(), &self.file)
    }
}

/// Reads until the buffer is full or the source ends; returns the number of bytes read.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let n_wanted = buffer.len();
    let mut rest = buffer;
    while !rest.is_empty() {
        match source.read(rest) {
            Ok(0) => break,
            Ok(n_read) => rest = rest.get_mut(n_read..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n_wanted - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records whose pixels all have the value label + 100.
    fn batch(labels: &[u8]) -> Vec<u8> {
        labels.iter().flat_map(|&label| [vec![label], vec![label + 100; PIXEL_BYTES]].concat()).collect()
    }

    fn parse(files: &[(&str, Vec<u8>)]) -> Result<Dataset, DatasetError> {
        let mut batches = Batches::new(1000);
        files.iter().try_for_each(|(file, bytes)| batches.read(file, &bytes[..]))?;
        batches.finish("t", None)
    }

    #[test]
    fn the_order_of_the_files_makes_no_difference() {
        let files = [
            ("test_batch.bin", batch(&[9])),
            ("data_batch_10.bin", batch(&[3, 4])),
            ("data_batch_2.bin", batch(&[1, 2])),
            ("data_batch_1.bin", batch(&[0])),
        ];
        let dataset = parse(&files).unwrap();
        assert_eq!(dataset.labels, [0, 1, 2, 3, 4, 9]);
        assert_eq!(dataset.n_standard_test, 1);
        assert!(
            dataset
                .labels
                .iter()
                .zip(0..)
                .all(|(&label, i)| dataset.image(i) == Some(&[label as u8 + 100; PIXEL_BYTES]))
        );
        let mut reversed = files;
        reversed.reverse();
        assert_eq!(parse(&reversed).unwrap(), dataset);
    }

    #[test]
    fn malformed_batches_are_refused() {
        let file = || "a.bin".to_owned();
        let cut = DatasetError::Truncated { file: file(), found: 5000, expected: 6146 };
        assert_eq!(parse(&[("a.bin", batch(&[1, 2])[..5000].to_vec())]).unwrap_err(), cut);
        let wrong = DatasetError::LabelOutOfRange { file: file(), image: 1, label: 10, n_classes: 10 };
        assert_eq!(parse(&[("b.bin", batch(&[3])), ("a.bin", batch(&[1, 10]))]).unwrap_err(), wrong);
        assert_eq!(parse(&[("a.bin", Vec::new())]).unwrap_err(), DatasetError::Empty { file: file() });
        assert!(parse(&[("a.bin", batch(&[1])), ("a.bin", batch(&[2]))]).is_err());
    }
}
