//! The same training without a browser: `kindling train`, on one thread.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::Bench;
use super::steady::Point;
use super::workload::{Images, Workload, write_random_cifar};
use crate::drive::Result;
use crate::process;

/// The built command line.
pub struct Native {
    program: PathBuf,
    mnist: PathBuf,
    random_cifar: tempfile::TempDir,
}

impl Native {
    pub fn build(bench: &Bench<'_>) -> Result<Self> {
        process::run(
            Command::new("cargo")
                .args(["build", "--release", "--package=kindling-cli", "--no-default-features", "--features=flex"])
                .current_dir(&bench.places.root),
            "the lines above say why",
        )?;
        let name = format!("kindling{}", std::env::consts::EXE_SUFFIX);
        let random_cifar = tempfile::tempdir()?;
        write_random_cifar(random_cifar.path())?;
        Ok(Self {
            program: bench.places.host_target.join("release").join(name),
            mnist: bench.places.root.join("static").join("datasets").join("mnist"),
            random_cifar,
        })
    }

    /// Trains until the run's clock reaches this time, and returns a point for each report.
    pub fn train_for(&self, workload: &Workload, time: Duration) -> Result<Vec<Point>> {
        let folder: &Path = match workload.images {
            Images::Mnist => &self.mnist,
            Images::RandomCifar => self.random_cifar.path(),
        };
        let out = tempfile::tempdir()?;
        let mut program = Command::new(&self.program)
            .arg("train")
            .args(workload.arguments())
            .args(["--json", "--threads=1"])
            .arg("--data")
            .arg(folder)
            .arg("--out")
            .arg(out.path().join("run"))
            .stdout(Stdio::piped())
            .spawn()?;
        let output = program.stdout.take().ok_or("kindling has no output")?;
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

/// The position that a progress or an epoch reports.
fn read_point(line: &str) -> Option<Point> {
    let event: Value = serde_json::from_str(line).ok()?;
    let is_place = event["kind"] == "progress" || event["kind"] == "epoch";
    let step = event["step"].as_u64().and_then(|step| step.try_into().ok())?;
    is_place.then_some(Point { step, elapsed_ms: event["elapsedMs"].as_f64()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_events_are_understood() {
        let progress = r#"{"kind":"progress","step":120,"elapsedMs":1834.21,"losses":[0.5]}"#;
        assert_eq!(read_point(progress), Some(Point { step: 120, elapsed_ms: 1834.21 }));
        assert_eq!(read_point(r#"{"kind":"checkpoint","step":120}"#), None);
    }
}
