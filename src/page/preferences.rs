//! The visitor's preferences: theme, device, threads, and which settings of a run are shown. Stored where the browser allows it; elsewhere,
//! as in a private window, they last as long as the page.

use leptos::prelude::{document, window};
use wasm_bindgen::JsValue;
use web_sys::Storage;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// The system's theme.
    #[default]
    System,
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnginePreference {
    #[default]
    Automatic,
    Webgpu,
    Cpu,
}

/// How many threads the CPU engine trains with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// As many as the machine has cores, but for one.
    #[default]
    Automatic,
    Exactly(u32),
}

/// Which settings of a run are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SettingsMode {
    #[default]
    Simple,
    Expert,
}

/// A preference, with the key under which it is stored and a name for each value.
pub trait Preference: Copy + Default + PartialEq + Sized + 'static {
    const KEY: &'static str;
    const VALUES: &'static [(Self, &'static str)];

    fn name(self) -> &'static str {
        Self::VALUES.iter().find(|(value, _)| *value == self).map_or("", |(_, name)| name)
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::VALUES.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
    }

    fn remembered() -> Option<Self> {
        Self::from_name(&read(Self::KEY)?)
    }

    fn remember(self) {
        write(Self::KEY, self.name());
    }
}

impl Preference for Theme {
    // static/load.js reads it before the first paint.
    const KEY: &'static str = "kindling.theme";
    const VALUES: &'static [(Self, &'static str)] =
        &[(Self::System, "system"), (Self::Light, "light"), (Self::Dark, "dark")];
}

impl Theme {
    /// Shows the page in this theme, by the attribute `data-theme` that the style sheet selects on.
    pub fn apply(self) {
        if let Some(root) = document().document_element() {
            let applied: Result<(), JsValue> = match self {
                Self::System => root.remove_attribute("data-theme"),
                Self::Light | Self::Dark => root.set_attribute("data-theme", self.name()),
            };
            // The attribute's name is valid, so this does not fail.
            applied.ok();
        }
    }
}

impl Preference for EnginePreference {
    const KEY: &'static str = "kindling.engine";
    const VALUES: &'static [(Self, &'static str)] =
        &[(Self::Automatic, "automatic"), (Self::Webgpu, "webgpu"), (Self::Cpu, "cpu")];
}

impl Threads {
    const KEY: &str = "kindling.threads";
    const AUTOMATIC: &str = "automatic";

    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            Self::AUTOMATIC => Some(Self::Automatic),
            count => count.parse().ok().filter(|&count| count > 0).map(Self::Exactly),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Automatic => Self::AUTOMATIC.to_owned(),
            Self::Exactly(count) => count.to_string(),
        }
    }

    pub fn remembered() -> Option<Self> {
        Self::from_name(&read(Self::KEY)?)
    }

    pub fn remember(self) {
        write(Self::KEY, &self.name());
    }
}

impl Preference for SettingsMode {
    const KEY: &'static str = "kindling.settings";
    const VALUES: &'static [(Self, &'static str)] = &[(Self::Simple, "simple"), (Self::Expert, "expert")];
}

pub fn read(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

pub fn write(key: &str, name: &str) {
    if let Some(storage) = storage() {
        // If storage is full or forbidden, the preference lasts as long as the page.
        storage.set_item(key, name).ok();
    }
}

/// None where the browser forbids storage.
fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_values() {
        for (value, name) in Theme::VALUES {
            assert_eq!(value.name(), *name);
            assert_eq!(Theme::from_name(name), Some(*value));
        }
        for (value, name) in SettingsMode::VALUES {
            assert_eq!(SettingsMode::from_name(name), Some(*value));
        }
        assert_eq!(EnginePreference::from_name("quantum"), None);
        for value in [Threads::Automatic, Threads::Exactly(1), Threads::Exactly(12)] {
            assert_eq!(Threads::from_name(&value.name()), Some(value));
        }
        assert_eq!(["0", "-1", "all", ""].map(Threads::from_name), [None; 4]);
    }
}
