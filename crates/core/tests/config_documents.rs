//! The docs agree with the table in config/fields.rs: docs/api.md, static/kindling.d.ts, and the page's texts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kindling_core::config::fields::{ConfigField, FIELDS, FieldDefault, FieldKind, Searched};

const API: &str = "docs/api.md";
const TYPES: &str = "static/kindling.d.ts";

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A number as the docs write it: `0.001`, `1e-8`.
fn number(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-3 { format!("{number:e}") } else { number.to_string() }
}

fn value(field: &ConfigField) -> String {
    match field.kind {
        FieldKind::Integer(range) => format!("{range}, an integer"),
        FieldKind::Number(range) => range.to_string(),
        FieldKind::Flag => "`true` or `false`".to_owned(),
        FieldKind::Choice(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        FieldKind::Part | FieldKind::Text => String::new(),
    }
}

fn default(field: &ConfigField) -> String {
    match field.default {
        FieldDefault::Off => "off: `null`".to_owned(),
        FieldDefault::Number(default) => number(default),
        FieldDefault::Flag(flag) => format!("`{flag}`"),
        FieldDefault::Name(name) => format!("`{name}`"),
        FieldDefault::OfKind(kinds) => kinds
            .iter()
            .map(|(kind, default)| format!("{} (`{kind}`)", number(*default)))
            .collect::<Vec<_>>()
            .join(", "),
        FieldDefault::Unset => String::new(),
    }
}

fn searched(field: &ConfigField) -> String {
    match (field.search, field.kind) {
        (Searched::Never | Searched::Unoffered, _) => String::new(),
        (Searched::AroundPresent, FieldKind::Integer(_) | FieldKind::Number(_)) => {
            "around the present value".to_owned()
        }
        (Searched::AroundPresent, _) => "its choices".to_owned(),
        (Searched::Linear(min, max), _) => format!("{} to {}", number(min), number(max)),
        (Searched::Log(min, max), _) => format!("{} to {}, log scale", number(min), number(max)),
    }
}

/// The table in docs/api.md, of the fields with a value of their own.
fn table() -> String {
    let mut table = String::from("| field | values | default | a search offers |\n| --- | --- | --- | --- |\n");
    for field in FIELDS.iter().filter(|field| !matches!(field.kind, FieldKind::Part | FieldKind::Text)) {
        table += &format!("| `{}` | {} | {} | {} |\n", field.path, value(field), default(field), searched(field));
    }
    table
}

#[test]
fn the_api_s_table_of_fields_is_this_one() {
    let is_there = read(API).contains(&format!("\n{}\n", table()));
    assert!(
        is_there,
        "{API}, \"Fields and ranges\": put this table in the place of the one that is there:\n\n{}",
        table()
    );
}

#[test]
fn the_api_explains_every_field() {
    let api = read(API);
    let rows: Vec<&str> = api.lines().filter(|line| line.starts_with("| ")).collect();
    for field in FIELDS.iter().filter(|field| !field.path.contains('.')) {
        // The API's runs always use the loaded dataset and its split.
        let is_explained = ["dataset", "split"].contains(&field.path)
            || rows
                .iter()
                .any(|row| row.starts_with(&format!("| `{}` |", field.path)) && !row.contains(&value_cell(field)));
        assert!(is_explained, "{API}: the table of `train` has no row for `{}`", field.path);
    }
    for field in FIELDS {
        let FieldDefault::OfKind(kinds) = field.default else { continue };
        for (kind, default) in kinds {
            let row = rows.iter().find(|row| row.starts_with(&format!("| `{kind}` |")));
            let row = row.unwrap_or_else(|| panic!("{API}: no table has a row for `{kind}`"));
            let forms = [default.to_string(), number(*default)].map(|default| format!("`{}` {default}", field.name()));
            let says = forms.iter().any(|form| row.contains(form));
            assert!(
                says,
                "{API}: the row for `{kind}` must say {}, as config/fields.rs does: {row}",
                forms.join(" or ")
            );
        }
    }
}

/// A field's row in the table of ranges.
fn value_cell(field: &ConfigField) -> String {
    format!("| `{}` | {} | {} | {} |", field.path, value(field), default(field), searched(field))
}

/// The interface in kindling.d.ts that declares the fields of a part.
fn interface(path: &str) -> &'static str {
    match path.split_once('.').map_or("", |(part, _)| part) {
        "" => "TrainConfig",
        "split" => "Split",
        "optimizer" => "Optimizers",
        "schedule" => "Schedules",
        "loss" => "Losses",
        "earlyStopping" => "EarlyStopping",
        "augment" => "Augment",
        "adversarial" => "Adversarial",
        "distillation" => "Distillation",
        "sparsity" => "Sparsity",
        part => panic!("{TYPES}: which interface declares the fields of `{part}`? Say it in this test"),
    }
}

/// The text of an interface, without its closing brace.
fn body<'a>(types: &'a str, interface: &str) -> &'a str {
    let begin = format!("  interface {interface} {{\n");
    let (_, rest) = types.split_once(&begin).unwrap_or_else(|| panic!("{TYPES}: no interface {interface}"));
    rest.split_once("\n  }\n").map_or(rest, |(body, _)| body)
}

/// Whether the text before a colon ends with a declaration of `name`: `epochs?`, `epochs`.
fn declares(before_colon: &str, name: &str) -> bool {
    let before = before_colon.trim_end_matches('?');
    before.strip_suffix(name).is_some_and(|rest| !rest.ends_with(|it: char| it.is_alphanumeric()))
}

#[test]
fn the_types_have_every_field_with_its_range() {
    let types = read(TYPES);
    // Adam and AdamW share an interface.
    let optimizers = format!("{}\n{}", body(&types, "Optimizers"), body(&types, "Adam"));
    for field in FIELDS {
        let interface = interface(field.path);
        let body = if interface == "Optimizers" { optimizers.as_str() } else { body(&types, interface) };
        let colons = body.match_indices(':').map(|(place, _)| place);
        let declared: Vec<usize> = colons.filter(|place| declares(&body[..*place], field.name())).collect();
        assert!(!declared.is_empty(), "{TYPES}: interface {interface} has no `{}`", field.name());
        for place in declared {
            let (comment, after) = (comment_before(&body[..place]), &body[place..]);
            if let Some(range) = field.range() {
                let says = comment.contains(&range.to_string());
                assert!(
                    says && after.starts_with(": number"),
                    "{TYPES}: the comment above `{}` in {interface} must say \"{range}\", as config/fields.rs does: {comment}",
                    field.name()
                );
            }
            let is_nullable = after.split(';').next().is_some_and(|of| of.ends_with("| null"));
            assert_eq!(is_nullable, field.is_optional(), "{TYPES}: `{}` can be null or not", field.name());
        }
        if let FieldKind::Choice(names) = field.kind {
            for name in names {
                let is_there = body.contains(&format!("\"{name}\"")) || kinds(&types).contains(&format!("{name}: "));
                assert!(is_there, "{TYPES}: `{}` has no \"{name}\"", field.name());
            }
        }
    }
}

/// The doc comment directly above a declaration; empty if there is none.
fn comment_before(text: &str) -> &str {
    let start = text.rfind("*/").and_then(|end| text[..end].rfind("/**").map(|start| (start, end)));
    match start {
        Some((start, end)) if !text[end..].contains([';', '{']) => &text[start..end],
        _ => "",
    }
}

/// The interfaces that declare kinds with fields of their own.
fn kinds(types: &str) -> String {
    ["Optimizers", "Schedules", "Losses", "Adversarial"].map(|interface| body(types, interface)).join("\n")
}

#[test]
fn every_field_has_a_name_in_both_languages() {
    type Texts = BTreeMap<String, BTreeMap<String, String>>;
    for language in ["en", "zh-CN"] {
        let folder = format!("static/translations/{language}");
        let mut texts = Texts::new();
        for file in ["data", "runs", "train", "expert"] {
            let path = format!("{folder}/{file}.json");
            for (group, keys) in serde_json::from_str::<Texts>(&read(&path)).unwrap() {
                texts.entry(group).or_default().extend(keys);
            }
        }
        for field in FIELDS {
            let (group, key) = field.text.split_once('.').unwrap();
            let is_there = texts.get(group).is_some_and(|keys| keys.contains_key(key));
            assert!(is_there, "{folder}: no text {}, the name of `{}`", field.text, field.path);
        }
    }
}
