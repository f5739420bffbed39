//! What each augmentation adds to a step: time on the CPU engine, dispatches on WebGPU.

use std::time::Duration;

use serde_json::{Value, json};

use super::gpu_calls::dispatches;
use super::steered_run::SteeredRun;
use super::table::{Table, figure, median};
use super::workload::LENET;
use super::{Bench, Engine};
use crate::drive::{EngineWorker, Page, Result};

const WARM_UP: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(4);

/// Each is measured by itself; its strength does not change its cost.
const AUGMENTATIONS: [(&str, f64); 13] = [
    ("flip", 0.5),
    ("shift", 0.1),
    ("rotationDegrees", 10.0),
    ("zoom", 0.1),
    ("shearDegrees", 10.0),
    ("brightness", 0.2),
    ("contrast", 0.2),
    ("saturation", 0.2),
    ("hue", 0.1),
    ("noise", 0.05),
    ("cutout", 0.3),
    ("mixup", 0.2),
    ("cutmix", 0.2),
];

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let time = bench.in_page(Engine::Cpu, async |_, page| times(bench, page).await).await?;
    let calls = bench.in_page(Engine::WebGpu, async |_, page| calls(page).await).await?;
    let mut table =
        Table::new(&["augmentation", "ms per step", "against none", "dispatches per step", "more than none"]);
    for (place, name) in names().enumerate() {
        let [Some(&ms), Some(&plain_ms)] = [time.get(place), time.first()] else {
            return Err("a time is missing".into());
        };
        let [Some(&n_calls), Some(&plain)] = [calls.get(place), calls.first()] else {
            return Err("a count is missing".into());
        };
        println!("   {name}: {} ms, {} dispatches", figure(ms), figure(n_calls));
        table.row([
            name.to_owned(),
            figure(ms),
            format!("{:+.0}%", 100.0 * (ms / plain_ms - 1.0)),
            figure(n_calls),
            figure(n_calls - plain),
        ]);
    }
    Ok(format!(
        "{} on random bytes, each augmentation alone. Time is of the CPU engine, median of {} windows of {} s, by turns; dispatches are of the \
         WebGPU engine.\n\n{table}",
        LENET.name,
        bench.times(3),
        WINDOW.as_secs(),
    ))
}

/// Without augmentation first.
fn names() -> impl Iterator<Item = &'static str> {
    ["none"].into_iter().chain(AUGMENTATIONS.iter().map(|(name, _)| *name))
}

fn config(name: &str) -> Value {
    let mut config = LENET.config();
    if let Some((name, strength)) = AUGMENTATIONS.iter().find(|(known, _)| *known == name) {
        config["augment"] = json!({ *name: strength });
    }
    config
}

/// Milliseconds per step. All augmentations take turns, so that other load on the machine affects all alike.
async fn times(bench: &Bench<'_>, page: &Page) -> Result<Vec<f64>> {
    LENET.load(page).await?;
    let mut found = vec![Vec::new(); names().count()];
    for _ in 0..bench.times(3) {
        for (name, found) in names().zip(&mut found) {
            let (run, before) = SteeredRun::start(page, &config(name), WARM_UP).await?;
            let after = run.resume_for(WINDOW).await?;
            run.stop().await?;
            found.push((after.elapsed_ms - before.elapsed_ms) / f64::from(after.step - before.step));
        }
    }
    Ok(found.iter().map(|each| median(each)).collect())
}

async fn calls(page: &Page) -> Result<Vec<f64>> {
    LENET.load(page).await?;
    let mut worker = EngineWorker::attach(page).await?;
    let mut found = Vec::new();
    for name in names() {
        let (run, before) = SteeredRun::start(page, &config(name), WARM_UP).await?;
        let n_before = dispatches(&mut worker).await?;
        let after = run.resume_for(WINDOW).await?;
        let n_after = dispatches(&mut worker).await?;
        run.stop().await?;
        found.push(f64::from(n_after - n_before) / f64::from(after.step - before.step));
    }
    Ok(found)
}
