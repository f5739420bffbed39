//! Notices about problems that did not stop the work.

use crate::page::database::Trouble;
use kindling_core::protocol::Failure;
use kindling_core::runs::incoming::Refusal;

/// Maximum number of notices kept; the oldest is dropped.
pub const NOTICES_LIMIT: usize = 5;

/// Dismissible notices, oldest first, at most [`NOTICES_LIMIT`].
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
    /// Something went wrong and work continues.
    Warning(Failure),
    /// The GPU engine failed and the CPU engine took over.
    FellBack(Failure),
    /// The engine failed and was restarted.
    Restarted(Failure),
    /// A run was stopped in the middle of a step, and ends at its last checkpoint.
    StoppedMidStep,
    /// For the same step of a run, the two devices computed different losses.
    DevicesDiffer { cpu: f32, gpu: f32 },
    /// About stored runs and imported configs.
    Runs(RunNotice),
}

impl NoticeKind {
    /// Whether it is what became of files, after those of another notice were refused.
    fn replaces(&self, other: &Self) -> bool {
        let is_refused =
            |kind: &Self| matches!(kind, Self::Runs(RunNotice::FileRefused(_) | RunNotice::NetworkRefused(_)));
        is_refused(other) && (is_refused(self) || matches!(self, Self::Runs(RunNotice::Imported { .. })))
    }
}

/// Notices about stored runs and imported configs.
#[derive(Clone, Debug, PartialEq)]
pub enum RunNotice {
    /// The browser does not store runs: they last as long as the page.
    NotKept(Trouble),
    /// A run was deleted; this can be undone while the notice is visible.
    Deleted { id: String, name: String },
    /// The weights of a run are no longer stored.
    WeightsGone,
    /// There were too many runs, and the oldest were deleted.
    OldestGone,
    /// The config in the page's URL was refused.
    LinkRefused(Refusal),
    /// A file of a config or of runs was refused.
    FileRefused(Refusal),
    /// A file of a network was refused.
    NetworkRefused(Failure),
    /// Runs were imported from a file, without those that were already present; this can be undone while the notice is visible.
    Imported { ids: Vec<String> },
    /// A config was made for a dataset that is not loaded.
    OtherDataset { dataset: String },
}

impl Notices {
    pub fn list(&self) -> &[Notice] {
        &self.list
    }

    pub(super) fn push(&mut self, kind: NoticeKind) {
        self.n_given += 1;
        self.list.retain(|notice| notice.kind != kind && !kind.replaces(&notice.kind));
        self.list.push(Notice { id: self.n_given, kind });
        if self.list.len() > NOTICES_LIMIT {
            self.list.remove(0);
        }
    }

    pub(super) fn dismiss(&mut self, id: u32) {
        self.list.retain(|notice| notice.id != id);
    }
}
