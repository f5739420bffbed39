//! The session, tested through its commands and events on a simulated machine: start, replace, stop, resume, questions during a run, and
//! failures of network and store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

#[path = "session/continuing.rs"]
mod continuing;

#[path = "session/images.rs"]
mod images;

#[path = "session/label_curve.rs"]
mod label_curve;

#[path = "session/label_errors.rs"]
mod label_errors;

#[path = "session/pretrained.rs"]
mod pretrained;

mod world;

use kindling_core::config::RunConfig;
use kindling_core::protocol::question::{Classify, Evaluate, ImagesAt, Inspect, Measure};
use kindling_core::protocol::{
    Answer, Bulk, Command, DatasetUpdate, Ending, Event, FailureKind, ImageInput, InputKind, Preparation, RunId,
    RunReport, RunStart, RunUpdate, SplitName, TrainedWeights, ValueChange, Views, Watch,
};
use world::{Reply, World, config, losses, updates};

fn dataset_updates(events: &[Event]) -> Vec<&DatasetUpdate> {
    events.iter().filter_map(|event| if let Event::Dataset(update) = event { Some(update) } else { None }).collect()
}

fn is_loaded(event: &Event) -> bool {
    matches!(event, Event::Dataset(DatasetUpdate::Set(_)))
}

fn is_load_failed(event: &Event) -> bool {
    matches!(event, Event::Dataset(DatasetUpdate::Failed(_)))
}

fn is_progress_of(run: u32) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Run { run: id, update: RunUpdate::Progress(_) } if id.0 == run)
}

fn report(updates: &[RunUpdate]) -> RunReport {
    match updates.last() {
        Some(RunUpdate::Finished(report)) => *report,
        other => panic!("it ended with {other:?}"),
    }
}

fn failure_of(updates: &[RunUpdate]) -> FailureKind {
    match updates.last() {
        Some(RunUpdate::Failed(failure)) => failure.kind,
        other => panic!("it ended with {other:?}"),
    }
}

/// A black bar on white.
fn image() -> ImageInput {
    let shades = (0..6 * 6).map(|pixel| if matches!(pixel % 6, 2 | 3) { 0 } else { 255 });
    let rgba: Vec<u8> = shades.flat_map(|shade| [shade, shade, shade, 255]).collect();
    ImageInput { width: 6, height: 6, rgba: Bulk::from(rgba), kind: InputKind::Photo }
}

#[test]
fn a_served_dataset_is_loaded_and_kept_for_the_next_time() {
    let mut world = World::loaded();
    let events = world.machine.events.borrow().clone();
    let updates = dataset_updates(&events);
    assert!(matches!(
        updates[..],
        [DatasetUpdate::Downloading { .. }, .., DatasetUpdate::Parsing, DatasetUpdate::Set(_)]
    ));
    let Some(DatasetUpdate::Set(summary)) = updates.last() else { panic!() };
    assert_eq!((summary.id.as_str(), summary.classes.len()), ("bands", 3));
    assert_eq!(summary.counts.train + summary.counts.validation + summary.counts.test, 270);
    assert_eq!(world.machine.store.records.borrow().len(), 2);

    world.forget();
    world.machine.requests.borrow_mut().clear();
    world.load();
    world.until("the dataset", is_loaded);
    let requests = world.machine.requests.borrow();
    assert!(matches!(&requests[..], [one] if one.ends_with("dataset.json")), "{requests:?}");
}

#[test]
fn a_damaged_copy_in_the_store_is_downloaded_anew() {
    let mut world = World::loaded();
    for bytes in world.machine.store.records.borrow_mut().values_mut() {
        bytes[0] ^= 1;
    }
    world.forget();
    world.load();
    world.until("the dataset", is_loaded);
    let n_files = world.machine.requests.borrow().iter().filter(|url| url.ends_with("ubyte")).count();
    assert_eq!(n_files, 4, "both files twice");
}

#[test]
fn a_store_that_fails_costs_only_the_copy() {
    let mut world = World::new();
    world.machine.store.is_broken.set(true);
    world.load();
    world.until("the dataset", is_loaded);
    assert!(world.machine.store.records.borrow().is_empty());
    world.train(1, config());
    assert_eq!(report(&world.end_of(1)).ending, Ending::Completed);
}

#[test]
fn a_passing_trouble_is_retried_and_a_missing_file_is_not() {
    let mut world = World::new();
    let file = images_file();
    world.serve_only("images-idx3-ubyte", [Reply::Status(503), Reply::Cut(file[..100].to_vec()), Reply::File(file)]);
    world.load();
    let events = world.until("the dataset", is_loaded);
    let n_retries = dataset_updates(&events).iter().filter(|it| matches!(it, DatasetUpdate::Retrying { .. })).count();
    assert_eq!(n_retries, 2);

    let mut world = World::new();
    world.serve_only("images-idx3-ubyte", [Reply::Status(404)]);
    world.load();
    let events = world.until("the failure", is_load_failed);
    let updates = dataset_updates(&events);
    assert!(!updates.iter().any(|it| matches!(it, DatasetUpdate::Retrying { .. })));
    let Some(DatasetUpdate::Failed(failure)) = updates.last() else { panic!() };
    assert_eq!(failure.kind, FailureKind::DownloadFailed);
}

/// The served file of the dataset's images.
fn images_file() -> Vec<u8> {
    let loaded = World::loaded();
    let records = loaded.machine.store.records.borrow();
    records.values().max_by_key(|bytes| bytes.len()).unwrap().clone()
}

#[test]
fn a_dead_line_fails_and_the_dataset_before_stays() {
    let mut world = World::loaded();
    world.machine.store.records.borrow_mut().clear();
    world.serve_only("images-idx3-ubyte", [Reply::Status(500)]);
    world.forget();
    world.load();
    let events = world.until("the failure", is_load_failed);
    let Some(DatasetUpdate::Failed(failure)) = dataset_updates(&events).last().copied() else { panic!() };
    assert_eq!(failure.kind, FailureKind::DownloadFailed);
    world.train(1, config());
    assert_eq!(report(&world.end_of(1)).ending, Ending::Completed);
}

#[test]
fn a_load_that_is_canceled_ends_its_download() {
    let mut world = World::new();
    world.serve_only("images-idx3-ubyte", [Reply::Hangs]);
    world.load();
    world.settle();
    assert_eq!(world.machine.open_downloads.get(), 1);
    world.act(Command::CancelDataset);
    let events = world.settle();
    assert!(matches!(dataset_updates(&events)[..], [.., DatasetUpdate::Canceled]));
    assert_eq!(world.machine.open_downloads.get(), 0);
}

#[test]
fn another_dataset_replaces_the_load_under_way_and_the_one_that_waits() {
    let mut world = World::new();
    world.serve_only("dataset.json", [Reply::Hangs]);
    world.load();
    world.settle();
    world.load();
    world.drop_files();
    let events = world.until("the dataset", is_loaded);
    let updates = dataset_updates(&events);
    assert_eq!(updates.iter().filter(|it| matches!(it, DatasetUpdate::Canceled)).count(), 2);
    let Some(DatasetUpdate::Set(summary)) = updates.last() else { panic!() };
    assert!(summary.id.starts_with("files-"));
}

#[test]
fn a_run_reports_from_its_start_to_its_end() {
    let mut world = World::loaded();
    world.train(1, config());
    let updates = world.end_of(1);
    let Some(started) = updates.iter().position(|update| matches!(update, RunUpdate::Started { .. })) else { panic!() };
    let RunUpdate::Started { steps_per_epoch, total_steps, .. } = updates[started] else { panic!() };
    assert_eq!(total_steps, 3 * steps_per_epoch);
    assert_eq!(losses(&updates).len(), total_steps as usize);
    assert_eq!(updates.iter().filter(|update| matches!(update, RunUpdate::Epoch(_))).count(), 3);
    assert!(matches!(updates[updates.len() - 2], RunUpdate::Weights(_)));
    let report = report(&updates);
    assert_eq!((report.ending, report.steps), (Ending::Completed, total_steps));
    assert!(report.best.unwrap().validation_accuracy.unwrap() > 0.9);
}

#[test]
fn a_run_needs_its_dataset() {
    let mut world = World::new();
    world.train(1, config());
    assert_eq!(failure_of(&world.end_of(1)), FailureKind::NoDataset);
    let mut world = World::loaded();
    let foreign = RunConfig { dataset: "mnist".to_owned(), ..config() };
    world.train(2, foreign);
    assert_eq!(failure_of(&world.end_of(2)), FailureKind::NoDataset);
    // No state is left behind: the next run trains.
    world.train(3, config());
    assert_eq!(report(&world.end_of(3)).ending, Ending::Completed);
}

#[test]
fn a_later_run_stops_the_one_under_way_and_replaces_the_one_that_waits() {
    let mut world = World::loaded();
    let long = RunConfig { epochs: 1_000, ..config() };
    world.train(1, long.clone());
    world.until("progress", is_progress_of(1));
    world.train(2, long);
    world.train(3, config());
    let third = world.end_of(3);
    let events = world.machine.events.borrow().clone();
    assert_eq!(report(&updates(&events, 1)).ending, Ending::Stopped);
    assert_eq!(failure_of(&updates(&events, 2)), FailureKind::Canceled);
    assert_eq!(report(&third).ending, Ending::Completed);
}

#[test]
fn a_run_waits_for_the_load_before_it_and_falls_with_another_load() {
    let mut world = World::new();
    world.load();
    world.train(1, config());
    assert_eq!(report(&world.end_of(1)).ending, Ending::Completed);

    let mut world = World::new();
    world.serve_only("dataset.json", [Reply::Hangs]);
    world.load();
    world.train(1, config());
    world.settle();
    world.drop_files();
    assert_eq!(failure_of(&world.end_of(1)), FailureKind::Canceled);
}

#[test]
fn pause_step_and_stop_act_within_a_step() {
    let mut world = World::loaded();
    world.train(1, RunConfig { epochs: 1_000, ..config() });
    world.until("progress", is_progress_of(1));
    world.act(Command::Pause);
    let paused = |events: &[Event]| {
        updates(events, 1)
            .iter()
            .rev()
            .find_map(|it| if let RunUpdate::Paused { step } = it { Some(*step) } else { None })
    };
    let first = paused(&world.settle()).unwrap();
    world.act(Command::Step);
    assert_eq!(paused(&world.settle()), Some(first + 1));
    world.act(Command::Stop);
    let report = report(&world.end_of(1));
    assert_eq!((report.ending, report.steps), (Ending::Stopped, first + 1));
}

#[test]
fn a_run_that_is_held_stands_still_and_computes_the_same() {
    let is_held = |event: &Event| matches!(event, Event::Run { update: RunUpdate::Held { .. }, .. });
    let mut world = World::loaded();
    world.train(1, config());
    world.until("progress", is_progress_of(1));
    world.act(Command::Hold);
    world.settle();
    // All of its steps are reported by then.
    let held = updates(&world.settle(), 1);
    let n_losses = losses(&held).len();
    assert!(matches!(held.last(), Some(RunUpdate::Held { step }) if *step as usize == n_losses), "{held:?}");
    world.act(Command::Release);
    let whole = losses(&world.end_of(1));
    assert!(whole.len() > n_losses);
    let mut undisturbed = World::loaded();
    undisturbed.train(1, config());
    assert_eq!(whole, losses(&undisturbed.end_of(1)));

    // What the visitor asks for comes first.
    world.train(2, RunConfig { epochs: 1_000, ..config() });
    world.until("progress of the second run", is_progress_of(2));
    world.act(Command::Hold);
    world.forget();
    world.until("being held", is_held);
    world.act(Command::Pause);
    let paused = updates(&world.settle(), 2);
    assert!(matches!(paused.last(), Some(RunUpdate::Paused { .. })), "{paused:?}");
    world.act(Command::Release);
    world.act(Command::Resume);
    world.until("further progress", is_progress_of(2));
    world.act(Command::Hold);
    world.settle();
    world.act(Command::Stop);
    assert_eq!(report(&world.end_of(2)).ending, Ending::Stopped);
}

#[test]
fn a_run_that_is_stopped_while_kernels_are_compiled_ends_as_stopped() {
    let mut world = World::that_compiles();
    world.load();
    world.train(1, config());
    let is_preparing =
        |event: &Event| matches!(event, Event::Run { update: RunUpdate::Preparing(Preparation::CompilingKernels), .. });
    world.until("the preparation", is_preparing);
    world.act(Command::Stop);
    let report = report(&world.end_of(1));
    assert_eq!((report.ending, report.steps, report.best), (Ending::Stopped, 0, None));
    let events = world.machine.events.borrow().clone();
    assert!(losses(&updates(&events, 1)).is_empty());

    // The kernels are not compiled yet. A run that was to resume keeps the weights of its checkpoint.
    let (step, bytes) = checkpoint();
    world.train_from(2, config(), RunStart::Checkpoint(bytes));
    world.until("the preparation of the other run", |event| {
        is_preparing(event) && matches!(event, Event::Run { run, .. } if run.0 == 2)
    });
    world.act(Command::Stop);
    let updates = world.end_of(2);
    assert!(matches!(updates[updates.len() - 2], RunUpdate::Weights(_)), "{updates:?}");
    let report = self::report(&updates);
    assert_eq!((report.ending, report.steps), (Ending::Stopped, step));
}

#[test]
fn values_are_adjusted_of_the_run_that_is_meant() {
    let mut world = World::loaded();
    world.train(1, RunConfig { epochs: 1_000, ..config() });
    world.until("progress", is_progress_of(1));
    let slower = ValueChange { learning_rate: Some(0.001), ..ValueChange::default() };
    world.act(Command::Adjust { run: RunId(9), change: slower });
    world.act(Command::Pause);
    assert!(!updates(&world.settle(), 1).iter().any(|it| matches!(it, RunUpdate::Adjusted(_))));
    world.act(Command::Adjust { run: RunId(1), change: slower });
    world.act(Command::Step);
    let adjusted = updates(&world.settle(), 1)
        .into_iter()
        .find_map(|it| if let RunUpdate::Adjusted(it) = it { Some(it) } else { None });
    assert_eq!(adjusted.unwrap().learning_rate, 0.001);
    world.act(Command::Stop);
    world.end_of(1);
}

/// The checkpoint of a run that was paused early, and its step.
fn checkpoint() -> (u32, Bulk) {
    let mut world = World::loaded();
    world.train(1, config());
    world.until("progress", is_progress_of(1));
    world.act(Command::Pause);
    let checkpoint = updates(&world.settle(), 1)
        .into_iter()
        .rev()
        .find_map(|it| if let RunUpdate::Checkpoint { step, bytes } = it { Some((step, bytes)) } else { None });
    checkpoint.unwrap()
}

#[test]
fn a_run_resumes_from_its_checkpoint_bit_for_bit() {
    let mut world = World::loaded();
    world.train(1, config());
    let whole = losses(&world.end_of(1));
    let (step, bytes) = checkpoint();
    assert!((step as usize) < whole.len());

    // In a new session, as after a reload.
    let mut world = World::loaded();
    world.train_from(3, config(), RunStart::Checkpoint(bytes));
    assert_eq!(losses(&world.end_of(3)), whole[step as usize..]);
}

#[test]
fn bytes_that_are_no_checkpoint_fail_the_run_alone() {
    let mut world = World::loaded();
    world.train_from(1, config(), RunStart::Checkpoint(Bulk::from(vec![7; 1_000])));
    assert_eq!(failure_of(&world.end_of(1)), FailureKind::BadFile);
    world.train(2, config());
    assert_eq!(report(&world.end_of(2)).ending, Ending::Completed);
}

#[test]
fn the_network_of_an_earlier_run_is_opened_and_answers() {
    let mut world = World::loaded();
    world.train(1, config());
    let weights =
        world.end_of(1).into_iter().find_map(|it| if let RunUpdate::Weights(bytes) = it { Some(bytes) } else { None });
    let before = world.ask(Classify { image: image(), views: Views::One });
    let before = world.answer_to(before).unwrap();

    let mut world = World::loaded();
    world.act(Command::Open { run: RunId(2), config: Box::new(config()), weights: weights.unwrap() });
    assert!(matches!(world.end_of(2)[..], [RunUpdate::Opened]));
    let after = world.ask(Classify { image: image(), views: Views::One });
    assert_eq!(world.answer_to(after).unwrap(), before);
}

#[test]
fn questions_are_answered_while_a_run_trains() {
    let mut world = World::loaded();
    let classify = world.ask(Classify { image: image(), views: Views::One });
    assert_eq!(world.answer_to(classify).unwrap_err().kind, FailureKind::NoNetwork);

    world.train(1, RunConfig { epochs: 1_000, ..config() });
    world.until("progress", is_progress_of(1));
    let evaluate = world.ask(Evaluate { split: SplitName::Validation, views: Views::One });
    let images = world.ask(ImagesAt { indices: vec![0, 1] });
    let Ok(Answer::Images(batch)) = world.answer_to(images) else { panic!() };
    assert_eq!(batch.indices, [0, 1]);
    let Ok(Answer::Evaluation(evaluation)) = world.answer_to(evaluate) else { panic!() };
    assert!((0.0..=1.0).contains(&evaluation.accuracy) && !evaluation.predictions.is_empty());
    world.act(Command::Stop);
    assert_eq!(report(&world.end_of(1)).ending, Ending::Stopped);
    // The network at hand is inspected without a run, too.
    let inspect = world.ask(Inspect { watch: Watch { image: Some(batch.indices[0]) } });
    let Ok(Answer::Layers(layers)) = world.answer_to(inspect) else { panic!() };
    assert!(layers.layers.iter().any(|layer| layer.weights.is_some()), "{layers:?}");
}

#[test]
fn questions_about_a_dataset_that_is_replaced_are_canceled() {
    let mut world = World::new();
    let early = world.ask(ImagesAt { indices: vec![0] });
    assert_eq!(world.answer_to(early).unwrap_err().kind, FailureKind::NoDataset);

    let mut world = World::loaded();
    world.train(1, config());
    world.end_of(1);
    world.forget();
    world.drop_files();
    let evaluations: Vec<_> =
        (0..2_000).map(|_| world.ask(Evaluate { split: SplitName::Train, views: Views::Several })).collect();
    let events = world.settle();
    let n_canceled = events
        .iter()
        .filter(|it| matches!(it, Event::Answer { result: Err(failure), .. } if failure.kind == FailureKind::Canceled))
        .count();
    // Most exceed the limit of the queue; the new dataset has no network to answer the rest.
    assert!(n_canceled > 1_000, "{n_canceled} of {}", evaluations.len());
    let n_answers = events.iter().filter(|it| matches!(it, Event::Answer { .. })).count();
    assert_eq!(n_answers, evaluations.len(), "each question has one answer");
}

#[test]
fn a_question_that_is_withdrawn_is_canceled() {
    let mut world = World::loaded();
    world.train(1, config());
    world.end_of(1);
    let first = world.ask(Evaluate { split: SplitName::Train, views: Views::Several });
    let second = world.ask(Evaluate { split: SplitName::Train, views: Views::One });
    world.act(Command::Withdraw { request: second });
    assert_eq!(world.answer_to(second).unwrap_err().kind, FailureKind::Canceled);
    assert!(world.answer_to(first).is_ok());
}

#[test]
fn a_device_that_is_lost_ends_the_engine() {
    let mut world = World::loaded();
    world.train(1, RunConfig { epochs: 1_000, ..config() });
    world.until("progress", is_progress_of(1));
    world.give_up();
    let events = world.machine.events.borrow().clone();
    assert!(matches!(events.last(), Some(Event::Crashed(failure)) if failure.kind == FailureKind::DeviceLost));
}

fn trained(bytes: Bulk) -> TrainedWeights {
    TrainedWeights { bytes, classes: ["above", "middle", "below"].map(str::to_owned).into() }
}

/// The weights that a run ended with.
fn weights_of(updates: &[RunUpdate]) -> Bulk {
    let weights = updates.iter().find_map(|update| match update {
        RunUpdate::Weights(bytes) => Some(bytes.clone()),
        _ => None,
    });
    weights.unwrap()
}

#[test]
fn a_run_begins_with_the_weights_that_are_given() {
    let mut world = World::loaded();
    world.train(1, config());
    let updates = world.end_of(1);
    let begin_of = |losses: &[f32]| losses[..5].iter().sum::<f32>();
    let end = losses(&updates);
    let end = begin_of(&end[end.len() - 5..]);
    world.train_from(2, config(), RunStart::Trained(trained(weights_of(&updates))));
    let further = begin_of(&losses(&world.end_of(2)));
    world.train(3, config());
    let anew = begin_of(&losses(&world.end_of(3)));
    assert!((further - end).abs() < 0.2 * anew && anew > 2.0 * further, "{further} after {end}, {anew} anew");

    // Weights of another network are refused, and so are bytes that are none.
    let mut other = config();
    other.network.layers[1] = kindling_core::config::Layer::Linear { units: 5, bias: true };
    world.train_from(4, other, RunStart::Trained(trained(weights_of(&updates))));
    assert_eq!(failure_of(&world.end_of(4)), FailureKind::BadNetwork);
    world.train_from(5, config(), RunStart::Trained(trained(Bulk::from(vec![7; 100]))));
    assert_eq!(failure_of(&world.end_of(5)), FailureKind::BadFile);
}

#[test]
fn a_network_is_measured_that_is_not_the_current_one() {
    let mut world = World::loaded();
    world.train(1, config());
    let updates = world.end_of(1);
    let best = report(&updates).best.unwrap().validation_accuracy.unwrap();
    let measure = |limit| Measure {
        network: Box::new(config().network),
        weights: weights_of(&updates),
        split: SplitName::Validation,
        limit,
    };
    // A run with other weights is the current one.
    world.train_from(2, RunConfig { max_steps: Some(1), ..config() }, RunStart::New);
    world.end_of(2);
    let request = world.ask(measure(1_000));
    let Ok(Answer::Measurement(all)) = world.answer_to(request) else { panic!() };
    assert_eq!((all.images, all.accuracy), (24, best));
    // The clock of the simulated machine stands still meanwhile.
    assert_eq!(all.ms_per_image, 0.0);
    let request = world.ask(measure(5));
    let Ok(Answer::Measurement(some)) = world.answer_to(request) else { panic!() };
    assert!((1..=5).contains(&some.images), "{some:?}");

    let request = world.ask(Measure { weights: Bulk::from(vec![7; 100]), ..measure(5) });
    assert_eq!(world.answer_to(request).unwrap_err().kind, FailureKind::BadFile);
}
