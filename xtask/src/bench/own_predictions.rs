//! Own images: how fast pre-trained features are computed, and how many predictions a second a live camera gets.

use std::time::Duration;

use serde_json::{Value, json};

use super::pictures::{DRAW, N_CLASSES, write_clip};
use super::table::{Table, all, figure, median};
use super::{Bench, Engine};
use crate::drive::{BrowserOptions, Camera, Page, Result};

const N_IMAGES_PER_CLASS: usize = 12;

/// Images until which features are computed on SwiftShader, which is slow: two reports at least, each of a batch of 32.
const N_ON_SWIFT_SHADER: u32 = 64;

/// A network at the camera, with its budget in predictions per second.
const LIVE: [(&str, &str, f64); 2] = [
    ("batch-norm", "`batch-norm` on 64 × 64 pixels", 20.0),
    ("features", "`features`, EfficientNet-Lite0 to block 15", 10.0),
];

/// Makes a dataset of pictures of 160 × 120 pixels, by way of a project.
const LOAD: &str = "
    const grain = noise(160, 120);
    const files = {};
    for (let number = 0; number < args.n_classes * args.per_class; number += 1) {
        const label = number % args.n_classes;
        const file = new File([await draw(number, label, 160, 120, grain)], `${number}.jpg`, { type: 'image/jpeg' });
        (files[`class ${label}`] ??= []).push(file);
    }
    const id = await kindling.createProject('Pictures');
    await kindling.addImages(id, files);
    const { shape } = await kindling.useProject(id);
    return shape.width;";

/// Trains until features of so many images are computed; returns their number and the milliseconds that they took.
const FEATURES: &str = "
    let [begun, first, latest, end] = [0, 0, 0, 0];
    await kindling.train({ network: 'features', epochs: 1 }, event => {
        if (event.stage !== 'computingFeatures' || (latest >= args && end > 0)) return;
        if (begun === 0) [begun, first] = [performance.now(), event.done];
        [latest, end] = [event.done, performance.now()];
        if (latest >= args) kindling.stop();
    });
    return [latest - first, end - begun];";

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let mut features = Table::new(&["engine", "images", "images/s"]);
    for engine in Engine::ALL {
        let n_wanted = if engine == Engine::Cpu { u32::MAX } else { N_ON_SWIFT_SHADER };
        let (n_images, ms): (f64, f64) = bench
            .in_page(engine, async |_, page| {
                load(page).await?;
                page.run(FEATURES, json!(n_wanted)).await
            })
            .await?;
        println!("   features on {}: {n_images} images in {} ms", engine.name(), figure(ms));
        if n_images == 0.0 {
            return Err("the run reported its features only once, so there is no time between two reports".into());
        }
        features.row([engine.name().to_owned(), n_images.to_string(), figure(n_images * 1_000.0 / ms)]);
    }
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.y4m");
    write_clip(&clip)?;
    let options = BrowserOptions { camera: Camera::Showing(clip), ..Default::default() };
    let mut live = Table::new(&["network", "engine", "predictions/s, median", "each", "budget", "within"]);
    for (preset, name, budget) in LIVE {
        let n_readings = bench.times(5);
        for engine in [Engine::Cpu, Engine::TwoThreads] {
            let rates =
                bench.in_browser(&options, engine, async |_, page| rates(page, preset, n_readings).await).await?;
            println!("   {name}, {}: {} predictions/s", engine.name(), all(&rates));
            let within = if median(&rates) >= budget { "yes" } else { "no" };
            let engine = engine.name().to_owned();
            live.row([name.to_owned(), engine, figure(median(&rates)), all(&rates), figure(budget), within.to_owned()]);
        }
    }
    Ok(format!(
        "Pre-trained features of images of 64 × 64 pixels, which the network enlarges to 129 × 129; the first report of the run to the last. WebGPU is SwiftShader \
         here, software on the same cores.\n\n{features}\n\nA webcam of 640 × 480 pixels and 30 frames a second at *Predict*, on the CPU engine with one thread, and with two, as an \
         isolated page on two cores has: what the page shows, read every two seconds. It asks for at most 30 predictions a second.\n\n{live}"
    ))
}

async fn load(page: &Page) -> Result<()> {
    let args = json!({ "n_classes": N_CLASSES, "per_class": N_IMAGES_PER_CLASS });
    let side: u32 = page.run(&format!("{DRAW}{LOAD}"), args).await?;
    if side == 64 { Ok(()) } else { Err(format!("the images have {side} pixels a side").into()) }
}

/// The rates that the page shows of a live camera.
async fn rates(page: &Page, preset: &str, n_readings: usize) -> Result<Vec<f64>> {
    load(page).await?;
    page.run::<Value>("return await kindling.train({ network: args, epochs: 1 })", json!(preset)).await?;
    page.go_to("Predict").await?;
    page.click("tab", "Webcam").await?;
    page.click("button", "Start camera").await?;
    page.wait_for_text("predictions a second", Duration::from_secs(120)).await?;
    let mut rates = Vec::new();
    for _ in 0..n_readings {
        tokio::time::sleep(Duration::from_secs(2)).await;
        rates.push(page.run("return parseFloat(document.querySelector('.live-rate').innerText)", json!(null)).await?);
    }
    Ok(rates)
}
