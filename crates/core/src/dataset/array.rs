//! Arrays of numbers, as IDX and NumPy files hold them: images or labels, whatever the type of their numbers.

use super::gzip::{Source, Unpacked};
use super::{DatasetError, MAX_IMAGES, MAX_PIXEL_BYTES, MAX_SIDE_PIXELS};
use crate::protocol::ImageShape;

/// An array whose header was read; its numbers follow at `header_bytes` of the source, row by row.
#[derive(Clone, Debug)]
pub struct Array<'a> {
    /// The name of its file; in an archive behind the archive's, as in `mnist.npz/x_train.npy`.
    pub file: String,
    pub number: Number,
    pub dims: Vec<u64>,
    pub header_bytes: u64,
    pub source: Source<'a>,
}

/// The type of an array's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    pub kind: Kind,
    pub is_big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

/// Images within the limits.
#[derive(Clone, Debug)]
pub struct Images<'a> {
    pub n_images: u32,
    pub shape: ImageShape,
    /// Whether the channels of a pixel are side by side, rather than one plane after the other.
    is_interleaved: bool,
    array: Array<'a>,
}

/// One label an image, within the limits.
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    pub n_labels: u32,
    array: Array<'a>,
}

/// What an array holds, by its dimensions.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    Images(Images<'a>),
    Labels(Labels<'a>),
}

impl<'a> Array<'a> {
    /// Images are `[n, height, width]`, `[n, height, width, channels]`, `[n, channels, height, width]` or, flat, `[n, side * side]`; labels
    /// are `[n]` or `[n, 1]`.
    ///
    /// # Errors
    ///
    /// If the dimensions are none of these, or beyond a limit.
    pub fn content(self) -> Result<Content<'a>, DatasetError> {
        let file = || self.file.clone();
        let n_items = self.dims.first().copied().unwrap_or_default();
        if n_items == 0 {
            return Err(DatasetError::Empty { file: file() });
        }
        let Some(n_items) = u32::try_from(n_items).ok().filter(|n_items| *n_items <= MAX_IMAGES) else {
            return Err(DatasetError::TooLarge { file: file(), what: "number of images", limit: MAX_IMAGES.into() });
        };
        let (channels, height, width, is_interleaved) = match *self.dims.as_slice() {
            [_] | [_, 1] => return Ok(Content::Labels(Labels { n_labels: n_items, array: self })),
            [_, n_values] if n_values.isqrt().pow(2) == n_values => (1, n_values.isqrt(), n_values.isqrt(), false),
            [_, height, width] => (1, height, width, false),
            [_, height, width, channels @ (1 | 3)] => (channels, height, width, true),
            [_, channels @ (1 | 3), height, width] => (channels, height, width, false),
            _ => return Err(DatasetError::BadArray { file: file(), detail: self.dims_text() }),
        };
        let side = |side: u64| u32::try_from(side).unwrap_or(u32::MAX);
        let (height, width) = (side(height), side(width));
        let sides = 1..=MAX_SIDE_PIXELS;
        if !sides.contains(&height) || !sides.contains(&width) {
            return Err(DatasetError::BadDimensions { file: file(), height, width, limit: MAX_SIDE_PIXELS });
        }
        let shape = ImageShape { channels: side(channels), height, width };
        let images = Images { n_images: n_items, shape, is_interleaved: is_interleaved && channels > 1, array: self };
        if images.n_bytes() > MAX_PIXEL_BYTES {
            let file = images.array.file;
            return Err(DatasetError::TooLarge { file, what: "size in bytes", limit: MAX_PIXEL_BYTES });
        }
        Ok(Content::Images(images))
    }

    fn dims_text(&self) -> String {
        let dims: Vec<_> = self.dims.iter().map(u64::to_string).collect();
        let dims = dims.join(" x ");
        format!(
            "an array of {dims}, neither images (n x height x width, in color x 3) nor labels (one number an image)"
        )
    }

    /// The bytes behind the header.
    fn body(&self) -> Result<Unpacked<'a>, DatasetError> {
        let mut body = Unpacked::of(&self.file, self.source);
        body.skip(self.header_bytes)?;
        Ok(body)
    }
}

impl<'a> Images<'a> {
    pub fn file(&self) -> &str {
        &self.array.file
    }

    /// Size of all images in bytes, one a value; the limits rule out an overflow.
    pub fn n_bytes(&self) -> u64 {
        u64::from(self.n_images) * self.shape.n_values() as u64
    }

    /// Bytes to reserve for all images: no more than the file can hold, whatever its header claims.
    pub fn plausible_bytes(&self) -> u64 {
        let n_bytes = self.n_bytes();
        let number_bytes = self.array.number.kind.n_bytes() as u64;
        Unpacked::of(self.file(), self.array.source).plausible(n_bytes.saturating_mul(number_bytes)) / number_bytes
    }

    /// Appends the pixels of all images, plane by plane. Floats from 0 to 1 become 0 to 255, and so do those from -1 to 1.
    ///
    /// # Errors
    ///
    /// If the file is truncated, damaged or too long, its numbers are no brightnesses, or memory runs out.
    pub fn read(self, pixels: &mut Vec<u8>) -> Result<(), DatasetError> {
        if self.array.number.kind == Kind::U8 && !self.is_interleaved {
            let mut body = self.array.body()?;
            body.append_exactly(self.n_bytes(), pixels)?;
            return body.expect_end();
        }
        let scale = self.scale()?;
        let n_values = self.shape.n_values();
        let n_channels = self.shape.channels as usize;
        let n_pixels = n_values / n_channels.max(1);
        let mut body = self.array.body()?;
        let mut raw = Vec::new();
        let mut image = vec![0; n_values];
        for _ in 0..self.n_images {
            raw.clear();
            body.append_exactly((n_values * self.array.number.kind.n_bytes()) as u64, &mut raw)?;
            for (index, number) in self.array.number.decode(&raw).enumerate() {
                let place = match self.is_interleaved {
                    true => index % n_channels * n_pixels + index / n_channels,
                    false => index,
                };
                if let Some(pixel) = image.get_mut(place) {
                    *pixel = scale.to_byte(number);
                }
            }
            pixels.extend_from_slice(&image);
        }
        body.expect_end()
    }

    /// Looks at all numbers first.
    fn scale(&self) -> Result<Scale, DatasetError> {
        if self.array.number.kind == Kind::U8 {
            return Ok(Scale::AsIs);
        }
        let image_bytes = (self.shape.n_values() * self.array.number.kind.n_bytes()) as u64;
        let mut body = self.array.body()?;
        let mut range = ValueRange::default();
        let mut raw = Vec::new();
        for _ in 0..self.n_images {
            raw.clear();
            body.append_exactly(image_bytes, &mut raw)?;
            self.array.number.decode(&raw).for_each(|number| range.take(number));
        }
        Scale::of(range)
            .ok_or_else(|| DatasetError::BadArray { file: self.file().to_owned(), detail: range.to_string() })
    }
}

impl<'a> Labels<'a> {
    pub fn file(&self) -> &str {
        &self.array.file
    }

    /// All labels: whole numbers, not necessarily from 0.
    ///
    /// # Errors
    ///
    /// If the file is truncated, damaged or too long, or a label is not a whole number.
    pub fn read(self) -> Result<Vec<i64>, DatasetError> {
        let mut raw = Vec::new();
        let mut body = self.array.body()?;
        body.append_exactly(u64::from(self.n_labels) * self.array.number.kind.n_bytes() as u64, &mut raw)?;
        body.expect_end()?;
        let label = |(index, number): (usize, f64)| {
            whole(number).ok_or_else(|| DatasetError::BadArray {
                file: self.array.file.clone(),
                detail: format!("label {index} is {number}, not a whole number"),
            })
        };
        self.array.number.decode(&raw).enumerate().map(label).collect()
    }
}

/// A whole number of at most ten digits.
pub fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e10).then_some(number as i64)
}

impl Number {
    pub const BYTES: Self = Self { kind: Kind::U8, is_big_endian: true };

    fn decode(self, raw: &[u8]) -> impl Iterator<Item = f64> {
        let n_bytes = self.kind.n_bytes();
        raw.chunks_exact(n_bytes).map(move |bytes| {
            let mut little = [0; 8];
            for (place, byte) in bytes.iter().enumerate() {
                let place = if self.is_big_endian { n_bytes - 1 - place } else { place };
                if let Some(target) = little.get_mut(place) {
                    *target = *byte;
                }
            }
            self.kind.value(u64::from_le_bytes(little))
        })
    }
}

impl Kind {
    pub fn n_bytes(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    fn value(self, bits: u64) -> f64 {
        match self {
            Self::Bool => f64::from(u8::from(bits != 0)),
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => bits as f64,
            Self::I8 => (bits as i8).into(),
            Self::I16 => (bits as i16).into(),
            Self::I32 => (bits as i32).into(),
            Self::I64 => bits as i64 as f64,
            Self::F32 => f32::from_bits(bits as u32).into(),
            Self::F64 => f64::from_bits(bits),
        }
    }
}

/// The smallest and the largest of some numbers.
#[derive(Clone, Copy, Debug)]
pub struct ValueRange {
    min: f64,
    max: f64,
}

impl Default for ValueRange {
    fn default() -> Self {
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl ValueRange {
    pub fn take(&mut self, number: f64) {
        // A number that is none makes the range none, for good.
        if number.is_nan() || self.min.is_nan() {
            (self.min, self.max) = (f64::NAN, f64::NAN);
        } else {
            (self.min, self.max) = (self.min.min(number), self.max.max(number));
        }
    }
}

impl std::fmt::Display for ValueRange {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { min, max } = self;
        if min.is_nan() {
            return f.write_str("some of its numbers are none (NaN)");
        }
        write!(f, "its numbers are from {min} to {max}; a brightness is from 0 to 255, 0 to 1 or -1 to 1")
    }
}

/// How a file's numbers become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From 0 to 255.
    AsIs,
    /// From 0 to 1.
    Unit,
    /// From -1 to 1.
    Signed,
    /// 16 bits.
    Wide,
}

impl Scale {
    /// None if the numbers are no brightnesses.
    pub fn of(ValueRange { min, max }: ValueRange) -> Option<Self> {
        match () {
            () if min >= 0.0 && max <= 1.0 => Some(Self::Unit),
            () if min >= 0.0 && max <= 255.0 => Some(Self::AsIs),
            () if min >= -1.0 && max <= 1.0 => Some(Self::Signed),
            () if min >= 0.0 && max <= 65_535.0 => Some(Self::Wide),
            () => None,
        }
    }

    pub fn to_byte(self, number: f64) -> u8 {
        let byte = match self {
            Self::AsIs => number,
            Self::Unit => number * 255.0,
            Self::Signed => (number + 1.0) * 127.5,
            Self::Wide => number / 257.0,
        };
        byte.round() as u8
    }
}
