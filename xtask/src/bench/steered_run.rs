//! A run in the page that is resumed and paused in turn, so that counters can be read between two of its steps.

use std::time::Duration;

use serde_json::{Value, json};

use crate::drive::{Page, Result};

pub struct SteeredRun<'a> {
    page: &'a Page,
}

/// The position of a paused run.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
pub struct Pause {
    pub step: u32,
    pub elapsed_ms: f64,
    /// Number of times that it has read back its losses.
    pub n_reads: u32,
}

const START: &str = "
    const state = window.bench = { step: 0, elapsed_ms: 0, n_reads: 0, is_paused: false, failure: null };
    kindling.train(args.config, event => {
        if (event.kind === 'progress') { state.step = event.step; state.elapsed_ms = event.elapsedMs; state.n_reads += 1; }
        if (event.kind === 'paused') state.is_paused = true;
    }).then(() => { state.failure ??= 'the run has ended'; }, error => { state.failure = error.message; });
    return pauseAfter(0, 0);";

const RESUME: &str = "
    const { step, elapsed_ms } = window.bench;
    window.bench.is_paused = false;
    await kindling.resume();
    return pauseAfter(step, elapsed_ms);";

/// Both scripts begin with this.
const PAUSE_AFTER: &str = "
    const until = async condition => {
        while (!condition()) {
            if (window.bench.failure) throw new Error(window.bench.failure);
            await new Promise(resolve => setTimeout(resolve, 2));
        }
    };
    const pauseAfter = async (step, elapsed_ms) => {
        const state = window.bench;
        await until(() => state.step > step && state.elapsed_ms >= elapsed_ms + args.time_ms);
        await kindling.pause();
        await until(() => state.is_paused);
        return { step: state.step, elapsed_ms: state.elapsed_ms, n_reads: state.n_reads };
    };";

impl<'a> SteeredRun<'a> {
    /// Starts a run, and pauses it after this time of training.
    pub async fn start(page: &'a Page, config: &Value, time: Duration) -> Result<(Self, Pause)> {
        let args = json!({ "config": config, "time_ms": time.as_millis() as u64 });
        let pause = page.run(&format!("{PAUSE_AFTER}{START}"), args).await?;
        Ok((Self { page }, pause))
    }

    /// Resumes the run for at least this time, and pauses it again.
    pub async fn resume_for(&self, time: Duration) -> Result<Pause> {
        self.page.run(&format!("{PAUSE_AFTER}{RESUME}"), json!({ "time_ms": time.as_millis() as u64 })).await
    }

    pub async fn stop(self) -> Result<()> {
        self.page.run("await kindling.stop()", json!(null)).await
    }
}
