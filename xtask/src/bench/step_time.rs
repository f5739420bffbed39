//! Milliseconds per training step of the CPU engine, beside whatever else trains the same networks on the same core: burn's own CPU backend in
//! the same browser, XLA, and Kindling's command line. All take turns, so that the machine's moods meet all alike.

use std::time::Duration;

use serde_json::{Value, json};

use super::bars;
use super::native::Native;
use super::steady::{Point, WindowConfig, windows};
use super::stock::StockPage;
use super::table::{Table, all, figure, median};
use super::workload::{ALL, BATCH_NORM, LENET, Workload};
use super::xla::Xla;
use super::{Bench, Engine};
use crate::drive::{App, BrowserOptions, Page, Result};

/// What trains, in the order of the turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trainer {
    Stock,
    OneThread,
    TwoThreads,
    Xla,
    Native,
}

pub const TRAINERS: [Trainer; 5] =
    [Trainer::Stock, Trainer::OneThread, Trainer::TwoThreads, Trainer::Xla, Trainer::Native];

const N_ROUNDS: usize = 3;

/// Networks whose first losses are compared with those of burn's backend.
const COMPARED: [Workload; 2] = [LENET, BATCH_NORM];
pub const N_COMPARED: usize = 60;

/// Milliseconds per step in each round; none where a trainer cannot train the network.
pub struct Times {
    pub workload: Workload,
    pub of: [Vec<f64>; TRAINERS.len()],
}

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let stock = StockPage::serve(bench)?;
    let app = App::start(&bench.places.dist, "/", &BrowserOptions::default()).await?;
    let measured = async {
        let page = app.open(Engine::Cpu.query()).await?;
        let mut field = Field {
            window: window(bench),
            stock,
            own: app.server().url(),
            page,
            native: Native::build(bench)?,
            xla: Xla::start(bench).inspect_err(|reason| println!("   XLA takes no part: {reason}")).ok(),
            has_threads: bench.places.dist.join("engine_cpu_threads.js").is_file(),
        };
        let mut times = Vec::new();
        for workload in ALL {
            times.push(field.times(workload, bench.times(N_ROUNDS)).await?);
        }
        let mut differences = Vec::new();
        for workload in COMPARED {
            differences.push((workload, field.difference(&workload).await?));
        }
        Ok(text(&field, bench.times(N_ROUNDS), &times, &differences))
    }
    .await;
    app.quit().await?;
    measured
}

fn window(bench: &Bench<'_>) -> WindowConfig {
    match bench.is_quick {
        true => WindowConfig { warm_up_ms: 500.0, window_ms: 1_000.0 },
        false => WindowConfig { warm_up_ms: 1_000.0, window_ms: 3_000.0 },
    }
}

/// Everything that takes part.
struct Field {
    window: WindowConfig,
    stock: StockPage,
    /// The address of the page as it is built.
    own: String,
    page: Page,
    native: Native,
    xla: Option<Xla>,
    has_threads: bool,
}

impl Field {
    async fn times(&mut self, workload: Workload, n_rounds: usize) -> Result<Times> {
        let mut times = Times { workload, of: Default::default() };
        // As the page completes it.
        let mut config = Value::Null;
        for _ in 0..n_rounds {
            for (trainer, of) in TRAINERS.into_iter().zip(&mut times.of) {
                let ms = match trainer {
                    Trainer::Native => Some(self.steady(&self.native.train_for(&workload, self.duration())?)?),
                    Trainer::Xla => match &mut self.xla {
                        Some(xla) => xla.time(&config, workload.images.shape(), self.window)?,
                        None => None,
                    },
                    Trainer::TwoThreads if !self.has_threads => None,
                    Trainer::Stock | Trainer::OneThread | Trainer::TwoThreads => {
                        self.load(trainer, &workload).await?;
                        let points = workload.train_for(&self.page, self.duration()).await?;
                        config = self.page.run("return (await kindling.currentRun()).config", json!(null)).await?;
                        Some(self.steady(&points)?)
                    }
                };
                of.extend(ms);
            }
        }
        for (trainer, of) in TRAINERS.iter().zip(&times.of) {
            println!("   {}, {}: {} ms", workload.name, trainer.name(), all(of));
        }
        Ok(times)
    }

    /// Opens the page with a trainer's engine and the network's images.
    async fn load(&self, trainer: Trainer, workload: &Workload) -> Result<()> {
        let (url, threads) = match trainer {
            Trainer::Stock => (self.stock.url(), 1),
            Trainer::TwoThreads => (self.own.clone(), 2),
            Trainer::OneThread | Trainer::Xla | Trainer::Native => (self.own.clone(), 1),
        };
        let url = format!("{url}?engine=cpu&threads={threads}");
        self.page.session().goto(url.as_str()).await?;
        self.page.ready().await?;
        workload.load(&self.page).await
    }

    /// Long enough for the warm-up and a window, and for the last report.
    fn duration(&self) -> Duration {
        Duration::from_secs_f64((self.window.warm_up_ms + self.window.window_ms + 500.0) / 1e3)
    }

    fn steady(&self, points: &[Point]) -> Result<f64> {
        Ok(*windows(points, self.window).first().ok_or("no window of steps was timed")?)
    }

    /// The largest relative difference between the losses of the CPU engine and of burn's backend, from equal weights.
    async fn difference(&self, workload: &Workload) -> Result<f64> {
        let mut losses = Vec::new();
        for trainer in [Trainer::Stock, Trainer::OneThread] {
            self.load(trainer, workload).await?;
            losses.push(workload.losses(&self.page, N_COMPARED).await?);
        }
        let [stock, own] = &losses[..] else { return Err("a run is missing".into()) };
        if stock.len() != N_COMPARED || own.len() != N_COMPARED {
            return Err(format!("{} and {} losses instead of {N_COMPARED}", stock.len(), own.len()).into());
        }
        Ok(stock.iter().zip(own).map(|(stock, own)| (own / stock - 1.0).abs()).fold(0.0, f64::max))
    }
}

impl Times {
    pub fn of(&self, trainer: Trainer) -> Option<f64> {
        let index = TRAINERS.iter().position(|known| *known == trainer)?;
        let times = self.of.get(index)?;
        (!times.is_empty()).then(|| median(times))
    }
}

fn text(field: &Field, n_rounds: usize, times: &[Times], differences: &[(Workload, f64)]) -> String {
    let xla = match &field.xla {
        Some(xla) => format!("XLA is that of jax {} on one core, with a batch that stays in memory", xla.version()),
        None => "XLA was not there: `python3` had no jax".to_owned(),
    };
    format!(
        "Milliseconds per step, by turns, {n_rounds} rounds of {} s each after {} s of warm-up, medians. The CPU engine and burn's own backend (“flex”, \
         the same engine without Kindling's kernels) train in the same browser, losses read and drawn; `kindling` is the command line on one thread. \
         {xla}; it has no figure for networks that `xla.py` does not know. Presets train on MNIST, the others of 3×32×32 on random bytes.\n\n{}\n\nWhat \
         was aimed at:\n\n{}\n\n{}",
        field.window.window_ms / 1e3,
        field.window.warm_up_ms / 1e3,
        table(times),
        bars::table(times, differences),
        each(times),
    )
}

fn table(times: &[Times]) -> Table {
    let mut table = Table::new(&[
        "network",
        "flex, 1 thread",
        "CPU engine, 1 thread",
        "gain",
        "2 threads",
        "gain by the second",
        "XLA, 1 thread",
        "CPU engine / XLA",
        "`kindling`, 1 thread",
    ]);
    for times in times {
        let [stock, one, two, xla, native] = TRAINERS.map(|trainer| times.of(trainer));
        let ratio = |over: Option<f64>, under: Option<f64>| over.zip(under).map(|(over, under)| over / under);
        let shown = |value: Option<f64>, unit: &str| value.map_or_else(|| "–".to_owned(), |value| figure(value) + unit);
        table.row([
            times.workload.name.to_owned(),
            shown(stock, ""),
            shown(one, ""),
            shown(ratio(stock, one), "×"),
            shown(two, ""),
            shown(ratio(one, two), "×"),
            shown(xla, ""),
            shown(ratio(one, xla), ""),
            shown(native, ""),
        ]);
    }
    table
}

fn each(times: &[Times]) -> Table {
    let mut table = Table::new(&["network", "by", "ms per step in each round"]);
    for times in times {
        for (trainer, of) in TRAINERS.iter().zip(&times.of).filter(|(_, of)| !of.is_empty()) {
            table.row([times.workload.name.to_owned(), trainer.name().to_owned(), all(of)]);
        }
    }
    table
}

impl Trainer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "flex, 1 thread",
            Self::OneThread => "CPU engine, 1 thread",
            Self::TwoThreads => "CPU engine, 2 threads",
            Self::Xla => "XLA, 1 thread",
            Self::Native => "`kindling`, 1 thread",
        }
    }
}
