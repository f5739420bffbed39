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
    /// The network at hand while no run trains: newer than the snapshots, but without gradients.
    at_rest: Option<LayersReport>,
}

impl Inside {
    /// The network at hand, else the newest snapshot of the run in view.
    pub fn latest(&self) -> Option<&LayersReport> {
        self.at_rest.as_ref().or(self.looks.back())
    }

    /// The newest report of a layer, by its index in the network's list.
    pub fn layer(&self, index: u32) -> Option<&LayerReport> {
        self.latest()?.layers.iter().find(|layer| layer.index == index)
    }

    /// The newest report of the layer's last update, which a network at rest has none of.
    pub fn updated_layer(&self, index: u32) -> Option<&LayerReport> {
        self.looks.back()?.layers.iter().find(|layer| layer.index == index)
    }

    /// A layer's histograms of one kind over the run, oldest first; without snapshots, that of the network at hand.
    pub fn history(&self, index: u32, of: fn(&LayerReport) -> Option<&Histogram>) -> Vec<&Histogram> {
        let reports = self.looks.iter().chain(self.at_rest.iter().filter(|_| self.looks.is_empty()));
        reports.filter_map(|look| of(look.layers.iter().find(|layer| layer.index == index)?)).collect()
    }

    /// Takes the network at hand, while no run trains.
    pub(super) fn rest(&mut self, report: LayersReport) {
        self.at_rest = Some(report);
    }

    pub(super) fn push(&mut self, report: LayersReport) {
        self.at_rest = None;
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
        self.at_rest = None;
    }
}
