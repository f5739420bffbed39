//! Downloads one file as a stream, with progress, retries, detection of truncated downloads, and SHA-256 verification on the fly.

use kindling_core::dataset::served::{FileCheck, ServedFile};
use kindling_core::protocol::{Failure, FailureKind};

use crate::platform::{Download, Freshness, Platform};
use crate::retry::{self, Trouble};

/// Maximum memory reserved before a download; beyond it the buffer grows as bytes arrive, whatever size the server claims.
const RESERVE_LIMIT_BYTES: u64 = 64 << 20;

#[derive(Clone, Debug)]
pub struct Wanted {
    /// For messages.
    pub name: String,
    pub url: String,
    pub expected: Expected,
}

/// What is known about a file before it is downloaded.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Its size and its SHA-256.
    Served(ServedFile),
    Bytes(u64),
    /// Only an upper limit.
    AtMostBytes(u64),
}

/// Receives the progress of a download.
pub trait Watcher {
    /// Bytes of this file so far; the count restarts with each attempt.
    fn received(&self, bytes: u64);
    fn retrying(&self, attempt: u32, failure: Failure);
}

/// Downloads a file, with retries. Dropping the future cancels the download.
///
/// # Errors
///
/// `DownloadFailed` if no attempt succeeds, or the failure of the file's verification, which is not retried.
pub async fn download(platform: &impl Platform, wanted: &Wanted, watcher: &impl Watcher) -> Result<Vec<u8>, Failure> {
    let mut attempt = 1;
    loop {
        let trouble = match attempt_once(platform, wanted, attempt, watcher).await {
            Ok(bytes) => return Ok(bytes),
            Err(Problem::Final(failure)) => return Err(failure),
            Err(Problem::Trouble(trouble)) => trouble,
        };
        let failure = Failure::new(FailureKind::DownloadFailed, format!("{}: {}", wanted.name, trouble.describe()));
        if attempt == retry::ATTEMPTS || !trouble.is_passing() {
            return Err(failure);
        }
        attempt += 1;
        watcher.retrying(attempt, failure);
        platform.sleep(retry::delay_ms(attempt)).await;
    }
}

enum Problem {
    Trouble(Trouble),
    /// The file itself is wrong, so a retry is pointless.
    Final(Failure),
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

async fn attempt_once(
    platform: &impl Platform,
    wanted: &Wanted,
    attempt: u32,
    watcher: &impl Watcher,
) -> Result<Vec<u8>, Problem> {
    watcher.received(0);
    let mut download = platform.fetch(&wanted.url, wanted.freshness(attempt)).await?;
    let mut intake = Intake::new(wanted);
    while let Some(chunk) = download.next_chunk().await? {
        // Too many bytes, perhaps endless, abort the download.
        intake.take(&chunk).map_err(Problem::Final)?;
        watcher.received(intake.bytes.len() as u64);
    }
    intake.finish()
}

impl Wanted {
    fn freshness(&self, attempt: u32) -> Freshness {
        match self.expected {
            // The session caches the file itself once its hash is verified; the browser's cache could keep returning a damaged copy.
            Expected::Served(_) => Freshness::NoStore,
            Expected::Bytes(_) | Expected::AtMostBytes(_) if attempt > 1 => Freshness::Reload,
            Expected::Bytes(_) | Expected::AtMostBytes(_) => Freshness::Any,
        }
    }
}

/// The bytes of a file so far, checked against what is known about it.
struct Intake<'a> {
    wanted: &'a Wanted,
    bytes: Vec<u8>,
    check: Option<FileCheck>,
}

impl<'a> Intake<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        let (likely_bytes, check) = match &wanted.expected {
            Expected::Served(file) => (file.bytes, Some(FileCheck::new(file))),
            Expected::Bytes(bytes) => (*bytes, None),
            Expected::AtMostBytes(_) => (0, None),
        };
        Self { wanted, bytes: Vec::with_capacity(likely_bytes.min(RESERVE_LIMIT_BYTES) as usize), check }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if let Some(check) = &mut self.check {
            check.update(chunk)?;
        }
        self.bytes.extend_from_slice(chunk);
        match self.wanted.expected {
            Expected::Bytes(limit) | Expected::AtMostBytes(limit) if self.bytes.len() as u64 > limit => {
                let detail = format!("{}: more than the {limit} bytes that it should have", self.wanted.name);
                Err(Failure::new(FailureKind::BadFile, detail))
            }
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<Vec<u8>, Problem> {
        let received_bytes = self.bytes.len() as u64;
        let expected_bytes = match &self.wanted.expected {
            // A file that is complete in neither form was truncated on the way.
            Expected::Served(file) => match &file.unpacked {
                Some(unpacked) if received_bytes > file.bytes => unpacked.bytes,
                _ => file.bytes,
            },
            Expected::Bytes(bytes) => *bytes,
            Expected::AtMostBytes(_) => received_bytes,
        };
        if received_bytes < expected_bytes {
            return Err(Problem::Trouble(Trouble::Cut { received_bytes, expected_bytes }));
        }
        if let Some(check) = self.check {
            check.finish().map_err(|error| Problem::Final(error.into()))?;
        }
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::dataset::served::{FileSum, sha256};

    fn served(bytes: &[u8], unpacked: &[u8]) -> Wanted {
        let unpacked = Some(FileSum { bytes: unpacked.len() as u64, sha256: sha256(unpacked) });
        let file = ServedFile { name: "a.gz".into(), bytes: bytes.len() as u64, sha256: sha256(bytes), unpacked };
        Wanted { name: "a.gz".into(), url: String::new(), expected: Expected::Served(file) }
    }

    fn take_all(wanted: &Wanted, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
        let mut intake = Intake::new(wanted);
        bytes.chunks(3).try_for_each(|chunk| intake.take(chunk)).map_err(Problem::Final)?;
        intake.finish()
    }

    #[test]
    fn both_forms_of_a_file_are_accepted() {
        let wanted = served(b"packed", b"unpacked bytes");
        assert!(take_all(&wanted, b"packed").is_ok());
        assert!(take_all(&wanted, b"unpacked bytes").is_ok());
    }

    #[test]
    fn a_cut_file_is_trouble_with_the_line() {
        let wanted = served(b"packed", b"unpacked bytes");
        for cut in [&b"pack"[..], b"unpacked b"] {
            assert!(matches!(take_all(&wanted, cut), Err(Problem::Trouble(Trouble::Cut { .. }))));
        }
    }

    #[test]
    fn a_wrong_file_is_refused() {
        let wanted = served(b"packed", b"unpacked bytes");
        let refused = take_all(&wanted, b"hacked");
        assert!(matches!(refused, Err(Problem::Final(failure)) if failure.kind == FailureKind::WrongHash));
    }

    #[test]
    fn a_file_without_end_is_given_up() {
        for wanted in
            [served(b"packed", b"unpacked bytes"), Wanted { expected: Expected::Bytes(6), ..served(b"", b"") }]
        {
            assert!(matches!(take_all(&wanted, &[7; 1_000]), Err(Problem::Final(_))));
        }
    }
}
