//! The life of the page's engines as a state machine: commands, events and answers of the host go in, [`Effect`]s come out, and
//! [`super::link`] carries them out. It uses neither workers nor timers, so native tests can run it.
//!
//! One engine trains and answers. [`crash`] replaces it if it is lost.

mod crash;
#[cfg(test)]
mod tests;

use crate::page::engines::files::{EngineFiles, Presence};
use crate::page::preferences::{EnginePreference, Threads};
use crate::page::state::{AppState, EngineChoice, EngineProgram, EngineReason, NoticeKind, RunState};
use kindling_core::config::SplitConfig;
use kindling_core::protocol::{Command, DatasetSource, EngineKind, Event, Failure, RunUpdate};

/// The maximum number of commands that wait for an engine to be chosen. More than these are dropped: only a runaway script sends so many.
const QUEUE_LIMIT: usize = 64;

/// The engines that run or start, and why.
#[derive(Default)]
pub struct Engines {
    /// The engine that trains and answers.
    active: Option<Engine>,
    /// Commands that wait for an engine. Empty while there is one.
    queue: Vec<Command>,
    /// The latest request for an engine.
    wish: Wish,
    /// Counts the requests, so that answers to earlier ones are ignored.
    n_wishes: u32,
    choice: Option<EngineChoice>,
    /// How many threads the CPU engine may use.
    n_threads: u32,
    /// The engine that is still being built, while another one stands in for it.
    awaited: Option<EngineProgram>,
    files: EngineFiles,
    /// Engines lost since a run last finished.
    n_lost: u32,
    n_started: u32,
    /// Effects of the present input, until [`Engines::hear`] returns them.
    effects: Vec<Effect>,
}

/// An engine that runs or starts.
struct Engine {
    id: EngineId,
    /// Whether it has started.
    is_ready: bool,
}

/// Identifies an engine among all that were started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineId(pub u32);

/// Which engine is requested. The page's address takes precedence over the visitor's preference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wish {
    pub address: Option<EngineProgram>,
    pub preference: EnginePreference,
    /// For the CPU.
    pub threads: Threads,
}

/// Identifies a request for an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WishId(u32);

#[derive(Debug)]
pub enum Input {
    /// An engine is requested: the first one, another one, or a new one of the same kind. It loads the dataset of the one before.
    Wanted(Wish),
    /// Answers [`Effect::Find`]: the best engine for this browser, how many threads the CPU may use, and the files that the host has.
    Found {
        wish: WishId,
        choice: EngineChoice,
        n_threads: u32,
        files: EngineFiles,
    },
    /// Answers [`Effect::AskHostLater`]; no files if the host did not respond.
    HostHas {
        wish: WishId,
        files: Option<EngineFiles>,
    },
    /// The page sends a command to the engine that trains.
    Asked(Command),
    Said {
        engine: EngineId,
        event: Event,
    },
}

#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask the browser and the host, and answer with [`Input::Found`].
    Find {
        id: WishId,
        wish: Wish,
    },
    /// Ask the host after a pause, and answer with [`Input::HostHas`].
    AskHostLater(WishId),
    Start {
        engine: EngineId,
        url: String,
    },
    Send {
        to: EngineId,
        command: Command,
    },
    End(EngineId),
    /// Have the page load the dataset that the previous engine held, unless it is loading another one by now.
    Load {
        source: DatasetSource,
        split: SplitConfig,
    },
    Tell(Told),
}

/// What the page's state is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Event(Event),
    Starting(EngineChoice),
    /// The reason for the engine has changed since it was chosen.
    Explained(EngineReason),
    /// The engine was ended on purpose.
    Replaced,
    /// No engine starts until the visitor asks for one.
    GaveUp(Failure),
    Notice(NoticeKind),
}

impl Engines {
    /// Updates the state and returns what is to be done, in order. `page` is the page's state before an event, but after a command, was
    /// applied to it.
    pub fn hear(&mut self, input: Input, page: &AppState) -> Vec<Effect> {
        match input {
            Input::Wanted(wish) => self.want(wish),
            Input::Found { wish, choice, n_threads, files } if self.is_latest(wish) => {
                self.n_threads = n_threads;
                self.settle(choice, files, page);
            }
            Input::HostHas { wish, files } if self.is_latest(wish) => self.take_when_there(files.as_ref(), page),
            // Another engine was requested meanwhile.
            Input::Found { .. } | Input::HostHas { .. } => {}
            Input::Asked(command) => self.send(command),
            Input::Said { engine, event } => self.said(engine, event, page),
        }
        std::mem::take(&mut self.effects)
    }

    fn is_latest(&self, WishId(wish): WishId) -> bool {
        self.n_wishes == wish
    }

    fn want(&mut self, wish: Wish) {
        self.n_lost = 0;
        if self.active.is_some() || self.choice.is_some() {
            self.end_engine();
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
        let program = wanted.program;
        let choice = files.settle(wanted, self.n_threads);
        self.files = files;
        self.awaited = match choice.reason {
            EngineReason::GpuComing => Some(program),
            _ => self.coming_threads(&choice),
        };
        self.start_active(choice, page);
        self.reload_dataset(page);
        if self.awaited.is_some() {
            self.ask_host_later();
        }
    }

    /// The CPU engine with threads, if it is still being built.
    fn coming_threads(&self, choice: &EngineChoice) -> Option<EngineProgram> {
        let threads = EngineProgram::CpuThreads { count: self.n_threads };
        let is_awaited = choice.program == EngineProgram::Cpu
            && self.n_threads > 1
            && self.files.presence(threads) == Presence::Coming;
        is_awaited.then_some(threads)
    }

    /// Takes the awaited engine once it is built, as long as nothing is lost by that: no run was started, no dataset loads, no question is
    /// open. Otherwise the visitor decides.
    fn take_when_there(&mut self, files: Option<&EngineFiles>, page: &AppState) {
        let Some(program) = self.awaited else { return };
        let is_busy = page.dataset.load.is_loading() || !page.questions.is_empty();
        let is_cpu = program.kind() == EngineKind::Cpu;
        let has_run = page.run != RunState::Idle;
        match files.map(|files| files.presence(program)) {
            // The host may be unreachable for a moment.
            None | Some(Presence::Coming) => self.ask_host_later(),
            // The CPU trains already. The next choice of an engine takes its threads.
            Some(presence) if is_cpu && (has_run || presence == Presence::Absent) => {}
            Some(Presence::There) if has_run => self.explain(EngineReason::GpuCame),
            Some(Presence::There) if is_busy => self.ask_host_later(),
            Some(Presence::There) => self.want(self.wish),
            Some(Presence::Absent) => self.explain(EngineReason::GpuNotBuilt),
        }
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
        self.end_engine();
        self.tell(Told::Starting(choice.clone()));
        self.n_started += 1;
        let id = EngineId(self.n_started);
        self.effects.push(Effect::Start { engine: id, url: self.files.url(choice.program) });
        self.active = Some(Engine { id, is_ready: false });
        // A new engine does not know yet that the network is being monitored.
        if let Some(watch) = page.inside.watch {
            self.send_to(id, Command::Watch(Some(watch)));
        }
        for command in std::mem::take(&mut self.queue) {
            self.send_to(id, command);
        }
        self.choice = Some(choice);
    }

    fn end_engine(&mut self) {
        if let Some(engine) = self.active.take() {
            self.effects.push(Effect::End(engine.id));
        }
    }

    /// Handles an event. Events of an engine that was ended are ignored.
    fn said(&mut self, id: EngineId, event: Event, page: &AppState) {
        let Some(engine) = self.active.as_mut().filter(|engine| engine.id == id) else { return };
        match event {
            Event::Crashed(failure) => return self.replace_lost(failure, page),
            Event::Ready(_) => engine.is_ready = true,
            Event::Run { update: RunUpdate::Finished(_), .. } => self.n_lost = 0,
            Event::Dataset(_)
            | Event::Run { .. }
            | Event::AnswerProgress { .. }
            | Event::Answer { .. }
            | Event::Warning(_) => {}
        }
        self.tell(Told::Event(event));
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
        self.effects.push(Effect::Send { to, command });
    }

    #[inline(never)]
    fn tell(&mut self, told: Told) {
        self.effects.push(Effect::Tell(told));
    }
}
