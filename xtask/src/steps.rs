//! Named steps, timed, with a summary at the end.

use std::time::{Duration, Instant};

use anyhow::Result;

#[derive(Default)]
pub struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("== {name}");
        let start = Instant::now();
        let result = step().map_err(|error| error.context(format!("{name} failed")));
        self.done.push((name.to_owned(), start.elapsed()));
        result
    }

    /// One line per step and its time.
    pub fn summary(&self, result: &Result<()>) {
        println!("== summary");
        let last = self.done.len().saturating_sub(1);
        for (index, (name, elapsed)) in self.done.iter().enumerate() {
            let mark = if result.is_err() && index == last { "FAILED" } else { "ok" };
            println!("{mark:6} {name:<40} {:>7.1} s", elapsed.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, elapsed)| *elapsed).sum();
        println!("{:6} {:<40} {:>7.1} s", "", "total", total.as_secs_f64());
    }
}
