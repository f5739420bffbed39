//! Download sizes: each built file as it is and compressed, and the sums that have a budget.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;

use super::Bench;
use super::table::Table;
use crate::drive::Result;

/// What good static hosts send: the best compression, with a window that browsers accept.
const QUALITY: i32 = 11;
const WINDOW_BITS: i32 = 22;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Page,
    /// What is fetched after the first part of the page.
    Rest,
    CpuEngine,
    CpuThreadsEngine,
    GpuEngine,
    Exporter,
}

const PARTS: [Part; 6] =
    [Part::Page, Part::Rest, Part::CpuEngine, Part::CpuThreadsEngine, Part::GpuEngine, Part::Exporter];

struct File {
    part: Part,
    name: String,
    raw_bytes: u64,
    brotli_bytes: u64,
}

pub fn measure(bench: &Bench<'_>) -> Result<String> {
    let mut files = Vec::new();
    for entry in WalkDir::new(&bench.places.dist).sort_by_file_name() {
        let entry = entry?;
        let path = entry.path();
        let name = path.strip_prefix(&bench.places.dist)?.to_string_lossy().replace('\\', "/");
        let is_data = ["datasets/", "pretrained/"].iter().any(|folder| name.starts_with(folder));
        if entry.file_type().is_file() && !is_data {
            files.push(File::measure(path, &name)?);
        }
    }
    let mut all = Table::new(&["file", "raw KB", "brotli KB"]);
    let mut sums = Table::new(&["what", "raw KB", "brotli KB", "budget KB", "within"]);
    for part in PARTS {
        let of_part: Vec<_> = files.iter().filter(|file| file.part == part).collect();
        if of_part.is_empty() {
            return Err(format!("dist/ has no file of the {}: run `cargo xtask build`", part.name()).into());
        }
        // For the many other parts, only the sum matters.
        for file in of_part.iter().filter(|file| file.part != Part::Rest) {
            all.row([format!("`{}`", file.name), kilobytes(file.raw_bytes), kilobytes(file.brotli_bytes)]);
        }
        let raw_bytes = of_part.iter().map(|file| file.raw_bytes).sum();
        let brotli_bytes = of_part.iter().map(|file| file.brotli_bytes).sum();
        let (budget, is_within) = match part.budget_kb() {
            Some(budget) if brotli_bytes <= budget * 1_000 => (budget.to_string(), "yes"),
            Some(budget) => (budget.to_string(), "**no**"),
            None => ("–".into(), "–"),
        };
        sums.row([part.name().into(), kilobytes(raw_bytes), kilobytes(brotli_bytes), budget, is_within.into()]);
    }
    Ok(format!(
        "Brotli of quality {QUALITY}. The datasets and the pre-trained weights (3.1 MB) come on top: they are compressed already.\n\n{sums}\n\n{all}"
    ))
}

/// The size of a file in brotli.
pub fn compressed_bytes(content: &[u8]) -> Result<usize> {
    let mut compressed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW_BITS,
        size_hint: content.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &params)?;
    Ok(compressed.len())
}

impl File {
    fn measure(path: &Path, name: &str) -> Result<Self> {
        let content = fs::read(path)?;
        let brotli_bytes = compressed_bytes(&content)? as u64;
        println!("   {name}: {} of {} KB", kilobytes(brotli_bytes), kilobytes(content.len() as u64));
        Ok(Self { part: Part::of(name), name: name.to_owned(), raw_bytes: content.len() as u64, brotli_bytes })
    }
}

impl Part {
    /// The part that a file belongs to. Snippets keep the path of their source file.
    fn of(name: &str) -> Self {
        if name.contains("engine_cpu_threads") || name.contains("/src/worker/threads") {
            Self::CpuThreadsEngine
        } else if name.contains("engine_cpu") {
            Self::CpuEngine
        } else if name.contains("engine_gpu") || name.contains("/src/worker/gpu") {
            Self::GpuEngine
        } else if name.starts_with("exporter") {
            Self::Exporter
        } else if name.starts_with("app-") && name.contains('/') && name.ends_with(".wasm")
            || ["icons/", "manifest", "service-worker"].iter().any(|start| name.starts_with(start))
        {
            Self::Rest
        } else {
            Self::Page
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Page => "page, its first part: wasm, JS, CSS, HTML",
            Self::Rest => "page, the other parts, fetched after it: wasm, service worker, icons",
            Self::CpuEngine => "engine_cpu: wasm, JS",
            Self::CpuThreadsEngine => "engine_cpu_threads: wasm, JS",
            Self::GpuEngine => "engine_gpu: wasm, JS",
            Self::Exporter => "exporter, fetched with the first export: wasm, JS",
        }
    }

    fn budget_kb(self) -> Option<u64> {
        match self {
            Self::Page => Some(350),
            Self::Rest => None,
            Self::CpuEngine => Some(800),
            Self::CpuThreadsEngine => Some(900),
            Self::GpuEngine => Some(3_000),
            Self::Exporter => Some(400),
        }
    }
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_part() {
        for (name, part) in [
            ("app-0123_bg.wasm", Part::Page),
            ("app-0123/parts.js", Part::Page),
            ("app-0123/split_network.wasm", Part::Rest),
            ("load.js", Part::Page),
            ("engine_cpu_bg.wasm", Part::CpuEngine),
            ("engine_cpu_threads_bg.wasm", Part::CpuThreadsEngine),
            ("snippets/kindling-0123/src/worker/threads.js", Part::CpuThreadsEngine),
            ("engine_gpu.js", Part::GpuEngine),
            ("exporter_bg.wasm", Part::Exporter),
            ("snippets/kindling-0123/src/worker/gpu.js", Part::GpuEngine),
        ] {
            assert_eq!(Part::of(name), part, "{name}");
        }
    }
}
