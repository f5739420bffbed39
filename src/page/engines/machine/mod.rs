//! What the page's engines are to do, as a state machine: what is asked of them, what they say and what the host has go in, [`Effect`]s come
//! out. [`super::link`] carries these out; here is neither a worker nor a clock, so that tests play an engine's whole life natively.
//!
//! One engine trains and is asked. On a GPU a second one may run beside it, see [`tuner`].

mod crash;
mod moving;
#[cfg(test)]
mod tests;
mod tuner;

use self::tuner::Tuner;
use crate::page::engines::choice::Asked;
use crate::page::engines::files::{EngineFiles, Presence};
use crate::page::preferences::{EnginePreference, Tuning};
use crate::page::state::{
    AppState, Checkpoint, EngineChoice, EngineProgram, EngineReason, NoticeKind, RunState, TuningState,
};
use kindling_core::config::SplitConfig;
use kindling_core::protocol::{Command, DatasetSource, EngineInfo, Event, Failure, RunId};

/// Commands that wait for an engine to be chosen, at most; more means a page gone wild, and they are dropped.
const QUEUE_LIMIT: usize = 64;

/// The engines that run or start, and why.
#[derive(Default)]
pub struct Engines {
    /// The one that trains and is asked.
    active: Option<Engine>,
    /// The GPU's other one, with tuned kernels or without, once there was a reason to start it.
    beside: Option<Engine>,
    /// Only while there is no engine.
    queue: Vec<Command>,
    /// What is wanted, as it was put last.
    wish: Wish,
    /// Counts wishes, so that an answer to an earlier one is told from that to the last.
    n_wishes: u32,
    choice: Option<EngineChoice>,
    /// An engine that is still being built, for which another one stands in.
    awaited: Option<EngineProgram>,
    files: EngineFiles,
    /// Engines lost in a row, without a finished run between them.
    n_restarts: u32,
    n_started: u32,
    /// Whether the visitor wants kernels to be tuned.
    tuning: Tuning,
    tuner: Tuner,
    /// The run in which the other engine repeats steps; counts down, where the page's runs count up.
    proof: RunId,
    /// What is to be done, until [`Engines::hear`] hands it out.
    effects: Vec<Effect>,
}

/// An engine that runs, or starts.
struct Engine {
    id: EngineId,
    program: EngineProgram,
    /// Once it is ready.
    info: Option<EngineInfo>,
    /// What it has loaded, or was told to load.
    dataset: Option<(DatasetSource, SplitConfig)>,
    /// Whether questions may have been put to it.
    was_active: bool,
    /// Whether the run has moved on, and the engine has not yet said that it is over.
    is_leaving: bool,
}

/// Names an engine among all that were started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineId(pub u32);

/// Which engine is asked for, by the page's address, which goes first, and by the visitor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wish {
    pub address: Option<Asked>,
    pub preference: EnginePreference,
}

/// Names a wish among all that were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WishId(u32);

/// What the engines' state goes by.
#[derive(Debug)]
pub enum Input {
    /// An engine is wanted: the first, another one, or a new one of the same. What the one before held is loaded again.
    Wanted(Wish),
    /// The engine that is best by the browser's word, and the files that the host has.
    Found {
        wish: WishId,
        choice: EngineChoice,
        files: EngineFiles,
    },
    /// What the host has by now; none where it does not answer.
    HostHas {
        wish: WishId,
        files: Option<EngineFiles>,
    },
    /// The page asks something of the engine that trains.
    Asked(Command),
    Said {
        engine: EngineId,
        event: Event,
    },
    /// The visitor wants kernels to be tuned, or no longer; runs under way stay where they are.
    Tune(Tuning),
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask browser and host, and answer by [`Input::Found`].
    Find {
        id: WishId,
        wish: Wish,
    },
    /// Ask the host in a while, and answer by [`Input::HostHas`].
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
    /// Keep it for the next visit.
    Remember(Tuning),
    /// The page is to have the dataset loaded that the engine before held.
    Load {
        source: DatasetSource,
        split: SplitConfig,
    },
    Tell(Told),
}

/// What the page is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The engine that trains says so.
    Event(Event),
    Starting(EngineChoice),
    /// The engine runs for another reason than it was chosen for.
    Explained(EngineReason),
    /// Another engine trains and is asked from now on.
    Switched(EngineProgram, EngineInfo),
    /// The engine was ended on purpose.
    Replaced,
    /// No engine will be started without the visitor.
    None(Failure),
    Tuning(TuningState),
    /// The run goes on in another engine.
    RunMoves,
    /// The run goes on from where it was at a checkpoint.
    RunFallsBack(Box<Checkpoint>),
    /// An engine is lost that may have been asked something, while another goes on.
    QuestionsLost(Failure),
    Notice(NoticeKind),
}

impl Engines {
    /// `tuning` is what the visitor chose before.
    pub fn new(tuning: Tuning) -> Self {
        Self { tuning, ..Self::default() }
    }

    /// Takes something in; `page` is what the page knows before it has heard of it.
    pub fn hear(&mut self, input: Input, page: &AppState) -> Vec<Effect> {
        match input {
            Input::Wanted(wish) => self.want(wish),
            Input::Found { wish, choice, files } if self.is_last(wish) => self.settle(choice, files, page),
            Input::HostHas { wish, files } if self.is_last(wish) => self.take_when_there(files.as_ref(), page),
            // The visitor has asked for something else meanwhile.
            Input::Found { .. } | Input::HostHas { .. } => {}
            Input::Asked(command) => self.carry(command, page),
            Input::Said { engine, event } => self.said(engine, event, page),
            Input::Tune(tuning) => self.tune(tuning, page),
        }
        std::mem::take(&mut self.effects)
    }

    fn is_last(&self, WishId(wish): WishId) -> bool {
        self.n_wishes == wish
    }

    fn want(&mut self, wish: Wish) {
        self.n_restarts = 0;
        if self.active.is_some() || self.choice.is_some() {
            self.end_engines();
            self.tell(Told::Replaced);
        }
        self.wish = wish;
        self.n_wishes += 1;
        self.effects.push(Effect::Find { id: WishId(self.n_wishes), wish });
    }

    /// Starts the engine that is best, or the one that stands in for it as long as that is not there.
    fn settle(&mut self, wanted: EngineChoice, files: EngineFiles, page: &AppState) {
        let program = wanted.program;
        let choice = files.settle(wanted);
        self.files = files;
        self.awaited = (choice.reason == EngineReason::GpuComing).then_some(program);
        self.start_active(choice, page);
        self.reload_dataset(page);
        if self.awaited.is_some() {
            self.ask_host_later();
        }
    }

    /// Takes the GPU engine that was still being built, as long as nothing is lost by it: no run was begun, nothing loads, nothing is asked.
    /// After that the visitor decides.
    fn take_when_there(&mut self, files: Option<&EngineFiles>, page: &AppState) {
        let Some(program) = self.awaited else { return };
        let is_busy = page.dataset.load.is_loading() || !page.questions.is_empty();
        match files.map(|files| files.presence(program)) {
            // The host may be gone for a moment.
            None | Some(Presence::Coming) => self.ask_host_later(),
            Some(Presence::There) if page.run != RunState::Idle => self.explain(EngineReason::GpuCame),
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

    /// The dataset before, if there was one. A load that was under way when the engine was lost is left to the visitor: it may
    /// be what the engine was lost by.
    fn reload_dataset(&mut self, page: &AppState) {
        if let Some((source, split)) = page.dataset.origin.clone() {
            self.effects.push(Effect::Load { source, split });
        }
    }

    fn start_active(&mut self, choice: EngineChoice, page: &AppState) {
        self.end_engines();
        self.tell(Told::Starting(choice.clone()));
        let engine = Engine { was_active: true, ..self.start(choice.program) };
        let id = engine.id;
        self.active = Some(engine);
        // A new engine does not know yet that somebody looks inside.
        if let Some(watch) = page.inside.watch {
            self.send_to(id, Command::Watch(Some(watch)));
        }
        for command in std::mem::take(&mut self.queue) {
            self.send_to(id, command);
        }
        self.tuner = Tuner::new(choice.may_tune && self.tuning == Tuning::On);
        self.choice = Some(choice);
        self.show_tuning(page);
    }

    fn start(&mut self, program: EngineProgram) -> Engine {
        self.n_started += 1;
        let id = EngineId(self.n_started);
        self.effects.push(Effect::Start { engine: id, url: self.files.url(program) });
        Engine { id, program, info: None, dataset: None, was_active: false, is_leaving: false }
    }

    fn end_engines(&mut self) {
        let (active, beside) = (self.active.take(), self.beside.take());
        active.into_iter().chain(beside).for_each(|engine| self.effects.push(Effect::End(engine.id)));
        self.tuner = Tuner::default();
    }

    /// To the engine that trains and is asked.
    fn send(&mut self, command: Command) {
        match &self.active {
            Some(engine) => self.send_to(engine.id, command),
            None if self.queue.len() < QUEUE_LIMIT => self.queue.push(command),
            None => {}
        }
    }

    fn send_to(&mut self, to: EngineId, command: Command) {
        self.effects.push(Effect::Send { to, command });
    }

    fn tell(&mut self, told: Told) {
        self.effects.push(Effect::Tell(told));
    }
}
