//! Monitoring of the current run's network: the latest snapshots, and whether monitoring is on.

use std::collections::VecDeque;

use kindling_core::protocol::{Histogram, LayerReport, LayersReport, Watch};

/// Maximum number of snapshots kept; older ones are dropped.
pub const SNAPSHOTS_LIMIT: usize = 60;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inside {
    /// What the engine was asked to monitor; none while monitoring is off.
    pub watch: Option<Watch>,
    /// Oldest first. Only the newest keeps its pictures.
    looks: VecDeque<LayersReport>,
}

impl Inside {
    /// The newest snapshot of the run in view.
    pub fn latest(&self) -> Option<&LayersReport> {
        self.looks.back()
    }

    /// The newest report of a layer, by its index in the network's list.
    pub fn layer(&self, index: u32) -> Option<&LayerReport> {
        self.latest()?.layers.iter().find(|layer| layer.index == index)
    }

    /// A layer's histograms of one kind with their steps, oldest first.
    pub fn history(&self, index: u32, of: fn(&LayerReport) -> Option<&Histogram>) -> Vec<(u32, &Histogram)> {
        let in_snapshot = self.looks.iter().filter_map(|look| {
            let layer = look.layers.iter().find(|layer| layer.index == index)?;
            Some((look.step, of(layer)?))
        });
        in_snapshot.collect()
    }

    pub(super) fn push(&mut self, report: LayersReport) {
        if let Some(before) = self.looks.pop_back() {
            self.looks.push_back(before.without_pictures());
        }
        if self.looks.len() >= SNAPSHOTS_LIMIT {
            self.looks.pop_front();
        }
        self.looks.push_back(report);
    }

    /// Drops the snapshots when a new run starts. Monitoring stays on if it was on.
    pub(super) fn clear(&mut self) {
        self.looks.clear();
    }
}
