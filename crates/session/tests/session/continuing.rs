//! A run goes on from an ended one whose dataset has grown by a class, and its network of before is evaluated beside that of now.

use kindling_core::config::RunConfig;
use kindling_core::protocol::question::{Evaluate, EvaluateTrained};
use kindling_core::protocol::{
    Answer, Bulk, Ending, Evaluation, FailureKind, RunStart, RunUpdate, SplitName, TrainedWeights, Views,
};

use super::images::{folders_of, load};
use super::{failure_of, report};
use crate::world::{World, config, losses};
use kindling_core::dataset::Reading;

const BLUE: (&str, [u8; 3]) = ("blue disk", [40, 60, 220]);
const GREEN: (&str, [u8; 3]) = ("green disk", [30, 170, 60]);
const RED: (&str, [u8; 3]) = ("red disk", [210, 40, 40]);

/// Loads these classes and returns a config for them.
fn loaded(world: &mut World, classes: &[(&'static str, [u8; 3])]) -> RunConfig {
    let dataset = load(world, folders_of("", classes), Reading::default()).unwrap();
    RunConfig { dataset: dataset.id, epochs: 12, ..config() }
}

/// The weights of a run on blue and red disks.
fn trained(world: &mut World) -> TrainedWeights {
    let config = loaded(world, &[BLUE, RED]);
    world.train(1, config);
    let updates = world.end_of(1);
    assert_eq!(report(&updates).ending, Ending::Completed);
    let bytes =
        updates.iter().find_map(|it| if let RunUpdate::Weights(bytes) = it { Some(bytes.clone()) } else { None });
    TrainedWeights { bytes: bytes.unwrap(), classes: names(&[BLUE, RED]) }
}

fn names(classes: &[(&str, [u8; 3])]) -> Vec<String> {
    classes.iter().map(|(name, _)| (*name).to_owned()).collect()
}

fn evaluation(answer: Answer) -> Evaluation {
    match answer {
        Answer::Evaluation(evaluation) => evaluation,
        other => panic!("{other:?}"),
    }
}

/// Correct predictions and images of each class.
fn by_class(evaluation: &Evaluation, n_classes: u16) -> Vec<(usize, usize)> {
    let of = |class| evaluation.predictions.iter().filter(move |it| it.label == class);
    (0..n_classes).map(|class| (of(class).filter(|it| it.predicted == class).count(), of(class).count())).collect()
}

#[test]
fn a_class_is_added_between_the_others_and_they_are_not_forgotten() {
    let mut world = World::new();
    let weights = trained(&mut world);
    let grown = loaded(&mut world, &[BLUE, GREEN, RED]);
    let before =
        EvaluateTrained { split: SplitName::Validation, config: Box::new(grown.clone()), weights: weights.clone() };
    let request = world.ask(before);
    let before = by_class(&evaluation(world.answer_to(request).unwrap()), 3);
    assert!(before.iter().all(|(_, n_images)| *n_images > 0), "{before:?}");
    // Blue is still output 0, red is output 2 now, and green is not known.
    assert_eq!((before[0].0, before[1].0, before[2].0), (before[0].1, 0, before[2].1), "{before:?}");

    world.train_from(2, grown.clone(), RunStart::Trained(weights));
    let continued = world.end_of(2);
    assert_eq!(report(&continued).ending, Ending::Completed);
    let request = world.ask(Evaluate { split: SplitName::Validation, views: Views::One });
    let after = by_class(&evaluation(world.answer_to(request).unwrap()), 3);
    assert!(after.iter().all(|(correct, n_images)| correct == n_images), "{after:?}");

    // It starts with what it knows.
    world.train(3, grown);
    let anew = world.end_of(3);
    let first = |updates: &[RunUpdate]| losses(updates)[..3].iter().sum::<f32>();
    assert!(first(&continued) < first(&anew), "{} and {}", first(&continued), first(&anew));
}

#[test]
fn a_class_that_is_gone_leaves_the_others_as_they_are() {
    let mut world = World::new();
    let weights = trained(&mut world);
    let config = loaded(&mut world, &[GREEN, RED]);
    let request = world.ask(EvaluateTrained { split: SplitName::Validation, config: Box::new(config), weights });
    let found = by_class(&evaluation(world.answer_to(request).unwrap()), 2);
    assert_eq!((found[0].0, found[1].0), (0, found[1].1), "{found:?}");
}

#[test]
fn weights_that_do_not_fit_fail_the_run_alone() {
    let mut world = World::new();
    let weights = trained(&mut world);
    let grown = loaded(&mut world, &[BLUE, GREEN, RED]);
    let of_bytes = |bytes: Bulk| TrainedWeights { bytes, ..weights.clone() };
    let of_classes = |classes| TrainedWeights { classes, ..weights.clone() };
    for (run, (weights, kind)) in (2..).zip([
        (of_bytes(vec![7; 100].into()), FailureKind::BadFile),
        (of_classes(names(&[BLUE])), FailureKind::BadNetwork),
    ]) {
        world.train_from(run, grown.clone(), RunStart::Trained(weights));
        assert_eq!(failure_of(&world.end_of(run)), kind);
    }
    world.train(9, grown);
    assert_eq!(report(&world.end_of(9)).ending, Ending::Completed);
}
