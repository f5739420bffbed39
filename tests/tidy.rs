//! The invariants of ARCHITECTURE.md that a test can check. Each rule is also tested on a sample that breaks it. Clippy checks the
//! others (clippy.toml).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that get their clock, files and threads from their callers.
const PURE_CRATES: &[&str] = &["core", "exchange", "kernels", "train", "session"];

/// A source file, with its path from the repository's root, separated by `/`.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The folder or file under src/page/ that it belongs to: `train` for src/page/train/form.rs.
    fn page_module(&self) -> Option<&str> {
        let module = self.path.strip_prefix("src/page/")?.split(['/', '.']).next()?;
        (module != "mod").then_some(module)
    }

    /// How many `super::` lead from it to the page's root.
    fn depth(&self) -> usize {
        let path = self.path.trim_start_matches("src/page/");
        path.trim_end_matches("/mod.rs").split('/').count()
    }

    /// Numbered lines of code, without comments and without the tests at the file's end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test_file = self.path.ends_with("/tests.rs") || self.path.split('/').any(|part| part == "tests");
        let tests = self.text.find("#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        let code = if is_test_file { "" } else { &self.text[..tests] };
        let lines = code.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or(line)));
        lines.filter(|(_, line)| !line.trim().is_empty())
    }

    /// One complaint for each line of code with one of these words.
    fn complain_of(&self, words: &[&str], reason: &str) -> Vec<String> {
        let offends = |line: &str| words.iter().find(|word| has_word(line, word)).copied();
        self.code()
            .filter_map(|(number, line)| {
                offends(line).map(|word| format!("{}:{number}: `{word}`: {reason}", self.path))
            })
            .collect()
    }
}

/// Whether a line has the word, not only as a part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let ends_open =
            |edge: Option<char>, beyond: Option<char>| edge.is_some_and(is_name) && beyond.is_some_and(is_name);
        !ends_open(word.chars().next(), before) && !ends_open(word.chars().next_back(), after)
    })
}

fn begins_with_its_purpose(source: &Source) -> Vec<String> {
    let first = source.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//! ").is_some_and(|purpose| purpose.len() > 10);
    if says { Vec::new() } else { vec![format!("{}:1: say in `//!` what the file is for", source.path)] }
}

/// The modules of the page that a file of it imports, each with the line where it does.
fn page_imports(source: &Source) -> Vec<(usize, String)> {
    let up = "super::".repeat(source.depth());
    let mut imports = Vec::new();
    for (number, line) in source.code() {
        for root in ["crate::page::", &up] {
            for (start, _) in line.match_indices(root) {
                // More of them lead out of the page, or out of a module inside the file.
                if root == up && line[..start].ends_with("super::") {
                    continue;
                }
                let rest = &line[start + root.len()..];
                let names = match rest.strip_prefix('{') {
                    Some(group) => group.split('}').next().unwrap_or(group).split(',').collect(),
                    None => vec![rest],
                };
                let is_name = |letter: &char| letter.is_alphanumeric() || *letter == '_';
                let names = names.iter().map(|name| name.trim().chars().take_while(is_name).collect::<String>());
                imports.extend(names.filter(|name| !name.is_empty() && name != "super").map(|name| (number, name)));
            }
        }
    }
    imports
}

/// One complaint for each import that closes a cycle of the page's modules.
fn cycles(sources: &[Source]) -> Vec<String> {
    let mut edges: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for source in sources {
        let Some(module) = source.page_module() else { continue };
        for (number, target) in page_imports(source) {
            if target != module {
                let place = format!("{}:{number}", source.path);
                edges.entry(module).or_default().entry(target).or_insert(place);
            }
        }
    }
    let leads_to = |from: &str, to: &str| {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![from]);
        while let Some(module) = waiting.pop() {
            if module == to {
                return true;
            }
            if seen.insert(module) {
                waiting.extend(edges.get(module).into_iter().flatten().map(|(target, _)| target.as_str()));
            }
        }
        false
    };
    let all = edges.iter().flat_map(|(module, targets)| targets.iter().map(move |(target, at)| (*module, target, at)));
    all.filter(|(module, target, _)| leads_to(target, module))
        .map(|(module, target, at)| format!("{at}: {module} imports `{target}`, which imports {module} in turn"))
        .collect()
}

fn pure_crates_know_no_clock_or_file(source: &Source) -> Vec<String> {
    let krate = source.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"));
    let words = ["std::time", "Instant", "SystemTime", "std::fs", "std::env", "std::thread", "std::net"];
    if krate.is_some_and(|(krate, _)| PURE_CRATES.contains(&krate)) {
        source.complain_of(&words, "it comes from `Host`, `Platform` or `Store`")
    } else {
        Vec::new()
    }
}

fn only_the_channel_posts_messages(source: &Source) -> Vec<String> {
    // A thread of the engine gets its module and memory in a message, and answers that it has started. The service worker is no engine.
    let others = ["src/worker/threads.js", "static/offline.js", "static/service-worker.js"];
    if source.path.starts_with("src/channel/") || others.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let words = ["post_message", "post_message_with_transfer", "postMessage"];
    source.complain_of(&words, "only the channel talks between page and engine")
}

fn names_no_place_of_one_machine(source: &Source) -> Vec<String> {
    // Put together here, so that this file does not break its own rule.
    let places = [["/ro", "ot/"], ["/ho", "me/"], ["/wo", "rk/"], ["/Us", "ers/"], ["/t", "mp/"], ["arti", "factory"]];
    let lines = source.text.lines().enumerate();
    let offends = |line: &str| places.iter().map(|parts| parts.concat()).find(|place| line.contains(place.as_str()));
    lines
        .filter_map(|(index, line)| offends(line).map(|place| format!("{}:{}: `{place}`", source.path, index + 1)))
        .collect()
}

/// Checks that a dataset's description has its credit, its source, its license, and its files with digests.
fn is_credited(id: &str, description: &serde_json::Value, has_file: impl Fn(&str) -> bool) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut complaints = Vec::new();
    for field in ["name", "credit", "source", "homepage"] {
        if text(&description[field]).is_empty() {
            complaints.push(format!("{id}: no {field}"));
        }
    }
    if text(&description["license"]["name"]).is_empty() || !has_file(&text(&description["license"]["file"])) {
        complaints.push(format!("{id}: no license"));
    }
    let files = description["files"].as_array().cloned().unwrap_or_default();
    if files.is_empty() {
        complaints.push(format!("{id}: no files"));
    }
    for file in files {
        let (name, sha256) = (text(&file["name"]), text(&file["sha256"]));
        if !has_file(&name) || sha256.len() != 64 {
            complaints.push(format!("{id}: {name} is missing, or its SHA-256 is"));
        }
    }
    complaints
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files with one of these extensions in a folder of the repository, recursively.
fn sources(folder: &str, extensions: &[&str]) -> Vec<Source> {
    fn visit(folder: &Path, files: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() { visit(&path, files) } else { files.push(path) }
        }
    }
    let mut files = Vec::new();
    visit(&root().join(folder), &mut files);
    files.sort();
    let is_wanted =
        |path: &PathBuf| path.extension().is_some_and(|extension| extensions.iter().any(|&wanted| extension == wanted));
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    files
        .iter()
        .filter(|path| is_wanted(path))
        .map(|path| Source::new(&name(path), &fs::read_to_string(path).unwrap()))
        .collect()
}

fn check(sources: &[Source], rule: fn(&Source) -> Vec<String>) {
    assert!(!sources.is_empty(), "the rule was shown no file");
    let complaints: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Checks that the rule complains of this sample exactly so many times.
fn check_complaints(rule: fn(&Source) -> Vec<String>, path: &str, text: &str, expected: usize) {
    let complaints = rule(&Source::new(path, text));
    assert_eq!(complaints.len(), expected, "{path}: {text}\n{complaints:?}");
}

#[test]
fn every_file_begins_with_its_purpose() {
    for folder in ["src", "crates", "tests", "xtask"] {
        check(&sources(folder, &["rs"]), begins_with_its_purpose);
    }
    check_complaints(begins_with_its_purpose, "src/a.rs", "//! Turns photos into batches.\n", 0);
    check_complaints(begins_with_its_purpose, "src/a.rs", "use std::fs;\n//! Too late, on the second line.", 1);
    check_complaints(begins_with_its_purpose, "src/a.rs", "//!\n", 1);
    check_complaints(begins_with_its_purpose, "src/a.rs", "", 1);
}

#[test]
fn no_cycle_among_the_modules_of_the_page() {
    let page = sources("src/page", &["rs"]);
    assert!(page.iter().flat_map(page_imports).count() > 100, "the page's modules import each other");
    let complaints = cycles(&page);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));

    let check = |files: &[(&str, &str)], expected: usize| {
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        let complaints = cycles(&sources);
        assert_eq!(complaints.len(), expected, "{files:?}\n{complaints:?}");
    };
    let train = ("src/page/train/form.rs", "use crate::page::{store::Store, runs};");
    check(&[train, ("src/page/store/mod.rs", "use crate::page::state::AppState;")], 0);
    check(&[train, ("src/page/runs/mod.rs", "let x = crate::page::train::form::y();")], 2);
    check(&[train, ("src/page/runs/view/row.rs", "use super::super::super::train::Form;")], 2);
    check(&[train, ("src/page/runs/view/row.rs", "use super::train::Form;")], 0);
    check(
        &[train, ("src/page/store/mod.rs", "use super::state::X;"), ("src/page/state.rs", "use super::train::X;")],
        3,
    );
    check(&[train, ("src/page/runs/mod.rs", "#[cfg(test)]\nmod tests { use crate::page::train::Form; }")], 0);
}

#[test]
fn pure_crates_are_pure() {
    let rule = pure_crates_know_no_clock_or_file;
    check(&sources("crates", &["rs"]), rule);
    check_complaints(rule, "crates/train/src/training/run.rs", "let now = std::time::Instant::now();", 1);
    check_complaints(rule, "crates/core/src/dataset/idx.rs", "use std::fs;", 1);
    check_complaints(rule, "crates/core/tests/dataset.rs", "use std::fs;", 0);
    check_complaints(rule, "src/worker/clock.rs", "use std::time::Instant;", 0);
    check_complaints(rule, "crates/core/src/a.rs", "let instant_of_time = 1; // std::fs", 0);
}

/// All crates that one of the workspace is built with for a target, without those of tests and build scripts.
fn crates_of(arguments: &[&str], target: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--target", target])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn check_walls(arguments: &[&str], present: &str, absent: &[&str]) {
    for target in ["x86_64-unknown-linux-gnu", "wasm32-unknown-unknown"] {
        let crates = crates_of(arguments, target);
        assert!(crates.contains(present), "{arguments:?} for {target} no longer needs {present}: {crates:?}");
        let found: Vec<_> = crates
            .iter()
            // burn-core also counts as burn.
            .filter(|name| {
                absent.iter().any(|it| name == it || name.strip_prefix(it).is_some_and(|it| it.starts_with('-')))
            })
            .collect();
        assert!(found.is_empty(), "{arguments:?} for {target} needs {found:?}");
    }
}

#[test]
fn crates_keep_to_their_side_of_the_walls() {
    let browser = ["leptos", "web-sys", "gloo"];
    check_walls(
        &["-p", "kindling-kernels", "--features", "threads"],
        "pulp",
        &["burn", "cubecl", "leptos", "web-sys", "gloo", "serde"],
    );
    check_walls(
        &["-p", "kindling-core", "--features", "decisions"],
        "serde",
        &["burn", "cubecl", "leptos", "web-sys", "gloo"],
    );
    check_walls(&["-p", "kindling-exchange"], "prost", &["burn", "cubecl", "leptos", "web-sys", "gloo"]);
    check_walls(&["-p", "kindling-train", "--features", "cpu"], "burn-flex", &browser);
    check_walls(&["-p", "kindling-session"], "burn", &browser);
    check_walls(&["-p", "kindling", "--no-default-features", "--features", "page"], "leptos", &["burn", "cubecl"]);
    let exporter = ["-p", "kindling", "--no-default-features", "--features", "exporter"];
    check_walls(&exporter, "kindling-exchange", &["burn", "cubecl", "leptos"]);
    // The check itself works: an engine depends on burn.
    let engine = crates_of(&["-p", "kindling", "--no-default-features", "--features", "cpu"], "wasm32-unknown-unknown");
    assert!(engine.contains("burn") && engine.contains("web-sys") && !engine.contains("leptos"), "{engine:?}");
}

#[test]
fn messages_are_posted_by_the_channel_alone() {
    let rule = only_the_channel_posts_messages;
    check(&sources("src", &["rs", "js"]), rule);
    check(&sources("crates", &["rs"]), rule);
    check(&sources("static", &["js"]), rule);
    check_complaints(rule, "crates/session/src/session.rs", "scope.post_message(&event);", 1);
    check_complaints(rule, "src/page/worker.js", "self.postMessage(1);", 1);
    check_complaints(rule, "src/channel/page.rs", "worker.post_message(&command);", 0);
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let rule = names_no_place_of_one_machine;
    let extensions = ["rs", "toml", "md", "js", "ts", "html", "css", "json", "py"];
    for folder in ["src", "crates", "tests", "xtask", "static", "docs"] {
        check(&sources(folder, &extensions), rule);
    }
    for file in
        ["README.md", "ARCHITECTURE.md", "Cargo.toml", "Trunk.toml", "index.html", ".cargo/config.toml", ".ci/run"]
    {
        check(&[Source::new(file, &fs::read_to_string(root().join(file)).unwrap())], rule);
    }
    check_complaints(rule, "README.md", &format!("see {}x/y", ["/ho", "me/"].concat()), 1);
    check_complaints(rule, "README.md", "see docs/y", 0);
}

#[test]
fn every_dataset_is_credited() {
    let datasets = root().join("static").join("datasets");
    let mut n_datasets = 0;
    for entry in fs::read_dir(&datasets).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let id = folder.file_name().unwrap().to_string_lossy().into_owned();
        let description =
            fs::read(folder.join("dataset.json")).unwrap_or_else(|error| panic!("{id}/dataset.json: {error}"));
        let description = serde_json::from_slice(&description).unwrap();
        assert_eq!(is_credited(&id, &description, |file| folder.join(file).is_file()), Vec::<String>::new());
        n_datasets += 1;
    }
    assert!(n_datasets >= 3, "only {n_datasets} datasets");

    let good = serde_json::json!({
        "name": "a", "credit": "b", "source": "c", "homepage": "d",
        "license": { "name": "MIT", "file": "LICENSE" },
        "files": [{ "name": "x.gz", "sha256": "0".repeat(64) }],
    });
    assert_eq!(is_credited("good", &good, |_| true), Vec::<String>::new());
    for (pointer, n_complaints) in
        [("/credit", 1), ("/source", 1), ("/license/file", 1), ("/files", 1), ("/files/0/sha256", 1)]
    {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = serde_json::Value::Null;
        // A file without a name counts as missing.
        assert_eq!(is_credited("bad", &bad, |file| !file.is_empty()).len(), n_complaints, "{pointer}");
    }
}
