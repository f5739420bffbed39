//! Several tabs on one project: each reads again what another has changed. The browser tells tabs of one another's preferences, so the news is one.

use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::{Value, json};
use web_sys::Event as DomEvent;

use super::collector::{Collector, Reading};
use crate::page::database::unique_id;
use crate::page::preferences;
use crate::page::property::property;

/// The latest news; each is written over the one before.
const KEY: &str = "kindling.projects";

/// A burst of changes is read at once.
const DELAY_MS: u32 = 250;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A tab has opened the project.
    Opened,
    /// The answer of a tab that has it open, too.
    AlsoOpen,
    /// The project, or its images, have changed.
    Changed,
}

impl Event {
    const ALL: [(Self, &str); 3] =
        [(Self::Opened, "opened"), (Self::AlsoOpen, "also-open"), (Self::Changed, "changed")];
}

/// Tells the other tabs.
pub fn announce(project: Option<&str>, event: Event) {
    let name = Event::ALL.iter().find(|(it, _)| *it == event).map(|(_, name)| *name);
    // Only a value that differs from the one before is told.
    preferences::write(KEY, &json!({ "project": project, "event": name, "id": unique_id() }).to_string());
}

/// Listens as long as the page lives.
pub fn listen(collector: Collector) {
    let is_due = StoredValue::new(false);
    let listener = window_event_listener_untyped("storage", move |event: DomEvent| {
        if property(&event, "key").as_string().as_deref() != Some(KEY) {
            return;
        }
        let text = property(&event, "newValue").as_string().unwrap_or_default();
        let Some((project, event)) = read(&text) else { return };
        let is_open = collector.is_open(&project);
        if is_open {
            collector.is_elsewhere.set(true);
        }
        match event {
            Event::Opened if is_open => announce(Some(&project), Event::AlsoOpen),
            Event::Opened | Event::AlsoOpen => {}
            Event::Changed if collector.reading.get_untracked() == Reading::Done => {
                if is_due.try_update_value(|is_due| std::mem::replace(is_due, true)) == Some(false) {
                    Timeout::new(DELAY_MS, move || {
                        is_due.set_value(false);
                        // If it fails, the next change is another occasion.
                        spawn_local(async move { drop(collector.reread().await) });
                    })
                    .forget();
                }
            }
            Event::Changed => {}
        }
    });
    std::mem::forget(listener);
}

fn read(text: &str) -> Option<(String, Event)> {
    let news: Value = serde_json::from_str(text).ok()?;
    let name = news.get("event")?.as_str()?;
    let (event, _) = Event::ALL.iter().find(|(_, known)| *known == name)?;
    Some((news.get("project")?.as_str()?.to_owned(), *event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_of_other_versions_are_passed_over() {
        assert_eq!(read(r#"{"project": "a", "event": "changed", "id": 3}"#), Some(("a".into(), Event::Changed)));
        for text in ["", "{}", r#"{"project": 3, "event": "changed"}"#, r#"{"project": "a", "event": "sold"}"#] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
