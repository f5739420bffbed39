//! The CPU's kernels one by one, as a share of what the processor's vectors reach in the same thread of the browser.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::table::{Table, figure, median};
use super::{Bench, Engine};
use crate::build;
use crate::drive::{Page, Result};
use crate::toolchain::Toolchain;

const N_IMAGES: usize = 64;

/// What is timed: a convolution of square maps with square kernels, or a linear layer.
#[derive(Clone, Copy)]
enum Work {
    Conv { channels: usize, side: usize, filters: usize, kernel: usize, padding: usize },
    Linear { inputs: usize, units: usize },
}

/// The layers of LeNet, of the MNIST net and of VGG-small (see `workload.rs`) in which their time goes.
const NETWORKS: [(&str, &[Work]); 3] = [
    ("LeNet", &[valid([3, 32, 6, 5]), valid([6, 14, 16, 5]), linear(400, 120)]),
    ("MNIST net", &[valid([1, 28, 24, 5]), valid([24, 12, 32, 3]), linear(800, 128)]),
    (
        "VGG-small",
        &[
            same([3, 32, 32]),
            same([32, 32, 32]),
            same([32, 16, 64]),
            same([64, 16, 64]),
            same([64, 8, 128]),
            same([128, 8, 128]),
            linear(2048, 128),
        ],
    ),
];

const fn valid([channels, side, filters, kernel]: [usize; 4]) -> Work {
    Work::Conv { channels, side, filters, kernel, padding: 0 }
}

/// A kernel of 3×3 that keeps the maps' size.
const fn same([channels, side, filters]: [usize; 3]) -> Work {
    Work::Conv { channels, side, filters, kernel: 3, padding: 1 }
}

const fn linear(inputs: usize, units: usize) -> Work {
    Work::Linear { inputs, units }
}

/// Loads the module of `crates/kernels/examples/measure.rs`.
const LOAD: &str = "
    const bytes = Uint8Array.from(atob(args.module), letter => letter.charCodeAt(0));
    const { instance } = await WebAssembly.instantiate(bytes);
    window.bench = instance.exports;";

/// The peak in GFLOP/s and milliseconds of each pass, each the median of some windows; the peak is measured beside each pass.
const MEASURE: &str = "
    const { set, values, window_ms, n_windows } = args;
    const { peak, run } = window.bench;
    if (!window.bench[set](...values)) throw new Error('the kernel does not fit');
    // Milliseconds per time, over at least so many.
    const time = (work, times) => {
        const start = performance.now();
        work(times);
        return (performance.now() - start) / times;
    };
    const timesFor = work => {
        work(1);
        let times = 1;
        while (time(work, times) * times < window_ms / 4) times *= 2;
        return 4 * times;
    };
    const N_OPERATIONS = peak(1);
    const passes = [0, 1, 2].map(pass => times => run(pass, times));
    const peakTimes = timesFor(peak);
    return passes.map(pass => {
        const times = timesFor(pass);
        const windows = [];
        for (let place = 0; place < n_windows; place += 1)
            windows.push({ peak: N_OPERATIONS / time(peak, peakTimes) / 1e6, ms: time(pass, times) });
        return windows;
    });";

#[derive(Clone, Copy, Debug, serde::Deserialize)]
struct Window {
    /// GFLOP/s.
    peak: f64,
    ms: f64,
}

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let toolchain = Toolchain::find(bench.places).ok_or("no compiler for wasm: run `cargo xtask setup`")?;
    let file = build::kernel_example("measure", bench.places, &toolchain)?;
    let module = STANDARD.encode(std::fs::read(file)?);
    let mut table = Table::new(&[
        "layer",
        "peak GFLOP/s",
        "forward",
        "of the peak",
        "data gradient",
        "of the peak",
        "weight gradient",
        "of the peak",
    ]);
    let rows = bench.in_page(Engine::Cpu, async |_, page| {
        page.run::<()>(LOAD, json!({ "module": module })).await?;
        let mut rows = Vec::new();
        for (network, layers) in NETWORKS {
            for (place, work) in layers.iter().enumerate() {
                rows.push(row(network, place, *work, &run(bench, page, *work).await?));
            }
        }
        Ok(rows)
    });
    for row in rows.await? {
        println!("   {}", row.join(", "));
        table.row(row);
    }
    Ok(format!(
        "Batches of {N_IMAGES} images in one thread of V8, in GFLOP/s of the direct method: two for each product of a weight and a pixel of the map. \
         Winograd's kernels, which those of 3×3 take where they have many channels, need 2.25 times fewer. The peak is that of independent chains of \
         multiplications and additions of vectors of four, measured beside each pass. Medians of {} windows of {WINDOW_MS} ms. No network needs the \
         data gradient of its first layer.\n\n{table}",
        bench.times(N_WINDOWS),
    ))
}

const WINDOW_MS: u32 = 60;
const N_WINDOWS: usize = 7;

/// The windows of forward pass, data gradient and weight gradient.
async fn run(bench: &Bench<'_>, page: &Page, work: Work) -> Result<[Vec<Window>; 3]> {
    let (set, values) = work.arguments();
    let args = json!({ "set": set, "values": values, "window_ms": WINDOW_MS, "n_windows": bench.times(N_WINDOWS) });
    page.run(MEASURE, args).await
}

fn row(network: &str, place: usize, work: Work, passes: &[Vec<Window>; 3]) -> Vec<String> {
    let mut cells = vec![format!("{network}: {}", work.name())];
    let peaks: Vec<f64> = passes.iter().flatten().map(|window| window.peak).collect();
    cells.push(figure(median(&peaks)));
    for (pass, windows) in passes.iter().enumerate() {
        if place == 0 && pass == 1 {
            cells.extend(["–".to_owned(), "–".to_owned()]);
            continue;
        }
        let rate = |window: &Window| work.operations() / window.ms / 1e6;
        let rates: Vec<f64> = windows.iter().map(rate).collect();
        let shares: Vec<f64> = windows.iter().map(|window| rate(window) / window.peak).collect();
        cells.push(figure(median(&rates)));
        cells.push(format!("{:.0}%", 100.0 * median(&shares)));
    }
    cells
}

impl Work {
    /// The function of the module that sets it, and its arguments.
    fn arguments(self) -> (&'static str, Value) {
        match self {
            Self::Conv { channels, side, filters, kernel, padding } => {
                ("set_conv", json!([N_IMAGES, channels, side, filters, kernel, 1, padding]))
            }
            Self::Linear { inputs, units } => ("set_linear", json!([N_IMAGES, inputs, units])),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Conv { channels, side, filters, kernel, .. } => {
                format!("{channels}×{side}×{side}, {filters} of {kernel}×{kernel}")
            }
            Self::Linear { inputs, units } => format!("linear, {inputs} to {units}"),
        }
    }

    /// Floating-point operations of a pass by the direct method.
    fn operations(self) -> f64 {
        let products = match self {
            Self::Conv { channels, side, filters, kernel, padding } => {
                let along_axis = products_along_axis(side, kernel, padding);
                channels * filters * along_axis * along_axis
            }
            Self::Linear { inputs, units } => inputs * units,
        };
        2.0 * (N_IMAGES * products) as f64
    }
}

/// How many pairs of an output place and a tap of its kernel lie on the map, not on its padding.
fn products_along_axis(side: usize, kernel: usize, padding: usize) -> usize {
    let places = 0..(side + 2 * padding + 1).saturating_sub(kernel);
    places.map(|place| (place..place + kernel).filter(|tap| (padding..padding + side).contains(tap)).count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_on_padding_do_not_count() {
        assert_eq!(products_along_axis(28, 5, 0), 24 * 5);
        assert_eq!(products_along_axis(8, 3, 1), 8 * 3 - 2);
        assert_eq!(linear(3, 5).operations(), 2.0 * 64.0 * 15.0);
    }
}
