//! Invariants of the state, tested with events that an engine could send.

use super::*;
use kindling_core::config::{Activation, Layer, NetworkConfig, RunConfig, SplitConfig};
use kindling_core::dataset::DrawingStyle;
use kindling_core::protocol::question::{Evaluate, Inspect};
use kindling_core::protocol::{
    Adjustment, Answer, DatasetSource, DatasetSummary, Ending, EngineKind, EpochReport, Evaluation, FailureKind,
    FeatureMaps, Histogram, ImageShape, LayerReport, LayersReport, Pictures, Progress, RunId, RunReport, RunStart,
    RunUpdate, SplitCounts, SplitName, Views, Watch,
};
use kindling_core::runs::incoming::Refusal;
use kindling_core::runs::record::EPOCHS_LIMIT;

fn config() -> RunConfig {
    let layers = vec![Layer::Activation(Activation::Relu)];
    let network = NetworkConfig::new("Test", layers);
    RunConfig { batch_size: 10, epochs: 2, ..RunConfig::new("mnist", network) }
}

fn summary(id: &str) -> DatasetSummary {
    DatasetSummary {
        id: id.into(),
        name: id.into(),
        classes: vec!["a".into(), "b".into()],
        shape: ImageShape { channels: 1, height: 2, width: 2 },
        counts: SplitCounts { train: 8, validation: 1, test: 1 },
        class_counts: vec![SplitCounts::default(); 2],
        samples: vec![0],
        has_standard_test: false,
        style: DrawingStyle::Scene,
        read_as: Default::default(),
        import: None,
    }
}

fn source(id: &str) -> DatasetSource {
    DatasetSource::Served { id: id.into(), base: "http://localhost/".into() }
}

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "a reason")
}

fn set_dataset(id: &str) -> Command {
    Command::SetDataset { source: source(id), split: SplitConfig::default() }
}

fn progress(step: u32, losses: &[f32]) -> RunUpdate {
    RunUpdate::Progress(Progress { step, losses: losses.to_vec(), accuracies: vec![0.5], ..Progress::default() })
}

fn epoch(epoch: u32, is_best: bool) -> EpochReport {
    EpochReport {
        epoch,
        step: (epoch + 1) * 4,
        train_loss: 0.5,
        train_accuracy: 0.8,
        validation_loss: Some(0.6),
        validation_accuracy: Some(0.7),
        is_best,
        elapsed_ms: 1.0,
    }
}

const RUN: RunId = RunId(7);

impl AppState {
    fn receive(&mut self, update: RunUpdate) -> Changed {
        self.apply(&Event::Run { run: RUN, update })
    }
}

/// A state with an engine, a dataset, and a run that has started.
fn training() -> AppState {
    let mut state = AppState::default();
    state.engine_starting(EngineChoice {
        program: EngineProgram::Cpu,
        reason: EngineReason::NoWebGpu,
        may_race: false,
    });
    state.apply(&Event::Ready(EngineInfo {
        kind: EngineKind::Cpu,
        adapter: "SIMD".into(),
        is_software: false,
        threads: 1,
    }));
    state.sent(&set_dataset("mnist"));
    state.apply(&Event::Dataset(DatasetUpdate::Set(summary("mnist"))));
    state.sent(&Command::Train { run: RUN, config: Box::new(config()), start: RunStart::New, is_kept: true });
    state.receive(RunUpdate::Started { steps_per_epoch: 4, total_steps: 8, parameters: 10 });
    state
}

#[test]
fn a_run_goes_from_asked_to_finished() {
    let mut state = training();
    assert!(matches!(state.run, RunState::Training(_)) && !state.run.has_network());
    state.receive(progress(2, &[2.0, 1.0]));
    assert!(state.run.has_network());
    state.receive(RunUpdate::Paused { step: 2 });
    assert!(matches!(state.run, RunState::Paused(_)) && state.run.is_active());
    state.receive(RunUpdate::Resumed);
    state.receive(progress(4, &[0.9, 0.8]));
    state.receive(RunUpdate::Epoch(epoch(0, true)));
    let run = state.run.run().unwrap();
    assert_eq!((run.progress.step, run.progress.loss, run.fraction()), (4, Some(0.8), 0.5));
    let steps: Vec<_> = state.curves.train_loss.points().iter().map(|point| point.step).collect();
    assert_eq!(steps, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(state.curves.validation_loss.points().len(), 1);

    let report = RunReport { ending: Ending::Completed, steps: 8, best: None, is_averaged: false, elapsed_ms: 5.0 };
    state.receive(RunUpdate::Finished(report));
    assert!(matches!(state.run, RunState::Finished { .. }) && !state.run.is_active());
    assert_eq!(state.run.run().and_then(|run| run.best), Some(epoch(0, true)));
}

#[test]
fn a_dataset_keeps_the_name_that_the_visitor_gave_it() {
    let mut state = AppState::default();
    let load = |state: &mut AppState, id: &str| {
        state.sent(&set_dataset(id));
        state.apply(&Event::Dataset(DatasetUpdate::Set(summary(id))));
        state.dataset.current.as_ref().unwrap().name.clone()
    };
    assert_eq!(load(&mut state, "files-1"), "files-1");
    state.rename_dataset("Leaves".into());
    assert_eq!(load(&mut state, "files-1"), "Leaves");
    assert_eq!(load(&mut state, "files-2"), "files-2");
}

#[test]
fn changes_of_a_run_are_kept_up_to_a_limit() {
    let mut state = training();
    for step in 0..200 {
        state.receive(RunUpdate::Adjusted(Adjustment { step, learning_rate: 0.1, weight_decay: 0.0, augment: None }));
    }
    let adjustments = &state.run.run().unwrap().adjustments;
    assert_eq!((adjustments.len(), adjustments.last().unwrap().step), (100, 199));
    assert!(state.run.is_active());
}

#[test]
fn snapshots_are_kept_up_to_a_limit_and_only_the_newest_has_pictures() {
    let mut state = training();
    assert!(state.sent(&Command::Watch(Some(Watch { image: Some(0) }))).inside);
    let maps = vec![FeatureMaps { layer: 1, pictures: Pictures::default() }];
    for step in 1..=100_u8 {
        let weights = Some(Histogram { low: 0.0, high: f32::from(step), counts: vec![1] });
        let layers = vec![LayerReport { index: 1, weights, ..LayerReport::default() }];
        let report = LayersReport { step: step.into(), layers, maps: maps.clone(), ..LayersReport::default() };
        assert_eq!(state.receive(RunUpdate::Layers(report)), Changed { inside: true, ..Changed::NOTHING });
    }
    let weights = |index| state.inside.history(index, |layer| layer.weights.as_ref());
    let steps: Vec<f32> = weights(1).iter().map(|histogram| histogram.high).collect();
    assert_eq!(steps, (101 - SNAPSHOTS_LIMIT as u8..=100).map(f32::from).collect::<Vec<_>>());
    assert!(weights(0).is_empty() && state.inside.layer(0).is_none());
    assert_eq!(state.inside.latest().map(|look| look.maps.len()), Some(1));
    assert_eq!(state.inside.layer(1).and_then(|layer| layer.weights.as_ref()).map(|it| it.high), Some(100.0));

    // The next run starts without snapshots, and monitoring stays on.
    state.sent(&Command::Train { run: RunId(8), config: Box::new(config()), start: RunStart::New, is_kept: true });
    assert!(state.inside.latest().is_none() && state.inside.watch.is_some());
}

#[test]
fn late_events_of_an_older_run_are_dropped() {
    let mut state = training();
    let before = state.clone();
    let late = Event::Run { run: RunId(6), update: progress(100, &[9.0]) };
    assert!(state.apply(&late).is_nothing());
    assert_eq!(state, before);
}

#[test]
fn a_run_that_ended_receives_nothing_more() {
    let mut state = training();
    state.receive(RunUpdate::Failed(failure(FailureKind::LossNotFinite)));
    let before = state.clone();
    assert!(state.receive(progress(5, &[1.0])).is_nothing());
    assert!(state.receive(RunUpdate::Resumed).is_nothing());
    assert_eq!(state, before);
}

#[test]
fn a_new_run_begins_with_empty_curves() {
    let mut state = training();
    state.receive(progress(1, &[1.0]));
    state.receive(RunUpdate::Samples(vec![Prediction {
        index: 0,
        label: 0,
        predicted: 1,
        confidence: 0.5,
        loss: 1.0,
    }]));
    state.sent(&Command::Train { run: RunId(8), config: Box::new(config()), start: RunStart::New, is_kept: true });
    assert_eq!(state.curves, Curves::default());
    assert!(state.samples.is_empty() && !state.run.has_network());
}

#[test]
fn the_network_at_hand_is_inspected_while_no_run_trains() {
    let mut state = training();
    state.receive(progress(9, &[1.0]));
    let ask = |state: &mut AppState, request: RequestId, high: f32| {
        state.sent(&Command::Ask { request, question: Inspect { watch: Watch::default() }.into() });
        let weights = Some(Histogram { low: 0.0, high, counts: vec![1] });
        let layers = vec![LayerReport { index: 1, weights, ..LayerReport::default() }];
        let report = LayersReport { layers, ..LayersReport::default() };
        state.apply(&Event::Answer { request, result: Ok(Answer::Layers(report)) })
    };
    assert!(!ask(&mut state, RequestId(1), 1.0).inside, "a run that trains sends its own snapshots");
    state.receive(RunUpdate::Paused { step: 9 });
    assert!(ask(&mut state, RequestId(2), 2.0).inside);
    assert_eq!(state.inside.latest().map(|look| look.step), Some(9));
    let highs = |state: &AppState| {
        let history = state.inside.history(1, |layer| layer.weights.as_ref());
        history.iter().map(|histogram| histogram.high).collect::<Vec<_>>()
    };
    assert_eq!(highs(&state), [2.0]);
    state.receive(RunUpdate::Resumed);
    let layers = vec![LayerReport { index: 1, ..LayerReport::default() }];
    state.receive(RunUpdate::Layers(LayersReport { step: 12, layers, ..LayersReport::default() }));
    assert_eq!(state.inside.latest().map(|look| look.step), Some(12));
    assert!(highs(&state).is_empty());
}

#[test]
fn answers_that_nobody_waits_for_are_dropped() {
    let mut state = training();
    let request = RequestId(3);
    state.sent(&Command::Ask { request, question: Evaluate { split: SplitName::Test, views: Views::One }.into() });
    state.apply(&Event::AnswerProgress { request, progress: 7.0_f32.into() });
    assert_eq!(state.questions.get(&request), Some(&1.0));
    let evaluation = Evaluation { split: SplitName::Test, loss: 1.0, accuracy: 0.5, predictions: Vec::new() };
    let answer = Event::Answer { request, result: Ok(Answer::Evaluation(evaluation)) };
    assert!(!state.apply(&answer).is_nothing());
    assert!(state.apply(&answer).is_nothing());
    assert!(state.apply(&Event::AnswerProgress { request, progress: 0.5_f32.into() }).is_nothing());
}

#[test]
fn a_failed_load_leaves_the_dataset_before() {
    let mut state = training();
    state.sent(&set_dataset("fashion-mnist"));
    state.apply(&Event::Dataset(DatasetUpdate::Parsing));
    assert!(state.dataset.load.is_loading());
    state.apply(&Event::Dataset(DatasetUpdate::Failed(failure(FailureKind::WrongHash))));
    assert_eq!(state.dataset.current.as_ref().map(|current| current.id.as_str()), Some("mnist"));
    assert!(matches!(&state.dataset.load, Load::Failed { failure, .. } if failure.kind == FailureKind::WrongHash));
    assert!(state.apply(&Event::Dataset(DatasetUpdate::Parsing)).is_nothing());
}

#[test]
fn a_failed_load_is_forgotten_when_a_run_starts() {
    let mut state = training();
    state.sent(&set_dataset("fashion-mnist"));
    assert!(!state.forget_failed_load().dataset, "it is still loading");
    state.apply(&Event::Dataset(DatasetUpdate::Failed(failure(FailureKind::BadFile))));
    let train = Command::Train { run: RunId(8), config: Box::new(config()), start: RunStart::New, is_kept: true };
    assert!(state.sent(&train).dataset);
    assert_eq!(state.dataset.load, Load::Idle);
    assert!(!state.sent(&train).dataset);
}

#[test]
fn what_became_of_files_is_told_of_the_latest_ones() {
    let mut state = training();
    let refused = NoticeKind::Runs(RunNotice::FileRefused(Refusal::Unreadable));
    let imported = |id: &str| NoticeKind::Runs(RunNotice::Imported { ids: vec![id.to_owned()] });
    state.notify(NoticeKind::StoppedMidStep);
    state.notify(refused.clone());
    state.notify(NoticeKind::Runs(RunNotice::FileRefused(Refusal::NotText)));
    state.notify(imported("a"));
    state.notify(imported("b"));
    state.notify(refused.clone());
    let kinds: Vec<_> = state.notices.list().iter().map(|notice| notice.kind.clone()).collect();
    // Each import can still be undone.
    assert_eq!(kinds, [NoticeKind::StoppedMidStep, imported("a"), imported("b"), refused]);
}

#[test]
fn another_dataset_ends_what_belongs_to_the_one_before() {
    let mut state = training();
    state.receive(progress(1, &[1.0]));
    let version = state.dataset.version;
    state.sent(&set_dataset("fashion-mnist"));
    state.apply(&Event::Dataset(DatasetUpdate::Set(summary("fashion-mnist"))));
    assert_eq!((&state.run, &state.curves), (&RunState::Idle, &Curves::default()));
    assert_eq!(state.dataset.version, version + 1);
    assert_eq!(state.dataset.origin.as_ref().map(|(origin, _)| origin.clone()), Some(source("fashion-mnist")));
}

#[test]
fn a_crash_ends_the_run_and_keeps_its_curves() {
    let mut state = training();
    state.receive(progress(1, &[1.0]));
    state.sent(&Command::Ask {
        request: RequestId(1),
        question: Evaluate { split: SplitName::Test, views: Views::One }.into(),
    });
    state.apply(&Event::Crashed(failure(FailureKind::DeviceLost)));
    assert!(matches!(&state.run, RunState::Failed { failure, .. } if failure.kind == FailureKind::DeviceLost));
    assert!(!state.run.has_network() && state.dataset.current.is_none() && state.questions.is_empty());
    assert_eq!(state.engine, EngineState::Choosing);
    assert_eq!(state.curves.train_loss.points().len(), 1);

    // The same dataset is loaded again: the failure stays in view.
    state.sent(&set_dataset("mnist"));
    state.apply(&Event::Dataset(DatasetUpdate::Set(summary("mnist"))));
    assert!(matches!(state.run, RunState::Failed { .. }) && state.dataset.current.is_some());
}

#[test]
fn a_finished_run_stays_finished_when_its_network_is_lost() {
    let mut state = training();
    state.receive(progress(8, &[1.0]));
    let report = RunReport {
        ending: Ending::Completed,
        steps: 8,
        best: Some(epoch(1, true)),
        is_averaged: false,
        elapsed_ms: 5.0,
    };
    state.receive(RunUpdate::Finished(report));
    assert!(state.run.has_network());
    state.apply(&Event::Crashed(failure(FailureKind::EngineCrashed)));
    assert!(matches!(state.run, RunState::Finished { .. }) && !state.run.has_network());
}

#[test]
fn histories_and_lists_are_bounded() {
    let mut state = training();
    for number in 0..3 * EPOCHS_LIMIT as u32 {
        state.receive(RunUpdate::Epoch(epoch(number, number == 5)));
    }
    let run = state.run.run().unwrap();
    assert!(run.epochs.len() <= EPOCHS_LIMIT);
    assert_eq!(run.epochs.last().map(|report| report.epoch), Some(3 * EPOCHS_LIMIT as u32 - 1));
    assert_eq!(run.best.map(|report| report.epoch), Some(5));

    for number in 0..20 {
        state.notify(NoticeKind::Warning(Failure::new(FailureKind::BadImage, number.to_string())));
    }
    assert_eq!(state.notices.list().len(), NOTICES_LIMIT);
    // A repeated notice is not shown twice.
    state.notify(NoticeKind::Warning(Failure::new(FailureKind::BadImage, "19")));
    assert_eq!(state.notices.list().len(), NOTICES_LIMIT);
    let newest = state.notices.list().last().map(|notice| notice.id).unwrap();
    state.dismiss_notice(newest);
    assert_eq!(state.notices.list().len(), NOTICES_LIMIT - 1);
}

/// Takes the ended runs that wait to be stored: their outcomes and the number of points of their loss curves.
fn take_ended(state: &mut AppState) -> Vec<(RunId, Outcome, usize)> {
    let news = std::mem::take(&mut state.news).into_iter();
    let ended = news.filter_map(|news| match news {
        RunNews::Ended(ended) => Some(ended),
        RunNews::Checkpoint(_) => None,
    });
    ended.map(|it| (it.run.id, it.outcome, it.curves.train_loss.points().len())).collect()
}

#[test]
fn a_run_that_resumes_has_its_past_back() {
    let mut state = training();
    state.receive(progress(2, &[2.0, 1.0]));
    state.receive(RunUpdate::Checkpoint { step: 2, bytes: vec![7].into() });
    let Some(RunNews::Checkpoint(checkpoint)) = state.news.pop() else { panic!() };
    assert_eq!((checkpoint.step, &checkpoint.bytes[..]), (2, &[7][..]));

    state.sent(&Command::Train {
        run: RunId(8),
        config: Box::new(config()),
        start: RunStart::Checkpoint(checkpoint.bytes),
        is_kept: true,
    });
    state.take_past(checkpoint.run, checkpoint.curves);
    let run = state.run.run().unwrap();
    assert_eq!((run.id, run.progress.step), (RunId(8), 2));
    assert!(!state.run.has_network(), "not before the engine has it");
    state.apply(&Event::Run { run: RunId(8), update: progress(3, &[0.5]) });
    let values: Vec<f64> = state.curves.train_loss.points().iter().map(|point| point.value).collect();
    assert_eq!(values, [2.0, 1.0, 0.5]);
}

#[test]
fn every_end_of_a_run_is_handed_on_once_with_its_curves() {
    let mut state = training();
    state.receive(progress(2, &[2.0, 1.0]));
    assert_eq!(take_ended(&mut state), []);
    state.sent(&Command::Train { run: RunId(8), config: Box::new(config()), start: RunStart::New, is_kept: true });
    assert_eq!(take_ended(&mut state), [(RUN, Outcome::Replaced, 2)]);

    state.apply(&Event::Crashed(failure(FailureKind::DeviceLost)));
    assert_eq!(take_ended(&mut state), [(RunId(8), Outcome::Failed(failure(FailureKind::DeviceLost)), 0)]);
    state.apply(&Event::Crashed(failure(FailureKind::DeviceLost)));
    state.sent(&Command::Train { run: RunId(9), config: Box::new(config()), start: RunStart::New, is_kept: true });
    assert_eq!(take_ended(&mut state), []);

    let report = RunReport { ending: Ending::Stopped, steps: 0, best: None, is_averaged: false, elapsed_ms: 0.0 };
    state.apply(&Event::Run { run: RunId(9), update: RunUpdate::Finished(report) });
    assert_eq!(take_ended(&mut state), [(RunId(9), Outcome::Finished(report), 0)]);

    let mut state = training();
    state.sent(&set_dataset("fashion-mnist"));
    state.apply(&Event::Dataset(DatasetUpdate::Set(summary("fashion-mnist"))));
    assert_eq!(take_ended(&mut state), [(RUN, Outcome::Replaced, 0)]);
}

#[test]
fn a_run_that_cannot_be_opened_is_no_second_run() {
    let mut state = training();
    let Some(run) = state.run.run().cloned() else { panic!() };
    let report = RunReport { ending: Ending::Completed, steps: 8, best: None, is_averaged: false, elapsed_ms: 1.0 };
    state.receive(RunUpdate::Finished(report));
    state.news.clear();

    let open = |run| Command::Open { run, config: Box::new(config()), weights: vec![1].into() };
    state.sent(&open(RunId(8)));
    state.open(run.clone(), Curves::default(), report);
    state.apply(&Event::Run { run: RunId(8), update: RunUpdate::Failed(failure(FailureKind::BadFile)) });
    assert!(matches!(state.run, RunState::Failed { .. }) && state.news.is_empty());

    state.sent(&open(RunId(9)));
    state.open(run, Curves::default(), report);
    state.apply(&Event::Run { run: RunId(9), update: RunUpdate::Opened });
    assert!(matches!(&state.run, RunState::Finished { report: found, .. } if *found == report));
    assert!(state.news.is_empty());
}

#[test]
fn a_run_that_moves_to_another_engine_trains_on() {
    let mut state = training();
    state.receive(progress(2, &[2.0, 1.0]));
    let info = EngineInfo { kind: EngineKind::Webgpu, adapter: "GPU".into(), is_software: false, threads: 1 };
    state.engine_switched(EngineProgram::Gpu, info.clone());
    let choice = EngineChoice { program: EngineProgram::Gpu, reason: EngineReason::NoWebGpu, may_race: false };
    assert_eq!(state.engine, EngineState::Ready { choice, info });
    state.run_moves(RUN);
    // Preparation updates of the other engine are ignored.
    assert!(
        state.receive(RunUpdate::Preparing(kindling_core::protocol::event::Preparation::BuildingNetwork)).is_nothing()
    );
    assert!(state.receive(RunUpdate::Started { steps_per_epoch: 4, total_steps: 8, parameters: 10 }).is_nothing());
    assert!(matches!(state.run, RunState::Training(_)));
    state.receive(progress(3, &[0.9]));
    assert_eq!(state.curves.train_loss.points().len(), 3);
    // Those of the next run are not.
    state.sent(&Command::Train { run: RUN, config: Box::new(config()), start: RunStart::New, is_kept: true });
    assert!(!state.receive(RunUpdate::Started { steps_per_epoch: 4, total_steps: 8, parameters: 10 }).is_nothing());
}
