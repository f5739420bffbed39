//! The invariants of ARCHITECTURE.md that a test can check. Each rule is also shown a sample that breaks it.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, each importing only those before it.
const LAYERS: &[&str] = &["protocol", "dataset", "network", "training", "evaluation", "exchange", "engine"];
/// What the page may import.
const PAGE_IMPORTS: &[&str] = &["ui", "protocol", "dataset", "network", "evaluation", "search", "channel"];
const PURE_LAYERS: &[&str] = &["protocol", "dataset", "network", "training", "search"];

/// A source file, by its path from the repository's root, with `/`.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The folder or file under src/ that it belongs to: `training` for src/training/run.rs.
    fn module(&self) -> Option<&str> {
        self.path.strip_prefix("src/")?.split(['/', '.']).next()
    }

    /// Numbered lines of code: no comments, and nothing from the tests at the file's end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test_file = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
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

/// Whether a line has the word, and not only as a part of a longer name.
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

fn imports_only_layers_before_it(source: &Source) -> Vec<String> {
    let Some(module) = source.module() else { return Vec::new() };
    let allowed: Vec<&str> = match LAYERS.iter().position(|&layer| layer == module) {
        // Of the layers, only the engine speaks to the page.
        Some(place) => {
            let own = LAYERS[..=place].iter().copied();
            own.chain((module == "engine").then_some("channel")).collect()
        }
        None if module == "ui" => PAGE_IMPORTS.to_vec(),
        None if module == "channel" => vec!["channel", "protocol"],
        None if module == "search" => vec!["search", "protocol", "dataset"],
        None => return Vec::new(),
    };
    let mut complaints = Vec::new();
    for (number, line) in source.code() {
        for (start, _) in line.match_indices("crate::") {
            let rest = &line[start + "crate::".len()..];
            let target: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            // `crate::{a, b}` would slip through, so it is not used.
            if !allowed.contains(&target.as_str()) {
                complaints.push(format!("{}:{number}: {module} may not import `{target}`", source.path));
            }
        }
    }
    complaints
}

fn pure_layers_know_no_browser_clock_or_file(source: &Source) -> Vec<String> {
    let is_pure = source.module().is_some_and(|module| PURE_LAYERS.contains(&module));
    let words = [
        "leptos",
        "web_sys",
        "js_sys",
        "gloo",
        "wasm_bindgen",
        "std::time",
        "Instant",
        "SystemTime",
        "std::fs",
        "std::env",
        "std::thread",
        "std::net",
    ];
    if is_pure {
        source.complain_of(&words, "training and what comes before it get it from `Host`")
    } else {
        Vec::new()
    }
}

fn page_and_protocol_know_no_burn(source: &Source) -> Vec<String> {
    let applies = matches!(source.module(), Some("ui" | "protocol" | "search" | "channel"));
    if applies { source.complain_of(&["burn"], "tensors stay in the engine") } else { Vec::new() }
}

fn only_the_channel_posts_messages(source: &Source) -> Vec<String> {
    if source.module() == Some("channel") {
        return Vec::new();
    }
    let words = ["post_message", "post_message_with_transfer", "postMessage"];
    source.complain_of(&words, "only the channel talks between page and engine")
}

fn memos_and_effects_are_boxed(source: &Source) -> Vec<String> {
    if source.module() != Some("ui") || source.path == "src/ui/reactive.rs" {
        return Vec::new();
    }
    let words = ["Memo::new", "Effect::new", "Effect::watch"];
    source.complain_of(&words, "`memo`, `effect` and `watch` of ui/reactive.rs keep the page small")
}

fn nothing_panics_on_outside_data(source: &Source) -> Vec<String> {
    let words = [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err(", "todo!", "unimplemented!", "dbg!"];
    source.complain_of(&words, "return a typed error; an impossible case is `unreachable!(\"why\")`")
}

fn nothing_waits_for_the_device_synchronously(source: &Source) -> Vec<String> {
    let words = [".into_data()", ".to_data()", ".into_scalar()", ".execute()"];
    source.complain_of(&words, "read back with `Transaction::execute_async`, or one of the `_async` calls")
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

/// A dataset's folder says whose it is, where it comes from, and what its files are.
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

/// All files with one of these extensions in a folder of the repository, and in the folders in it.
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

/// The rule complains of this sample, exactly so many times.
fn check_complaints(rule: fn(&Source) -> Vec<String>, path: &str, text: &str, expected: usize) {
    let complaints = rule(&Source::new(path, text));
    assert_eq!(complaints.len(), expected, "{path}: {text}\n{complaints:?}");
}

#[test]
fn every_file_begins_with_its_purpose() {
    for folder in ["src", "tests", "benches", "xtask"] {
        let files = sources(folder, &["rs"]);
        if folder != "benches" || !files.is_empty() {
            check(&files, begins_with_its_purpose);
        }
    }
    check_complaints(begins_with_its_purpose, "src/a.rs", "//! Turns photos into batches.\n", 0);
    check_complaints(begins_with_its_purpose, "src/a.rs", "use std::fs;\n//! Too late, on the second line.", 1);
    check_complaints(begins_with_its_purpose, "src/a.rs", "//!\n", 1);
    check_complaints(begins_with_its_purpose, "src/a.rs", "", 1);
}

#[test]
fn layers_import_only_those_before_them() {
    let rule = imports_only_layers_before_it;
    check(&sources("src", &["rs"]), rule);
    check_complaints(
        rule,
        "src/training/run.rs",
        "use kindling_train::module::Network;\nuse kindling_train::training::Host;",
        0,
    );
    check_complaints(rule, "src/training/run.rs", "use kindling_session::Session;", 1);
    check_complaints(
        rule,
        "src/training/run.rs",
        "let x = kindling::channel::post(&kindling_train::evaluation::y());",
        2,
    );
    check_complaints(rule, "src/engine/session.rs", "use kindling::channel;\nuse kindling::page::State;", 1);
    check_complaints(rule, "src/ui/state.rs", "use kindling_train::training::Host;", 1);
    check_complaints(rule, "src/ui/state.rs", "use crate::{engine, protocol};", 1);
    check_complaints(rule, "src/channel/mod.rs", "use kindling_core::dataset::Dataset;", 1);
    check_complaints(
        rule,
        "src/protocol/mod.rs",
        "// use kindling::page;\n#[cfg(test)]\nmod tests { use kindling::page::X; }",
        0,
    );
}

#[test]
fn pure_layers_are_pure() {
    let rule = pure_layers_know_no_browser_clock_or_file;
    check(&sources("src", &["rs"]), rule);
    check_complaints(rule, "src/training/run.rs", "use web_sys::Window;\nlet now = std::time::Instant::now();", 2);
    check_complaints(rule, "src/dataset/idx.rs", "use std::fs;", 1);
    check_complaints(rule, "src/engine/clock.rs", "use web_sys::Window;", 0);
    check_complaints(rule, "src/network/a.rs", "let instant_of_time = 1; // web_sys", 0);
}

#[test]
fn page_and_protocol_never_mention_burn() {
    let rule = page_and_protocol_know_no_burn;
    check(&sources("src", &["rs"]), rule);
    check_complaints(rule, "src/ui/state.rs", "use burn::tensor::Tensor;", 1);
    check_complaints(rule, "src/protocol/mod.rs", "pub fn x() -> burn::Y {}", 1);
    check_complaints(rule, "src/ui/state.rs", "let burnt = 1; // burn", 0);
}

#[test]
fn messages_are_posted_by_the_channel_alone() {
    let rule = only_the_channel_posts_messages;
    check(&sources("src", &["rs", "js"]), rule);
    check(&sources("static", &["js"]), rule);
    check_complaints(rule, "src/engine/session.rs", "scope.post_message(&event);", 1);
    check_complaints(rule, "src/ui/worker.js", "self.postMessage(1);", 1);
    check_complaints(rule, "src/channel/page.rs", "worker.post_message(&command);", 0);
}

#[test]
fn memos_and_effects_of_the_page_are_boxed() {
    let rule = memos_and_effects_are_boxed;
    check(&sources("src", &["rs"]), rule);
    check_complaints(
        rule,
        "src/ui/recipe.rs",
        "let a = Memo::new(f);\nlet b = ArcMemo::new(f);\nEffect::watch(f, g, true);",
        2,
    );
    check_complaints(rule, "src/ui/reactive.rs", "Memo::new(compute)", 0);
}

#[test]
fn outside_data_never_panics() {
    let rule = nothing_panics_on_outside_data;
    check(&sources("src", &["rs"]), rule);
    check_complaints(rule, "src/dataset/idx.rs", "let n = read().unwrap();\nlet m = read().expect(\"m\");", 2);
    check_complaints(rule, "src/dataset/idx.rs", "let n = read().unwrap_or(0);", 0);
    check_complaints(
        rule,
        "src/dataset/idx.rs",
        "fn f() {}\n#[cfg(test)]\nmod tests {\n fn g() { f().unwrap() }\n}",
        0,
    );
}

#[test]
fn the_device_is_never_waited_for_synchronously() {
    let rule = nothing_waits_for_the_device_synchronously;
    check(&sources("src", &["rs"]), rule);
    check_complaints(
        rule,
        "src/training/run.rs",
        "let loss = loss.into_scalar();\nlet all = x.clone().into_data();",
        2,
    );
    check_complaints(rule, "src/training/run.rs", "let loss = loss.into_data_async().await;", 0);
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let rule = names_no_place_of_one_machine;
    let extensions = ["rs", "toml", "md", "js", "ts", "html", "css", "json", "py"];
    for folder in ["src", "tests", "xtask", "static", "docs"] {
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
        // A file without a name is a file that is not there.
        assert_eq!(is_credited("bad", &bad, |file| !file.is_empty()).len(), n_complaints, "{pointer}");
    }
}
