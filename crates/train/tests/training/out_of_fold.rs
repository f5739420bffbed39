//! Cross-validation predicts every image by a network that was not trained on it, so that planted wrong labels are found.

use std::cell::RefCell;
use std::rc::Rc;

use kindling_core::config::{AdversarialConfig, EarlyStopping, NetworkConfig, RunConfig, ScheduleConfig};
use kindling_core::dataset::folds::{Fold, Member, folds};
use kindling_core::label_errors::Predicted;
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::{Failure, FailureKind, RunUpdate};
use kindling_train::device::DeviceDataset;
use kindling_train::training::out_of_fold::{OutOfFold, Predictions};
use kindling_train::training::{Control, out_of_fold};

use crate::support::{Recorder, bands, block_on};
use crate::{config, device};

const N_FOLDS: usize = 3;

/// Their labels are moved to the next class.
const WRONG: [u32; 4] = [5, 77, 140, 281];

fn data() -> DeviceDataset {
    let (mut dataset, split) = bands();
    for index in WRONG {
        let label = &mut dataset.labels[index as usize];
        *label = (*label + 1) % 3;
    }
    DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap()
}

/// The last images are test images.
const FIRST_TEST: u32 = 270;

fn in_folds(data: &DeviceDataset) -> Vec<Fold> {
    let member = |index| Member { index, label: data.label(index), group: index.into(), is_test: index >= FIRST_TEST };
    folds(&(0..300).map(member).collect::<Vec<_>>(), N_FOLDS, 0)
}

fn predicted(host: &Recorder, control: &Control, config: &RunConfig) -> Result<OutOfFold, Failure> {
    let data = data();
    block_on(out_of_fold(host, control, &data, config, &in_folds(&data), &|_| {}))
}

#[test]
fn planted_wrong_labels_are_found_with_the_true_class() {
    let (data, begun) = (data(), RefCell::new(Vec::new()));
    let host = Recorder::new(1.0, |_| {});
    let on_fold = |fold| begun.borrow_mut().push(fold);
    // What needs a validation split is left out.
    let schedule = ScheduleConfig::PLATEAU;
    let config = RunConfig { schedule, early_stopping: Some(EarlyStopping::default()), ..config() };
    let found = block_on(out_of_fold(&host, &Control::default(), &data, &config, &in_folds(&data), &on_fold)).unwrap();
    assert_eq!(*begun.borrow(), [0, 1, 2]);
    for (part, expected) in [(&found.learned, 0..FIRST_TEST), (&found.test, FIRST_TEST..300)] {
        let mut images = part.images.clone();
        images.sort_unstable();
        assert_eq!(images, expected.collect::<Vec<_>>());
        for row in part.probabilities.chunks(3) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
        }
    }
    let [learned, test] = [&found.learned, &found.test]
        .map(|Predictions { images, labels, probabilities }| Predicted { images, labels, n_classes: 3, probabilities });
    let errors = learned.label_errors(Some(test));
    let worst = errors.iter().take(WRONG.len()).map(|error| (error.index, u32::from(error.suggested)));
    let mut worst: Vec<(u32, u32)> = worst.collect();
    worst.sort_unstable();
    assert_eq!(worst, WRONG.map(|index| (index, index % 3)));
}

#[test]
fn outputs_of_frozen_layers_are_computed_once_and_change_nothing() {
    let network = NetworkConfig { frozen: 4, ..config().network };
    let frozen = RunConfig { network, ..config() };
    let host = Recorder::new(1.0, |_| {});
    let kept = predicted(&host, &Control::default(), &frozen).unwrap();
    let is_done = |update: &&RunUpdate| {
        matches!(update, RunUpdate::Preparing(Preparation::ComputingFeatures { done: 300, total: 300, .. }))
    };
    assert_eq!(host.updates.borrow().iter().filter(is_done).count(), 1);
    // Attacks none of the images, but might, so that nothing is kept for them.
    let adversarial = Some(AdversarialConfig { share: 0.0, ..AdversarialConfig::default() });
    let host = Recorder::new(1.0, |_| {});
    let computed = predicted(&host, &Control::default(), &RunConfig { adversarial, ..frozen }).unwrap();
    for (kept, computed) in [(kept.learned, computed.learned), (kept.test, computed.test)] {
        assert_eq!(kept.images, computed.images);
        for (one, other) in kept.probabilities.iter().zip(&computed.probabilities) {
            assert!((one - other).abs() < 1e-4, "{one} {other}");
        }
    }
}

/// Whatever the labels of test images are, the networks and what they predict of the others are the same.
#[test]
fn nothing_learns_from_test_images() {
    let folds = in_folds(&data());
    let of = |label: u16| {
        let (mut dataset, split) = bands();
        dataset.labels.iter_mut().skip(FIRST_TEST as usize).for_each(|it| *it = label);
        let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
        let host = Recorder::new(1.0, |_| {});
        block_on(out_of_fold(&host, &Control::default(), &data, &config(), &folds, &|_| {})).unwrap()
    };
    let (one, other) = (of(0), of(2));
    assert_eq!(one.learned, other.learned);
    assert_eq!(one.test.probabilities, other.test.probabilities);
    assert_ne!(one.test.labels, other.test.labels);
}

#[test]
fn it_can_be_stopped() {
    for breaths in [3, 40, 80] {
        let control = Rc::new(Control::default());
        let at_yield = control.clone();
        let host = Recorder::new(1.0, move |breath| {
            if breath == breaths {
                at_yield.stop();
            }
        });
        assert_eq!(predicted(&host, &control, &config()).unwrap_err().kind, FailureKind::Canceled);
    }
}
