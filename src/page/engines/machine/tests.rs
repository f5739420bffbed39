//! The life of the page's engines, without workers.

use std::collections::VecDeque;

use super::*;
use crate::page::json;
use kindling_core::config::{InitConfig, NetworkConfig, RunConfig};
use kindling_core::dataset::DrawingStyle;
use kindling_core::protocol::question::{FindRate, Images};
use kindling_core::protocol::{
    Bulk, DatasetSummary, DatasetUpdate, Ending, EngineKind, FailureKind, ImageShape, Progress, RequestId, RunReport,
    RunUpdate, SplitCounts, SplitName, Watch,
};

const RUN: RunId = RunId(1);
const HOST: &str = r#"{ "engines": { "engine_cpu": "1", "engine_gpu": "2", "engine_gpu_tuned": "3" }, "coming": [] }"#;
const HOST_EARLY: &str = r#"{ "engines": { "engine_cpu": "1" }, "coming": ["engine_gpu", "engine_gpu_tuned"] }"#;
const HOST_CPU: &str = r#"{ "engines": { "engine_cpu": "1" }, "coming": [] }"#;

/// The engines, a page, and the effects that were carried out.
struct World {
    engines: Engines,
    page: AppState,
    /// All effects except events and the state of tuning.
    done: Vec<Effect>,
}

impl World {
    fn new() -> Self {
        Self { engines: Engines::new(Tuning::On), page: AppState::default(), done: Vec::new() }
    }

    /// Carries out the effects as the page's link does: what an effect causes is carried out after the effects already due.
    fn hear(&mut self, input: Input) {
        let mut due = VecDeque::from(self.engines.hear(input, &self.page));
        while let Some(effect) = due.pop_front() {
            match &effect {
                Effect::Tell(told) => self.tell(told),
                Effect::Load { source, split } if !self.page.dataset.load.is_loading() => {
                    let command = Command::SetDataset { source: source.clone(), split: *split };
                    self.page.sent(&command);
                    due.extend(self.engines.hear(Input::Asked(command), &self.page));
                }
                _ => {}
            }
            if !matches!(effect, Effect::Tell(Told::Event(_) | Told::Tuning(_))) {
                self.done.push(effect);
            }
        }
    }

    /// Does what the page's store does.
    fn tell(&mut self, told: &Told) {
        let page = &mut self.page;
        match told.clone() {
            Told::Event(event) => page.apply(&event),
            Told::Starting(choice) => page.engine_starting(choice),
            Told::Explained(reason) => page.engine_explained(reason),
            Told::Switched(program, info) => page.engine_switched(program, info),
            Told::Replaced => page.lose_engine(&failure(FailureKind::Canceled)),
            Told::GaveUp(failure) => page.engine_failed(&failure),
            Told::Tuning(tuning) => page.set_tuning(tuning),
            Told::RunMoves(run) => page.run_moves(run),
            Told::RunFallsBack(checkpoint) => page.take_past(checkpoint.run, checkpoint.curves),
            Told::QuestionsLost(_) => page.lose_questions(),
            Told::Notice(notice) => page.notify(notice),
        };
    }

    fn ask(&mut self, command: Command) {
        self.page.sent(&command);
        self.hear(Input::Asked(command));
    }

    fn want(&mut self) -> WishId {
        self.hear(Input::Wanted(Wish::default()));
        WishId(self.engines.n_wishes)
    }

    fn find(&mut self, program: EngineProgram, host: &str) {
        let wish = self.want();
        self.found(wish, program, host);
    }

    fn found(&mut self, wish: WishId, program: EngineProgram, host: &str) {
        let may_tune = program == EngineProgram::Gpu;
        let choice = EngineChoice { program, reason: EngineReason::Chosen, may_tune };
        self.hear(Input::Found { wish, choice, files: files(host) });
    }

    fn host_has(&mut self, host: Option<&str>) {
        self.hear(Input::HostHas { wish: WishId(self.engines.n_wishes), files: host.map(files) });
    }

    fn said(&mut self, engine: u32, event: Event) {
        self.hear(Input::Said { engine: EngineId(engine), event });
    }

    fn ready(&mut self, engine: u32) {
        self.said(engine, Event::Ready(info()));
    }

    fn crash(&mut self, engine: u32, kind: FailureKind) {
        self.said(engine, Event::Crashed(failure(kind)));
    }

    fn load(&mut self, engine: u32) {
        self.ask(set_dataset());
        self.said(engine, Event::Dataset(DatasetUpdate::Set(summary())));
    }

    fn run_said(&mut self, engine: u32, run: RunId, update: RunUpdate) {
        self.said(engine, Event::Run { run, update });
    }

    fn progress(&mut self, engine: u32, run: RunId, losses: &[f32], images_per_second: f64) {
        let progress =
            Progress { losses: losses.to_vec(), images_per_second, remaining_ms: 1e9, ..Progress::default() };
        self.run_said(engine, run, RunUpdate::Progress(progress));
    }

    fn checkpoint(&mut self, engine: u32) {
        self.run_said(engine, RUN, RunUpdate::Checkpoint { step: 8, bytes: weights() });
    }

    /// Engine 1 trains on the GPU, engine 2 has tuned its kernels and proved them correct. The run moves at its next checkpoint.
    fn proved() -> Self {
        let mut world = Self::new();
        world.find(EngineProgram::Gpu, HOST);
        world.ready(1);
        world.load(1);
        world.ask(train(RUN));
        world.run_said(1, RUN, RunUpdate::Started { steps_per_epoch: 10, total_steps: 100, parameters: 1 });
        world.progress(1, RUN, &[2.5], 100.0);
        world.checkpoint(1);
        world.ready(2);
        world.progress(2, world.engines.proof, &LOSSES, 100.0);
        world.progress(1, RUN, &LOSSES, 100.0);
        world
    }

    /// The run has moved to engine 2.
    fn on_trial() -> Self {
        let mut world = Self::proved();
        world.done.clear();
        world.checkpoint(1);
        world
    }

    /// The effects since the previous call.
    fn take_done(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.done)
    }

    fn program(&self) -> Option<EngineProgram> {
        self.page.engine.choice().map(|choice| choice.program)
    }
}

const LOSSES: [f32; 8] = [2.4, 2.3, 2.2, 2.1, 2.0, 1.9, 1.8, 1.7];

fn files(host: &str) -> EngineFiles {
    json::from_text(host).unwrap()
}

fn info() -> EngineInfo {
    EngineInfo { kind: EngineKind::Webgpu, adapter: "a GPU".into(), is_software: false }
}

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "a reason")
}

fn weights() -> Bulk {
    vec![1, 2].into()
}

fn config() -> RunConfig {
    let network = NetworkConfig { name: "Small".into(), layers: vec![], init: InitConfig::Pytorch };
    RunConfig::new("mnist", network)
}

fn train(run: RunId) -> Command {
    Command::Train { run, config: Box::new(config()), checkpoint: None, is_kept: true }
}

fn set_dataset() -> Command {
    let source = DatasetSource::Served { id: "mnist".into(), base: "http://localhost/".into() };
    Command::SetDataset { source, split: SplitConfig::default() }
}

fn summary() -> DatasetSummary {
    DatasetSummary {
        id: "mnist".into(),
        name: "MNIST".into(),
        classes: vec!["a".into(), "b".into()],
        shape: ImageShape { channels: 1, height: 2, width: 2 },
        counts: SplitCounts { train: 8, validation: 1, test: 1 },
        class_counts: vec![SplitCounts::default(); 2],
        samples: vec![0],
        has_standard_test: false,
        style: DrawingStyle::Scene,
    }
}

fn report() -> RunReport {
    RunReport { ending: Ending::Completed, steps: 100, best: None, is_averaged: false, elapsed_ms: 1.0 }
}

fn question(request: u32) -> Command {
    let question = Images { split: SplitName::Train, class: None, offset: 0, count: 1 }.into();
    Command::Ask { request: RequestId(request), question }
}

fn send(to: u32, command: Command) -> Effect {
    Effect::Send { to: EngineId(to), command }
}

/// The addresses of the engines that were started.
fn starts(effects: &[Effect]) -> Vec<&str> {
    let urls = effects.iter().filter_map(|effect| match effect {
        Effect::Start { url, .. } => Some(url.as_str()),
        _ => None,
    });
    urls.collect()
}

#[test]
fn what_is_asked_before_there_is_an_engine_waits_for_it() {
    let mut world = World::new();
    let wish = world.want();
    world.ask(set_dataset());
    world.ask(Command::Pause);
    assert_eq!(world.take_done(), [Effect::Find { id: wish, wish: Wish::default() }]);

    world.found(wish, EngineProgram::Cpu, HOST);
    let choice = EngineChoice { program: EngineProgram::Cpu, reason: EngineReason::Chosen, may_tune: false };
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
    world.page.lose_questions();

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
fn kernels_are_tuned_beside_a_run_and_proved_on_its_own_steps() {
    let mut world = World::proved();
    let proof = world.engines.proof;
    let done = world.take_done();
    let begin = Command::Train { run: proof, config: Box::new(config()), checkpoint: Some(weights()), is_kept: false };
    let expected = [
        Effect::Start { engine: EngineId(2), url: "load.js?js=engine_gpu_tuned.js&digest=3".into() },
        send(2, set_dataset()),
        send(2, begin),
        send(2, Command::Stop),
        send(1, Command::Checkpoint),
    ];
    assert!(done.ends_with(&expected), "{done:?}");
}

#[test]
fn a_run_moves_and_moves_back_where_it_is_slower() {
    let mut world = World::on_trial();
    let go_on = Command::Train { run: RUN, config: Box::new(config()), checkpoint: Some(weights()), is_kept: true };
    let moved = |from, to, program| {
        [
            Effect::Tell(Told::Switched(program, info())),
            send(from, Command::Watch(None)),
            send(from, Command::Stop),
            Effect::Tell(Told::RunMoves(RUN)),
            send(to, go_on.clone()),
        ]
    };
    assert_eq!(world.take_done(), moved(1, 2, EngineProgram::TunedGpu));
    // The engine that it left reports its end, which does not end the run.
    world.run_said(1, RUN, RunUpdate::Failed(failure(FailureKind::Canceled)));
    assert!(world.page.run.is_active());

    world.progress(2, RUN, &[1.0], 90.0);
    world.checkpoint(2);
    assert_eq!(world.take_done(), moved(2, 1, EngineProgram::Gpu));
    assert_eq!(world.page.tuning, TuningState::Measured { ratio: 0.9 });
}

#[test]
fn a_run_falls_back_where_its_tuned_engine_is_lost_on_trial() {
    let mut world = World::on_trial();
    world.run_said(1, RUN, RunUpdate::Failed(failure(FailureKind::Canceled)));
    world.progress(2, RUN, &[1.0], 200.0);
    world.take_done();
    world.crash(2, FailureKind::DeviceLost);
    let done = world.take_done();
    assert!(world.page.run.is_active());
    assert_eq!(world.program(), Some(EngineProgram::Gpu));
    assert!(done.contains(&Effect::End(EngineId(2))), "{done:?}");
    assert!(done.contains(&Effect::Remember(Tuning::Off)), "{done:?}");
    assert!(done.contains(&Effect::Tell(Told::QuestionsLost(failure(FailureKind::DeviceLost)))), "{done:?}");
    assert!(done.iter().any(|effect| matches!(effect, Effect::Tell(Told::RunFallsBack(_)))), "{done:?}");
    let go_on = Command::Train { run: RUN, config: Box::new(config()), checkpoint: Some(weights()), is_kept: true };
    assert!(done.contains(&send(1, go_on)), "{done:?}");
}

#[test]
fn other_losses_end_the_engine_that_tunes() {
    let mut world = World::new();
    world.find(EngineProgram::Gpu, HOST);
    world.ready(1);
    world.load(1);
    world.ask(train(RUN));
    world.progress(1, RUN, &[2.5], 100.0);
    world.checkpoint(1);
    world.ready(2);
    world.take_done();
    world.progress(1, RUN, &LOSSES, 100.0);
    world.progress(2, world.engines.proof, &[9.0; 8], 100.0);
    let differs = NoticeKind::TunedDiffers { expected: 2.4, found: 9.0 };
    assert_eq!(world.take_done(), [Effect::End(EngineId(2)), Effect::Tell(Told::Notice(differs))]);
    assert_eq!(world.page.tuning, TuningState::Off);
    assert!(world.page.run.is_active());
}

#[test]
fn tuning_ends_when_the_visitor_switches_it_off() {
    let mut world = World::proved();
    world.take_done();
    world.hear(Input::SetTuning(Tuning::Off));
    assert_eq!(world.take_done(), [Effect::Remember(Tuning::Off), send(2, Command::Stop)]);
    world.checkpoint(1);
    assert_eq!(world.take_done(), []);
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
fn a_gpu_that_is_lost_while_kernels_are_tuned_is_not_tuned_for_again() {
    let mut world = World::proved();
    world.crash(1, FailureKind::DeviceLost);
    assert_eq!(world.program(), Some(EngineProgram::Gpu));
    assert_eq!(world.page.engine.choice().map(|choice| choice.may_tune), Some(false));
    assert_eq!(world.page.tuning, TuningState::Off);
    assert!(world.done.contains(&Effect::End(EngineId(2))), "{:?}", world.done);
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
fn the_preference_for_tuning_outlives_an_engine() {
    let mut world = World::new();
    world.hear(Input::SetTuning(Tuning::Off));
    world.find(EngineProgram::Gpu, HOST);
    world.ready(1);
    world.load(1);
    world.ask(train(RUN));
    world.progress(1, RUN, &[2.5], 100.0);
    world.take_done();
    world.checkpoint(1);
    assert_eq!((world.take_done(), world.page.tuning), (vec![], TuningState::Off));
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

#[test]
fn once_tuned_a_config_starts_on_the_tuned_engine_and_others_do_not() {
    let mut world = World::on_trial();
    world.progress(2, RUN, &[1.0], 200.0);
    world.checkpoint(2);
    assert_eq!(world.page.tuning, TuningState::Measured { ratio: 2.0 });
    world.run_said(2, RUN, RunUpdate::Finished(report()));
    world.take_done();
    let next = RunId(2);
    world.ask(train(next));
    assert_eq!(world.take_done(), [send(2, train(next))]);

    // A range test of other kernels belongs in the engine that does not tune.
    let other = RunConfig { batch_size: 7, ..config() };
    let request = RequestId(3);
    let test = Command::Ask { request, question: FindRate { config: Box::new(other) }.into() };
    world.ask(test.clone());
    assert_eq!(world.take_done(), [send(1, test)]);
    let withdraw = Command::Withdraw { request };
    world.ask(withdraw.clone());
    assert_eq!(world.take_done(), [send(1, withdraw.clone()), send(2, withdraw)]);
}

#[test]
fn questions_of_the_engine_beside_are_lost_with_it() {
    let mut world = World::on_trial();
    world.take_done();
    world.crash(1, FailureKind::EngineCrashed);
    let lost = failure(FailureKind::EngineCrashed);
    assert_eq!(world.take_done(), [Effect::Tell(Told::QuestionsLost(lost)), Effect::End(EngineId(1))]);
    assert!(world.page.run.is_active());
}

#[test]
fn a_paused_run_is_paused_again_after_falling_back() {
    let mut world = World::on_trial();
    world.run_said(1, RUN, RunUpdate::Failed(failure(FailureKind::Canceled)));
    world.progress(2, RUN, &[1.0], 200.0);
    world.run_said(2, RUN, RunUpdate::Paused { step: 8 });
    world.take_done();
    world.crash(2, FailureKind::DeviceLost);
    assert!(world.take_done().contains(&send(1, Command::Pause)));
}
