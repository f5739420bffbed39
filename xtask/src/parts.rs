//! Cuts the page's module into parts (src/page/parts.rs): the first part replaces the module that Trunk built, and the others go into a folder
//! next to it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use wasm_encoder::{CustomSection, Module, RawSection, SectionId};
use wasm_split_cli_support::{Options, transform};
use wasmparser::Parser;

use crate::build::wasm_files;
use crate::places::Places;
use crate::process;
use crate::toolchain::TARGET;

/// How the page fetches a part. A host may not know the MIME type of wasm, and browsers then refuse to compile a response while it streams.
const STREAMED: &str = "WebAssembly.instantiateStreaming(src, imports)";
const FETCHED: &str = "WebAssembly.instantiate(await bytesOf(src), imports)";

/// The script that fetches parts.
pub const SCRIPT: &str = "parts.js";

/// What several parts have in common, in the same folder as they; see `parts.js`. What the part [`EARLY`] needs of it is apart.
const SHARED: &str = "shared.wasm";
const SHARED_EARLY: &str = "shared_early.wasm";

/// The part that an engine waits for: the others must not delay it.
const EARLY: &str = "wire";

/// Cuts the module that cargo built for the page, and replaces `NAME.js` and `NAME_bg.wasm` in `staging` with the parts.
pub fn cut(places: &Places, name: &str, staging: &Path) -> Result<()> {
    let whole = places.wasm_target.join(TARGET).join("page").join("app.wasm");
    let whole = fs::read(&whole).with_context(|| format!("{} was not built", whole.display()))?;
    let work = places.wasm_target.join("parts");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    let folder = staging.join(name);
    fs::create_dir_all(&folder)?;
    // The page's script imports the others through this one, by a path that is relative to itself.
    let script = format!("./{name}/{SCRIPT}");
    fs::create_dir_all(work.join(name))?;

    let first = work.join("first.wasm");
    let page = format!("../{name}.js");
    let mut options = Options::new(&whole);
    options.output_dir = &work;
    options.main_out_path = &first;
    options.link_name = &script;
    options.main_module = &page;
    let cut = transform(options).map_err(|error| anyhow!("the page's wasm could not be cut into parts: {error:#}"))?;
    ensure!(!cut.split_modules.is_empty(), "the page's wasm has no parts: compare src/page/parts.rs");
    for part in &cut.split_modules {
        let file = part.file_name().context("a part has no name")?;
        fs::write(folder.join(file), without_custom_sections(&fs::read(part)?)?)?;
    }
    fs::copy(work.join(&script), folder.join(SCRIPT))?;

    let bindgen = process::find("wasm-bindgen", &places.path()?, &[]).context("wasm-bindgen is missing: run set-up")?;
    let bound = work.join("bound");
    process::run(
        Command::new(bindgen)
            .args(["--target", "web", "--no-typescript", "--remove-name-section", "--remove-producers-section"])
            // The other parts are linked through these exports.
            .arg("--keep-lld-exports")
            .args(["--out-name", name, "--out-dir"])
            .arg(&bound)
            .arg(&first),
        "the lines above say why",
    )?;
    for file in [format!("{name}.js"), format!("{name}_bg.wasm")] {
        fs::copy(bound.join(&file), staging.join(&file))?;
    }
    Ok(())
}

/// Merges what several parts have in common into two files, and makes the script fetch it from there. Call after the parts were optimized.
pub fn share(name: &str, staging: &Path) -> Result<()> {
    let folder = staging.join(name);
    let file = folder.join(SCRIPT);
    let mut script = fs::read_to_string(&file)?;
    ensure!(script.contains(STREAMED), "the script that fetches parts has another form than expected");
    script = script.replace(STREAMED, FETCHED);
    let early = needs(&script, EARLY)?;
    let mut shared = [(SHARED_EARLY, Module::new()), (SHARED, Module::new())];
    for part in wasm_files(&folder)? {
        let stem = part.file_stem().and_then(OsStr::to_str).context("a part has no name")?.to_owned();
        if !stem.starts_with("chunk_") {
            continue;
        }
        let (into, module) = &mut shared[usize::from(!early.contains(&stem))];
        let fetch = format!("fetch(new URL(\"./{stem}.wasm\", import.meta.url))");
        ensure!(script.contains(&fetch), "the script that fetches parts does not fetch {stem}");
        script = script.replace(&fetch, &format!("sharedPart(\"./{into}\", \"{stem}\")"));
        module.section(&CustomSection { name: stem.into(), data: fs::read(&part)?.into() });
        fs::remove_file(part)?;
    }
    for (into, module) in shared {
        fs::write(folder.join(into), module.finish())?;
    }
    fs::write(file, script + include_str!("parts.js"))?;
    Ok(())
}

/// The names of what a part has in common with others, as the script that fetches them lists it.
fn needs(script: &str, part: &str) -> Result<BTreeSet<String>> {
    let (_, load) = script
        .split_once(&format!("__wasm_split_load_{part} = "))
        .with_context(|| format!("the page's wasm has no part {part}"))?;
    let list = load.split_once(", [").and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.context("the script that fetches parts has another form than expected")?;
    Ok(list.split(", ").map(|name| name.trim_start_matches('_').to_owned()).collect())
}

/// A module without names and other custom sections.
fn without_custom_sections(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.context("a part of the page is no WebAssembly module")?;
        if let Some((id, range)) = payload.as_section()
            && id != SectionId::Custom as u8
        {
            module.section(&RawSection { id, data: &wasm[range.start as usize..range.end as usize] });
        }
    }
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_tells_what_a_part_needs() {
        let script = "export const __wasm_split_load_wire = wrapAsyncCb(makeLoad(() => {\n    fetch(\"a\");\n}\n, [__chunk_3, __chunk_12]));
            export const __wasm_split_load_data = wrapAsyncCb(makeLoad(() => {}\n, [__chunk_4]));";
        let names: Vec<_> = needs(script, "wire").unwrap().into_iter().collect();
        assert_eq!(names, ["chunk_12", "chunk_3"]);
        assert!(needs(script, "other").is_err());
    }

    #[test]
    fn only_notes_are_dropped() {
        let named =
            wat::parse_str("(module $named (func $first (export \"first\") (result i32) i32.const 7))").unwrap();
        let plain = wat::parse_str("(module (func (export \"first\") (result i32) i32.const 7))").unwrap();
        assert!(named.len() > plain.len());
        assert_eq!(without_custom_sections(&named).unwrap(), plain);
        assert!(without_custom_sections(b"no wasm").is_err());
    }
}
