//! Reads a file's bytes, decompressing gzip on the fly, so that nothing is in memory twice.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

use super::DatasetError;

/// A file being read: its name, for errors, and its decompressed bytes.
pub struct Unpacked<'a> {
    pub file: String,
    bytes: Bytes<'a>,
    /// Maximum number of bytes that can still follow, to bound reservations: a header that claims more is wrong.
    max_left: u64,
    n_read: u64,
}

enum Bytes<'a> {
    Plain(&'a [u8]),
    Gzip(Box<MultiGzDecoder<&'a [u8]>>),
}

/// Deflate's maximum compression ratio: two bits encode a repetition of 258 bytes.
const DEFLATE_RATIO_LIMIT: u64 = 1032;

impl<'a> Unpacked<'a> {
    pub fn open(file: &str, bytes: &'a [u8]) -> Self {
        let (source, max_left) = if is_gzip(bytes) {
            let max = (bytes.len() as u64).saturating_mul(DEFLATE_RATIO_LIMIT);
            (Bytes::Gzip(Box::new(MultiGzDecoder::new(bytes))), max)
        } else {
            (Bytes::Plain(bytes), bytes.len() as u64)
        };
        Self { file: file.to_owned(), bytes: source, max_left, n_read: 0 }
    }

    /// `n_bytes`, capped at the maximum that can still follow.
    pub fn plausible(&self, n_bytes: u64) -> u64 {
        n_bytes.min(self.max_left)
    }

    /// Fills an array from the stream.
    ///
    /// # Errors
    ///
    /// If the file is truncated or damaged.
    pub fn read_array<const N: usize>(&mut self) -> Result<[u8; N], DatasetError> {
        let mut array = [0; N];
        let n_before = self.n_read;
        match self.read_exact(&mut array) {
            Ok(()) => Ok(array),
            Err(error) => Err(self.damaged(&error, N as u64 - (self.n_read - n_before))),
        }
    }

    /// Appends exactly `n_bytes` of the stream. Reserves no more memory than the file can fill.
    ///
    /// # Errors
    ///
    /// If the file is truncated or damaged, or memory runs out.
    pub fn append_exactly(&mut self, n_bytes: u64, buffer: &mut Vec<u8>) -> Result<(), DatasetError> {
        reserve(buffer, self.plausible(n_bytes))?;
        let n_before = buffer.len();
        let result = self.by_ref().take(n_bytes).read_to_end(buffer);
        let n_missing = n_bytes - (buffer.len() - n_before) as u64;
        match result {
            Ok(_) if n_missing == 0 => Ok(()),
            Ok(_) => Err(self.truncated(n_missing)),
            Err(error) => Err(self.damaged(&error, n_missing)),
        }
    }

    /// Checks that no bytes are left; for gzip this also verifies the checksum.
    ///
    /// # Errors
    ///
    /// If bytes follow or the file is damaged.
    pub fn expect_end(mut self) -> Result<(), DatasetError> {
        let mut one = [0];
        match self.read(&mut one) {
            Ok(0) => Ok(()),
            Ok(_) => Err(DatasetError::TrailingBytes { expected: self.n_read - 1, file: self.file }),
            Err(error) => Err(self.damaged(&error, 0)),
        }
    }

    fn truncated(&self, n_missing: u64) -> DatasetError {
        let expected = self.n_read.saturating_add(n_missing);
        DatasetError::Truncated { file: self.file.clone(), found: self.n_read, expected }
    }

    fn damaged(&self, error: &io::Error, n_missing: u64) -> DatasetError {
        if error.kind() == io::ErrorKind::UnexpectedEof && n_missing > 0 {
            return self.truncated(n_missing);
        }
        DatasetError::BadArchive { file: self.file.clone(), detail: error.to_string() }
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = match &mut self.bytes {
            Bytes::Plain(bytes) => bytes.read(buffer),
            Bytes::Gzip(decoder) => decoder.read(buffer),
        }?;
        self.n_read += n as u64;
        self.max_left = self.max_left.saturating_sub(n as u64);
        Ok(n)
    }
}

pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The first decompressed bytes of a file: enough to detect its format; fewer if the file is shorter or damaged.
pub fn peek(bytes: &[u8]) -> Vec<u8> {
    const LONGEST_MAGIC_BYTES: u64 = 512;
    let mut head = Vec::new();
    // The format of a damaged file is detected from what is readable; its parser then reports the damage.
    Unpacked::open("", bytes).take(LONGEST_MAGIC_BYTES).read_to_end(&mut head).ok();
    head
}

/// Reserves exactly `n_bytes` more.
///
/// # Errors
///
/// [`DatasetError::OutOfMemory`].
pub fn reserve(buffer: &mut Vec<u8>, n_bytes: u64) -> Result<(), DatasetError> {
    let refused = DatasetError::OutOfMemory { bytes: n_bytes };
    let Ok(n_more) = usize::try_from(n_bytes) else { return Err(refused) };
    buffer.try_reserve_exact(n_more).map_err(|_| refused)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read_all(bytes: &[u8], n_bytes: u64) -> Result<Vec<u8>, DatasetError> {
        let mut unpacked = Unpacked::open("f", bytes);
        let mut buffer = Vec::new();
        unpacked.append_exactly(n_bytes, &mut buffer)?;
        unpacked.expect_end()?;
        Ok(buffer)
    }

    #[test]
    fn plain_and_packed_read_the_same() {
        let bytes: Vec<u8> = (0..5000_u32).map(|i| (i % 251) as u8).collect();
        assert_eq!(read_all(&bytes, 5000).unwrap(), bytes);
        assert_eq!(read_all(&gzip(&bytes), 5000).unwrap(), bytes);
    }

    #[test]
    fn two_gzip_members_are_one_file() {
        let joined = [gzip(b"front"), gzip(b"back")].concat();
        assert_eq!(read_all(&joined, 9).unwrap(), b"frontback");
    }

    #[test]
    fn missing_and_surplus_bytes_are_told_apart() {
        for bytes in [b"12345".to_vec(), gzip(b"12345")] {
            let cut = DatasetError::Truncated { file: "f".into(), found: 5, expected: 6 };
            assert_eq!(read_all(&bytes, 6).unwrap_err(), cut);
            let surplus = DatasetError::TrailingBytes { file: "f".into(), expected: 4 };
            assert_eq!(read_all(&bytes, 4).unwrap_err(), surplus);
        }
    }

    #[test]
    fn a_wrong_checksum_is_refused() {
        let mut packed = gzip(b"12345");
        let sum = packed.len() - 8;
        packed[sum] ^= 1;
        assert!(matches!(read_all(&packed, 5), Err(DatasetError::BadArchive { .. })));
    }

    #[test]
    fn a_false_claim_reserves_no_memory() {
        let mut buffer = Vec::new();
        assert!(Unpacked::open("f", b"12345").append_exactly(1 << 40, &mut buffer).is_err());
        assert!(buffer.capacity() < 100);
    }
}
