//! What went wrong while work went on.

use crate::page::database::Trouble;
use kindling_core::protocol::Failure;
use kindling_core::runs::incoming::Refusal;

/// Notices kept at most; older ones go.
pub const NOTICES_LIMIT: usize = 5;

/// What the visitor should know and may dismiss; oldest first, at most [`NOTICES_LIMIT`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices {
    list: Vec<Notice>,
    n_given: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub id: u32,
    pub kind: NoticeKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NoticeKind {
    /// Something went wrong and work goes on.
    Warning(Failure),
    /// The GPU engine failed and the CPU engine took over.
    FellBack(Failure),
    /// The engine failed and was started again.
    Restarted(Failure),
    /// Tuned kernels failed, and are used no more.
    TuningFailed(Failure),
    /// Tuned kernels gave another loss for the same step, and are not used.
    TunedDiffers { expected: f32, found: f32 },
    /// Of the runs that are kept, and of configs that came in.
    Runs(RunNotice),
}

/// What the visitor should know of kept runs and of configs that came in.
#[derive(Clone, Debug, PartialEq)]
pub enum RunNotice {
    /// The browser keeps nothing: runs last as long as the page.
    NotKept(Trouble),
    /// Can be undone while it is in sight.
    Deleted { id: String, name: String },
    /// The weights of a run are no longer there.
    WeightsGone,
    /// There were too many, and the oldest went.
    OldestGone,
    /// The config in the page's address.
    LinkRefused(Refusal),
    /// A file of a config or of runs.
    FileRefused(Refusal),
    /// Runs of a file; those that were here already are not counted.
    Imported { n_runs: usize },
    /// A config was made for a dataset that is not there.
    OtherDataset { dataset: String },
}

impl Notices {
    pub fn list(&self) -> &[Notice] {
        &self.list
    }

    pub(super) fn push(&mut self, kind: NoticeKind) {
        self.n_given += 1;
        self.list.retain(|notice| notice.kind != kind);
        self.list.push(Notice { id: self.n_given, kind });
        if self.list.len() > NOTICES_LIMIT {
            self.list.remove(0);
        }
    }

    pub(super) fn dismiss(&mut self, id: u32) {
        self.list.retain(|notice| notice.id != id);
    }
}
