//! IDX files, the format of MNIST and its variants: a magic number, big-endian dimensions, then unsigned bytes.

use super::gzip::Unpacked;
use super::{DatasetError, MAX_IMAGES, MAX_PIXEL_BYTES, MAX_SIDE_PIXELS};

/// An IDX file of grayscale images whose header was read and is within the limits.
pub struct ImagesFile<'a> {
    pub n_images: u32,
    pub height: u32,
    pub width: u32,
    body: Unpacked<'a>,
}

/// An IDX file of labels whose header was read and is within the limits.
pub struct LabelsFile<'a> {
    pub n_labels: u32,
    body: Unpacked<'a>,
}

/// The kind of an IDX file, from its first four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdxKind {
    Images,
    Labels,
}

/// Two zero bytes, the code of unsigned bytes, and the number of dimensions.
const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;

impl IdxKind {
    /// Detects the kind from the first decompressed bytes; `None` if it is not such an IDX file.
    pub fn of(head: &[u8]) -> Option<Self> {
        match u32::from_be_bytes(*head.first_chunk()?) {
            IMAGES_MAGIC => Some(Self::Images),
            LABELS_MAGIC => Some(Self::Labels),
            _ => None,
        }
    }
}

impl<'a> ImagesFile<'a> {
    /// Reads the header of a file, gzip or not, and checks it against the limits.
    ///
    /// # Errors
    ///
    /// If the header is malformed, truncated or beyond a limit.
    pub fn open(file: &str, bytes: &'a [u8]) -> Result<Self, DatasetError> {
        let mut body = Unpacked::open(file, bytes);
        read_magic(&mut body, IMAGES_MAGIC)?;
        let [n_images, height, width] = [read_u32(&mut body)?, read_u32(&mut body)?, read_u32(&mut body)?];
        let file = || file.to_owned();
        if n_images == 0 {
            return Err(DatasetError::Empty { file: file() });
        }
        let sides = 1..=MAX_SIDE_PIXELS;
        if !sides.contains(&height) || !sides.contains(&width) {
            return Err(DatasetError::BadDimensions { file: file(), height, width, limit: MAX_SIDE_PIXELS });
        }
        if n_images > MAX_IMAGES {
            return Err(DatasetError::TooLarge { file: file(), what: "number of images", limit: MAX_IMAGES.into() });
        }
        let images = Self { n_images, height, width, body };
        if images.n_bytes() > MAX_PIXEL_BYTES {
            return Err(DatasetError::TooLarge { file: file(), what: "size in bytes", limit: MAX_PIXEL_BYTES });
        }
        Ok(images)
    }

    pub fn file(&self) -> &str {
        &self.body.file
    }

    /// Size of all images in bytes; the limits rule out an overflow.
    pub fn n_bytes(&self) -> u64 {
        u64::from(self.n_images) * u64::from(self.height) * u64::from(self.width)
    }

    /// Bytes to reserve for all images: no more than the file can hold, whatever its header claims.
    pub fn plausible_bytes(&self) -> u64 {
        self.body.plausible(self.n_bytes())
    }

    /// Appends the pixels of all images.
    ///
    /// # Errors
    ///
    /// If the file is truncated, damaged or too long, or memory runs out.
    pub fn read(mut self, pixels: &mut Vec<u8>) -> Result<(), DatasetError> {
        self.body.append_exactly(self.n_bytes(), pixels)?;
        self.body.expect_end()
    }
}

impl<'a> LabelsFile<'a> {
    pub fn open(file: &str, bytes: &'a [u8]) -> Result<Self, DatasetError> {
        let mut body = Unpacked::open(file, bytes);
        read_magic(&mut body, LABELS_MAGIC)?;
        let n_labels = read_u32(&mut body)?;
        if n_labels == 0 {
            return Err(DatasetError::Empty { file: file.to_owned() });
        }
        if n_labels > MAX_IMAGES {
            let what = "number of labels";
            return Err(DatasetError::TooLarge { file: file.to_owned(), what, limit: MAX_IMAGES.into() });
        }
        Ok(Self { n_labels, body })
    }

    pub fn file(&self) -> &str {
        &self.body.file
    }

    /// All labels, as bytes.
    ///
    /// # Errors
    ///
    /// If the file is truncated, damaged or too long.
    pub fn read(mut self) -> Result<Vec<u8>, DatasetError> {
        let mut labels = Vec::new();
        self.body.append_exactly(self.n_labels.into(), &mut labels)?;
        self.body.expect_end()?;
        Ok(labels)
    }
}

fn read_magic(body: &mut Unpacked, expected: u32) -> Result<(), DatasetError> {
    let magic = read_u32(body)?;
    if magic == expected { Ok(()) } else { Err(DatasetError::WrongMagic { file: body.file.clone(), magic }) }
}

fn read_u32(body: &mut Unpacked) -> Result<u32, DatasetError> {
    Ok(u32::from_be_bytes(body.read_array()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(header: [u32; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = header.iter().flat_map(|value| value.to_be_bytes()).collect();
        bytes.extend(body);
        bytes
    }

    fn check(header: [u32; 4], body: &[u8]) -> Result<Vec<u8>, DatasetError> {
        let bytes = images(header, body);
        let mut pixels = Vec::new();
        ImagesFile::open("f", &bytes)?.read(&mut pixels)?;
        Ok(pixels)
    }

    #[test]
    fn images_are_read_in_order() {
        assert_eq!(check([0x803, 2, 1, 2], &[1, 2, 3, 4]).unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn every_malformed_header_has_its_own_error() {
        let file = || "f".to_owned();
        let limit = MAX_SIDE_PIXELS;
        let cases = [
            ([0x802, 2, 1, 2], DatasetError::WrongMagic { file: file(), magic: 0x802 }),
            ([0x801, 2, 1, 2], DatasetError::WrongMagic { file: file(), magic: 0x801 }),
            ([0x803, 0, 1, 2], DatasetError::Empty { file: file() }),
            ([0x803, 1, 0, 2], DatasetError::BadDimensions { file: file(), height: 0, width: 2, limit }),
            ([0x803, 1, 1, u32::MAX], DatasetError::BadDimensions { file: file(), height: 1, width: u32::MAX, limit }),
            (
                [0x803, u32::MAX, 1, 1],
                DatasetError::TooLarge { file: file(), what: "number of images", limit: MAX_IMAGES.into() },
            ),
            (
                [0x803, MAX_IMAGES, limit, limit],
                DatasetError::TooLarge { file: file(), what: "size in bytes", limit: MAX_PIXEL_BYTES },
            ),
            ([0x803, 3, 1, 2], DatasetError::Truncated { file: file(), found: 20, expected: 22 }),
            ([0x803, 1, 1, 2], DatasetError::TrailingBytes { file: file(), expected: 18 }),
        ];
        for (header, expected) in cases {
            assert_eq!(check(header, &[1, 2, 3, 4]).unwrap_err(), expected);
        }
    }

    #[test]
    fn labels_are_read() {
        let bytes = [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];
        assert_eq!(LabelsFile::open("f", &bytes).unwrap().read().unwrap(), [7, 8, 9]);
        assert_eq!(IdxKind::of(&bytes), Some(IdxKind::Labels));
        let cut = DatasetError::Truncated { file: "f".into(), found: 10, expected: 11 };
        assert_eq!(LabelsFile::open("f", &bytes[..10]).unwrap().read().unwrap_err(), cut);
    }
}
