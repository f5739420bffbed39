//! The engines with a page, and what a test lets happen to them.

use std::collections::VecDeque;

use super::super::*;
use crate::page::json;
use kindling_core::config::{InitConfig, NetworkConfig, RunConfig};
use kindling_core::dataset::DrawingStyle;
use kindling_core::protocol::question::Images;
use kindling_core::protocol::{
    Bulk, DatasetSummary, DatasetUpdate, Ending, EngineKind, FailureKind, ImageShape, Progress, RequestId, RunReport,
    RunUpdate, SplitCounts, SplitName,
};

pub const RUN: RunId = RunId(1);
/// How many threads the browser allows.
pub const N_THREADS: u32 = 3;
pub const HOST: &str =
    r#"{ "engines": { "engine_cpu": "1", "engine_gpu": "2", "engine_gpu_tuned": "3" }, "coming": [] }"#;
pub const HOST_EARLY: &str = r#"{ "engines": { "engine_cpu": "1" }, "coming": ["engine_gpu", "engine_gpu_tuned"] }"#;
pub const HOST_THREADS: &str = r#"{ "engines": { "engine_cpu": "1", "engine_cpu_threads": "4" }, "coming": [] }"#;
pub const HOST_THREADS_EARLY: &str = r#"{ "engines": { "engine_cpu": "1" }, "coming": ["engine_cpu_threads"] }"#;
pub const HOST_CPU: &str = r#"{ "engines": { "engine_cpu": "1" }, "coming": [] }"#;

/// The engines, a page, and the effects that were carried out.
pub struct World {
    pub engines: Engines,
    pub page: AppState,
    /// All effects except events and the state of tuning.
    pub done: Vec<Effect>,
}

impl World {
    pub fn new() -> Self {
        Self { engines: Engines::new(Tuning::On), page: AppState::default(), done: Vec::new() }
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
        let may_tune = program == EngineProgram::Gpu;
        let choice = EngineChoice { program, reason: EngineReason::Chosen, may_tune };
        self.hear(Input::Found { wish, choice, n_threads: N_THREADS, files: files(host) });
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

    pub fn progress(&mut self, engine: u32, run: RunId, losses: &[f32], images_per_second: f64) {
        let progress =
            Progress { losses: losses.to_vec(), images_per_second, remaining_ms: 1e9, ..Progress::default() };
        self.run_said(engine, run, RunUpdate::Progress(progress));
    }

    pub fn checkpoint(&mut self, engine: u32) {
        self.run_said(engine, RUN, RunUpdate::Checkpoint { step: 8, bytes: weights() });
    }

    /// Engine 1 trains on the GPU, engine 2 has tuned its kernels and proved them correct. The run moves at its next checkpoint.
    pub fn proved() -> Self {
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
    pub fn on_trial() -> Self {
        let mut world = Self::proved();
        world.done.clear();
        world.checkpoint(1);
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

pub const LOSSES: [f32; 8] = [2.4, 2.3, 2.2, 2.1, 2.0, 1.9, 1.8, 1.7];

pub fn files(host: &str) -> EngineFiles {
    json::from_text(host).unwrap()
}

pub fn info() -> EngineInfo {
    EngineInfo { kind: EngineKind::Webgpu, adapter: "a GPU".into(), is_software: false, threads: 1 }
}

pub fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "a reason")
}

pub fn weights() -> Bulk {
    vec![1, 2].into()
}

pub fn config() -> RunConfig {
    let network = NetworkConfig { name: "Small".into(), layers: vec![], init: InitConfig::Pytorch };
    RunConfig::new("mnist", network)
}

pub fn train(run: RunId) -> Command {
    Command::Train { run, config: Box::new(config()), checkpoint: None, is_kept: true }
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
