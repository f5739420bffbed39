//! Names and definitions of the glossary's terms, in both languages.

use crate::page::text::i18n::{Language, Texts, read_texts};

const ENGLISH: &str = include_str!("../../../static/translations/en/glossary.json");
const CHINESE: &str = include_str!("../../../static/translations/zh-CN/glossary.json");

/// By the entries' ids, and then `term` and `definition`.
#[derive(Debug)]
pub struct TermTexts(pub Texts);

impl TermTexts {
    pub fn new(language: Language) -> Self {
        Self(read_texts(match language {
            Language::English => &[ENGLISH],
            Language::Chinese => &[CHINESE],
        }))
    }

    pub fn term(&self, id: &str) -> String {
        self.text(id, "term")
    }

    pub fn definition(&self, id: &str) -> String {
        self.text(id, "definition")
    }

    /// A test makes sure that every entry has its texts.
    fn text(&self, id: &str, key: &str) -> String {
        self.0.get(id).and_then(|texts| texts.get(key)).cloned().unwrap_or_default()
    }
}
