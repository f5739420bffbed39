//! How soon the default preset reaches which accuracy on MNIST's test images, on the CPU engine.

use serde_json::json;

use super::table::{Table, figure, median};
use super::workload::load_mnist;
use super::{Bench, Engine};
use crate::drive::{Page, Result};

const BARS: [f64; 3] = [0.97, 0.98, 0.99];
const N_SEEDS: usize = 3;

/// An evaluation on the test images after this time of training.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
struct Evaluation {
    elapsed_ms: f64,
    accuracy: f64,
}

/// The run is paused for each evaluation, and its clock with it. The last evaluation is of the network that the run keeps.
const TRAIN: &str = "
    const evaluations = [];
    let everySteps = 0, next = Infinity, elapsedMs = 0, failure = null;
    const evaluate = async event => {
        const { accuracy } = await kindling.evaluate('test');
        evaluations.push({ elapsed_ms: elapsedMs, accuracy });
        next = event.step + everySteps;
        await kindling.resume();
    };
    const report = await kindling.train({ seed: args.seed }, event => {
        if (event.kind === 'started') next = everySteps = Math.floor(event.stepsPerEpoch / args.evaluations_per_epoch);
        if (event.kind === 'progress') {
            elapsedMs = event.elapsedMs;
            if (event.step >= next) { next = Infinity; kindling.pause(); }
        }
        if (event.kind === 'paused') evaluate(event).catch(error => { failure = error; kindling.stop(); });
    });
    if (failure) throw failure;
    const { accuracy } = await kindling.evaluate('test');
    evaluations.push({ elapsed_ms: report.elapsedMs, accuracy });
    return evaluations;";

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let mut rows = Vec::new();
    let mut table = Table::new(&["seed", "97%", "98%", "99%", "whole run", "accuracy at the end"]);
    for seed in 0..bench.times(N_SEEDS) {
        let evaluations = bench.in_page(Engine::Cpu, async |_, page| train(page, seed).await).await?;
        let last = evaluations.last().ok_or("the run was never looked at")?;
        let seconds = BARS.map(|bar| seconds_to(&evaluations, bar));
        println!("   seed {seed}: {}, at the end {:.2}%", seconds.map(seconds_text).join(", "), 100.0 * last.accuracy);
        let end = [seconds_text(Some(last.elapsed_ms / 1e3)), format!("{:.2}%", 100.0 * last.accuracy)];
        table.row([seed.to_string()].into_iter().chain(seconds.map(seconds_text)).chain(end));
        rows.push((seconds, last.elapsed_ms / 1e3, last.accuracy));
    }
    let middle = |place: usize| {
        // An accuracy that was not reached counts as later than any that was.
        let seconds = rows.iter().map(|(seconds, _, _)| seconds.get(place).copied().flatten().unwrap_or(f64::INFINITY));
        let seconds = median(&seconds.collect::<Vec<_>>());
        seconds_text(seconds.is_finite().then_some(seconds))
    };
    let run = median(&rows.iter().map(|(_, seconds, _)| *seconds).collect::<Vec<_>>());
    let accuracy = median(&rows.iter().map(|(_, _, accuracy)| *accuracy).collect::<Vec<_>>());
    let end = [seconds_text(Some(run)), format!("{:.2}%", 100.0 * accuracy)];
    table.row(["median".to_owned()].into_iter().chain((0..BARS.len()).map(middle)).chain(end));
    Ok(format!(
        "The default preset, “One minute”, on the CPU engine: seconds of training, validations included, until the test set was first classified this \
         well. It was looked at {EVALUATIONS_PER_EPOCH} times an epoch, the clock standing still meanwhile. The end is the network that validation chose. The test \
         set chose nothing here.\n\n{table}"
    ))
}

const EVALUATIONS_PER_EPOCH: u32 = 4;

async fn train(page: &Page, seed: usize) -> Result<Vec<Evaluation>> {
    load_mnist(page).await?;
    page.run(TRAIN, json!({ "seed": seed, "evaluations_per_epoch": EVALUATIONS_PER_EPOCH })).await
}

fn seconds_to(evaluations: &[Evaluation], bar: f64) -> Option<f64> {
    evaluations.iter().find(|evaluation| evaluation.accuracy >= bar).map(|evaluation| evaluation.elapsed_ms / 1e3)
}

fn seconds_text(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "not met".to_owned(), |seconds| format!("{} s", figure(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_look_that_meets_a_bar_counts() {
        let evaluations = [(1_000.0, 0.96), (2_000.0, 0.975), (3_000.0, 0.969), (4_000.0, 0.98)]
            .map(|(elapsed_ms, accuracy)| Evaluation { elapsed_ms, accuracy });
        assert_eq!(BARS.map(|bar| seconds_to(&evaluations, bar)), [Some(2.0), Some(4.0), None]);
        assert_eq!(seconds_text(None), "not met");
    }
}
