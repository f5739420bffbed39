//! Images of a dataset, for commands that need them outside of the session.

use futures_channel::mpsc::unbounded;
use futures_executor::{LocalPool, block_on};
use kindling_core::dataset::{Dataset, Split};
use kindling_core::protocol::{Bulk, Origin, SplitName};
use kindling_core::runs::record::NetworkInput;
use kindling_session::{Loaded, check_dataset};
use kindling_train::evaluation::ViewSet;
use kindling_train::evaluation::classify::classify_prepared;
use kindling_train::module::Network;

use crate::data::Data;
use crate::platform::Native;
use crate::reporter::{complain, import_notes};
use crate::trouble::Trouble;

pub const ANOTHER_DATASET: &str = "--data is another dataset than the run's: give the one that it was trained on.";

/// A dataset, split as for a run.
pub struct Images {
    dataset: Dataset,
    split: Split,
}

/// Images of a network's input shape, channel by channel, with their classes.
#[derive(Default)]
pub struct Labelled {
    pub images: Vec<Vec<u8>>,
    pub labels: Vec<u16>,
    /// Images of the part, including those beyond the limit.
    pub n_all: usize,
}

impl Images {
    /// Fails if the dataset is not the one that the network was trained on.
    pub fn load(data: &Data, origin: &Origin, input: &NetworkInput) -> Result<Self, Trouble> {
        // Nobody watches the progress.
        let (events, _received) = unbounded();
        let mut pool = LocalPool::new();
        let platform = Native::new(events, pool.spawner(), data.folder.clone());
        let loaded = pool.run_until(kindling_session::load(&platform, data.source.clone()))?;
        let Loaded { id, dataset, .. } = loaded;
        if let Some(imported) = &dataset.imported {
            import_notes(&imported.report).into_iter().for_each(complain);
        }
        check_dataset(&origin.dataset, &id, &dataset.name)?;
        if dataset.shape != input.shape || dataset.classes != input.classes {
            return Err(Trouble::new(ANOTHER_DATASET));
        }
        let split =
            Split::new(&dataset, &origin.split).map_err(|error| Trouble::new(format!("{error}: check --data.")))?;
        Ok(Self { dataset, split })
    }

    /// At most `limit` images, spread over the part.
    pub fn of(&self, part: SplitName, limit: usize) -> Labelled {
        let places = self.split.part(part);
        let step = places.len().div_ceil(limit.max(1)).max(1);
        let n_values = self.dataset.shape.n_values();
        let mut found = Labelled { n_all: places.len(), ..Labelled::default() };
        for &place in places.iter().step_by(step) {
            let place = place as usize;
            let pixels = self.dataset.pixels.get(place * n_values..(place + 1) * n_values);
            if let (Some(pixels), Some(&label)) = (pixels, self.dataset.labels.get(place)) {
                found.images.push(pixels.to_vec());
                found.labels.push(label);
            }
        }
        found
    }
}

/// What a network computes for images of its input shape: one probability per class for each.
pub fn probabilities(network: &Network, images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, Trouble> {
    let of_image = |image: &Vec<u8>| {
        let mut classes = block_on(classify_prepared(network, Bulk::from(image.clone()), ViewSet::One))?.classes;
        classes.sort_by_key(|class| class.class);
        Ok(classes.iter().map(|class| class.probability).collect())
    };
    images.iter().map(of_image).collect()
}
