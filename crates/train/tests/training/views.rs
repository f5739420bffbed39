//! Test-time augmentation: the mean over several views of an image.

use kindling_core::protocol::{Bulk, ImageShape, Prediction, SplitName};
use kindling_train::evaluation::classify::classify_prepared;
use kindling_train::evaluation::{EvaluateConfig, ViewSet, evaluate};

use crate::support::{Recorder, bands, block_on};
use crate::{Outcome, config};

const SHAPE: ImageShape = ImageShape { channels: 1, height: 12, width: 12 };

#[test]
fn the_mean_is_that_of_the_views_probabilities() {
    let run = Outcome::of(&config());
    let network = run.published.get().unwrap();
    let (dataset, _) = bands();
    for index in [361, 362, 363] {
        let image = dataset.image(index).unwrap();
        let ask = |pixels: Vec<u8>, views| {
            let classification = block_on(classify_prepared(&network, Bulk::from(pixels), views)).unwrap();
            (0..3).map(|class| probability(&classification, class)).collect::<Vec<_>>()
        };
        let views =
            [moved(image, 0, 0), moved(image, 1, 0), moved(image, -1, 0), moved(image, 0, 1), moved(image, 0, -1)];
        let mirrored = views.iter().map(|view| mirrored(view));
        for (set, all) in [
            (ViewSet::Moved, views.to_vec()),
            (ViewSet::MovedAndMirrored, views.iter().cloned().chain(mirrored).collect()),
        ] {
            let each: Vec<_> = all.iter().map(|view| ask(view.clone(), ViewSet::One)).collect();
            let found = ask(image.to_vec(), set);
            for class in 0..3 {
                let mean = each.iter().map(|one| one[class]).sum::<f32>() / each.len() as f32;
                assert!((found[class] - mean).abs() < 1e-5, "{set:?}, class {class}: {} {mean}", found[class]);
            }
        }
    }
}

#[test]
fn an_evaluation_by_views_repeats_and_agrees_with_single_answers() {
    let run = Outcome::of(&config());
    let network = run.published.get().unwrap();
    let host = Recorder::new(1.0, |_| {});
    let by = |views| {
        let config = EvaluateConfig { split: SplitName::Test, views };
        block_on(evaluate(&network, &run.data, config, &host, |_| {})).unwrap()
    };
    let several = by(ViewSet::MovedAndMirrored);
    assert_eq!(several, by(ViewSet::MovedAndMirrored));
    let once = by(ViewSet::One);
    assert_eq!(once, block_on(evaluate(&network, &run.data, SplitName::Test, &host, |_| {})).unwrap());
    assert_ne!(once.predictions, several.predictions);
    // The bands look the same when flipped, and hardly change when translated.
    assert!(several.accuracy >= once.accuracy - 0.05, "{} {}", several.accuracy, once.accuracy);
    let (dataset, _) = bands();
    for Prediction { index, predicted, confidence, label, loss } in several.predictions.into_iter().take(5) {
        let image = Bulk::from(dataset.image(index).unwrap().to_vec());
        let single = block_on(classify_prepared(&network, image, ViewSet::MovedAndMirrored)).unwrap();
        assert_eq!(single.classes[0].class, predicted);
        assert!((single.classes[0].probability - confidence).abs() < 1e-5);
        assert!((-probability(&single, label).ln() - loss).abs() < 1e-4);
    }
}

fn probability(classification: &kindling_core::protocol::Classification, class: u16) -> f32 {
    classification.classes.iter().find(|found| found.class == class).unwrap().probability
}

/// Each pixel comes from `right` and `down` pixels further; the edge is repeated.
fn moved(image: &[u8], right: i32, down: i32) -> Vec<u8> {
    let side = SHAPE.width as i32;
    let at = |y: i32, x: i32| image[(y.clamp(0, side - 1) * side + x.clamp(0, side - 1)) as usize];
    (0..side).flat_map(|y| (0..side).map(move |x| at(y + down, x + right))).collect()
}

fn mirrored(image: &[u8]) -> Vec<u8> {
    image.chunks(SHAPE.width as usize).flat_map(|row| row.iter().rev().copied()).collect()
}
