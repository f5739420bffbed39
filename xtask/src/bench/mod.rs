//! `cargo xtask bench`: measures the built app against its budgets and writes BENCHMARKS.md.

mod sizes;

mod page_load;

mod first_step;

mod kernels;

mod step_time;

mod bars;

mod gpu_calls;

mod augmentation;
mod monitoring;

mod page_thread;

mod accuracy;

mod exports;

mod memory;

mod own_images;
mod own_predictions;

mod pictures;

mod workload;

mod native;

mod stock;

mod xla;

mod steady;

mod steered_run;

mod processes;

mod machine;

mod table;

mod document;

use std::fs;

use self::machine::Machine;
use crate::drive::{App, BrowserOptions, Page, Result};
use crate::driven::{BenchOptions, Measurement};
use crate::places::Places;

/// What measurements need to know.
pub struct Bench<'a> {
    places: &'a Places,
    is_quick: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    Cpu,
    TwoThreads,
    WebGpu,
}

const FILE: &str = "BENCHMARKS.md";

/// Measures, prints its progress, and writes each section as soon as it is measured: all of them take most of an hour.
pub async fn run(places: &Places, options: &BenchOptions) -> Result<()> {
    let bench = Bench { places, is_quick: options.quick };
    let wanted = if options.only.is_empty() { Measurement::ALL } else { &options.only };

    let machine = bench.in_page(Engine::Cpu, async |_, page| Machine::describe(page).await).await?;
    let mut failed = Vec::new();
    for &measurement in wanted {
        println!("== {}", measurement.title());
        match measurement.measure(&bench).await {
            Ok(text) => {
                println!("{text}\n");
                if !options.quick {
                    bench.write(document::Section {
                        title: measurement.title(),
                        text: format!("{machine}\n\n{text}"),
                    })?;
                }
            }
            Err(error) => {
                eprintln!("{error}");
                let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
                failed.push(format!("{} ({reason})", measurement.title()));
            }
        }
    }
    if !failed.is_empty() {
        return Err(
            format!("{FILE} keeps its old sections of what could not be measured: {}", failed.join(", ")).into()
        );
    }
    println!(
        "{}",
        if options.quick { "a quick run: BENCHMARKS.md stays as it was" } else { "BENCHMARKS.md is written" }
    );
    Ok(())
}

impl Measurement {
    const ALL: &[Self] = &[
        Self::Sizes,
        Self::PageLoad,
        Self::FirstStep,
        Self::Kernels,
        Self::StepTime,
        Self::GpuCalls,
        Self::Augmentation,
        Self::Monitoring,
        Self::PageThread,
        Self::Accuracy,
        Self::Exports,
        Self::Memory,
        Self::OwnImages,
        Self::OwnPredictions,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Sizes => "Sizes",
            Self::PageLoad => "Loading the page",
            Self::FirstStep => "Until the first step",
            Self::Kernels => "The CPU's kernels by shape",
            Self::StepTime => "Time per step",
            Self::GpuCalls => "WebGPU calls per step",
            Self::Augmentation => "What augmentations cost",
            Self::Monitoring => "Looking inside the network",
            Self::PageThread => "The page's thread while training",
            Self::Accuracy => "MNIST: seconds to an accuracy",
            Self::Exports => "Exported networks",
            Self::Memory => "Memory",
            Self::OwnImages => "Own images: import and memory",
            Self::OwnPredictions => "Own images: features and live predictions",
        }
    }

    /// Measures; returns the section's text.
    async fn measure(self, bench: &Bench<'_>) -> Result<String> {
        match self {
            Self::Sizes => sizes::measure(bench),
            Self::PageLoad => page_load::measure(bench).await,
            Self::FirstStep => first_step::measure(bench).await,
            Self::Kernels => kernels::measure(bench).await,
            Self::StepTime => step_time::measure(bench).await,
            Self::GpuCalls => gpu_calls::measure(bench).await,
            Self::Augmentation => augmentation::measure(bench).await,
            Self::Monitoring => monitoring::measure(bench).await,
            Self::PageThread => page_thread::measure(bench).await,
            Self::Accuracy => accuracy::measure(bench).await,
            Self::Exports => exports::measure(bench).await,
            Self::Memory => memory::measure(bench).await,
            Self::OwnImages => own_images::measure(bench).await,
            Self::OwnPredictions => own_predictions::measure(bench).await,
        }
    }
}

impl Bench<'_> {
    fn write(&self, section: document::Section) -> Result<()> {
        let file = self.places.root.join(FILE);
        let text =
            fs::read_to_string(&file).map_err(|error| format!("{FILE} cannot be read ({error}): take it from git"))?;
        let titles: Vec<&str> = Measurement::ALL.iter().map(|measurement| measurement.title()).collect();
        Ok(fs::write(&file, document::with_sections(&text, &titles, &[section])?)?)
    }

    /// How often something is repeated; once in a quick run.
    fn times(&self, times: usize) -> usize {
        if self.is_quick { 1 } else { times }
    }

    /// Works in a new browser with an empty profile, on this engine, and closes the browser whatever the result.
    async fn in_page<T>(&self, engine: Engine, work: impl AsyncFnOnce(&App, &Page) -> Result<T>) -> Result<T> {
        self.in_browser(&BrowserOptions::default(), engine, work).await
    }

    /// As [`Bench::in_page`], in a browser of the visitor's machine and settings.
    async fn in_browser<T>(
        &self,
        options: &BrowserOptions,
        engine: Engine,
        work: impl AsyncFnOnce(&App, &Page) -> Result<T>,
    ) -> Result<T> {
        let app = App::start(&self.places.dist, "/", options).await?;
        let result = async {
            let page = app.open(engine.query()).await?;
            page.ready().await?;
            work(&app, &page).await
        }
        .await;
        app.quit().await?;
        result
    }
}

impl Engine {
    /// One of each device.
    const ALL: [Self; 2] = [Self::Cpu, Self::WebGpu];

    fn query(self) -> &'static str {
        match self {
            // One thread, like the figures that stand beside it.
            Self::Cpu => "?engine=cpu&threads=1",
            Self::TwoThreads => "?engine=cpu&threads=2",
            Self::WebGpu => "?engine=webgpu",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU engine",
            Self::TwoThreads => "CPU engine, 2 threads",
            Self::WebGpu => "WebGPU engine on SwiftShader",
        }
    }
}
