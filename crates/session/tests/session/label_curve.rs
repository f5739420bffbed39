//! What the labels that were asked for have taught is shown with the latest network's embeddings, for the train images of the project.

use kindling_core::config::RunConfig;
use kindling_core::dataset::Reading;
use kindling_core::dataset::image_folder::importer::content_id;
use kindling_core::protocol::question::TraceLabels;
use kindling_core::protocol::{Answer, AnswerProgress, Command, Event, FailureKind, LabelCurve};

use crate::images::{folders, load};
use crate::world::{World, config};

/// A network that was trained on disks of three colors, and the hashes of all files.
fn disks() -> (World, Vec<u64>) {
    let mut world = World::new();
    let files = folders("disks/");
    let ids = files.iter().map(|(_, bytes)| content_id(bytes)).collect();
    let summary = load(&mut world, files, Reading::default()).unwrap();
    world.train(1, RunConfig { dataset: summary.id, epochs: 20, ..config() });
    world.end_of(1);
    (world, ids)
}

fn curve(world: &mut World, asked: &[u64]) -> LabelCurve {
    let request = world.ask(TraceLabels { asked: asked.to_vec() });
    let Ok(Answer::LabelCurve(curve)) = world.answer_to(request) else { panic!() };
    curve
}

#[test]
fn both_lines_lead_from_the_first_labels_to_all() {
    let (mut world, ids) = disks();
    // One class after the other, so that random order is better.
    let asked: Vec<u64> =
        ids.iter().copied().enumerate().filter(|(place, _)| place % 4 > 0).map(|(_, id)| id).collect();
    let found = curve(&mut world, &asked);
    assert!(
        (20..asked.len() as u32).contains(&found.n_asked) && found.n_start > 4 && found.n_validation > 4,
        "{found:?}"
    );
    let (first, last) = (found.points[0], found.points[found.points.len() - 1]);
    assert_eq!((first.n_labels, first.asked), (0, first.random));
    assert_eq!((last.n_labels, last.asked), (found.n_asked, last.random));
    assert!(last.asked > 0.8, "{found:?}");
    let events = world.machine.events.borrow().clone();
    let of_progress = |event: &Event| match event {
        Event::AnswerProgress { progress: AnswerProgress::Evaluation(fraction), .. } => Some(*fraction),
        _ => None,
    };
    assert!(events.iter().filter_map(of_progress).is_sorted());
    assert_eq!(curve(&mut world, &asked), found, "the draws are those of a seed");

    // Nothing but labels that were asked for.
    let found = curve(&mut world, &ids);
    assert!(found.n_start == 0 && found.points[0].n_labels > 0, "{found:?}");
    assert!(found.points[0].asked < found.points[0].highest + 1e-6, "{found:?}");
}

#[test]
fn few_labels_make_no_curve() {
    let (mut world, ids) = disks();
    for asked in [&[][..], &[1, 2, 3], &ids[..6]] {
        let found = curve(&mut world, asked);
        assert!(found.points.is_empty() && found.n_asked <= 6 && found.n_start > 20, "{found:?}");
    }
    // A dataset that was not made of image files.
    let mut world = World::loaded();
    let found = curve(&mut world, &ids);
    assert_eq!((found.n_asked, found.points.len()), (0, 0));
}

#[test]
fn it_needs_a_network_and_can_be_withdrawn() {
    let mut world = World::new();
    let files = folders("disks/");
    let asked: Vec<u64> = files.iter().map(|(_, bytes)| content_id(bytes)).collect();
    load(&mut world, files, Reading::default()).unwrap();
    let request = world.ask(TraceLabels { asked });
    assert_eq!(world.answer_to(request).unwrap_err().kind, FailureKind::NoNetwork);

    let (mut world, ids) = disks();
    let request = world.ask(TraceLabels { asked: ids });
    world.until("progress", |event| matches!(event, Event::AnswerProgress { .. }));
    world.act(Command::Withdraw { request });
    assert_eq!(world.answer_to(request).unwrap_err().kind, FailureKind::Canceled);
}
