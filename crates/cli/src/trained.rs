//! A trained network on a device, opened from a run.

use std::path::Path;

use burn::module::Module;
use kindling_core::config::{NetworkConfig, RunConfig};
use kindling_core::protocol::{Bulk, Origin};
use kindling_core::runs::record::NetworkInput;
use kindling_train::exchange::weight_file;
use kindling_train::module::Network;

use crate::arguments::MachineArguments;
use crate::trouble::Trouble;
use crate::{device, run_folder};

pub struct Trained {
    pub config: NetworkConfig,
    /// Its dataset, and how that was split.
    pub origin: Origin,
    pub input: NetworkInput,
    /// In inference mode.
    pub network: Network,
    /// The run's weight file.
    pub weights: Bulk,
}

impl Trained {
    pub fn open(path: &Path, machine: &MachineArguments) -> Result<Self, Trouble> {
        let (run, weights) = run_folder::open(path)?;
        let input = run_folder::input(path, &run)?;
        let device = device::open(machine)?.device;
        let RunConfig { network: config, dataset, split, .. } = run.record.config;
        let (tensors, _) = weight_file::from_bytes(&weights)?;
        let network = Network::with_weights(&config, input.shape, input.classes.len(), tensors, &device)?.valid();
        Ok(Self { config, origin: Origin { dataset, split }, input, network, weights })
    }
}
