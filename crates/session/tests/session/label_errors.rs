//! Label errors are found by cross-validation, with progress, and the page learns which image files they are.

use kindling_core::config::{NetworkConfig, RunConfig};
use kindling_core::dataset::Reading;
use kindling_core::dataset::image_checks::FlawKind;
use kindling_core::dataset::image_folder::importer::content_id;
use kindling_core::protocol::question::{CheckImages, FindLabelErrors};
use kindling_core::protocol::{Answer, AnswerProgress, Command, Event, FailureKind, FoldProgress, LabelErrors};

use crate::images::{folders, load};
use crate::world::{World, config};

fn question(config: RunConfig, folds: u32) -> FindLabelErrors {
    FindLabelErrors { config: Box::new(config), folds }
}

fn progress(events: &[Event]) -> Vec<FoldProgress> {
    let of_folds = |event: &Event| match event {
        Event::AnswerProgress { progress: AnswerProgress::Folds(progress), .. } => Some(*progress),
        _ => None,
    };
    events.iter().filter_map(of_folds).collect()
}

/// Three classes of disks; one red disk lies in the folder of the green ones. Its file's hash.
fn disks_with_a_wrong_label(world: &mut World) -> u64 {
    let mut files = folders("disks/");
    let wrong = files.iter_mut().find(|(name, _)| name == "disks/red disk/3.png").unwrap();
    wrong.0 = "disks/green disk/wrong.png".into();
    let id = content_id(&wrong.1);
    load(world, files, Reading::default()).unwrap();
    id
}

#[test]
fn a_file_in_the_wrong_folder_is_found() {
    for frozen in [0, 2] {
        let mut world = World::new();
        let id = disks_with_a_wrong_label(&mut world);
        let network = NetworkConfig { frozen, ..config().network };
        let config = RunConfig { network, epochs: 60, ..config() };
        let request = world.ask(question(config, 4));
        let Ok(Answer::LabelErrors(LabelErrors { errors, files, n_errors, n_images, n_test, accuracy, folds })) =
            world.answer_to(request)
        else {
            panic!()
        };
        assert_eq!((folds, n_errors as usize), (4, errors.len()));
        assert!(n_images == 72 && (1..30).contains(&n_test) && accuracy > 0.7, "{n_images} {n_test} {accuracy}");
        assert_eq!(files.len(), errors.len());
        // Frozen at initial weights, the network is not sure enough of any image.
        if frozen == 0 {
            assert_eq!((files.first(), errors[0].label, errors[0].suggested), (Some(&id), 1, 2), "{errors:?}");
        }
        let progress = progress(&world.machine.events.borrow());
        assert!(progress.windows(2).all(|pair| pair[0].fraction <= pair[1].fraction), "{progress:?}");
        let last = progress.last().unwrap();
        assert!(last.fraction > 0.9 && last.fold == Some(3) && last.remaining_ms.is_some(), "{last:?}");
        assert_eq!(progress[0].fold.is_none(), frozen > 0);
        // The trainings are none of the page's runs.
        assert!(!world.machine.events.borrow().iter().any(|event| matches!(event, Event::Run { .. })));
    }
}

#[test]
fn a_dataset_without_files_has_label_errors_without_files() {
    let mut world = World::loaded();
    let request = world.ask(question(RunConfig { epochs: 1, ..config() }, 2));
    let Ok(Answer::LabelErrors(found)) = world.answer_to(request) else { panic!() };
    assert!(found.files.is_empty() && found.n_images > 200, "{found:?}");
}

#[test]
fn it_can_be_withdrawn_and_needs_folds() {
    let mut world = World::loaded();
    let request = world.ask(question(RunConfig { epochs: 1_000, ..config() }, 3));
    world.until("progress", |event| matches!(event, Event::AnswerProgress { .. }));
    world.act(Command::Withdraw { request });
    assert_eq!(world.answer_to(request).unwrap_err().kind, FailureKind::Canceled);
    for folds in [0, 1, 21] {
        let request = world.ask(question(config(), folds));
        assert_eq!(world.answer_to(request).unwrap_err().kind, FailureKind::BadConfig);
    }
}

#[test]
fn a_copy_in_another_class_is_pointed_out_with_its_file() {
    let mut world = World::new();
    let mut files = folders("disks/");
    let copy = files[3].1.clone();
    files.push(("disks/red disk/copy.png".into(), copy.clone()));
    load(&mut world, files, Reading::default()).unwrap();
    let request = world.ask(CheckImages);
    let Ok(Answer::ImageChecks(checks)) = world.answer_to(request) else { panic!() };
    assert_eq!((checks.flaws[0].kind, checks.files[0]), (FlawKind::Contradiction, content_id(&copy)), "{checks:?}");
    assert_eq!((checks.flaws[0].label, checks.flaws[0].twin.unwrap().label), (2, 0));
}
