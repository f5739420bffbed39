//! The stored record of a run that has not ended. The engine's part of the checkpoint is stored beside it.

use serde::{Deserialize, Serialize};

use super::locks::OpenTabs;
use crate::page::state::{Checkpoint, Curves, Run};

/// A run saved more recently than this may still be training in another window, where the browser does not tell which windows are open.
const OTHERS_LIMIT_MS: f64 = 60_000.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterruptedRun {
    pub id: String,
    /// The id of the browser tab that trained it, which survives a reload.
    pub tab: String,
    /// Milliseconds since 1970, UTC.
    pub saved_at: f64,
    pub dataset_name: String,
    /// The id of a served dataset. None for the visitor's own files, whose object URLs are lost with the page.
    pub served: Option<String>,
    pub run: Run,
    pub curves: Curves,
}

/// What the page knows about a run besides its checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circumstances {
    pub id: String,
    pub tab: String,
    pub saved_at: f64,
    pub dataset_name: String,
    pub served: Option<String>,
}

impl InterruptedRun {
    pub fn new(checkpoint: &Checkpoint, circumstances: Circumstances) -> Self {
        let Circumstances { id, tab, saved_at, dataset_name, served } = circumstances;
        let mut run = checkpoint.run.clone();
        run.progress.step = checkpoint.step;
        Self { id, tab, saved_at, dataset_name, served, run, curves: checkpoint.curves.clone() }
    }

    /// Whether this tab should offer to resume it.
    pub fn is_offered(&self, tab: &str, open_tabs: Option<&OpenTabs>, now_ms: f64) -> bool {
        let may_train = match open_tabs {
            Some(open_tabs) => open_tabs.has(&self.tab),
            None => now_ms - self.saved_at <= OTHERS_LIMIT_MS,
        };
        self.tab == tab || !may_train
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::json::{from_text, to_text};
    use kindling_core::config::{NetworkConfig, RunConfig};
    use kindling_core::protocol::{EpochReport, RunId};
    use kindling_core::runs::samples::{epoch, unvalidated_epoch};

    fn interrupted(report: EpochReport) -> InterruptedRun {
        let network = NetworkConfig::new("Small", vec![]);
        let mut run = Run::new(RunId(3), RunConfig::new("mnist", network));
        run.epochs = vec![report];
        run.best = Some(report);
        let mut curves = Curves::default();
        curves.train_loss.push(1.0, 1.0 / 3.0);
        let checkpoint = Checkpoint { run, curves, step: 41, bytes: vec![1, 2].into() };
        let circumstances =
            Circumstances { id: "one".into(), tab: "left".into(), saved_at: 1_000.0, ..Circumstances::default() };
        InterruptedRun::new(&checkpoint, circumstances)
    }

    #[test]
    fn it_comes_back_from_its_text_as_it_was() {
        for report in [epoch(0.25), unvalidated_epoch()] {
            let interrupted = interrupted(report);
            assert_eq!((interrupted.run.progress.step, interrupted.run.best), (41, Some(report)));
            let text = to_text(&interrupted);
            assert_eq!(from_text(&text), Some(interrupted));
        }
    }

    #[test]
    fn what_another_tab_trains_is_not_offered() {
        let interrupted = interrupted(epoch(0.25));
        let open = |tabs: &[&str]| Some(OpenTabs::of(tabs));
        let is_offered = |tab, open: Option<OpenTabs>, now_ms| interrupted.is_offered(tab, open.as_ref(), now_ms);
        assert!(is_offered("left", open(&["left"]), 1_001.0));
        assert!(!is_offered("right", open(&["left", "right"]), 1e12));
        // Closed a moment ago.
        assert!(is_offered("right", open(&["right"]), 1_001.0));
        assert!(!is_offered("right", None, 30_000.0));
        assert!(is_offered("right", None, 70_000.0));
    }
}
