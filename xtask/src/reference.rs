//! `cargo xtask reference`: trains the presets that promise an accuracy, natively, with three seeds each, and writes their table in
//! BENCHMARKS.md. A row takes minutes to hours, so each is written as soon as it is measured, and the others are unchanged.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::places::Places;
use crate::process;

#[derive(Args, Clone, Debug)]
pub struct ReferenceOptions {
    /// Train only the rows whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    #[arg(long, default_value_t = 3)]
    seeds: u32,
    /// The folder of CIFAR-10's binary batches; without it, its rows are left out
    #[arg(long, value_name = "FOLDER")]
    cifar10: Option<PathBuf>,
}

/// A recipe, and the test accuracy that it must reach.
struct Row {
    name: &'static str,
    dataset: Dataset,
    preset: &'static str,
    /// Percent.
    bar: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dataset {
    /// The dataset in this folder of static/datasets.
    Served(&'static str),
    Cifar10,
}

const ROWS: [Row; 7] = [
    Row { name: "MNIST, One minute", dataset: Dataset::Served("mnist"), preset: "one-minute", bar: 99.0 },
    Row {
        name: "MNIST, Small CNN with batch norm",
        dataset: Dataset::Served("mnist"),
        preset: "batch-norm",
        bar: 99.5,
    },
    Row {
        name: "Fashion-MNIST, Small CNN with batch norm",
        dataset: Dataset::Served("fashion-mnist"),
        preset: "batch-norm",
        bar: 93.0,
    },
    Row { name: "MNIST, LSTM over rows", dataset: Dataset::Served("mnist"), preset: "lstm-rows", bar: 98.5 },
    Row { name: "MNIST, Small vision transformer", dataset: Dataset::Served("mnist"), preset: "vit", bar: 98.5 },
    Row { name: "CIFAR-10, Small CNN with batch norm", dataset: Dataset::Cifar10, preset: "batch-norm", bar: 80.0 },
    Row { name: "CIFAR-10, ResNet-9", dataset: Dataset::Cifar10, preset: "resnet9", bar: 92.0 },
];

const BEGIN: &str = "<!-- reference:begin -->";
const END: &str = "<!-- reference:end -->";

const HEADER: &str = "| recipe | bar | test accuracy, mean ± deviation | each seed | epochs | time a seed |\n\
                      | --- | ---: | ---: | ---: | ---: | ---: |";

pub fn run(places: &Places, options: &ReferenceOptions) -> Result<()> {
    let program = build(places)?;
    let wanted = |row: &&Row| options.only.as_ref().is_none_or(|text| row.name.contains(text.as_str()));
    let rows: Vec<&Row> = ROWS.iter().filter(wanted).collect();
    if rows.is_empty() {
        bail!("no recipe has such a name; these are known: {}", ROWS.map(|row| row.name).join("; "));
    }
    for row in rows {
        let folder = match row.dataset {
            Dataset::Served(id) => places.root.join("static").join("datasets").join(id),
            Dataset::Cifar10 => match &options.cifar10 {
                Some(folder) => folder.clone(),
                None => {
                    println!("== {}: left out, --cifar10 names no folder", row.name);
                    continue;
                }
            },
        };
        println!("== {}", row.name);
        let outcome = train(&program, &folder, &places.host_target.join("reference-runs"), row, options.seeds)?;
        let line = outcome.line(row);
        println!("{line}\n");
        let path = places.root.join("BENCHMARKS.md");
        let document = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        fs::write(&path, with_row(&document, row.name, &line)?)?;
    }
    Ok(())
}

fn build(places: &Places) -> Result<PathBuf> {
    process::run(
        Command::new("cargo")
            .args(["build", "--release", "--package=kindling-cli", "--no-default-features", "--features=flex"])
            .current_dir(&places.root),
        "the lines above say why",
    )?;
    Ok(places.host_target.join("release").join(format!("kindling{}", std::env::consts::EXE_SUFFIX)))
}

/// The results of a row, for all seeds.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Percent, on the test set.
    accuracies: Vec<f64>,
    epochs: u32,
    seconds: f64,
}

/// Trains with each seed, and evaluates the resulting network on the test set.
fn train(program: &Path, folder: &Path, runs: &Path, row: &Row, seeds: u32) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for seed in 0..seeds {
        let out = runs.join(seed.to_string());
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        println!("seed {seed}");
        let mut training = Command::new(program);
        training.args(["train", row.preset, "--json", "--set", &format!("seed={seed}")]);
        for event in run_program(training.arg("--data").arg(folder).arg("--out").arg(&out))? {
            outcome.read(&event);
        }
        let mut testing = Command::new(program);
        testing.arg("evaluate").arg(&out).arg("--data").arg(folder).args(["--split", "test", "--json"]);
        for evaluation in run_program(&mut testing)? {
            outcome.read(&evaluation);
        }
    }
    if outcome.accuracies.len() as u32 != seeds {
        bail!("kindling told no accuracy: the lines above say why");
    }
    Ok(outcome)
}

/// The JSON objects that kindling prints, without progress and samples. Epochs are also printed as they arrive.
fn run_program(program: &mut Command) -> Result<Vec<Value>> {
    let mut child = program.stdout(Stdio::piped()).spawn().context("kindling could not be started")?;
    let output = child.stdout.take().context("kindling has no output")?;
    let mut events = Vec::new();
    for line in BufReader::new(output).lines() {
        let event: Value = serde_json::from_str(&line?).context("kindling printed no JSON")?;
        if event["kind"] == "epoch" {
            println!("{event}");
        }
        if event["kind"] != "progress" && event["kind"] != "samples" {
            events.push(event);
        }
    }
    if !child.wait()?.success() {
        bail!("kindling did not come to its end: the lines above say why");
    }
    Ok(events)
}

impl Outcome {
    /// Adds an epoch, the end of a run, or the evaluation of its network.
    fn read(&mut self, event: &Value) {
        if event["kind"] == "epoch" {
            let epoch = event["epoch"].as_u64().and_then(|epoch| u32::try_from(epoch + 1).ok());
            self.epochs = self.epochs.max(epoch.unwrap_or(0));
        } else if event["kind"] == "finished" {
            self.seconds += event["elapsedMs"].as_f64().unwrap_or_default() / 1_000.0;
        } else if event["split"] == "test" {
            self.accuracies.extend(event["accuracy"].as_f64().map(|accuracy| 100.0 * accuracy));
        }
    }

    fn line(&self, row: &Row) -> String {
        let n_seeds = self.accuracies.len().max(1) as f64;
        let mean = self.accuracies.iter().sum::<f64>() / n_seeds;
        // The deviation of a sample: over n - 1.
        let squares: f64 = self.accuracies.iter().map(|accuracy| (accuracy - mean).powi(2)).sum();
        let deviation = (squares / (n_seeds - 1.0).max(1.0)).sqrt();
        let each: Vec<String> = self.accuracies.iter().map(|accuracy| format!("{accuracy:.2}")).collect();
        let verdict = if mean >= row.bar { "" } else { " (below)" };
        format!(
            "| {} | {:.1}% | {mean:.2}% ± {deviation:.2}{verdict} | {} | {} | {:.0} s |",
            row.name,
            row.bar,
            each.join(" / "),
            self.epochs,
            self.seconds / n_seeds,
        )
    }
}

/// The document with one row of the table replaced or added, in the order of [`ROWS`].
fn with_row(document: &str, name: &str, line: &str) -> Result<String> {
    let missing = || format!("BENCHMARKS.md lacks the marks {BEGIN} and {END} on lines of their own: put them back");
    let (before, rest) = document.split_once(BEGIN).with_context(missing)?;
    let (table, after) = rest.split_once(END).with_context(missing)?;
    let of = |name: &str| table.lines().find(|line| line.starts_with(&format!("| {name} |"))).map(str::to_owned);
    let lines = ROWS.iter().filter_map(|row| if row.name == name { Some(line.to_owned()) } else { of(row.name) });
    let lines: Vec<String> = lines.collect();
    Ok(format!("{before}{BEGIN}\n\n{HEADER}\n{}\n\n{END}{after}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kindling_prints_is_understood() {
        let mut outcome = Outcome::default();
        for event in [
            json!({ "kind": "epoch", "epoch": 0, "elapsedMs": 30_500.0 }),
            json!({ "kind": "epoch", "epoch": 1, "elapsedMs": 60_000.0 }),
            json!({ "kind": "finished", "elapsedMs": 60_000.0 }),
            json!({ "split": "test", "accuracy": 0.989 }),
            json!({ "split": "test", "accuracy": 0.991 }),
        ] {
            outcome.read(&event);
        }
        assert_eq!(outcome, Outcome { accuracies: vec![98.9, 99.1], epochs: 2, seconds: 60.0 });
        let expected = "| MNIST, One minute | 99.0% | 99.00% ± 0.14 | 98.90 / 99.10 | 2 | 30 s |";
        assert_eq!(outcome.line(&ROWS[0]), expected);
        assert!(outcome.line(&ROWS[1]).contains("(below)"));
    }

    #[test]
    fn a_row_takes_its_place_and_the_others_stay() {
        let document = format!("# Title\n\n{BEGIN}\n{END}\n\nafter\n");
        let second = with_row(&document, ROWS[1].name, "| MNIST, Small CNN with batch norm | new |").unwrap();
        let both = with_row(&second, ROWS[0].name, "| MNIST, One minute | old |").unwrap();
        let both = with_row(&both, ROWS[0].name, "| MNIST, One minute | new |").unwrap();
        let expected = format!(
            "# Title\n\n{BEGIN}\n\n{HEADER}\n| MNIST, One minute | new |\n| MNIST, Small CNN with batch norm | new |\n\n{END}\n\nafter\n"
        );
        assert_eq!(both, expected);
        assert!(with_row("# Title", ROWS[0].name, "").is_err());
    }
}
