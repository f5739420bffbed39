//! The times that races have measured, remembered for later visits: per machine, network and batch size.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::page::json;
use crate::page::preferences;
use crate::page::state::{StepTime, StepTimes};
use kindling_core::config::RunConfig;
use kindling_core::protocol::{EngineKind, bulk};
use serde::{Deserialize, Serialize};

/// The maximum number of verdicts; the oldest are dropped.
const VERDICTS_LIMIT: usize = 50;

/// A run moves, or starts on the other device, where that is at least this many times as fast: a fifth faster.
pub const MIN_GAIN: f64 = 1.2;

const KEY: &str = "kindling.step-times";

/// Oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdicts(Vec<Verdict>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Verdict {
    machine: u64,
    network: u64,
    times: StepTimes,
}

/// Identifies a machine: its GPU, and the files of both engines, since newer ones have other kernels. Their addresses also name the number of
/// threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineKey(u64);

/// Identifies what the time of a step depends on most: the layers, the images and the batch size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkKey(u64);

impl MachineKey {
    #[cfg(test)]
    pub const TEST: Self = Self(7);

    pub fn new(gpu: &str, files: &[String]) -> Self {
        Self(hash(&(gpu, files)))
    }
}

impl NetworkKey {
    pub fn new(config: &RunConfig) -> Self {
        // As a message has them: another format would be more code.
        let layers = bulk::encode(&config.network.layers).unwrap_or_default();
        Self(hash(&(&config.dataset, layers.header, config.network.frozen, config.batch_size)))
    }
}

impl Verdicts {
    /// Those of earlier visits.
    pub fn remembered() -> Self {
        let text = preferences::read(KEY).unwrap_or_default();
        Self::parse(&text)
    }

    pub fn remember(&self) {
        preferences::write(KEY, &json::to_text(self));
    }

    /// The times of a network on a machine.
    pub fn find(&self, MachineKey(machine): MachineKey, NetworkKey(network): NetworkKey) -> Option<StepTimes> {
        let mut known = self.0.iter().rev();
        known.find(|known| known.machine == machine && known.network == network).map(|known| known.times)
    }

    /// The device that the machine's latest verdict favors.
    pub fn latest(&self, MachineKey(machine): MachineKey) -> Option<EngineKind> {
        let latest = self.0.iter().rev().find(|known| known.machine == machine)?;
        let is_gpus = latest.times.gain_of_leaving(EngineKind::Cpu) >= MIN_GAIN;
        Some(if is_gpus { EngineKind::Webgpu } else { EngineKind::Cpu })
    }

    pub fn insert(&mut self, MachineKey(machine): MachineKey, NetworkKey(network): NetworkKey, times: StepTimes) {
        self.0.retain(|known| known.machine != machine || known.network != network);
        self.0.push(Verdict { machine, network, times });
        self.limit();
    }

    /// Drops the verdicts that would start a run on the GPU. Returns whether there were any.
    pub fn drop_gpus(&mut self) -> bool {
        let n_before = self.0.len();
        self.0.retain(|known| known.times.gain_of_leaving(EngineKind::Cpu) < MIN_GAIN);
        self.0.len() < n_before
    }

    /// What storage holds may be damaged, or come from another version of the page.
    fn parse(text: &str) -> Self {
        let mut verdicts: Self = json::from_text(text).unwrap_or_default();
        let is_time = |time: StepTime| time.ms().is_finite() && time.ms() > 0.0;
        verdicts.0.retain(|known| is_time(known.times.cpu) && is_time(known.times.gpu));
        verdicts.limit();
        verdicts
    }

    fn limit(&mut self) {
        let n_over = self.0.len().saturating_sub(VERDICTS_LIMIT);
        self.0.drain(..n_over);
    }
}

/// The same in every visit. A compiler with another hash only makes the page forget.
fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::NetworkConfig;

    const MACHINE: MachineKey = MachineKey::TEST;
    const FAST_GPU: StepTimes = StepTimes { cpu: StepTime::AtLeast(90.0), gpu: StepTime::Exactly(3.0) };
    const FAST_CPU: StepTimes = StepTimes { cpu: StepTime::Exactly(1.5), gpu: StepTime::Exactly(1.4) };

    #[test]
    fn the_newest_verdicts_are_kept_across_visits() {
        let mut verdicts = Verdicts::default();
        (0..=VERDICTS_LIMIT as u64).for_each(|network| verdicts.insert(MACHINE, NetworkKey(network), FAST_CPU));
        verdicts.insert(MACHINE, NetworkKey(9), FAST_GPU);
        let next_visit = Verdicts::parse(&json::to_text(&verdicts));
        assert_eq!(next_visit, verdicts);
        assert_eq!(next_visit.0.len(), VERDICTS_LIMIT);
        assert_eq!(next_visit.find(MACHINE, NetworkKey(0)), None);
        assert_eq!(next_visit.find(MACHINE, NetworkKey(1)), Some(FAST_CPU));
        assert_eq!(next_visit.find(MACHINE, NetworkKey(9)), Some(FAST_GPU));
        assert_eq!(next_visit.latest(MACHINE), Some(EngineKind::Webgpu));
        assert_eq!(next_visit.find(MachineKey(8), NetworkKey(9)), None);
        assert_eq!(next_visit.latest(MachineKey(8)), None);
    }

    #[test]
    fn a_gpu_that_fails_loses_its_verdicts() {
        let mut verdicts = Verdicts::default();
        verdicts.insert(MACHINE, NetworkKey(1), FAST_CPU);
        assert!(!verdicts.drop_gpus());
        verdicts.insert(MACHINE, NetworkKey(2), FAST_GPU);
        assert!(verdicts.drop_gpus());
        assert_eq!(verdicts.latest(MACHINE), Some(EngineKind::Cpu), "it takes a fifth");
    }

    #[test]
    fn damaged_storage_is_forgotten() {
        let one = |ms: &str| {
            format!(
                r#"[{{ "machine": 7, "network": 1, "times": {{ "cpu": {{ "Exactly": {ms} }}, "gpu": {{ "AtLeast": 2 }} }} }}]"#
            )
        };
        assert_eq!(Verdicts::parse(&one("1.5")).0.len(), 1);
        for text in ["", "{}", "[1]", &one("0"), &one("-1"), &one("1e999"), &one("null")] {
            assert_eq!(Verdicts::parse(text), Verdicts::default(), "{text}");
        }
    }

    #[test]
    fn seed_and_rate_do_not_matter_and_the_batch_size_does() {
        let network = NetworkConfig::new("Small", vec![]);
        let config = RunConfig::new("mnist", network);
        let key = NetworkKey::new(&config);
        let name = NetworkConfig { name: "Other".into(), ..config.network.clone() };
        assert_eq!(NetworkKey::new(&RunConfig { seed: 5, learning_rate: 0.5, network: name, ..config.clone() }), key);
        assert_ne!(NetworkKey::new(&RunConfig { batch_size: 7, ..config.clone() }), key);
        assert_ne!(NetworkKey::new(&RunConfig { dataset: "cifar10".into(), ..config }), key);
    }
}
