//! The same training without a browser: `examples/reference.rs`, on one thread.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Bench;
use super::steady::Point;
use super::workload::{Images, Workload, write_random_cifar};
use crate::drive::Result;
use crate::process;

/// The built example.
pub struct Native {
    program: PathBuf,
    mnist: PathBuf,
    random_cifar: tempfile::TempDir,
}

impl Native {
    pub fn build(bench: &Bench) -> Result<Self> {
        process::run(
            Command::new("cargo")
                .args(["build", "--release", "--example=reference", "--package=kindling"])
                .args(["--no-default-features", "--features=cpu"])
                .current_dir(&bench.root),
            "the lines above say why",
        )?;
        let name = format!("reference{}", std::env::consts::EXE_SUFFIX);
        let random_cifar = tempfile::tempdir()?;
        write_random_cifar(random_cifar.path())?;
        Ok(Self {
            program: bench.host_target.join("release").join("examples").join(name),
            mnist: bench.root.join("static").join("datasets").join("mnist"),
            random_cifar,
        })
    }

    /// Trains until the run's clock has shown this time, and tells when each report came.
    pub fn train_for(&self, workload: &Workload, time: Duration) -> Result<Vec<Point>> {
        let folder: &Path = match workload.images {
            Images::Mnist => &self.mnist,
            Images::RandomCifar => self.random_cifar.path(),
        };
        let mut program = Command::new(&self.program)
            .arg(folder)
            .args(["--preset", workload.preset, "--batch", &workload.batch_size.to_string()])
            .args(["--epochs", "10000", "--progress"])
            // The browser's engine has one thread, too.
            .env("RAYON_NUM_THREADS", "1")
            .stdout(Stdio::piped())
            .spawn()?;
        let output = program.stdout.take().ok_or("the example has no output")?;
        let mut points = Vec::new();
        for line in BufReader::new(output).lines() {
            points.extend(read_point(&line?));
            if points.last().is_some_and(|point| point.elapsed_ms >= time.as_secs_f64() * 1e3) {
                program.kill()?;
                break;
            }
        }
        program.wait()?;
        Ok(points)
    }
}

/// `step 120: 1834.21 ms`.
fn read_point(line: &str) -> Option<Point> {
    let (step, elapsed_ms) = line.strip_prefix("step ")?.strip_suffix(" ms")?.split_once(": ")?;
    Some(Point { step: step.parse().ok()?, elapsed_ms: elapsed_ms.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_progress_is_understood() {
        assert_eq!(read_point("step 120: 1834.21 ms"), Some(Point { step: 120, elapsed_ms: 1834.21 }));
        assert_eq!(read_point("seed 0: 120 steps, 15.28 ms each"), None);
    }
}
