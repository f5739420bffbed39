//! The session on its one thread, as the commands use it: commands in, events out, one at a time.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_executor::LocalPool;
use futures_util::StreamExt;
use futures_util::stream::{Stream, select};
use kindling_core::config::SplitConfig;
use kindling_core::protocol::{Command, DatasetSummary, DatasetUpdate, Event};
use kindling_session::{EngineDevice, Session};

use crate::data::Data;
use crate::platform::Native;
use crate::signals;
use crate::trouble::{INTERRUPTED, Trouble};

/// What a command waits for.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Signal {
    Event(Event),
    /// Ctrl-C, or a request to terminate; a second one ends the process at once.
    Interrupted,
}

pub struct Engine {
    pool: LocalPool,
    session: Rc<Session<Native>>,
    signals: Box<dyn Stream<Item = Signal> + Unpin>,
}

impl Engine {
    pub fn start(device: EngineDevice, data: &Data) -> Result<Self, Trouble> {
        let (events, received) = unbounded();
        let pool = LocalPool::new();
        let platform = Native::new(events, pool.spawner(), data.folder.clone());
        let signals = select(received.map(Signal::Event), interruptions()?.map(|()| Signal::Interrupted));
        Ok(Self { session: Session::new(Rc::new(platform), device), pool, signals: Box::new(signals) })
    }

    pub fn act(&self, command: Command) {
        self.session.act(command);
    }

    /// Runs the session until there is an event or an interruption.
    pub fn next(&mut self) -> Signal {
        // The session lives as long as the engine, so its events do not end.
        self.pool.run_until(self.signals.next()).unwrap_or(Signal::Interrupted)
    }

    /// Loads a dataset. A run splits it again if its config has another split.
    pub fn load(
        &mut self,
        data: &Data,
        mut on_update: impl FnMut(&DatasetUpdate) -> Result<(), Trouble>,
    ) -> Result<DatasetSummary, Trouble> {
        self.act(Command::SetDataset { source: data.source.clone(), split: SplitConfig::default() });
        loop {
            match self.next() {
                Signal::Interrupted => return Err(Trouble::Interrupted),
                Signal::Event(Event::Dataset(update)) => {
                    on_update(&update)?;
                    match update {
                        DatasetUpdate::Set(summary) => return Ok(summary),
                        DatasetUpdate::Failed(failure) => return Err(failure.into()),
                        _ => {}
                    }
                }
                Signal::Event(Event::Crashed(failure)) => return Err(failure.into()),
                Signal::Event(_) => {}
            }
        }
    }
}

/// Interruptions arrive from a separate thread, even while this one computes.
fn interruptions() -> Result<UnboundedReceiver<()>, Trouble> {
    static IS_ENDING: AtomicBool = AtomicBool::new(false);
    let (sender, receiver) = unbounded();
    let handler = move || {
        if IS_ENDING.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED.into());
        }
        sender.unbounded_send(()).ok();
    };
    signals::set_handler(handler)?;
    Ok(receiver)
}
