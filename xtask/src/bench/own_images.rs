//! Own images: how fast they are imported, whether the page stays responsive meanwhile, and the memory that page and engine take together.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::pictures::{DRAW, N_CLASSES, SIZE, write_zip};
use super::processes::{Process, ProcessKind};
use super::table::{Table, figure, megabytes};
use super::{Bench, Engine};
use crate::drive::{App, EngineWorker, Page, Result};

const MEMORY_BUDGET_MB: u64 = 700;

const TASK_BUDGET_MS: f64 = 50.0;

/// What the budget is for comes last.
const N_IMAGES: [usize; 2] = [1_000, 10_000];

/// Photos of 12 megapixels that are added to a project.
const N_PHOTOS: usize = 40;

/// A phase of the import.
struct Phase {
    name: &'static str,
    n_images: usize,
    seconds: f64,
    /// Durations of the page's tasks over 50 ms.
    long_tasks_ms: Vec<f64>,
    /// The most of the page's process so far.
    process_bytes: Option<u64>,
    heap_bytes: Option<u64>,
}

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let mut table = Table::new(&[
        "what",
        "images",
        "images/s",
        "tasks of the page over 50 ms",
        "longest",
        "page's process, most",
        "engine's heap",
    ]);
    let (mut phases, mut picture_bytes) = (Vec::new(), 0);
    for n_images in N_IMAGES.into_iter().take(if bench.is_quick { 1 } else { 2 }) {
        let path = folder.path().join(format!("{n_images}.zip"));
        let written = bench.in_page(Engine::Cpu, async |_, page| write_zip(page, n_images, &path).await);
        picture_bytes = written.await?;
        // Each in a browser of its own, whose memory only grows.
        phases.push(bench.in_page(Engine::Cpu, async |app, page| dropped(app, page, &path, n_images).await).await?);
        phases.extend(bench.in_page(Engine::Cpu, async |app, page| project(app, page, &path, n_images).await).await?);
    }
    phases.push(bench.in_page(Engine::Cpu, async |app, page| photos(app, page, bench.times(N_PHOTOS)).await).await?);
    for phase in &phases {
        let row = phase.row();
        println!("   {}", row.join(", "));
        table.row(row);
    }
    let [width, height] = SIZE;
    Ok(format!(
        "Zips of JPEG files of {width} × {height} pixels, {} kB each, in {N_CLASSES} folders, as a visitor picks them; and photos of 12 megapixels. The engine makes \
         images of 64 × 64 pixels of them. A *project* is what the browser keeps: each file is checked, decoded once, and stored before it counts. The page's \
         process has the browser's own code, the page and the engine in it; its figure is the most that was resident so far. Budgets: {MEMORY_BUDGET_MB} MB with \
         {} images, no task of the page over {TASK_BUDGET_MS} ms.\n\n{table}",
        figure(picture_bytes as f64 / 1e3),
        N_IMAGES.into_iter().max().unwrap_or_default(),
    ))
}

impl Phase {
    fn row(&self) -> Vec<String> {
        let longest = self.long_tasks_ms.iter().copied().fold(0.0, f64::max);
        let shown = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), megabytes);
        vec![
            self.name.to_owned(),
            self.n_images.to_string(),
            figure(self.n_images as f64 / self.seconds),
            self.long_tasks_ms.len().to_string(),
            if self.long_tasks_ms.is_empty() { "none".to_owned() } else { format!("{} ms", figure(longest)) },
            shown(self.process_bytes),
            shown(self.heap_bytes),
        ]
    }
}

/// Measures what happens until `work` has ended.
async fn phase(
    (app, page): (&App, &Page),
    name: &'static str,
    n_images: usize,
    work: impl AsyncFnOnce() -> Result<()>,
) -> Result<Phase> {
    page.run::<()>("window.journey.longTasks = []", json!(null)).await?;
    let start = Instant::now();
    work().await?;
    let seconds = start.elapsed().as_secs_f64();
    let long_tasks_ms = page.run("return window.journey.longTasks.map(task => task.duration)", json!(null)).await?;
    let process = Process::find(app.browser().root_process(), ProcessKind::Renderer);
    Ok(Phase {
        name,
        n_images,
        seconds,
        long_tasks_ms,
        process_bytes: process.and_then(Process::peak_bytes),
        heap_bytes: None,
    })
}

/// A zip is dropped as a dataset.
async fn dropped(app: &App, page: &Page, zip: &Path, n_images: usize) -> Result<Phase> {
    page.go_to("Data").await?;
    let mut found = phase((app, page), "a zip becomes the dataset", n_images, async || {
        pick(page, "Dataset files*", zip).await?;
        wait_for_dataset(page).await
    })
    .await?;
    found.heap_bytes = Some(EngineWorker::attach(page).await?.wasm_heap_bytes().await?);
    Ok(found)
}

/// A zip becomes a project, and the project the dataset.
async fn project(app: &App, page: &Page, zip: &Path, n_images: usize) -> Result<[Phase; 2]> {
    page.go_to("Data").await?;
    let imported = phase((app, page), "a zip becomes a project", n_images, async || {
        pick(page, "Project file, or a zip with one folder per class", zip).await?;
        // Said once the last image is stored.
        until(page, "document.querySelector('.collect-bar')?.innerText.includes('are in the project')").await
    })
    .await?;
    let kept = "return (await kindling.projects())[0].classes.reduce((sum, { images }) => sum + images, 0)";
    let n_kept: usize = page.run(kept, json!(null)).await?;
    if n_kept != n_images {
        return Err(format!("{n_kept} of {n_images} images are in the project").into());
    }
    let mut used = phase((app, page), "the project becomes the dataset", n_images, async || {
        page.click("button", "Use these images").await?;
        wait_for_dataset(page).await
    })
    .await?;
    used.heap_bytes = Some(EngineWorker::attach(page).await?.wasm_heap_bytes().await?);
    Ok([imported, used])
}

/// Photos are added to a project.
async fn photos(app: &App, page: &Page, n_images: usize) -> Result<Phase> {
    page.go_to("Data").await?;
    let prepare = format!(
        "{DRAW}
         window.photos = [];
         const grain = noise(4000, 3000);
         for (let number = 0; number < args; number += 1)
             photos.push(new File([await draw(number, number % 10, 4000, 3000, grain)], `${{number}}.jpg`, {{ type: 'image/jpeg' }}));
         await kindling.createProject('Photos', ['photo']);"
    );
    page.run::<()>(&prepare, json!(n_images)).await?;
    let add = "const [{ id }] = await kindling.projects();
               const { added } = await kindling.addImages(id, { photo: photos });
               if (added !== args) throw new Error(`${added} photos were added`);";
    phase((app, page), "photos of 12 megapixels are added to a project", n_images, async || {
        page.run::<()>(add, json!(n_images)).await
    })
    .await
}

async fn pick(page: &Page, name: &str, path: &Path) -> Result<()> {
    Ok(page.control("file", name).await?.send_keys(path.display().to_string()).await?)
}

async fn wait_for_dataset(page: &Page) -> Result<()> {
    until(page, "document.body.innerText.includes('Dataset summary: ') && !document.querySelector('.load')").await
}

/// Waits without keeping the page busy.
async fn until(page: &Page, expression: &str) -> Result<()> {
    page.run(&format!("while (!({expression})) await new Promise(done => setTimeout(done, 100));"), json!(null)).await
}
