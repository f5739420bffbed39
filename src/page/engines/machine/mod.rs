//! The life of the page's engines as a state machine: commands, events and answers of the host go in, [`Effect`]s come out, and
//! [`super::link`] carries them out. It uses neither workers nor timers, so native tests can run it.
//!
//! One engine trains and answers. Another one may run beside it: the challenger in a [`race`], which decides whether the run moves to the other
//! device, or the engine that a run has left, until it has answered its questions. [`routing`] decides which engine a command goes to and what
//! an event means, [`moving`] does what the race decides, [`crash`] replaces a lost engine, [`stopping`] one that does not stop in time.

mod crash;
mod messages;
mod moving;
mod race;
mod routing;
mod stopping;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use self::messages::{AlarmId, Effect, EngineId, Input, Told, Wish, WishId};
pub use self::race::Verdicts;
use self::race::{MachineKey, News, Race};
use self::stopping::Stopping;
use crate::page::engines::files::{EngineFiles, Presence};
use crate::page::state::{AppState, EngineChoice, EngineProgram, EngineReason, RaceState, RunState};
use kindling_core::protocol::{Command, EngineInfo, EngineKind, RequestId, RunId};

/// The maximum number of commands that wait for an engine to be chosen. More than these are dropped: only a runaway script sends so many.
const QUEUE_LIMIT: usize = 64;

/// The engines that run or start, and why.
#[derive(Default)]
pub struct Engines {
    /// The engine that trains and answers.
    active: Option<Engine>,
    /// The challenger in a race, or a retired engine.
    beside: Option<Engine>,
    /// Commands that wait for an engine. Empty while there is one.
    queue: Vec<Command>,
    /// The latest request for an engine.
    wish: Wish,
    /// Counts the requests, so that answers to earlier ones are ignored.
    n_wishes: u32,
    choice: Option<EngineChoice>,
    /// How many threads the CPU engine may use.
    n_threads: u32,
    /// The engine of the CPU that was started last.
    cpu: Option<EngineProgram>,
    /// The choice of an engine that is still being built, while another one stands in for it.
    awaited: Option<EngineChoice>,
    files: EngineFiles,
    /// The names of the GPU.
    adapter: String,
    /// Engines lost since a run last finished.
    n_lost: u32,
    n_started: u32,
    race: Race,
    /// The state of the race that the page knows.
    shown: RaceState,
    /// The id of the challenger's run. It counts down, while the page's run ids count up.
    heat: RunId,
    /// The latest alarm; earlier ones are ignored.
    alarm: AlarmId,
    /// How the current run can be stopped in the middle of a step.
    stopping: Stopping,
    /// Effects of the present input, until [`Engines::hear`] returns them.
    effects: Vec<Effect>,
}

/// An engine that runs or starts.
struct Engine {
    id: EngineId,
    program: EngineProgram,
    /// Known once the engine is ready.
    info: Option<EngineInfo>,
    /// The questions that it has not answered, as many as the page has open at most.
    asked: BTreeSet<RequestId>,
    /// Whether it loads the dataset that the page already has. The page is not told.
    is_catching_up: bool,
    /// Whether it only remains to answer its questions.
    is_retired: bool,
}

impl Engines {
    /// `verdicts` are those of earlier visits.
    pub fn new(verdicts: Verdicts) -> Self {
        Self { race: Race::new(verdicts), ..Self::default() }
    }

    /// Updates the state and returns what is to be done, in order. `page` is the page's state before an event, but after a command, was
    /// applied to it.
    pub fn hear(&mut self, input: Input, page: &AppState) -> Vec<Effect> {
        match input {
            Input::Wanted(wish) => self.want(wish),
            Input::Found { wish, choice, adapter, n_threads, files } if self.is_latest(wish) => {
                self.n_threads = n_threads;
                self.adapter = adapter;
                self.settle(choice, files, page);
            }
            Input::HostHas { wish, files } if self.is_latest(wish) => self.take_when_there(files, page),
            // Another engine was requested meanwhile.
            Input::Found { .. } | Input::HostHas { .. } => {}
            Input::Asked(command) => self.carry(command, page),
            Input::Said { engine, event } => self.said(engine, event, page),
            Input::Alarm(id) if self.stopping.is_due(id) => self.stop_by_force(page),
            Input::Alarm(id) if id == self.alarm => {
                let next = self.race.hear(News::TimeIsUp);
                self.follow(next, page);
            }
            Input::Alarm(_) => {}
        }
        std::mem::take(&mut self.effects)
    }

    fn is_latest(&self, WishId(wish): WishId) -> bool {
        self.n_wishes == wish
    }

    fn want(&mut self, wish: Wish) {
        self.n_lost = 0;
        if self.active.is_some() || self.choice.is_some() {
            self.end_engines();
            self.tell(Told::Replaced);
            // Nobody waits for their results any more.
            self.queue.clear();
        }
        self.wish = wish;
        self.n_wishes += 1;
        self.effects.push(Effect::Find { id: WishId(self.n_wishes), wish });
    }

    /// Starts the best engine, or the one that stands in for it until it is built.
    fn settle(&mut self, wanted: EngineChoice, files: EngineFiles, page: &AppState) {
        let mut choice = files.settle(wanted.clone(), self.n_threads);
        self.files = files;
        self.cpu = None;
        // A CPU engine starts faster, and compiles no kernels.
        if choice.may_race && self.race.latest_winner(self.machine()) != Some(EngineKind::Webgpu) {
            choice.program = self.files.cpu(self.n_threads);
        }
        self.awaited = match choice.reason {
            EngineReason::GpuComing => Some(wanted),
            _ => self.coming_threads(&choice),
        };
        self.start_active(choice, page);
        self.reload_dataset(page);
        if self.awaited.is_some() {
            self.ask_host_later();
        }
    }

    /// The CPU engine with threads, if it is still being built.
    fn coming_threads(&self, choice: &EngineChoice) -> Option<EngineChoice> {
        let threads = EngineProgram::CpuThreads { count: self.n_threads };
        let is_awaited = choice.program == EngineProgram::Cpu
            && self.n_threads > 1
            && self.files.presence(threads) == Presence::Coming;
        is_awaited.then(|| EngineChoice { program: threads, ..choice.clone() })
    }

    /// Takes the awaited engine once it is built, as long as nothing is lost by that: no run was started, no dataset loads, no question is
    /// open. Otherwise the visitor decides.
    fn take_when_there(&mut self, files: Option<EngineFiles>, page: &AppState) {
        let Some(EngineChoice { program, may_race, .. }) = self.awaited.clone() else { return };
        let is_busy = page.dataset.load.is_loading() || !page.questions.is_empty();
        let is_cpu = program.kind() == EngineKind::Cpu;
        let has_run = page.run != RunState::Idle;
        match files.as_ref().map(|files| files.presence(program)) {
            // The host may be unreachable for a moment.
            None | Some(Presence::Coming) => self.ask_host_later(),
            // The CPU trains already. The next choice of an engine takes its threads.
            Some(presence) if is_cpu && (has_run || presence == Presence::Absent) => {}
            Some(Presence::There) if has_run && may_race => self.race_from_now_on(files.unwrap_or_default()),
            Some(Presence::There) if has_run => self.explain(EngineReason::GpuCame),
            Some(Presence::There) if is_busy => self.ask_host_later(),
            Some(Presence::There) => self.want(self.wish),
            Some(Presence::Absent) => self.explain(EngineReason::GpuNotBuilt),
        }
    }

    /// The engine of the second device was built while the CPU trains already.
    fn race_from_now_on(&mut self, files: EngineFiles) {
        self.awaited = None;
        self.files = files;
        if let Some(choice) = &mut self.choice {
            choice.may_race = true;
        }
        self.explain(EngineReason::GpuFound);
        self.race.reset(Some(self.machine()));
        self.show_race();
    }

    /// The engine of the CPU.
    fn cpu(&self) -> EngineProgram {
        self.cpu.unwrap_or_else(|| self.files.cpu(self.n_threads))
    }

    fn machine(&self) -> MachineKey {
        let engines = [self.cpu(), EngineProgram::Gpu].map(|program| self.files.url(program));
        MachineKey::new(&self.adapter, &engines)
    }

    fn ask_host_later(&mut self) {
        self.effects.push(Effect::AskHostLater(WishId(self.n_wishes)));
    }

    fn explain(&mut self, reason: EngineReason) {
        if let Some(choice) = &mut self.choice {
            choice.reason = reason.clone();
            self.tell(Told::Explained(reason));
        }
    }

    /// Reloads the dataset that was loaded before. A load that was in progress when the engine was lost is left to the visitor, because it
    /// may be the cause.
    fn reload_dataset(&mut self, page: &AppState) {
        if let Some((source, split)) = page.dataset.origin.clone() {
            self.effects.push(Effect::Load { source, split });
        }
    }

    fn start_active(&mut self, choice: EngineChoice, page: &AppState) {
        self.end_engines();
        self.tell(Told::Starting(choice.clone()));
        let engine = self.start(choice.program);
        let id = engine.id;
        self.active = Some(engine);
        // A new engine does not know yet that the network is being monitored.
        if let Some(watch) = page.inside.watch {
            self.send_to(id, Command::Watch(Some(watch)));
        }
        self.race.reset(choice.may_race.then(|| self.machine()));
        self.choice = Some(choice);
        self.show_race();
        for command in std::mem::take(&mut self.queue) {
            self.carry(command, page);
        }
    }

    fn start(&mut self, program: EngineProgram) -> Engine {
        self.n_started += 1;
        let id = EngineId(self.n_started);
        if program.kind() == EngineKind::Cpu {
            self.cpu = Some(program);
        }
        self.effects.push(Effect::Start { engine: id, url: self.files.url(program) });
        Engine { id, program, info: None, asked: BTreeSet::new(), is_catching_up: false, is_retired: false }
    }

    fn end_engines(&mut self) {
        let (active, beside) = (self.active.take(), self.beside.take());
        active.into_iter().chain(beside).for_each(|engine| self.effects.push(Effect::End(engine.id)));
        self.race.reset(None);
        self.show_race();
    }

    /// Sends a command to the engine that trains and answers.
    fn send(&mut self, command: Command) {
        match &self.active {
            Some(engine) => self.send_to(engine.id, command),
            None if self.queue.len() < QUEUE_LIMIT => self.queue.push(command),
            None => {}
        }
    }

    #[inline(never)]
    fn send_to(&mut self, to: EngineId, command: Command) {
        if let (Command::Ask { request, .. }, Some(engine)) = (&command, &mut self.active)
            && engine.id == to
        {
            engine.asked.insert(*request);
        }
        self.effects.push(Effect::Send { to, command });
    }

    #[inline(never)]
    fn tell(&mut self, told: Told) {
        self.effects.push(Effect::Tell(told));
    }
}
