//! The same networks trained by jax, whose XLA compiles for one core, where Python has it: `xla.py` beside this file.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::Bench;
use super::steady::WindowConfig;
use crate::drive::Result;

pub struct Xla {
    program: Child,
    tasks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    version: String,
}

impl Xla {
    /// Starts Python; fails where there is none, or none with jax.
    pub fn start(bench: &Bench<'_>) -> Result<Self> {
        let mut program = Command::new("python3")
            .arg(bench.places.root.join("xtask").join("src").join("bench").join("xla.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Without jax it would be a traceback.
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("no python3 ({error})"))?;
        let tasks = program.stdin.take().ok_or("python3 has no input")?;
        let answers = program.stdout.take().ok_or("python3 has no output")?;
        let mut xla = Self { program, tasks, answers: BufReader::new(answers).lines(), version: String::new() };
        let greeting = xla.answer().map_err(|_| "python3 has no jax: `pip install jax`")?;
        xla.version = greeting["version"].as_str().unwrap_or_default().to_owned();
        Ok(xla)
    }

    /// Of jax.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Milliseconds per step of a config as `kindling.currentRun()` has it; none if the script does not know something in it.
    pub fn time(&mut self, config: &Value, shape: [usize; 3], window: WindowConfig) -> Result<Option<f64>> {
        let task = json!({
            "config": config,
            "shape": shape,
            "n_classes": 10,
            "warm_up_s": window.warm_up_ms / 1e3,
            "window_s": window.window_ms / 1e3,
        });
        writeln!(self.tasks, "{task}")?;
        self.tasks.flush()?;
        Ok(self.answer()?["ms"].as_f64())
    }

    fn answer(&mut self) -> Result<Value> {
        let line = self.answers.next().ok_or("xla.py has ended: run it by hand to see why")??;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Xla {
    fn drop(&mut self) {
        // It fails only if the program has ended.
        self.program.kill().ok();
        self.program.wait().ok();
    }
}
