//! CIFAR's binary batches: records of one label byte, or for CIFAR-100 two, the superclass and the class, and 3072 pixel bytes, in red, green and
//! blue planes of 32 x 32.

use std::io::{self, Read};

use super::class_names::{ClassNames, FileLabels};
use super::files::{Part, base_name};
use super::gzip::reserve;
use super::{Dataset, DatasetError, MAX_IMAGES, MAX_PIXEL_BYTES};
use crate::protocol::ImageShape;

/// The batches read so far, with all images in one buffer: training batches in order of their names, then test batches.
pub struct Batches {
    batches: Vec<Batch>,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    /// That of all batches.
    kind: Option<CifarKind>,
    /// Whether CIFAR-100's labels are its superclasses.
    is_coarse: bool,
    /// Bytes to reserve at the first record.
    expected_bytes: u64,
}

/// Which CIFAR a batch belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CifarKind {
    Ten,
    Hundred,
}

struct Batch {
    file: String,
    is_test: bool,
    n_images: usize,
}

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const PIXEL_BYTES: usize = 3072;

/// The classes, if no `batches.meta.txt` names them; in label order.
const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// CIFAR-100's classes, if no `fine_label_names.txt` names them.
const FINE_CLASSES: &str = "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle \
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl \
    hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree \
    orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea \
    seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger \
    tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm";

/// CIFAR-100's superclasses, if no `coarse_label_names.txt` names them.
const COARSE_CLASSES: &str = "aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices \
    household_furniture insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes \
    large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2";

impl CifarKind {
    /// The kind of a batch of this size; where the size suits both or neither, by its name.
    pub fn of(file: &str, n_bytes: u64) -> Self {
        let is_of = |kind: Self| n_bytes.is_multiple_of(kind.record_bytes() as u64);
        match (is_of(Self::Ten), is_of(Self::Hundred)) {
            (true, false) => Self::Ten,
            (false, true) => Self::Hundred,
            (true, true) | (false, false) => match base_name(file).to_ascii_lowercase().trim_end_matches(".gz") {
                "train.bin" | "test.bin" => Self::Hundred,
                _ => Self::Ten,
            },
        }
    }

    pub fn record_bytes(self) -> usize {
        match self {
            Self::Ten => 1 + PIXEL_BYTES,
            Self::Hundred => 2 + PIXEL_BYTES,
        }
    }

    fn classes(self, is_coarse: bool) -> Vec<String> {
        let words = |text: &str| text.split_whitespace().map(|name| name.replace('_', " ")).collect();
        match self {
            Self::Ten => CLASSES.map(str::to_owned).to_vec(),
            Self::Hundred if is_coarse => words(COARSE_CLASSES),
            Self::Hundred => words(FINE_CLASSES),
        }
    }
}

impl Batches {
    /// `source_bytes` is the size of the files that contain the batches. Photos hardly compress with gzip, so the images take about as
    /// much. `is_coarse` takes CIFAR-100's superclasses as labels.
    pub fn new(source_bytes: u64, is_coarse: bool) -> Self {
        let expected_bytes = source_bytes.saturating_add(source_bytes / 8).min(MAX_PIXEL_BYTES);
        Self { batches: Vec::new(), pixels: Vec::new(), labels: Vec::new(), kind: None, is_coarse, expected_bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The kind of the batches; None if there are none.
    pub fn kind(&self) -> Option<CifarKind> {
        self.kind
    }

    /// Reads a batch to its end, record by record.
    ///
    /// # Errors
    ///
    /// If the batch is empty, truncated, too large, unreadable, given twice, or of another kind than those before it.
    pub fn read(&mut self, file: &str, kind: CifarKind, mut source: impl Read) -> Result<(), DatasetError> {
        let bad = |detail: &str| DatasetError::BadArchive { file: file.to_owned(), detail: detail.to_owned() };
        if self.batches.iter().any(|batch| batch.file == file) {
            return Err(bad("it is there twice"));
        }
        if *self.kind.get_or_insert(kind) != kind {
            return Err(bad("batches of CIFAR-10 and CIFAR-100 are no dataset together"));
        }
        let n_before = self.labels.len();
        let record_bytes = kind.record_bytes();
        let mut record = vec![0; record_bytes];
        loop {
            let n_read = fill(&mut source, &mut record)
                .map_err(|error| DatasetError::BadArchive { file: file.to_owned(), detail: error.to_string() })?;
            let n_images = self.labels.len() - n_before;
            if n_read == 0 && n_images == 0 {
                return Err(DatasetError::Empty { file: file.to_owned() });
            }
            if n_read == 0 {
                self.put_in_order(Batch { file: file.to_owned(), is_test: Part::of(file) == Part::Test, n_images });
                return Ok(());
            }
            if n_read < record_bytes {
                let expected = ((n_images + 1) * record_bytes) as u64;
                let found = (n_images * record_bytes + n_read) as u64;
                return Err(DatasetError::Truncated { file: file.to_owned(), found, expected });
            }
            match (kind, record.as_slice()) {
                (CifarKind::Ten, [label, pixels @ ..]) => self.push(file, *label, pixels)?,
                (CifarKind::Hundred, [coarse, fine, pixels @ ..]) => {
                    self.push(file, if self.is_coarse { *coarse } else { *fine }, pixels)?;
                }
                (_, _) => unreachable!("a record has its labels and pixels"),
            }
        }
    }

    /// The dataset of all batches. Batches with "test" in their name become its standard test set.
    ///
    /// # Errors
    ///
    /// If a label has no class.
    pub fn finish(self, name: &str, names: Option<ClassNames>) -> Result<Dataset, DatasetError> {
        let kind = self.kind.unwrap_or(CifarKind::Ten);
        let names = names.unwrap_or_else(|| ClassNames::List(kind.classes(self.is_coarse)));
        let mut labels = self.labels.iter();
        let of_batch = |batch: &Batch| FileLabels {
            file: batch.file.clone(),
            labels: labels.by_ref().take(batch.n_images).map(|label| i64::from(*label)).collect(),
        };
        let files: Vec<_> = self.batches.iter().map(of_batch).collect();
        let (classes, labels) = ClassNames::assign(Some(&names), &files)?;
        let n_test: usize = self.batches.iter().filter(|batch| batch.is_test).map(|batch| batch.n_images).sum();
        // A single test batch is an ordinary dataset.
        let n_standard_test = if n_test == labels.len() { 0 } else { n_test };
        Ok(Dataset {
            name: name.to_owned(),
            classes,
            shape: SHAPE,
            pixels: self.pixels,
            labels,
            n_standard_test,
            imported: None,
        })
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
        let mut batches = Batches::new(1000, false);
        files
            .iter()
            .try_for_each(|(file, bytes)| batches.read(file, CifarKind::of(file, bytes.len() as u64), &bytes[..]))?;
        batches.finish("t", None)
    }

    #[test]
    fn the_kind_is_known_by_the_size_and_where_that_is_no_help_by_the_name() {
        assert_eq!(CifarKind::of("train.bin", 3073 * 5), CifarKind::Ten);
        assert_eq!(CifarKind::of("x.bin", 3074 * 5), CifarKind::Hundred);
        assert_eq!(CifarKind::of("train.bin", 3073 * 3074), CifarKind::Hundred);
        assert_eq!(CifarKind::of("a/test.bin.gz", 3073 * 3074), CifarKind::Hundred);
        assert_eq!(CifarKind::of("data_batch_1.bin", 3073 * 3074), CifarKind::Ten);
        assert_eq!(CifarKind::of("train.bin", 5000), CifarKind::Hundred);
    }

    #[test]
    fn there_is_a_name_for_each_class() {
        assert_eq!(CifarKind::Hundred.classes(false).len(), 100);
        assert_eq!(CifarKind::Hundred.classes(true).len(), 20);
        assert_eq!(CifarKind::Hundred.classes(false)[1], "aquarium fish");
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
