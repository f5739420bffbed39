//! Runs that are raced on both devices, and move.

use super::world::*;
use super::*;
use crate::page::state::{StepTime, StepTimes};
use kindling_core::config::RunConfig;
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::{Adjustment, RunStart, ValueChange};

fn go_on(run: RunId) -> Command {
    let is_kept = run == RUN;
    Command::Train { run, config: Box::new(config()), start: RunStart::Checkpoint(weights()), is_kept }
}

fn times() -> StepTimes {
    StepTimes { cpu: StepTime::Exactly(10.0), gpu: StepTime::Exactly(2.0) }
}

#[test]
fn a_page_with_two_devices_begins_on_the_cpu_and_calls_the_gpu_for_a_long_run() {
    let mut world = World::with_two_devices();
    assert_eq!(world.program(), Some(EngineProgram::Cpu));
    assert_eq!(world.page.race, RaceState::Open);
    world.train();
    world.take_done();
    world.time(1);
    assert_eq!(world.take_done(), [send(1, Command::Checkpoint)]);
    world.checkpoint(1);
    let heat = world.engines.heat;
    let expected = [
        Effect::Start { engine: EngineId(2), url: "load.js?js=engine_gpu.js&digest=2".into() },
        send(2, set_dataset()),
        send(2, go_on(heat)),
        Effect::SetAlarm { id: world.engines.alarm, after_ms: 120_000 },
    ];
    assert_eq!(world.take_done(), expected);
    assert_eq!(world.page.race, RaceState::UnderWay { challenger: EngineKind::Webgpu });
}

#[test]
fn a_run_moves_and_loses_no_step() {
    let mut world = World::won();
    let step = world.page.run.run().unwrap().progress.step;
    let n_losses = world.page.curves.train_loss.points().len();
    world.checkpoint(1);
    let moved = [
        Effect::End(EngineId(1)),
        Effect::Tell(Told::Switched(EngineProgram::Gpu, info())),
        Effect::Tell(Told::RunMoves(RUN)),
        send(2, go_on(RUN)),
    ];
    assert_eq!(world.take_done(), moved);
    assert_eq!(world.program(), Some(EngineProgram::Gpu));
    assert_eq!(world.page.race, RaceState::Measured { times: times(), has_moved: true });
    // Steps that the CPU still trained do not count.
    world.progress(1, RUN, &[9.0; 5]);
    world.run_said(1, RUN, RunUpdate::Finished(report()));
    assert!(world.page.run.is_active());
    assert_eq!(world.page.run.run().unwrap().progress.step, step);

    world.run_said(2, RUN, RunUpdate::Preparing(Preparation::CompilingKernels));
    world.run_said(2, RUN, RunUpdate::Started { steps_per_epoch: 10, total_steps: 100, parameters: 1 });
    world.progress(2, RUN, &[0.5, 0.4]);
    assert_eq!(world.page.curves.train_loss.points().len(), n_losses + 2);
    world.run_said(2, RUN, RunUpdate::Finished(report()));
    assert!(!world.page.run.is_active());
}

#[test]
fn the_run_stands_still_while_the_challenger_is_timed_and_nobody_is_told() {
    let mut world = World::held();
    assert_eq!(world.take_done()[..1], [send(1, Command::Hold)]);
    assert!(matches!(world.page.run, RunState::Training(_)));
    world.time_challenger(9.0);
    assert_eq!(world.take_done()[..2], [send(1, Command::Release), Effect::End(EngineId(2))]);
    assert!(matches!(world.page.race, RaceState::Measured { has_moved: false, .. }));
}

#[test]
fn the_next_run_starts_on_the_better_device() {
    let mut world = World::won();
    let remember = |effect: &Effect| matches!(effect, Effect::Remember(_));
    assert!(world.won_with.iter().any(remember), "{:?}", world.won_with);
    // The visitor starts anew before the run has moved.
    let next = RunId(2);
    world.ask(train(next));
    let choice = world.page.engine.choice().unwrap().clone();
    let expected = [
        send(1, Command::Release),
        Effect::End(EngineId(2)),
        Effect::Tell(Told::Starting(choice)),
        Effect::Start { engine: EngineId(3), url: "load.js?js=engine_gpu.js&digest=2".into() },
        send(3, set_dataset()),
        Effect::End(EngineId(1)),
        send(3, train(next)),
    ];
    assert_eq!(world.take_done(), expected);
    assert_eq!(world.page.race, RaceState::Measured { times: times(), has_moved: false });

    // It stays there for another network, which the CPU may win.
    world.ready(3);
    let other = RunConfig { batch_size: 7, ..config() };
    world.ask(Command::Train { run: RunId(3), config: Box::new(other), start: RunStart::New, is_kept: true });
    assert_eq!((world.program(), &world.page.race), (Some(EngineProgram::Gpu), &RaceState::Open));

    // So does the next visit.
    let Some(Effect::Remember(verdicts)) = world.won_with.into_iter().find(remember) else { panic!() };
    let mut next_visit = World { engines: Engines::new(verdicts), ..World::new() };
    next_visit.find_two_devices(HOST);
    assert_eq!(next_visit.program(), Some(EngineProgram::Gpu));
}

#[test]
fn an_engine_that_cannot_load_the_dataset_has_the_page_load_it() {
    let mut world = World::won();
    world.ask(train(RunId(2)));
    world.take_done();
    let failed = DatasetUpdate::Failed(failure(FailureKind::DownloadFailed));
    world.said(3, Event::Dataset(failed));
    assert!(world.page.dataset.load.is_loading());
    assert!(world.take_done().contains(&send(3, set_dataset())));
}

#[test]
fn a_dataset_that_is_loaded_meanwhile_is_not_mistaken_for_the_present_one() {
    let mut world = World::won();
    world.ask(train(RunId(2)));
    world.said(3, Event::Dataset(DatasetUpdate::Parsing));
    world.ask(set_dataset());
    for update in [DatasetUpdate::Canceled, DatasetUpdate::Parsing] {
        world.said(3, Event::Dataset(update));
        assert!(world.page.dataset.load.is_loading());
    }
    world.said(3, Event::Dataset(DatasetUpdate::Set(summary())));
    assert!(!world.page.dataset.load.is_loading());
}

#[test]
fn questions_are_answered_by_the_engine_that_was_asked() {
    let mut world = World::won();
    world.ask(question(7));
    world.ask(question(8));
    world.take_done();
    world.checkpoint(1);
    assert!(!world.take_done().contains(&Effect::End(EngineId(1))));
    let withdraw = Command::Withdraw { request: RequestId(7) };
    world.ask(withdraw.clone());
    world.ask(question(9));
    assert_eq!(world.take_done(), [send(1, withdraw), send(2, question(9))]);
    let answer = |request| Event::Answer { request: RequestId(request), result: Err(failure(FailureKind::Canceled)) };
    world.said(1, answer(7));
    assert_eq!(world.take_done(), []);
    world.said(1, answer(8));
    assert_eq!(world.take_done(), [Effect::End(EngineId(1))]);
    assert_eq!(world.page.questions.len(), 1);
}

#[test]
fn questions_fail_where_the_engine_that_was_asked_is_lost() {
    let mut world = World::won();
    world.ask(question(7));
    world.checkpoint(1);
    world.take_done();
    world.crash(1, FailureKind::EngineCrashed);
    assert_eq!(world.take_done(), [Effect::End(EngineId(1))]);
    assert!(world.page.questions.is_empty() && world.page.run.is_active());
}

#[test]
fn a_challenger_that_dies_leaves_the_run_alone() {
    let mut world = World::held();
    world.take_done();
    world.crash(2, FailureKind::DeviceLost);
    assert_eq!(world.take_done(), [send(1, Command::Release), Effect::End(EngineId(2))]);
    let failed = RaceState::Failed { challenger: EngineKind::Webgpu, failure: failure(FailureKind::DeviceLost) };
    assert_eq!(world.page.race, failed);
    assert!(world.page.run.is_active());
}

#[test]
fn a_challenger_that_is_silent_is_ended() {
    let mut world = World::entered();
    let alarm = world.engines.alarm;
    world.take_done();
    world.hear(Input::Alarm(AlarmId(alarm.0 - 1)));
    assert_eq!(world.take_done(), [], "an earlier alarm");
    world.hear(Input::Alarm(alarm));
    assert_eq!(world.take_done(), [send(1, Command::Release), Effect::End(EngineId(2))]);
}

#[test]
fn other_losses_are_reported_to_the_visitor() {
    let mut world = World::entered();
    world.progress(1, RUN, &LOSSES);
    world.take_done();
    world.progress(2, world.engines.heat, &[9.0; 4]);
    let differ = NoticeKind::DevicesDiffer { cpu: LOSSES[0], gpu: 9.0 };
    let expected = [send(1, Command::Release), Effect::End(EngineId(2)), Effect::Tell(Told::Notice(differ))];
    assert_eq!(world.take_done(), expected);
    assert!(world.page.run.is_active());
}

#[test]
fn the_visitor_s_commands_end_a_race_and_reach_the_run() {
    let change = ValueChange { learning_rate: Some(0.5), ..ValueChange::default() };
    for command in [Command::Pause, Command::Step, Command::Stop, Command::Adjust { run: RUN, change }] {
        let mut world = World::held();
        world.take_done();
        world.ask(command.clone());
        assert_eq!(world.take_done()[..3], [send(1, Command::Release), Effect::End(EngineId(2)), send(1, command)]);
    }
}

#[test]
fn a_paused_run_stays_paused_and_is_raced_once_it_continues() {
    let mut world = World::held();
    world.ask(Command::Pause);
    world.checkpoint(1);
    world.run_said(1, RUN, RunUpdate::Paused { step: 8 });
    assert!(matches!(world.page.run, RunState::Paused(_)));
    world.ask(Command::Resume);
    world.run_said(1, RUN, RunUpdate::Resumed);
    world.take_done();
    world.time(1);
    assert_eq!(world.take_done(), [send(1, Command::Checkpoint)]);
}

#[test]
fn a_change_that_is_reported_late_does_not_matter() {
    let mut world = World::entered();
    let change = ValueChange { learning_rate: Some(0.5), ..ValueChange::default() };
    world.ask(Command::Adjust { run: RUN, change });
    world.take_done();
    let adjusted = Adjustment { step: 8, learning_rate: 0.5, weight_decay: 0.0, augment: None };
    world.run_said(1, RUN, RunUpdate::Adjusted(adjusted));
    // A checkpoint that was under way.
    world.checkpoint(1);
    assert_eq!(world.take_done(), []);
}

#[test]
fn another_dataset_or_network_ends_the_race() {
    let open = Command::Open { run: RunId(2), config: Box::new(config()), weights: weights() };
    for command in [set_dataset(), open] {
        let mut world = World::held();
        world.take_done();
        world.ask(command.clone());
        assert_eq!(world.take_done()[..3], [send(1, Command::Release), Effect::End(EngineId(2)), send(1, command)]);
    }
}

#[test]
fn the_look_inside_moves_with_the_run() {
    let mut world = World::won();
    let watch = Command::Watch(Some(Watch::default()));
    world.ask(watch.clone());
    world.take_done();
    world.checkpoint(1);
    assert!(world.take_done().contains(&send(2, watch)));
}

#[test]
fn a_run_that_is_lost_while_it_is_raced_starts_its_engine_again_alone() {
    let mut world = World::held();
    world.take_done();
    world.crash(1, FailureKind::OutOfMemory);
    let done = world.take_done();
    assert_eq!(done[..2], [Effect::End(EngineId(1)), Effect::End(EngineId(2))]);
    assert_eq!((world.program(), &world.page.race), (Some(EngineProgram::Cpu), &RaceState::Off));
}

#[test]
fn a_gpu_that_is_lost_later_is_not_returned_to() {
    let mut world = World::won();
    world.checkpoint(1);
    world.take_done();
    world.crash(2, FailureKind::DeviceLost);
    assert_eq!((world.program(), &world.page.race), (Some(EngineProgram::Cpu), &RaceState::Off));
    assert!(world.take_done().contains(&Effect::Remember(Verdicts::default())));
}

#[test]
fn a_run_that_waited_for_its_engine_is_raced_too() {
    let mut world = World::new();
    world.train();
    world.find_two_devices(HOST);
    world.ready(1);
    world.take_done();
    world.time(1);
    assert_eq!(world.take_done(), [send(1, Command::Checkpoint)]);
}

#[test]
fn a_device_that_the_visitor_chose_is_not_raced() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    world.ready(1);
    world.load(1);
    world.train();
    world.take_done();
    world.time(1);
    assert_eq!((world.take_done(), &world.page.race), (vec![], &RaceState::Off));
}

#[test]
fn a_gpu_engine_that_is_built_later_joins_without_a_restart() {
    let mut world = World::new();
    world.find_two_devices(HOST_EARLY);
    world.ready(1);
    world.load(1);
    world.train();
    assert_eq!(world.page.race, RaceState::Off);
    world.take_done();
    world.host_has(Some(HOST));
    assert_eq!(world.take_done(), [Effect::Tell(Told::Explained(EngineReason::GpuFound))]);
    assert_eq!(world.page.race, RaceState::Open);
}
