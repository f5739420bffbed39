//! Several files as one zip archive.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveWriter};

use crate::error::ExchangeError;

/// Maximum size of one file in an archive that is read.
const FILE_LIMIT_BYTES: u64 = 500_000_000;
/// Maximum number of files of an archive whose names are listed.
const NAMES_LIMIT: usize = 200_000;

/// An archive of files by name. Without the time, so that equal files make equal archives.
///
/// # Errors
///
/// [`ExchangeError::Unwritable`].
pub fn pack(files: &[(&str, &[u8])]) -> Result<Vec<u8>, ExchangeError> {
    let failed = |error: &dyn std::fmt::Display| ExchangeError::Unwritable(format!("the archive ({error})"));
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in files {
        let file = archive.new_file(name).compression_method(CompressionMethod::Deflate);
        let (mut entry, config) = file.start().map_err(|error| failed(&error))?;
        let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
        writer.write_all(bytes).map_err(|error| failed(&error))?;
        let (encoder, descriptor) = writer.finish().map_err(|error| failed(&error))?;
        encoder.finish().map_err(|error| failed(&error))?;
        entry.finish(descriptor).map_err(|error| failed(&error))?;
    }
    archive.finish().map_err(|error| failed(&error))
}

/// The names of an archive's files, as far as they are text.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`]: bytes that are no archive, or one of too many files.
pub fn names(archive: &[u8]) -> Result<Vec<String>, ExchangeError> {
    let failed = |error: &dyn std::fmt::Display| ExchangeError::Unreadable(format!("the archive ({error})"));
    let archive = ZipArchive::from_slice(archive).map_err(|error| failed(&error))?;
    let mut names = Vec::new();
    for entry in archive.entries() {
        if names.len() == NAMES_LIMIT {
            return Err(failed(&format!("more than {NAMES_LIMIT} files")));
        }
        let entry = entry.map_err(|error| failed(&error))?;
        names.push(String::from_utf8_lossy(entry.file_path().as_ref()).into_owned());
    }
    Ok(names)
}

/// One file of an archive.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`]: bytes that are no such archive, or one without this file.
pub fn unpack(archive: &[u8], name: &str) -> Result<Vec<u8>, ExchangeError> {
    let failed = |error: &dyn std::fmt::Display| ExchangeError::Unreadable(format!("{name} of the archive ({error})"));
    let archive = ZipArchive::from_slice(archive).map_err(|error| failed(&error))?;
    for entry in archive.entries() {
        let entry = entry.map_err(|error| failed(&error))?;
        if entry.file_path().as_ref() != name.as_bytes() {
            continue;
        }
        let packed = archive.get_entry(entry.wayfinder()).map_err(|error| failed(&error))?;
        if entry.compression_method() != CompressionMethod::Deflate {
            return Err(failed(&"it is not deflated"));
        }
        let mut bytes = Vec::new();
        // The size that an archive states may be a lie, so nothing is allocated by it.
        let reader = packed.verifying_reader(DeflateDecoder::new(packed.data()));
        reader.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 > FILE_LIMIT_BYTES {
            return Err(failed(&format!("longer than {FILE_LIMIT_BYTES} bytes")));
        }
        return Ok(bytes);
    }
    Err(failed(&"it is missing"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_come_back() {
        let archive = pack(&[("a.json", b"{}"), ("b.bin", &[7; 5_000])]).unwrap();
        assert!(archive.len() < 1_000);
        assert_eq!(unpack(&archive, "b.bin").unwrap(), [7; 5_000]);
        assert!(unpack(&archive, "c").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_damage_panics(place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut archive = pack(&[("a.json", b"{}"), ("b.bin", &[7; 500])]).unwrap();
            let place = place.index(archive.len());
            archive[place] = byte;
            let _ = unpack(&archive, "b.bin");
            let _ = unpack(&archive[..cut.index(archive.len())], "b.bin");
        }
    }
}
