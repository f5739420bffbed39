//! The page's texts in the visitor's language: `tr!(train.start)`, from the files in `static/translations`.
//!
//! A text may name values in braces: `"Epoch {epoch} of {epochs}"` is `tr!(train.epoch, epoch = 1, epochs = 5)`. If its
//! first value selects singular or plural, a bar separates the two: `"{count} image|{count} images"`.
//!
//! Fluent and leptos_i18n were considered and rejected: their parsers and plural tables would take a quarter of the page's
//! size budget for two languages of which one has no plural. A test checks every key and value that the sources use.

use std::cell::{Cell, LazyCell, OnceCell};
use std::collections::BTreeMap;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::page::preferences::Preference;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

impl Preference for Language {
    const KEY: &'static str = "kindling.language";
    const VALUES: &'static [(Self, &'static str)] = &[(Self::English, "en"), (Self::Chinese, "zh-CN")];
}

impl Language {
    /// The first of the browser's languages that the page is translated into; English if there is none.
    pub fn of_browser<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        tags.into_iter()
            .find_map(|tag| match tag.split('-').next() {
                Some("en") => Some(Self::English),
                Some("zh") => Some(Self::Chinese),
                _ => None,
            })
            .unwrap_or_default()
    }
}

/// The contents of a language's files.
type Sources = &'static [&'static str];

macro_rules! sources {
    ($language:literal: $($file:literal),*) => {
        &[$(include_str!(concat!("../../../static/translations/", $language, "/", $file, ".json"))),*]
    };
}

/// The texts that a visitor may see first, then those that only parts of the page show (`parts.rs`). A group may be in both.
macro_rules! first {
    ($language:literal) => {
        sources!($language: "shell", "failures", "train")
    };
}
macro_rules! later {
    ($language:literal) => {
        sources!(
            $language: "advice", "charts", "collect", "compress", "data", "expert", "export", "inside", "interrupted", "network", "runs", "search", "suspects", "tray", "understand", "use"
        )
    };
}

const ENGLISH: Sources = first!("en");
const LATER_ENGLISH: Sources = later!("en");
const CHINESE: &[Sources] = &[first!("zh-CN"), later!("zh-CN")];

/// Fetched together with the first part that needs them.
#[wasm_split(later, fallible)]
fn later_english() -> Result<Sources, SplitLoaderError> {
    Ok(LATER_ENGLISH)
}

/// The Chinese texts are fetched on demand. The English ones of the first part are built into it, as the fallback if this fails.
#[wasm_split(chinese, fallible)]
fn chinese() -> Result<&'static [Sources], SplitLoaderError> {
    Ok(CHINESE)
}

/// Texts by group and key.
pub type Texts = BTreeMap<String, BTreeMap<String, String>>;

/// The texts of a language's files.
pub fn read_texts(sources: &[&str]) -> Texts {
    let mut texts = Texts::new();
    for source in sources {
        // A test parses every file. A broken one would show its keys instead of its texts.
        for (group, keys) in serde_json::from_str::<Texts>(source).unwrap_or_default() {
            texts.entry(group).or_default().extend(keys);
        }
    }
    texts
}

thread_local! {
    // The page has one language. It is a static, so that texts are available after an await too, where there is no leptos context.
    static LANGUAGE: ArcRwSignal<Language> = ArcRwSignal::new(Language::default());
    static ENGLISH_TEXTS: LazyCell<Texts> = LazyCell::new(|| read_texts(ENGLISH));
    #[cfg(not(test))]
    static LATER_ENGLISH_TEXTS: OnceCell<Texts> = const { OnceCell::new() };
    // Tests have them at once.
    #[cfg(test)]
    static LATER_ENGLISH_TEXTS: OnceCell<Texts> = OnceCell::from(read_texts(LATER_ENGLISH));
    static WANTED: Cell<Language> = const { Cell::new(Language::English) };
    static CHINESE_TEXTS: OnceCell<Texts> = const { OnceCell::new() };
}

/// The page's language, as a signal.
pub fn language() -> ArcRwSignal<Language> {
    LANGUAGE.with(ArcRwSignal::clone)
}

/// Switches the page to a language once its texts are fetched, unless another language was requested in the meantime. Also sets the
/// document's `lang` attribute, for the browser and screen readers.
///
/// # Errors
///
/// Fails if the texts cannot be fetched; the language then stays as it is.
pub async fn switch_language(language: Language) -> Result<(), SplitLoaderError> {
    WANTED.set(language);
    if language == Language::Chinese {
        let sources = chinese().await?;
        CHINESE_TEXTS.with(|texts| {
            texts.get_or_init(|| read_texts(&sources.concat()));
        });
        if WANTED.get() != language {
            return Ok(());
        }
    }
    self::language().set(language);
    if let Some(root) = document().document_element() {
        // The attribute's name is valid, so this cannot fail.
        root.set_attribute("lang", language.name()).ok();
    }
    Ok(())
}

/// Fetches the texts that only parts of the page show, unless they are there. A visitor's language other than English is complete anyway.
///
/// # Errors
///
/// Fails if the texts cannot be fetched.
pub async fn fetch_later() -> Result<(), SplitLoaderError> {
    if LATER_ENGLISH_TEXTS.with(|texts| texts.get().is_none()) {
        let sources = later_english().await?;
        LATER_ENGLISH_TEXTS.with(|texts| {
            texts.get_or_init(|| read_texts(sources));
        });
    }
    Ok(())
}

/// The text of a key in the current language, with its values filled in; tracked. Use [`tr!`].
pub fn translate(group: &str, key: &str, values: &[(&str, String)]) -> String {
    let text_in = |texts: &Texts| Some(fill(texts.get(group)?.get(key)?, values));
    let text = match language().get() {
        Language::English => ENGLISH_TEXTS
            .with(|texts| text_in(texts))
            .or_else(|| LATER_ENGLISH_TEXTS.with(|texts| text_in(texts.get()?))),
        Language::Chinese => CHINESE_TEXTS.with(|texts| text_in(texts.get()?)),
    };
    // Better than an empty button. Tests make sure that this does not happen.
    text.unwrap_or_else(|| format!("{group}.{key}"))
}

/// The key of a text without values, `group.key`. Use [`key_tr!`].
pub type TextKey = &'static str;

/// The text with this key; tracks the language.
pub fn text_of(key: TextKey) -> String {
    let (group, key) = key.split_once('.').unwrap_or(("", key));
    translate(group, key, &[])
}

/// [`translate`] as a closure. All texts share this one type of closure and its rendering code, which leptos compiles separately for every
/// type of closure. Use [`move_tr`].
pub fn translation(
    group: &'static str,
    key: &'static str,
    values: Vec<(&'static str, String)>,
) -> impl Fn() -> String + Clone + Send + Sync + 'static {
    move || translate(group, key, &values)
}

/// The singular or plural form, selected by the first value, with every `{name}` replaced by its value.
fn fill(text: &str, values: &[(&str, String)]) -> String {
    let form = match text.split_once('|') {
        Some((one, _)) if values.first().is_some_and(|(_, value)| value == "1") => one,
        Some((_, other)) => other,
        None => text,
    };
    values.iter().fold(form.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// `tr!(group.key, name = value)`: the text as a `String`; tracked if called from a view, memo or effect.
macro_rules! tr {
    ($group:ident . $key:ident $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::page::text::i18n::translate(
            stringify!($group),
            stringify!($key),
            &[$((stringify!($name), ($value).to_string())),*],
        )
    };
}

/// `move_tr!(group.key, name = value)`: the text as a closure for a view, which follows the language; the values are evaluated once.
macro_rules! move_tr {
    ($group:ident . $key:ident $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::page::text::i18n::translation(
            stringify!($group),
            stringify!($key),
            vec![$((stringify!($name), ($value).to_string())),*],
        )
    };
}

/// `key_tr!(group.key)`: the key of a text, for views that need more than the text, such as the term that it uses.
macro_rules! key_tr {
    ($group:ident . $key:ident) => {
        concat!(stringify!($group), ".", stringify!($key))
    };
}

pub(crate) use {key_tr, move_tr, tr};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use kindling_core::config::fields::FIELDS;

    fn values_of(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn both_languages_say_the_same_things() {
        for source in [ENGLISH, LATER_ENGLISH].concat().into_iter().chain(CHINESE.concat()) {
            serde_json::from_str::<Texts>(source).unwrap_or_else(|error| panic!("{error}: {source:.80}"));
        }
        let (english, chinese) = (english(), read_texts(&CHINESE.concat()));
        assert_eq!(english.keys().collect::<Vec<_>>(), chinese.keys().collect::<Vec<_>>());
        for (group, texts) in &english {
            let others = &chinese[group];
            assert_eq!(texts.keys().collect::<Vec<_>>(), others.keys().collect::<Vec<_>>(), "{group}");
            for (key, text) in texts {
                assert!(!text.trim().is_empty() && !others[key].trim().is_empty(), "{group}.{key} is empty");
                assert_eq!(values_of(text), values_of(&others[key]), "{group}.{key}");
            }
        }
    }

    /// All of them.
    fn english() -> Texts {
        read_texts(&[ENGLISH, LATER_ENGLISH].concat())
    }

    /// The keys that a source uses, with the names of their values.
    fn uses(source: &str) -> Vec<(String, String, BTreeSet<String>)> {
        let calls = source.split("tr!(").skip(1).filter_map(|rest| {
            let mut depth = 1;
            let end = rest.find(|letter| {
                depth += match letter {
                    '(' => 1,
                    ')' => -1,
                    _ => 0,
                };
                depth == 0
            })?;
            let mut parts = rest[..end].splitn(2, ',');
            let (group, key) = parts.next()?.trim().split_once('.')?;
            let is_word = |word: &str| word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            if !is_word(group) || !is_word(key) {
                return None;
            }
            let values = parts.next().unwrap_or_default();
            let names = values.split(" = ").map(|before| before.rsplit([',', ' ', '\n']).next().unwrap_or_default());
            let mut names: Vec<_> = names.map(str::to_owned).collect();
            names.pop();
            Some((group.to_owned(), key.to_owned(), names.into_iter().collect()))
        });
        calls.collect()
    }

    /// The sources of the page, each with its path in `src/page`.
    fn page_sources() -> Vec<(String, String)> {
        fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.path().is_dir() { visit(&entry.path(), found) } else { found.push(entry.path()) }
            }
        }
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join("page");
        let mut files = Vec::new();
        visit(&page, &mut files);
        files.retain(|file| file.file_name().is_some_and(|name| name != "i18n.rs"));
        let named = |file: PathBuf| {
            let name = file.strip_prefix(&page).unwrap().to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(&file).unwrap())
        };
        files.into_iter().map(named).collect()
    }

    #[test]
    fn every_text_that_the_page_asks_for_is_there_and_every_text_is_asked_for() {
        let mut found: Vec<_> = page_sources().iter().flat_map(|(_, source)| uses(source)).collect();
        // The settings use the names of the config's fields.
        let names = FIELDS.iter().filter_map(|field| field.text.split_once('.'));
        found.extend(names.map(|(group, key)| (group.to_owned(), key.to_owned(), BTreeSet::new())));
        assert!(found.len() > 20, "the search for texts finds too few: {}", found.len());
        let texts = english();
        for (group, key, names) in &found {
            let text = texts.get(group).and_then(|keys| keys.get(key));
            let text = text.unwrap_or_else(|| panic!("there is no text {group}.{key}"));
            let wanted: BTreeSet<_> = values_of(text).into_iter().map(str::to_owned).collect();
            assert!(wanted.is_subset(names), "{group}.{key} wants {wanted:?} and is given {names:?}");
        }
        for (group, keys) in &texts {
            for key in keys.keys() {
                let is_used = found.iter().any(|(found_group, found_key, _)| found_group == group && found_key == key);
                assert!(is_used, "nothing asks for the text {group}.{key}");
            }
        }
    }

    /// Sources that are only in parts which wait for these texts, as `parts.rs` does.
    const IN_PARTS: [&str; 33] = [
        "charts/",
        "collect/",
        "compress/cost.rs",
        "compress/distilling.rs",
        "compress/panel.rs",
        "compress/pruning.rs",
        "data/",
        "export/panel.rs",
        "network/",
        "recipe/ending.rs",
        "runs/at_hand.rs",
        "runs/interrupted/panel.rs",
        "runs/label.rs",
        "runs/view/",
        "search/view/",
        "text/advice.rs",
        "text/config.rs",
        "text/layer.rs",
        "text/left_out.rs",
        "train/adjust",
        "train/advice/",
        "train/continuing.rs",
        "train/curves.rs",
        "train/feature_time.rs",
        "train/inside/",
        "train/search_stage.rs",
        "train/settings/",
        "understand/",
        "using/",
        "widgets/camera",
        "widgets/draw_pad.rs",
        "widgets/image_upload.rs",
        "widgets/pager.rs",
    ];

    #[test]
    fn what_is_shown_first_has_its_texts_at_once() {
        let texts = read_texts(ENGLISH);
        let is_in_part = |name: &str| IN_PARTS.iter().any(|part| name.starts_with(part));
        for (name, source) in page_sources() {
            for (group, key, _) in uses(&source) {
                let is_there = texts.get(&group).is_some_and(|keys| keys.contains_key(&key));
                assert!(is_there || is_in_part(&name), "{name}: {group}.{key} comes later");
            }
        }
        // The panel itself is there at once, what is inside it is not.
        assert!(texts["inside"].contains_key("title") && texts["inside"].len() == 1);
    }

    #[test]
    fn values_and_forms_are_filled_in() {
        let one = [("count", "1".to_owned())];
        let many = [("count", "1,200".to_owned())];
        assert_eq!(fill("{count} image|{count} images", &one), "1 image");
        assert_eq!(fill("{count} image|{count} images", &many), "1,200 images");
        assert_eq!(fill("{count} 张图片", &many), "1,200 张图片");
    }

    #[test]
    fn the_browser_s_first_known_language_is_spoken() {
        assert_eq!(Language::of_browser(["fr-FR", "zh-TW", "en"]), Language::Chinese);
        assert_eq!(Language::of_browser(["de"]), Language::English);
    }
}
