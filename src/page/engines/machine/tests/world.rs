//! The engines with a page, and what a test lets happen to them.

use std::collections::{BTreeMap, VecDeque};

use super::super::*;
use crate::page::json;
use kindling_core::config::{NetworkConfig, RunConfig, SplitConfig};
use kindling_core::dataset::DrawingStyle;
use kindling_core::protocol::question::Images;
use kindling_core::protocol::{
    Bulk, DatasetSource, DatasetSummary, DatasetUpdate, Ending, Event, Failure, FailureKind, ImageShape, Progress,
    RunReport, RunStart, RunUpdate, SplitCounts, SplitName,
};

pub const RUN: RunId = RunId(1);
/// How many threads the browser allows.
pub const N_THREADS: u32 = 3;
pub const HOST: &str = r#"{ "engines": { "engine_cpu": "1", "engine_gpu": "2" }, "coming": [] }"#;
pub const HOST_EARLY: &str = r#"{ "engines": { "engine_cpu": "1" }, "coming": ["engine_gpu"] }"#;
pub const HOST_THREADS: &str = r#"{ "engines": { "engine_cpu": "1", "engine_cpu_threads": "4" }, "coming": [] }"#;
pub const HOST_THREADS_EARLY: &str = r#"{ "engines": { "engine_cpu": "1" }, "coming": ["engine_cpu_threads"] }"#;
pub const HOST_CPU: &str = r#"{ "engines": { "engine_cpu": "1" }, "coming": [] }"#;

/// The engines, a page, and the effects that were carried out.
pub struct World {
    pub engines: Engines,
    pub page: AppState,
    /// All effects except events and the state of the race.
    pub done: Vec<Effect>,
    /// Those that made the challenger win.
    pub won_with: Vec<Effect>,
    /// Steps and clock of each run.
    pub clocks: BTreeMap<RunId, (u32, f64)>,
}

impl World {
    pub fn new() -> Self {
        Self {
            engines: Engines::default(),
            page: AppState::default(),
            done: Vec::new(),
            won_with: Vec::new(),
            clocks: BTreeMap::new(),
        }
    }

    /// Carries out the effects as the page's link does: what an effect causes is carried out after the effects already due.
    pub fn hear(&mut self, input: Input) {
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
            if !matches!(effect, Effect::Tell(Told::Event(_) | Told::Race(_))) {
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
            Told::Race(race) => page.set_race(race),
            Told::RunMoves(run) => page.run_moves(run),
            Told::Replaced => page.lose_engine(&failure(FailureKind::Canceled)),
            Told::GaveUp(failure) => page.engine_failed(&failure),
            Told::Notice(notice) => page.notify(notice),
        };
    }

    pub fn ask(&mut self, command: Command) {
        self.page.sent(&command);
        self.hear(Input::Asked(command));
    }

    pub fn want(&mut self) -> WishId {
        self.hear(Input::Wanted(Wish::default()));
        WishId(self.engines.n_wishes)
    }

    pub fn find(&mut self, program: EngineProgram, host: &str) {
        let wish = self.want();
        self.found(wish, program, host);
    }

    pub fn found(&mut self, wish: WishId, program: EngineProgram, host: &str) {
        let choice = EngineChoice { program, reason: EngineReason::Chosen, may_race: false };
        let adapter = String::new();
        self.hear(Input::Found { wish, choice, adapter, n_threads: N_THREADS, files: files(host) });
    }

    pub fn host_has(&mut self, host: Option<&str>) {
        self.hear(Input::HostHas { wish: WishId(self.engines.n_wishes), files: host.map(files) });
    }

    pub fn said(&mut self, engine: u32, event: Event) {
        self.hear(Input::Said { engine: EngineId(engine), event });
    }

    pub fn ready(&mut self, engine: u32) {
        self.said(engine, Event::Ready(info()));
    }

    pub fn crash(&mut self, engine: u32, kind: FailureKind) {
        self.said(engine, Event::Crashed(failure(kind)));
    }

    pub fn load(&mut self, engine: u32) {
        self.ask(set_dataset());
        self.said(engine, Event::Dataset(DatasetUpdate::Set(summary())));
    }

    pub fn run_said(&mut self, engine: u32, run: RunId, update: RunUpdate) {
        self.said(engine, Event::Run { run, update });
    }

    /// The browser offers a GPU, and the visitor has chosen no device.
    pub fn find_two_devices(&mut self, host: &str) {
        let wish = self.want();
        let choice = EngineChoice { program: EngineProgram::Gpu, reason: EngineReason::GpuFound, may_race: true };
        let adapter = "a GPU".to_owned();
        self.hear(Input::Found { wish, choice, adapter, n_threads: N_THREADS, files: files(host) });
    }

    pub fn train(&mut self) {
        self.ask(train(RUN));
        self.run_said(1, RUN, RunUpdate::Started { steps_per_epoch: 10, total_steps: 100, parameters: 1 });
    }

    /// Steps of 10 ms each, or of [`World::time_challenger`].
    pub fn progress(&mut self, engine: u32, run: RunId, losses: &[f32]) {
        self.progress_of(engine, run, losses, 10.0);
    }

    fn progress_of(&mut self, engine: u32, run: RunId, losses: &[f32], step_ms: f64) {
        let (step, elapsed_ms) = self.clocks.entry(run).or_default();
        *step += losses.len() as u32;
        *elapsed_ms += losses.len() as f64 * step_ms;
        let (step, elapsed_ms) = (*step, *elapsed_ms);
        let losses = losses.to_vec();
        let progress = Progress { step, losses, elapsed_ms, remaining_ms: 1e9, ..Progress::default() };
        self.run_said(engine, run, RunUpdate::Progress(progress));
    }

    /// The run trains until its engine is timed.
    pub fn time(&mut self, engine: u32) {
        (0..16).for_each(|_| self.progress(engine, RUN, &[2.3; 10]));
    }

    pub fn checkpoint(&mut self, engine: u32) {
        self.run_said(engine, RUN, RunUpdate::Checkpoint { step: 8, bytes: weights() });
    }

    /// The CPU is engine 1, and has the dataset.
    pub fn with_two_devices() -> Self {
        let mut world = Self::new();
        world.find_two_devices(HOST);
        world.ready(1);
        world.load(1);
        world
    }

    /// The GPU is engine 2, and has a checkpoint of the run.
    pub fn entered() -> Self {
        let mut world = Self::with_two_devices();
        world.train();
        world.time(1);
        world.checkpoint(1);
        world.ready(2);
        world
    }

    /// Both computed the same losses, and the run stands still.
    pub fn held() -> Self {
        let mut world = Self::entered();
        world.progress(1, RUN, &LOSSES);
        world.progress(2, world.engines.heat, &LOSSES);
        world.take_done();
        world.progress(2, world.engines.heat, &[1.0; 100]);
        world.run_said(1, RUN, RunUpdate::Held { step: 8 });
        world
    }

    /// The challenger is timed.
    pub fn time_challenger(&mut self, step_ms: f64) {
        let heat = self.engines.heat;
        (0..6).for_each(|_| self.progress_of(2, heat, &[1.0; 10], step_ms));
    }

    /// The GPU takes 2 ms a step. The run moves at its next checkpoint.
    pub fn won() -> Self {
        let mut world = Self::held();
        world.take_done();
        world.time_challenger(2.0);
        world.won_with = world.take_done();
        let expected = [send(2, Command::Stop), send(1, Command::Release), send(1, Command::Checkpoint)];
        assert_eq!(world.won_with[..3], expected);
        world
    }

    /// The effects since the previous call.
    pub fn take_done(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.done)
    }

    pub fn program(&self) -> Option<EngineProgram> {
        self.page.engine.choice().map(|choice| choice.program)
    }
}

pub const LOSSES: [f32; 4] = [2.4, 2.3, 2.2, 2.1];

pub fn weights() -> Bulk {
    vec![1, 2].into()
}

pub fn files(host: &str) -> EngineFiles {
    json::from_text(host).unwrap()
}

pub fn info() -> EngineInfo {
    EngineInfo { kind: EngineKind::Webgpu, adapter: "a GPU".into(), is_software: false, threads: 1 }
}

pub fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "a reason")
}

pub fn config() -> RunConfig {
    let network = NetworkConfig::new("Small", vec![]);
    RunConfig::new("mnist", network)
}

pub fn train(run: RunId) -> Command {
    Command::Train { run, config: Box::new(config()), start: RunStart::New, is_kept: true }
}

pub fn set_dataset() -> Command {
    let source = DatasetSource::Served { id: "mnist".into(), base: "http://localhost/".into() };
    Command::SetDataset { source, split: SplitConfig::default() }
}

pub fn summary() -> DatasetSummary {
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
        read_as: Default::default(),
        import: None,
    }
}

pub fn report() -> RunReport {
    RunReport { ending: Ending::Completed, steps: 100, best: None, is_averaged: false, elapsed_ms: 1.0 }
}

pub fn question(request: u32) -> Command {
    let question = Images { split: SplitName::Train, class: None, offset: 0, count: 1 }.into();
    Command::Ask { request: RequestId(request), question }
}

pub fn send(to: u32, command: Command) -> Effect {
    Effect::Send { to: EngineId(to), command }
}

/// The addresses of the engines that were started.
pub fn starts(effects: &[Effect]) -> Vec<&str> {
    let urls = effects.iter().filter_map(|effect| match effect {
        Effect::Start { url, .. } => Some(url.as_str()),
        _ => None,
    });
    urls.collect()
}
