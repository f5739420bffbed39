//! A run and its weights in one file: a safetensors file (github.com/huggingface/safetensors) with the run's record in its metadata. Other
//! tools read the tensors and ignore the record.
//!
//! Such a file consists of 8 bytes with the length of the header, the header, which is JSON, and the bytes of the tensors. Only the header
//! is parsed and written here.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::record::KeptRun;
use crate::dataset::served::hex;

/// Metadata key of the run.
pub const RUN_KEY: &str = "kindling.run";

/// Metadata key of the checksum: the SHA-256 of all bytes of the file but its own digits.
const CHECKSUM_KEY: &str = "kindling.sha256";

/// Digits of the checksum.
const N_DIGITS: usize = 64;

/// Maximum size of a header. Curves take up to 200 kB of it, and each tensor about a hundred bytes.
const HEADER_LIMIT_BYTES: usize = 16 << 20;

const METADATA: &str = "__metadata__";

/// Alignment of the tensors, as in the reference implementation.
const ALIGNMENT: usize = 8;

/// Why a file's header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("it is cut off, or no safetensors file")]
    NotSafetensors,
    #[error("it is cut off")]
    CutOff,
    #[error("it is damaged, as its checksum shows")]
    WrongChecksum,
    #[error("its header is longer than {limit_bytes} bytes")]
    TooLong { limit_bytes: usize },
    #[error("its header is damaged: {0}")]
    Damaged(String),
    #[error("its metadata has no {RUN_KEY}")]
    NoRun,
}

/// Whether bytes start like a safetensors file. No text file does.
pub fn is_safetensors(bytes: &[u8]) -> bool {
    split(bytes).is_ok_and(|(header, _)| header.first() == Some(&b'{'))
}

/// A weight file with the run in its metadata, replacing any run that is there.
///
/// # Errors
///
/// [`HeaderError`] if the file's header is unusable or would become too long.
pub fn with_run(weights: &[u8], run: &KeptRun) -> Result<Vec<u8>, HeaderError> {
    let text = serde_json::to_value(run).map_err(|error| HeaderError::Damaged(error.to_string()))?.to_string();
    with_text(weights, RUN_KEY, &text)
}

/// The JSON of the run in a weight file.
///
/// # Errors
///
/// [`HeaderError`]; [`HeaderError::NoRun`] for other safetensors files.
pub fn run_text(file: &[u8]) -> Result<String, HeaderError> {
    text(file, RUN_KEY)?.ok_or(HeaderError::NoRun)
}

/// The file with a text added to its metadata; the tensors are unchanged. A checksum, which would be wrong now, is left out.
///
/// # Errors
///
/// [`HeaderError`] if the file's header is unusable or would become too long.
pub fn with_text(file: &[u8], key: &str, text: &str) -> Result<Vec<u8>, HeaderError> {
    let (header, tensors) = split(file)?;
    let mut header = parse(header)?;
    let metadata = header.entry(METADATA).or_insert_with(|| Value::Object(Map::new()));
    let metadata = metadata.as_object_mut().ok_or_else(|| HeaderError::Damaged("the metadata is no object".into()))?;
    metadata.remove(CHECKSUM_KEY);
    metadata.insert(key.to_owned(), Value::String(text.to_owned()));
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    if header.len() > HEADER_LIMIT_BYTES {
        return Err(HeaderError::TooLong { limit_bytes: HEADER_LIMIT_BYTES });
    }
    Ok([&(header.len() as u64).to_le_bytes(), &header[..], tensors].concat())
}

/// The file with a checksum in its metadata, by which [`check`] notices damage.
///
/// # Errors
///
/// [`HeaderError`] if the file's header is unusable or would become too long.
pub fn with_checksum(file: &[u8]) -> Result<Vec<u8>, HeaderError> {
    let file = with_text(file, CHECKSUM_KEY, &"0".repeat(N_DIGITS))?;
    match around_checksum(&file) {
        Some(parts @ [before, _, after]) => Ok([before, checksum(parts).as_bytes(), after].concat()),
        None => Err(HeaderError::Damaged("it has no place for a checksum".into())),
    }
}

/// What is before the digits of the file's checksum, the digits, and what is after them; none if there are none.
fn around_checksum(file: &[u8]) -> Option<[&[u8]; 3]> {
    let (header, _) = split(file).ok()?;
    // Inside of a text, the quotes would be escaped.
    let key = format!("\"{CHECKSUM_KEY}\":\"");
    let start = header.windows(key.len()).position(|text| text == key.as_bytes())? + key.len();
    let (before, rest) = file.split_at_checked(size_of::<u64>() + start)?;
    let (digits, after) = rest.split_at_checked(N_DIGITS)?;
    Some([before, digits, after])
}

fn checksum([before, _, after]: [&[u8]; 3]) -> String {
    hex(&Sha256::new().chain_update(before).chain_update(after).finalize())
}

/// A text in the file's metadata, if it is there.
///
/// # Errors
///
/// [`HeaderError`] if the file's header is unusable.
pub fn text(file: &[u8], key: &str) -> Result<Option<String>, HeaderError> {
    let (header, _) = split(file)?;
    let mut header = parse(header)?;
    let text = header.get_mut(METADATA).and_then(|metadata| metadata.get_mut(key)).map(Value::take);
    match text {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(HeaderError::Damaged(format!("{key} is no text"))),
    }
}

/// Checks that the file has all bytes of the tensors that its header names, and that they are those that were written. Older files, and those of
/// the page, have no checksum.
///
/// # Errors
///
/// [`HeaderError`] if the file's header is unusable, or the file cut off or damaged.
pub fn check(file: &[u8]) -> Result<(), HeaderError> {
    let (header, tensors) = split(file)?;
    let end = |tensor: &Value| tensor.get("data_offsets")?.get(1)?.as_u64();
    if parse(header)?.values().filter_map(end).any(|end| end > tensors.len() as u64) {
        return Err(HeaderError::CutOff);
    }
    match around_checksum(file) {
        Some(parts @ [_, digits, _]) if digits != checksum(parts).as_bytes() => Err(HeaderError::WrongChecksum),
        _ => Ok(()),
    }
}

/// Splits a file into header and tensors.
fn split(file: &[u8]) -> Result<(&[u8], &[u8]), HeaderError> {
    let (length, rest) = file.split_first_chunk::<8>().ok_or(HeaderError::NotSafetensors)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| HeaderError::NotSafetensors)?;
    let parts = rest.split_at_checked(length).ok_or(HeaderError::NotSafetensors)?;
    if length > HEADER_LIMIT_BYTES {
        return Err(HeaderError::TooLong { limit_bytes: HEADER_LIMIT_BYTES });
    }
    Ok(parts)
}

fn parse(header: &[u8]) -> Result<Map<String, Value>, HeaderError> {
    serde_json::from_slice(header).map_err(|error| HeaderError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::runs::incoming::{Incoming, Refusal, parse_file, runs_to_file};
    use crate::runs::record::{RunEnding, RunRecord};
    use crate::runs::samples::kept;

    fn file(header: &str, tensors: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), tensors].concat()
    }

    /// A file with one tensor.
    fn weights() -> Vec<u8> {
        file(r#"{"0.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, &[1, 2, 3, 4, 5, 6, 7, 8])
    }

    #[test]
    fn a_run_comes_back_with_its_weights() {
        let file = with_run(&weights(), &kept("a-1")).unwrap();
        assert!(is_safetensors(&file));
        assert!(file.ends_with(&[1, 2, 3, 4, 5, 6, 7, 8]));
        assert_eq!((file.len() - 16) % ALIGNMENT, 0);
        assert_eq!(parse_file(&file), Ok(Incoming::Trained(Box::new(kept("a-1")), file.clone().into())));
        // A second run replaces the first.
        let again = with_run(&file, &kept("b-2")).unwrap();
        assert_eq!(again.len(), file.len());
        assert!(run_text(&again).unwrap().contains("b-2"));
    }

    #[test]
    fn a_file_without_all_of_its_tensors_is_cut_off() {
        let file = with_run(&weights(), &kept("a")).unwrap();
        assert_eq!(check(&file), Ok(()));
        assert_eq!(check(&file[..file.len() - 1]), Err(HeaderError::CutOff));
        assert_eq!(check(&file[..20]), Err(HeaderError::NotSafetensors));
    }

    #[test]
    fn a_checksum_tells_of_every_byte_that_changed() {
        let file = with_checksum(&with_run(&weights(), &kept("a")).unwrap()).unwrap();
        assert_eq!(check(&file), Ok(()));
        assert_eq!(with_checksum(&file).as_ref(), Ok(&file));
        // Damage to the key alone leaves a file without a checksum, whose run and tensors are those that were written.
        let key = file.windows(CHECKSUM_KEY.len()).position(|text| text == CHECKSUM_KEY.as_bytes()).unwrap();
        for place in (0..key).chain(key + CHECKSUM_KEY.len()..file.len()) {
            let mut damaged = file.clone();
            damaged[place] ^= 1;
            assert!(check(&damaged).is_err() || run_text(&damaged).is_err(), "{place}");
        }
        // Another run has another checksum, or, from a page that writes none, none.
        assert_eq!(check(&with_run(&file, &kept("b")).unwrap()), Ok(()));
    }

    #[test]
    fn other_metadata_stays() {
        let file = file(r#"{"__metadata__":{"format":"pt"}}"#, &[]);
        let file = with_run(&file, &kept("a")).unwrap();
        assert_eq!(text(&file, "format"), Ok(Some("pt".to_owned())));
    }

    #[test]
    fn files_without_a_run_are_refused() {
        assert_eq!(run_text(&weights()), Err(HeaderError::NoRun));
        assert!(matches!(parse_file(&weights()), Err(Refusal::NotWeights(_))));
        assert_eq!(run_text(b"short"), Err(HeaderError::NotSafetensors));
        assert!(!is_safetensors(runs_to_file(&[kept("a")]).as_bytes()));
        let huge = [&(HEADER_LIMIT_BYTES as u64 + 1).to_le_bytes(), &vec![b' '; HEADER_LIMIT_BYTES + 1][..]].concat();
        assert!(matches!(run_text(&huge), Err(HeaderError::TooLong { .. })));
        let record = RunRecord { ending: RunEnding::Replaced, ..kept("a").record };
        let unended = with_run(&weights(), &KeptRun { record, ..kept("a") }).unwrap();
        assert!(matches!(parse_file(&unended), Err(Refusal::NotWeights(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_damage_panics(
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut file = with_run(&weights(), &kept("a")).unwrap();
            let place = place.index(file.len());
            file[place] = byte;
            for damaged in [&file[..], &file[..cut.index(file.len())]] {
                let _ = parse_file(damaged);
                if let Ok(again) = with_run(damaged, &kept("b")) {
                    prop_assert!(run_text(&again).unwrap().contains("\"b\""));
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = with_run(&bytes, &kept("a"));
            let _ = run_text(&file(&String::from_utf8_lossy(&bytes), &bytes));
        }
    }
}
