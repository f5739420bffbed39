//! The life of the page's engines, without workers.

mod racing;
mod world;

use self::world::*;
use super::*;
use crate::page::state::NoticeKind;
use kindling_core::config::SplitConfig;
use kindling_core::protocol::{DatasetSource, DatasetUpdate, Event, FailureKind, RunStart, RunUpdate, Watch};

#[test]
fn what_is_asked_before_there_is_an_engine_waits_for_it() {
    let mut world = World::new();
    let wish = world.want();
    world.ask(set_dataset());
    world.ask(Command::Pause);
    assert_eq!(world.take_done(), [Effect::Find { id: wish, wish: Wish::default() }]);

    world.found(wish, EngineProgram::Cpu, HOST);
    let choice = EngineChoice { program: EngineProgram::Cpu, reason: EngineReason::Chosen, may_race: false };
    let expected = [
        Effect::Tell(Told::Starting(choice)),
        Effect::Start { engine: EngineId(1), url: "load.js?js=engine_cpu.js&digest=1".into() },
        send(1, set_dataset()),
        send(1, Command::Pause),
    ];
    assert_eq!(world.take_done(), expected);
    world.ask(Command::Resume);
    assert_eq!(world.take_done(), [send(1, Command::Resume)]);
}

#[test]
fn a_page_gone_wild_fills_no_memory() {
    let mut world = World::new();
    (0..10 * QUEUE_LIMIT).for_each(|_| world.ask(Command::Pause));
    world.find(EngineProgram::Cpu, HOST);
    let n_sent = world.done.iter().filter(|effect| matches!(effect, Effect::Send { .. })).count();
    assert_eq!(n_sent, QUEUE_LIMIT);
}

#[test]
fn only_the_last_wish_counts() {
    let mut world = World::new();
    let earlier = world.want();
    let later = world.want();
    world.found(later, EngineProgram::Cpu, HOST);
    world.found(earlier, EngineProgram::Gpu, HOST);
    assert_eq!(starts(&world.done), ["load.js?js=engine_cpu.js&digest=1"]);
}

#[test]
fn another_engine_takes_over_the_dataset_and_the_look_inside() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    world.ready(1);
    world.load(1);
    world.ask(Command::Watch(Some(Watch::default())));
    world.take_done();

    world.find(EngineProgram::Gpu, HOST);
    let done = world.take_done();
    assert_eq!(done[..2], [Effect::End(EngineId(1)), Effect::Tell(Told::Replaced)]);
    assert!(done.contains(&send(2, Command::Watch(Some(Watch::default())))), "{done:?}");
    assert!(done.contains(&send(2, set_dataset())), "{done:?}");
    // Events of the first one are ignored.
    world.crash(1, FailureKind::EngineCrashed);
    assert_eq!(world.take_done(), []);
    assert_eq!(world.program(), Some(EngineProgram::Gpu));
}

#[test]
fn a_lost_engine_is_started_again_with_its_dataset_and_not_for_ever() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    for engine in 1..=3 {
        world.ready(engine);
        world.load(engine);
        world.take_done();
        world.crash(engine, FailureKind::EngineCrashed);
        let done = world.take_done();
        assert_eq!(done[0], Effect::End(EngineId(engine)));
        assert!(done.contains(&Effect::Tell(Told::Notice(NoticeKind::Restarted(failure(FailureKind::EngineCrashed))))));
        assert!(done.contains(&send(engine + 1, set_dataset())), "{done:?}");
    }
    world.crash(4, FailureKind::EngineCrashed);
    let lost = failure(FailureKind::EngineCrashed);
    assert_eq!(world.take_done(), [Effect::End(EngineId(4)), Effect::Tell(Told::GaveUp(lost))]);

    // The visitor asks for another try.
    world.find(EngineProgram::Cpu, HOST);
    world.crash(5, FailureKind::EngineCrashed);
    assert_eq!(starts(&world.done).len(), 2);
}

#[test]
fn a_finished_run_makes_earlier_losses_forgotten() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    for engine in 1..=10 {
        world.ready(engine);
        world.load(engine);
        world.ask(train(RUN));
        world.run_said(engine, RUN, RunUpdate::Finished(report()));
        world.crash(engine, FailureKind::EngineCrashed);
    }
    assert_eq!(starts(&world.done).len(), 11);
}

#[test]
fn a_lost_gpu_is_replaced_by_the_cpu_which_says_why() {
    let mut world = World::new();
    world.find(EngineProgram::Gpu, HOST);
    world.ready(1);
    world.load(1);
    world.crash(1, FailureKind::DeviceLost);
    let lost = failure(FailureKind::DeviceLost);
    let reason = world.page.engine.choice().map(|choice| choice.reason.clone());
    assert_eq!((world.program(), reason), (Some(EngineProgram::Cpu), Some(EngineReason::GpuFailed(lost))));
    assert!(world.done.ends_with(&[send(2, set_dataset())]), "{:?}", world.done);
}

#[test]
fn the_cpu_stands_in_for_an_engine_that_is_being_built() {
    let mut world = World::new();
    world.find(EngineProgram::Gpu, HOST_EARLY);
    assert_eq!(world.program(), Some(EngineProgram::Cpu));
    world.ready(1);
    let again = [Effect::AskHostLater(WishId(1))];
    assert!(world.take_done().ends_with(&again));
    // The host is gone for a moment, then not done yet, then done while a dataset loads.
    for host in [None, Some(HOST_EARLY)] {
        world.host_has(host);
        assert_eq!(world.take_done(), again, "{host:?}");
    }
    world.ask(set_dataset());
    world.take_done();
    world.host_has(Some(HOST));
    assert_eq!(world.take_done(), again);
    world.said(1, Event::Dataset(DatasetUpdate::Set(summary())));
    world.ask(question(1));
    world.take_done();
    world.host_has(Some(HOST));
    assert_eq!(world.take_done(), again);
    let answer = Event::Answer { request: RequestId(1), result: Err(failure(FailureKind::Canceled)) };
    world.said(1, answer);
    world.take_done();

    world.host_has(Some(HOST));
    world.found(WishId(2), EngineProgram::Gpu, HOST);
    assert_eq!(world.program(), Some(EngineProgram::Gpu));
    assert!(world.done.contains(&send(2, set_dataset())));
}

#[test]
fn a_run_does_not_end_because_the_awaited_engine_is_built_or_never_will_be() {
    for (host, expected) in [(HOST, EngineReason::GpuCame), (HOST_CPU, EngineReason::GpuNotBuilt)] {
        let mut world = World::new();
        world.find(EngineProgram::Gpu, HOST_EARLY);
        world.ready(1);
        world.load(1);
        world.ask(train(RUN));
        world.take_done();
        world.host_has(Some(host));
        assert_eq!(world.take_done(), [Effect::Tell(Told::Explained(expected))]);
    }
}

#[test]
fn the_cpu_trains_with_threads_and_with_one_after_they_failed() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST_THREADS);
    assert_eq!(world.program(), Some(EngineProgram::CpuThreads { count: N_THREADS }));
    assert_eq!(starts(&world.done), ["load.js?js=engine_cpu_threads.js&digest=4&threads=3"]);
    world.crash(1, FailureKind::EngineCrashed);
    assert_eq!(world.program(), Some(EngineProgram::Cpu));
    assert_eq!(starts(&world.take_done())[1..], ["load.js?js=engine_cpu.js&digest=1"]);

    // A lost GPU is replaced by all threads.
    world.find(EngineProgram::Gpu, &HOST.replace("engine_cpu", "engine_cpu_threads"));
    world.crash(3, FailureKind::DeviceLost);
    assert_eq!(world.program(), Some(EngineProgram::CpuThreads { count: N_THREADS }));
}

#[test]
fn threads_that_are_still_being_built_are_taken_before_a_run_and_not_after() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST_THREADS_EARLY);
    assert_eq!(world.program(), Some(EngineProgram::Cpu));
    world.ready(1);
    world.host_has(Some(HOST_THREADS_EARLY));
    assert!(world.take_done().ends_with(&[Effect::AskHostLater(WishId(1))]));
    world.host_has(Some(HOST_THREADS));
    world.found(WishId(2), EngineProgram::Cpu, HOST_THREADS);
    assert_eq!(world.program(), Some(EngineProgram::CpuThreads { count: N_THREADS }));

    for host in [HOST_THREADS, HOST_CPU] {
        let mut world = World::new();
        world.find(EngineProgram::Cpu, HOST_THREADS_EARLY);
        world.ready(1);
        world.load(1);
        world.ask(train(RUN));
        world.take_done();
        world.host_has(Some(host));
        assert_eq!(world.take_done(), []);
    }
}

#[test]
fn a_crash_fails_the_run_and_the_questions() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    world.ready(1);
    world.load(1);
    world.ask(train(RUN));
    world.ask(question(7));
    world.crash(1, FailureKind::EngineCrashed);
    assert!(matches!(&world.page.run, RunState::Failed { failure, .. } if failure.kind == FailureKind::EngineCrashed));
    assert!(world.page.questions.is_empty());
}

#[test]
fn a_gpu_engine_that_never_started_is_replaced_by_the_cpu() {
    let mut world = World::new();
    world.find(EngineProgram::Gpu, HOST);
    world.crash(1, FailureKind::EngineCrashed);
    assert_eq!(world.program(), Some(EngineProgram::Cpu));

    // One that had started gets another chance.
    let mut world = World::new();
    world.find(EngineProgram::Gpu, HOST);
    world.ready(1);
    world.crash(1, FailureKind::EngineCrashed);
    assert_eq!(world.program(), Some(EngineProgram::Gpu));
}

#[test]
fn an_engine_of_another_build_is_given_up() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    world.crash(1, FailureKind::BuildMismatch);
    assert_eq!(world.done.last(), Some(&Effect::Tell(Told::GaveUp(failure(FailureKind::BuildMismatch)))));
    assert_eq!(starts(&world.done).len(), 1);
}

#[test]
fn nothing_starts_by_itself_after_giving_up() {
    let mut world = World::new();
    world.find(EngineProgram::Gpu, HOST_EARLY);
    (1..=4).for_each(|engine| world.crash(engine, FailureKind::EngineCrashed));
    world.take_done();
    world.host_has(Some(HOST));
    assert_eq!(world.take_done(), []);
}

#[test]
fn an_awaited_engine_is_still_taken_after_its_stand_in_was_lost() {
    let mut world = World::new();
    world.find(EngineProgram::Gpu, HOST_EARLY);
    world.crash(1, FailureKind::EngineCrashed);
    world.take_done();
    world.host_has(Some(HOST));
    assert!(matches!(world.take_done()[..], [.., Effect::Find { .. }]));
}

#[test]
fn the_host_s_answer_to_an_earlier_request_is_ignored() {
    let mut world = World::new();
    world.find(EngineProgram::Gpu, HOST_EARLY);
    let earlier = WishId(world.engines.n_wishes);
    world.find(EngineProgram::Cpu, HOST);
    world.take_done();
    world.hear(Input::HostHas { wish: earlier, files: Some(files(HOST)) });
    assert_eq!(world.take_done(), []);
}

#[test]
fn commands_of_a_replaced_engine_do_not_reach_the_next_one() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    world.want();
    world.ask(train(RUN));
    // The page fails this run when it is told of the replacement.
    world.find(EngineProgram::Cpu, HOST);
    assert!(!world.done.iter().any(|effect| matches!(effect, Effect::Send { command: Command::Train { .. }, .. })));
}

#[test]
fn a_dataset_that_was_asked_for_meanwhile_is_not_replaced_by_the_previous_one() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    world.ready(1);
    world.load(1);
    let wish = world.want();
    let other = DatasetSource::Served { id: "other".into(), base: "http://localhost/".into() };
    let other = Command::SetDataset { source: other, split: SplitConfig::default() };
    world.ask(other.clone());
    world.take_done();
    world.found(wish, EngineProgram::Cpu, HOST);
    let sent = |effect: &&Effect| matches!(effect, Effect::Send { .. });
    assert_eq!(world.done.iter().filter(sent).collect::<Vec<_>>(), [&send(2, other)]);
}

/// The alarm that was set last.
fn alarm(world: &mut World) -> AlarmId {
    let set = world.take_done().into_iter().rev().find_map(|effect| match effect {
        Effect::SetAlarm { id, .. } => Some(id),
        _ => None,
    });
    set.expect("an alarm was set")
}

#[test]
fn a_step_that_lasts_too_long_is_stopped_at_the_last_checkpoint() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    world.ready(1);
    world.load(1);
    world.train();
    world.checkpoint(1);
    world.ask(question(7));
    world.ask(Command::Stop);
    let early = alarm(&mut world);
    // A step ends: the run gets more time.
    world.progress(1, RUN, &[2.0]);
    let due = alarm(&mut world);
    world.hear(Input::Alarm(early));
    assert_eq!(world.take_done(), []);

    world.hear(Input::Alarm(due));
    let Command::Train { config, .. } = train(RUN) else { unreachable!() };
    let again = Command::Train { run: RUN, config, start: RunStart::Checkpoint(weights()), is_kept: true };
    let done = world.take_done();
    let sent: Vec<_> = done.iter().filter(|effect| matches!(effect, Effect::Send { .. } | Effect::End(_))).collect();
    let expected = [Effect::End(EngineId(1)), send(2, set_dataset()), send(2, again), send(2, Command::Stop)];
    assert_eq!(sent, expected.iter().collect::<Vec<_>>());
    assert!(done.contains(&Effect::Tell(Told::Notice(NoticeKind::StoppedMidStep))), "{done:?}");
    assert!(world.page.questions.is_empty(), "nobody answers it any more");

    // What the old engine still says is ignored; the run ends in the new one.
    world.run_said(1, RUN, RunUpdate::Finished(report()));
    assert!(world.page.run.is_active());
    world.ready(2);
    world.said(2, Event::Dataset(DatasetUpdate::Set(summary())));
    world.run_said(2, RUN, RunUpdate::Finished(report()));
    assert!(!world.page.run.is_active() && world.page.run.has_network());
}

#[test]
fn a_run_that_stops_in_time_keeps_its_engine() {
    let mut world = World::new();
    world.find(EngineProgram::Cpu, HOST);
    world.ready(1);
    world.load(1);
    world.train();
    world.ask(Command::Stop);
    let due = alarm(&mut world);
    world.run_said(1, RUN, RunUpdate::Finished(report()));
    world.take_done();
    world.hear(Input::Alarm(due));
    assert_eq!(world.take_done(), []);
}
