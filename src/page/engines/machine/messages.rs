//! What goes into the state machine of the engines, and what comes out of it.

use super::race::Verdicts;
use crate::page::engines::files::EngineFiles;
use crate::page::preferences::{EnginePreference, Threads};
use crate::page::state::{EngineChoice, EngineProgram, EngineReason, NoticeKind, RaceState};
use kindling_core::config::SplitConfig;
use kindling_core::protocol::{Command, DatasetSource, EngineInfo, Event, Failure, RunId};

#[derive(Debug)]
pub enum Input {
    /// An engine is requested: the first one, another one, or a new one of the same kind. It loads the dataset of the one before.
    Wanted(Wish),
    /// Answers [`Effect::Find`]: the best engine for this browser, the names of its GPU, how many threads the CPU may use, and the files that
    /// the host has.
    Found {
        wish: WishId,
        choice: EngineChoice,
        adapter: String,
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
    /// Answers [`Effect::SetAlarm`].
    Alarm(AlarmId),
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
    /// Answer with [`Input::Alarm`] after this time.
    SetAlarm {
        id: AlarmId,
        after_ms: u32,
    },
    /// Remember these for the next visit.
    Remember(Verdicts),
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
    Event(Box<Event>),
    Starting(EngineChoice),
    /// The reason for the engine has changed since it was chosen.
    Explained(EngineReason),
    /// Another engine trains and answers from now on.
    Switched(EngineProgram, EngineInfo),
    /// The engine was ended on purpose.
    Replaced,
    /// No engine starts until the visitor asks for one.
    GaveUp(Failure),
    Race(RaceState),
    /// The run continues in another engine.
    RunMoves(RunId),
    Notice(NoticeKind),
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

/// Identifies an alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlarmId(pub(super) u32);

/// Identifies a request for an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WishId(pub(super) u32);
