//! Makes the built page smaller: its wasm by Binaryen, its scripts and styles by esbuild.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::build::{hex, wasm_files};
use crate::npm::{BINARYEN, Program};
use crate::parts;
use crate::places::Places;

/// Runs Binaryen's optimizer on each part of the page, or reuses its output for the same input.
pub fn wasm(binaryen: &Program, places: &Places, staging: &Path, page: &str) -> Result<()> {
    const SCRIPT: &str = include_str!("shrink.mjs");
    let kept = places.wasm_target.join("shrunk");
    let shrunk = places.wasm_target.join("shrunk.unfinished");
    if shrunk.exists() {
        fs::remove_dir_all(&shrunk)?;
    }
    fs::create_dir_all(&shrunk)?;
    let mut files = wasm_files(&staging.join(page))?;
    files.push(staging.join(format!("{page}_bg.wasm")));
    // Each file with the place of its output, which is named after all that decides about it; equal files share one.
    let mut outputs = Vec::new();
    let mut missing = BTreeMap::new();
    for file in &files {
        let content = fs::read(file)?;
        let mut digest = Sha256::new();
        digest.update(BINARYEN.version);
        digest.update(SCRIPT);
        digest.update(&content);
        let name = format!("{}.wasm", hex(&digest.finalize()));
        let output = shrunk.join(&name);
        if kept.join(&name).exists() {
            fs::copy(kept.join(&name), &output)?;
        } else {
            missing.insert(output.clone(), (content.len(), file));
        }
        outputs.push(output);
    }
    // The largest files first, dealt out to the cores, so that all end about together.
    let mut missing: Vec<_> = missing.into_iter().collect();
    missing.sort_by_key(|(_, (length, _))| Reverse(*length));
    let n_workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let work = |worker: usize| -> Result<()> {
        let mine = missing.iter().skip(worker).step_by(n_workers);
        binaryen.run_by(
            &places.root.join("xtask/src/shrink.mjs"),
            mine.flat_map(|(output, (_, file))| [file.as_path(), output.as_path()]),
        )
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..n_workers).map(|worker| scope.spawn(move || work(worker))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("the optimizer's thread panicked")))
    })?;
    for (file, output) in files.iter().zip(outputs) {
        fs::copy(output, file)?;
    }
    // Removes the outputs of older builds.
    if kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    fs::rename(shrunk, kept)?;
    Ok(())
}

/// Minifies the page's scripts, and its styles, which index.html has. `load.js` stays as it is: it starts the engines, too, and journeys
/// insert their faults there.
pub fn scripts_and_styles(esbuild: &Program, staging: &Path, page: &str) -> Result<()> {
    // wasm-bindgen imports the parts' script once for each function of it.
    const OPTIONS: &[&str] =
        &["--minify", "--allow-overwrite", "--log-level=warning", "--log-override:duplicate-object-key=silent"];
    let html_file = staging.join("index.html");
    let html = fs::read_to_string(&html_file).context("Trunk made no index.html")?;
    let (html, styles) = without_styles(&html)?;
    let style_file = staging.join("style.css");
    fs::write(&style_file, styles)?;

    let mut files = vec![staging.join(page).join(parts::SCRIPT), style_file.clone()];
    for entry in fs::read_dir(staging)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".js") && !name.starts_with("engine_") && name != "load.js" {
            files.push(entry.path());
        }
    }
    let folders = ["--outdir", "--outbase"].map(|option| format!("{option}={}", staging.display()));
    let [output, base] = folders.each_ref().map(String::as_str);
    esbuild.run(&[OPTIONS, &[output, base]].concat(), files)?;

    let styles = fs::read_to_string(&style_file)?;
    fs::remove_file(style_file)?;
    fs::write(html_file, with_styles(&html, &styles)?)?;
    Ok(())
}

/// A page without its comments and style elements, and the content of these.
fn without_styles(html: &str) -> Result<(String, String)> {
    let (html, _) = without(html, "<!--", "-->")?;
    without(&html, "<style>", "</style>")
}

/// A page with a style element at the end of its head.
fn with_styles(html: &str, styles: &str) -> Result<String> {
    let (head, rest) = html.split_once("</head>").context("index.html has no </head>")?;
    Ok(format!("{}<style>{}</style></head>{rest}", head.trim_end(), styles.trim()))
}

/// A text without everything from each `start` to the `end` after it, and what was between them.
fn without(text: &str, start: &str, end: &str) -> Result<(String, String)> {
    let mut pieces = text.split(start);
    let mut rest = pieces.next().unwrap_or_default().trim_end().to_owned();
    let mut removed = String::new();
    for piece in pieces {
        let (inner, after) = piece.split_once(end).with_context(|| format!("a {start} in index.html has no end"))?;
        removed.push_str(inner);
        rest.push_str(after.trim_end_matches([' ', '\n']));
    }
    Ok((rest, removed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_styles_come_into_one_element() {
        let html = "<!doctype html>\n<head>\n<!-- Why. -->\n<meta>\n<style>a { top: 0 }</style>\n<style>b { top: 1px }</style>\n</head>\n<body></body>";
        let (rest, styles) = without_styles(html).unwrap();
        assert_eq!(styles, "a { top: 0 }b { top: 1px }");
        let minified = with_styles(&rest, "a{top:0}b{top:1px}\n").unwrap();
        assert_eq!(minified, "<!doctype html>\n<head>\n<meta><style>a{top:0}b{top:1px}</style></head>\n<body></body>");
    }

    #[test]
    fn an_element_without_an_end_is_refused() {
        assert!(without_styles("<head><style>a {}</head>").is_err());
        assert!(with_styles("<body></body>", "a{}").is_err());
    }
}
