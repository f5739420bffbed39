//! What was seen inside the network of the run: the last looks, and whether somebody looks now.

use std::collections::VecDeque;

use kindling_core::protocol::{Histogram, LayerReport, LayersReport, Watch};

/// Looks that are kept: the last ones.
pub const LOOKS_LIMIT: usize = 60;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inside {
    /// What the engine was asked to look at; none while nobody looks.
    pub watch: Option<Watch>,
    /// The oldest first. Only the newest has pictures.
    looks: VecDeque<LayersReport>,
}

impl Inside {
    /// The newest look at the run in view.
    pub fn latest(&self) -> Option<&LayersReport> {
        self.looks.back()
    }

    /// The newest figures of a layer, by its place in the network's list.
    pub fn layer(&self, index: u32) -> Option<&LayerReport> {
        self.latest()?.layers.iter().find(|layer| layer.index == index)
    }

    /// A layer's histograms of one kind with their steps, the oldest first.
    pub fn history(&self, index: u32, of: fn(&LayerReport) -> Option<&Histogram>) -> Vec<(u32, &Histogram)> {
        let in_look = self.looks.iter().filter_map(|look| {
            let layer = look.layers.iter().find(|layer| layer.index == index)?;
            Some((look.step, of(layer)?))
        });
        in_look.collect()
    }

    pub(super) fn push(&mut self, report: LayersReport) {
        if let Some(before) = self.looks.pop_back() {
            self.looks.push_back(before.without_pictures());
        }
        if self.looks.len() >= LOOKS_LIMIT {
            self.looks.pop_front();
        }
        self.looks.push_back(report);
    }

    /// A new run begins; whoever looks goes on looking.
    pub(super) fn clear(&mut self) {
        self.looks.clear();
    }
}
