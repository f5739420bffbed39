//! The glossary is complete, and the page leads to all of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::asked;
use super::entries::{ENTRIES, find};
use super::texts::TermTexts;
use crate::page::text::i18n::{Language, TextKey, text_of};
use kindling_core::config::fields::FIELDS;

/// What the page's sources link to: keys of texts, and ids of entries.
struct Links {
    keys: BTreeSet<String>,
    ids: BTreeSet<String>,
}

impl Links {
    fn read() -> Self {
        let mut links = Self { keys: BTreeSet::new(), ids: BTreeSet::new() };
        links.visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page"));
        // A field of the settings links to the term of its label.
        links.keys.extend(FIELDS.iter().filter(|field| field.range().is_some()).map(|field| field.text.to_owned()));
        links
    }

    fn visit(&mut self, folder: &Path) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                self.visit(&path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            self.keys.extend(between(&text, "key_tr!(", ')').filter(|key| key.contains('.') && !key.contains('$')));
            self.ids.extend(between(&text, "term=\"", '"'));
        }
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        self.keys.iter().chain(&self.ids)
    }
}

fn between(text: &str, start: &'static str, end: char) -> impl Iterator<Item = String> {
    text.split(start).skip(1).filter_map(move |rest| rest.split(end).next()).map(str::to_owned)
}

#[test]
fn every_term_has_its_texts_in_both_languages() {
    let ids: BTreeSet<_> = ENTRIES.iter().map(|entry| entry.id.to_owned()).collect();
    assert_eq!(ids.len(), ENTRIES.len(), "an id is there twice");
    for language in [Language::English, Language::Chinese] {
        let texts = TermTexts::new(language);
        assert_eq!(texts.0.keys().cloned().collect::<BTreeSet<_>>(), ids, "{language:?}");
        for entry in ENTRIES {
            let (term, definition) = (texts.term(entry.id), texts.definition(entry.id));
            assert!(!term.trim().is_empty(), "{language:?}: {} has no name", entry.id);
            assert!(definition.chars().count() >= 10, "{language:?}: {} has no definition", entry.id);
            assert!(!entry.source.is_empty(), "{} has no source", entry.id);
        }
    }
}

#[test]
fn every_label_of_a_term_is_a_text_of_the_page() {
    let is_text = |key: TextKey| text_of(key) != key;
    let mut seen = BTreeSet::new();
    for entry in ENTRIES {
        for label in entry.labels {
            assert!(is_text(label), "{}: the page has no text {label}", entry.id);
            assert!(seen.insert(label), "{label} has two terms");
        }
        if let Some(control) = entry.control {
            assert!(is_text(control) && !text_of(control).contains('{'), "{}: {control} is not a label", entry.id);
        }
    }
}

#[test]
fn every_link_leads_to_a_term_and_every_term_is_linked() {
    let links = Links::read();
    assert!(links.keys.len() > 100 && links.ids.len() > 2, "the search for links finds too few");
    let unknown: Vec<_> = links.ids.iter().filter(|id| find(id).is_none()).collect();
    assert!(unknown.is_empty(), "no term for {unknown:?}");
    let unlinked: Vec<_> = ENTRIES
        .iter()
        .filter(|entry| !links.all().any(|link| find(link).is_some_and(|found| found.id == entry.id)))
        .map(|entry| entry.id)
        .collect();
    assert!(unlinked.is_empty(), "nothing leads to {unlinked:?}");
}

#[test]
fn every_label_with_a_term_of_the_field_has_an_entry() {
    let without: Vec<_> = TERMS.iter().filter(|key| find(key).is_none()).collect();
    assert!(without.is_empty(), "no entry for {without:?}");
    let fields = FIELDS.iter().filter(|field| field.range().is_some());
    let without: Vec<_> = fields.filter(|field| find(field.text).is_none()).map(|field| field.path).collect();
    assert!(without.is_empty(), "no entry for the fields {without:?}");
}

#[test]
fn only_the_glossary_s_addresses_open_it() {
    assert_eq!(asked("#glossary"), Some(""));
    assert_eq!(asked("#glossary/weight-decay"), Some("weight-decay"));
    assert_eq!(asked("#glossaryx"), None);
    assert_eq!(asked("#train"), None);
    assert_eq!(find("weight-decay").map(|entry| entry.id), Some("weight-decay"));
    assert_eq!(find("train.weight_decay").map(|entry| entry.id), Some("weight-decay"));
    assert_eq!(find("expert.adam_why").map(|entry| entry.id), Some("adam"));
    assert!(find("").is_none() && find("_why").is_none());
}

/// Labels, and sentences below labels, that are or name a term of the field.
#[rustfmt::skip]
const TERMS: &[&str] = &[
    "engine.title", "engine.cpu", "engine.webgpu", "runs.engine", "shell.understand", "shell.use_it",
    "train.settings", "train.preset", "train.seed", "train.log_scale", "train.loss", "train.accuracy", "train.validation_accuracy",
    "train.best_kept", "train.steps", "train.epochs", "train.batch_size", "train.learning_rate", "train.optimizer", "train.weight_decay",
    "train.on_train", "runs.train_loss", "runs.train_accuracy", "runs.open", "train.charts_help", "advice.over_fitting",
    "advice.unbalanced", "advice.dead", "advice.saturated", "advice.lower_rate",
    "data.split", "data.validation_share", "data.split_seed", "data.split_apply", "data.part", "data.unbalanced", "data.card_gray",
    "data.card_color", "data.statistics", "understand.split", "gallery.label", "gallery.predicted",
    "designer.init", "designer.fits", "misfit.of_layer", "misfit.needs_vector", "misfit.needs_maps", "network.memory", "network.flops",
    "network.parameters", "layer.rows", "layer.patch_embedding", "layer.position_embedding", "layer.linear", "layer.classifier", "layer.relu",
    "layer.conv", "layer.batch_norm", "layer.residual", "layer.same", "parameter.states", "parameter.padding", "parameter.padding_same",
    "parameter.activation", "parameter.rate", "parameter.ratio", "parameter.features",
    "expert.finder", "expert.max_steps", "expert.decay", "expert.decoupled", "expert.clip_norm", "expert.batches_per_update", "expert.ema_decay",
    "expert.adam_rate_share", "expert.schedule", "expert.step", "expert.exponential", "expert.cosine", "expert.one_cycle", "expert.plateau",
    "expert.schedule_epochs", "expert.factor", "expert.rise", "expert.start_divisor", "expert.end_divisor", "expert.least_rate",
    "expert.schedule_patience", "expert.least_improvement", "expert.weights_given", "expert.over_fitting", "expert.augment",
    "expert.augment_again", "expert.flip", "expert.shift", "expert.shear", "expert.zoom", "expert.noise", "expert.adversarial", "expert.attack",
    "expert.attack_strength", "expert.attack_steps", "expert.attack_step_size", "expert.attack_share", "expert.adjust",
    "inside.title", "inside.strips", "inside.image", "inside.dead_units", "inside.update_ratio",
    "understand.views", "use_place.views", "understand.right", "understand.pairs", "understand.per_class", "understand.average",
    "understand.images", "understand.mistakes", "understand.confusion", "use_place.answer", "use_place.classes", "use_place.seen",
    "use_place.not_sure",
    "search.title", "search.fields", "search.log", "search.least", "search.most", "search.factor", "search.first_epochs", "search.points",
    "search.metric", "search.importance", "search.cut", "search.parallel", "search.seed",
];
