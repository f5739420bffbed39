//! An error as one sentence, which includes a remedy, and the exit code that it ends the program with.

use std::io::{self, ErrorKind};

use kindling_core::protocol::{Failure, FailureKind};
use kindling_core::runs::run_event::error_message;
use kindling_session::StoreError;

/// The exit code for invalid arguments, also clap's.
pub const USAGE: u8 = 2;

/// The exit code after Ctrl-C, by the convention of shells: 128 plus the signal's number.
pub const INTERRUPTED: u8 = 130;

/// By the convention of shells: 128 plus the number of the signal that ends other programs whose output nobody reads, SIGPIPE.
const CLOSED_OUTPUT: u8 = 141;

/// Why a command ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The sentence that the user reads.
    #[error("{0}")]
    Failure(String),
    /// Invalid arguments. The sentence that the user reads.
    #[error("{0}")]
    Usage(String),
    /// Ctrl-C, or a request to end, before a command had anything to keep.
    #[error("Interrupted before there was a result.")]
    Interrupted,
    /// The reader of standard output has closed it, and wants to read no more.
    #[error("Standard output is closed.")]
    ClosedOutput,
}

impl Trouble {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self::Failure(sentence.into())
    }

    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    /// Standard output cannot be written.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::ClosedOutput,
            _ => Self::new(format!(
                "Standard output cannot be written ({}): redirect it to a place with room.",
                reason(error)
            )),
        }
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failure(_) => 1,
            Self::Usage(_) => USAGE,
            Self::Interrupted => INTERRUPTED,
            Self::ClosedOutput => CLOSED_OUTPUT,
        }
    }
}

/// Why something cannot be written, in plain words where the system's are not.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        ErrorKind::QuotaExceeded => "your share of the disk is full".to_owned(),
        _ => error.to_string(),
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let message = error_message(&failure);
        Self::new(match way_out(failure.kind) {
            Some(way_out) => format!("{} {way_out}", message),
            None => message,
        })
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::new(format!("{error}: choose a writable folder with room for the weights."))
    }
}

fn way_out(kind: FailureKind) -> Option<&'static str> {
    Some(match kind {
        FailureKind::DownloadFailed => "Check that the file is complete and can be read.",
        FailureKind::WrongHash => "The file is damaged: get the dataset's folder again.",
        FailureKind::BadFile => "Mend the file, get it again if it is damaged, or leave it out.",
        FailureKind::UnknownFormat => {
            "--data takes IDX files, NumPy arrays, tables in CSV, CIFAR's binary files, images in one folder per class, or an archive or a folder of these."
        }
        FailureKind::OneClass => "Add images of a second class: there is nothing to tell apart.",
        FailureKind::TooFewImages => "Add images, or change the fractions that the split holds out.",
        FailureKind::NoDataset => {
            "Pass the dataset that the run was made for to --data, unchanged. Only a new run of its config takes another one, with --set dataset=ID, where ID is the dataset of `kindling presets --json`."
        }
        FailureKind::BadNetwork => "Change the network in the page, or use a preset: see `kindling presets`.",
        FailureKind::BadConfig => "Change it with --set.",
        FailureKind::BadImage => "Use another image.",
        FailureKind::CannotExport => "Choose another --format.",
        FailureKind::LossNotFinite => "Lower the learning rate, for example with --set learningRate=0.001.",
        FailureKind::OutOfMemory => "Use smaller batches, for example with --set batchSize=32.",
        FailureKind::NoWebGpu | FailureKind::GpuError | FailureKind::DeviceLost => {
            "Use another device, for example --device flex."
        }
        FailureKind::NoNetwork | FailureKind::EngineCrashed | FailureKind::BuildMismatch | FailureKind::Canceled => {
            return None;
        }
    })
}
