//! Reads a file's bytes, decompressing gzip on the fly, so that nothing is in memory twice.

use std::io::{self, BufRead, BufReader, Read};

use flate2::Crc;
use flate2::bufread::{DeflateDecoder, GzDecoder};

use super::DatasetError;

/// Where a file's bytes are. It can be opened again and again, to look at all values before the first one is converted.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A file as it is, or gzip, once or twice.
    File(&'a [u8]),
    /// A file in a zip archive.
    Zipped { bytes: &'a [u8], is_deflated: bool, n_bytes: u64, crc: u32 },
}

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
    Gzip(Box<Members<&'a [u8]>>),
    GzipTwice(Box<Members<BufReader<Members<&'a [u8]>>>>),
    Zipped(Box<Zipped<'a>>),
}

/// Deflate's maximum compression ratio: two bits encode a repetition of 258 bytes.
const DEFLATE_RATIO_LIMIT: u64 = 1032;

impl<'a> Unpacked<'a> {
    pub fn open(file: &str, bytes: &'a [u8]) -> Self {
        let most = (bytes.len() as u64).saturating_mul(DEFLATE_RATIO_LIMIT);
        let (source, max_left) = if !is_gzip(bytes) {
            (Bytes::Plain(bytes), bytes.len() as u64)
        } else if is_gzip_of_gzip(bytes) {
            (Bytes::GzipTwice(Box::new(Members::new(BufReader::new(Members::new(bytes))))), most)
        } else {
            (Bytes::Gzip(Box::new(Members::new(bytes))), most)
        };
        Self { file: file.to_owned(), bytes: source, max_left, n_read: 0 }
    }

    pub fn of(file: &str, source: Source<'a>) -> Self {
        match source {
            Source::File(bytes) => Self::open(file, bytes),
            Source::Zipped { bytes, is_deflated, n_bytes, crc } => {
                let ratio = if is_deflated { DEFLATE_RATIO_LIMIT } else { 1 };
                let max_left = n_bytes.min((bytes.len() as u64).saturating_mul(ratio));
                let zipped = Zipped::new(bytes, is_deflated, crc);
                Self { file: file.to_owned(), bytes: Bytes::Zipped(Box::new(zipped)), max_left, n_read: 0 }
            }
        }
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

    /// Reads past `n_bytes` of the stream.
    ///
    /// # Errors
    ///
    /// If the file is truncated or damaged.
    pub fn skip(&mut self, n_bytes: u64) -> Result<(), DatasetError> {
        match io::copy(&mut self.by_ref().take(n_bytes), &mut io::sink()) {
            Ok(n_read) if n_read == n_bytes => Ok(()),
            Ok(n_read) => Err(self.truncated(n_bytes - n_read)),
            Err(error) => Err(self.damaged(&error, 1)),
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
            Bytes::GzipTwice(decoder) => decoder.read(buffer),
            Bytes::Zipped(decoder) => decoder.read(buffer),
        }?;
        self.n_read += n as u64;
        self.max_left = self.max_left.saturating_sub(n as u64);
        Ok(n)
    }
}

/// The members of a gzip file, one after the other. Zeros after a member are padding, as for `gzip -d`; anything else is an error.
struct Members<R> {
    /// None past the last member.
    decoder: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    fn new(source: R) -> Self {
        Self { decoder: Some(GzDecoder::new(source)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let n_read = decoder.read(buffer)?;
            if n_read > 0 || buffer.is_empty() {
                return Ok(n_read);
            }
            let mut source = match self.decoder.take() {
                Some(decoder) => decoder.into_inner(),
                None => return Ok(0),
            };
            match skip_zeros(&mut source)? {
                None => return Ok(0),
                Some(GZIP_FIRST) => self.decoder = Some(GzDecoder::new(source)),
                Some(_) => return Err(io::Error::other("other bytes follow after the end of the gzip stream")),
            }
        }
    }
}

/// The first byte that is not zero, which stays in the source; None at its end.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let bytes = source.fill_buf()?;
        let n_bytes = bytes.len();
        match bytes.iter().position(|byte| *byte != 0) {
            Some(place) => {
                let first = bytes.get(place).copied();
                source.consume(place);
                return Ok(first);
            }
            None if n_bytes == 0 => return Ok(None),
            None => source.consume(n_bytes),
        }
    }
}

/// A file of a zip archive, whose checksum is verified at its end.
struct Zipped<'a> {
    source: ZippedBytes<'a>,
    found: Crc,
    crc: u32,
}

enum ZippedBytes<'a> {
    Stored(&'a [u8]),
    Deflated(DeflateDecoder<&'a [u8]>),
}

impl<'a> Zipped<'a> {
    fn new(bytes: &'a [u8], is_deflated: bool, crc: u32) -> Self {
        let source = match is_deflated {
            true => ZippedBytes::Deflated(DeflateDecoder::new(bytes)),
            false => ZippedBytes::Stored(bytes),
        };
        Self { source, found: Crc::new(), crc }
    }
}

impl Read for Zipped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = match &mut self.source {
            ZippedBytes::Stored(bytes) => bytes.read(buffer),
            ZippedBytes::Deflated(decoder) => decoder.read(buffer),
        }?;
        self.found.update(buffer.get(..n_read).unwrap_or_default());
        if n_read == 0 && !buffer.is_empty() && self.found.sum() != self.crc {
            return Err(io::Error::other("its checksum is wrong"));
        }
        Ok(n_read)
    }
}

const GZIP_FIRST: u8 = 0x1f;

pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[GZIP_FIRST, 0x8b])
}

fn is_gzip_of_gzip(bytes: &[u8]) -> bool {
    let mut head = [0; 2];
    GzDecoder::new(bytes).read_exact(&mut head).is_ok() && is_gzip(&head)
}

/// The first decompressed bytes of a file: enough to detect its format; fewer if the file is shorter or damaged.
pub fn peek(bytes: &[u8]) -> Vec<u8> {
    const LONGEST_MAGIC_BYTES: u64 = 4096;
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
        assert_eq!(read_all(&gzip(&gzip(&bytes)), 5000).unwrap(), bytes);
    }

    #[test]
    fn two_gzip_members_are_one_file() {
        let joined = [gzip(b"front"), gzip(b"back")].concat();
        assert_eq!(read_all(&joined, 9).unwrap(), b"frontback");
        let padded = [gzip(b"front"), vec![0; 9000], gzip(b"back"), vec![0; 512]].concat();
        assert_eq!(read_all(&padded, 9).unwrap(), b"frontback");
    }

    #[test]
    fn garbage_after_the_end_is_named() {
        let expected = DatasetError::BadArchive {
            file: "f".into(),
            detail: "other bytes follow after the end of the gzip stream".into(),
        };
        for tail in [&b"garbage"[..], &[0, 0, 0, 7], b"<!DOCTYPE html>"] {
            assert_eq!(read_all(&[&gzip(b"12345"), tail].concat(), 5).unwrap_err(), expected);
        }
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
