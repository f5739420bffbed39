//! IDX files, the format of MNIST and its variants: a magic number, big-endian dimensions, then numbers.

use super::DatasetError;
use super::array::{Array, Kind, Number};
use super::gzip::{Source, Unpacked};

/// Whether a file starts like an IDX file: two zero bytes, the code of a type, and the number of dimensions.
pub fn is_idx(head: &[u8]) -> bool {
    matches!(head, [0, 0, code, 1..=4, _, ..] if number_kind(*code).is_some())
}

/// Reads the header of a file, gzip or not.
///
/// # Errors
///
/// If the header is malformed or truncated.
pub fn open<'a>(file: &str, bytes: &'a [u8]) -> Result<Array<'a>, DatasetError> {
    let mut body = Unpacked::open(file, bytes);
    let magic: [u8; 4] = body.read_array()?;
    let wrong = || DatasetError::WrongMagic { file: file.to_owned(), magic: u32::from_be_bytes(magic) };
    let [0, 0, code, n_dims @ 1..=4] = magic else { return Err(wrong()) };
    let kind = number_kind(code).ok_or_else(wrong)?;
    let dims: Vec<u64> = (0..n_dims)
        .map(|_| body.read_array().map(|bytes| u32::from_be_bytes(bytes).into()))
        .collect::<Result<_, _>>()?;
    let header_bytes = 4 + 4 * u64::from(n_dims);
    let number = Number { kind, is_big_endian: true };
    Ok(Array { file: file.to_owned(), number, dims, header_bytes, source: Source::File(bytes) })
}

/// The types of MNIST's description of the format.
fn number_kind(code: u8) -> Option<Kind> {
    match code {
        0x08 => Some(Kind::U8),
        0x09 => Some(Kind::I8),
        0x0b => Some(Kind::I16),
        0x0c => Some(Kind::I32),
        0x0d => Some(Kind::F32),
        0x0e => Some(Kind::F64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::array::Content;
    use crate::dataset::{MAX_IMAGES, MAX_PIXEL_BYTES, MAX_SIDE_PIXELS};

    fn file(magic: u32, dims: &[u32], body: &[u8]) -> Vec<u8> {
        let header = std::iter::once(&magic).chain(dims).flat_map(|value| value.to_be_bytes());
        header.chain(body.iter().copied()).collect()
    }

    fn pixels(magic: u32, dims: &[u32], body: &[u8]) -> Result<Vec<u8>, DatasetError> {
        let bytes = file(magic, dims, body);
        let mut pixels = Vec::new();
        match open("f", &bytes)?.content()? {
            Content::Images(images) => images.read(&mut pixels)?,
            Content::Labels(_) => panic!("no images"),
        }
        Ok(pixels)
    }

    fn labels(magic: u32, dims: &[u32], body: &[u8]) -> Result<Vec<i64>, DatasetError> {
        let bytes = file(magic, dims, body);
        match open("f", &bytes)?.content()? {
            Content::Images(_) => panic!("no labels"),
            Content::Labels(labels) => labels.read(),
        }
    }

    #[test]
    fn images_are_read_in_order() {
        assert_eq!(pixels(0x803, &[2, 1, 2], &[1, 2, 3, 4]).unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn flat_and_color_images_are_read() {
        assert_eq!(pixels(0x802, &[1, 4], &[1, 2, 3, 4]).unwrap(), [1, 2, 3, 4]);
        // Two pixels side by side, in red, green and blue; then plane by plane.
        assert_eq!(pixels(0x804, &[1, 1, 2, 3], &[1, 2, 3, 4, 5, 6]).unwrap(), [1, 4, 2, 5, 3, 6]);
        assert_eq!(pixels(0x804, &[1, 3, 1, 2], &[1, 2, 3, 4, 5, 6]).unwrap(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn numbers_of_other_types_become_bytes() {
        let floats = |values: [f32; 4]| values.map(f32::to_be_bytes).concat();
        assert_eq!(pixels(0xd03, &[1, 2, 2], &floats([0.0, 0.2, 0.5, 1.0])).unwrap(), [0, 51, 128, 255]);
        assert_eq!(pixels(0xd03, &[1, 2, 2], &floats([0.0, 1.0, 17.6, 255.0])).unwrap(), [0, 1, 18, 255]);
        assert_eq!(pixels(0xd03, &[1, 2, 2], &floats([-1.0, 0.0, 0.2, 1.0])).unwrap(), [0, 128, 153, 255]);
        let ints = [0_i32, 255, 7, 1].map(i32::to_be_bytes).concat();
        assert_eq!(pixels(0xc03, &[1, 2, 2], &ints).unwrap(), [0, 255, 7, 1]);
        for bad in [[0.0, 1.0, 2.0, f32::NAN], [-5.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 1e9]] {
            let error = pixels(0xd03, &[1, 2, 2], &floats(bad)).unwrap_err();
            assert!(matches!(error, DatasetError::BadArray { .. }), "{error}");
        }
    }

    #[test]
    fn every_malformed_header_has_its_own_error() {
        let file = || "f".to_owned();
        let limit = MAX_SIDE_PIXELS;
        let cases = [
            (0x703, &[2, 1, 2][..], DatasetError::WrongMagic { file: file(), magic: 0x703 }),
            (0x805, &[2, 1, 2], DatasetError::WrongMagic { file: file(), magic: 0x805 }),
            (0x803, &[0, 1, 2], DatasetError::Empty { file: file() }),
            (0x803, &[1, 0, 2], DatasetError::BadDimensions { file: file(), height: 0, width: 2, limit }),
            (0x803, &[1, 1, u32::MAX], DatasetError::BadDimensions { file: file(), height: 1, width: u32::MAX, limit }),
            (
                0x803,
                &[u32::MAX, 1, 1],
                DatasetError::TooLarge { file: file(), what: "number of images", limit: MAX_IMAGES.into() },
            ),
            (
                0x803,
                &[MAX_IMAGES, limit, limit],
                DatasetError::TooLarge { file: file(), what: "size in bytes", limit: MAX_PIXEL_BYTES },
            ),
            (0x803, &[3, 1, 2], DatasetError::Truncated { file: file(), found: 20, expected: 22 }),
            (0x803, &[1, 1, 2], DatasetError::TrailingBytes { file: file(), expected: 18 }),
        ];
        for (magic, dims, expected) in cases {
            assert_eq!(pixels(magic, dims, &[1, 2, 3, 4]).unwrap_err(), expected);
        }
        let odd = pixels(0x802, &[1, 5], &[0; 5]).unwrap_err();
        assert!(odd.to_string().starts_with("f: an array of 1 x 5, neither images"), "{odd}");
    }

    #[test]
    fn labels_are_read() {
        assert_eq!(labels(0x801, &[3], &[7, 8, 9]).unwrap(), [7, 8, 9]);
        assert_eq!(labels(0x802, &[2, 1], &[7, 8]).unwrap(), [7, 8]);
        assert_eq!(labels(0xc01, &[2], &[0, 0, 1, 2, 0xff, 0xff, 0xff, 0xff]).unwrap(), [258, -1]);
        let cut = DatasetError::Truncated { file: "f".into(), found: 10, expected: 11 };
        assert_eq!(labels(0x801, &[3], &[7, 8]).unwrap_err(), cut);
        assert!(labels(0xd01, &[1], &0.5_f32.to_be_bytes()).is_err());
    }
}
