//! A config that waits for its dataset to come into view.

use kindling_core::config::RunConfig;

/// At most one config waits: a later one replaces it.
#[derive(Debug, Default)]
pub struct Pending(Option<Wait>);

#[derive(Debug)]
struct Wait {
    config: RunConfig,
    /// Whether its dataset is loading: others may then be in view for a moment.
    is_loading: bool,
}

impl Pending {
    /// The config's dataset is about to load.
    pub fn wait_for_load(&mut self, config: RunConfig) {
        self.0 = Some(Wait { config, is_loading: true });
    }

    /// The config's dataset is expected in the catalog.
    pub fn wait_for_catalog(&mut self, config: RunConfig) {
        self.0 = Some(Wait { config, is_loading: false });
    }

    /// The load for a config has failed. Another config may wait by now.
    pub fn load_failed(&mut self, config: &RunConfig) {
        self.0.take_if(|wait| wait.is_loading && wait.config == *config);
    }

    /// The config to apply now that a dataset has come into view: also one whose dataset turned out not to be in the catalog.
    pub fn take(&mut self, in_view: &str) -> Option<RunConfig> {
        let wait = self.0.take_if(|wait| !wait.is_loading || wait.config.dataset == in_view);
        wait.map(|wait| wait.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::NetworkConfig;

    fn config(dataset: &str) -> RunConfig {
        let network = NetworkConfig::new("Empty", vec![]);
        RunConfig::new(dataset, network)
    }

    #[test]
    fn a_config_is_taken_once_when_its_dataset_is_in_view() {
        let mut pending = Pending::default();
        pending.wait_for_load(config("animals"));
        // The load before it was canceled.
        assert_eq!(pending.take("mnist"), None);
        assert_eq!(pending.take("animals"), Some(config("animals")));
        assert_eq!(pending.take("animals"), None);
    }

    #[test]
    fn a_failed_load_gives_up_its_own_config_alone() {
        let mut pending = Pending::default();
        pending.wait_for_load(config("animals"));
        pending.load_failed(&config("animals"));
        assert_eq!(pending.take("animals"), None);

        pending.wait_for_load(config("mnist"));
        pending.load_failed(&config("animals"));
        assert_eq!(pending.take("mnist"), Some(config("mnist")));
    }

    #[test]
    fn a_config_whose_dataset_is_not_in_the_catalog_is_taken_with_another() {
        let mut pending = Pending::default();
        pending.wait_for_catalog(config("files-1"));
        assert_eq!(pending.take("mnist"), Some(config("files-1")));
    }
}
