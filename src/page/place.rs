//! The five places and the page's address: `#data`, `#network`, `#train`, `#understand`, `#use`.
//!
//! Plain links and the hash work on any static host and any path, and with the browser's back button; five places without
//! parameters need no router.

use gloo::events::EventListener;
use leptos::prelude::*;

use crate::page::text::i18n::tr;
use crate::page::widgets::icon::Icon;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Data,
    Network,
    Train,
    Understand,
    Use,
}

impl Place {
    pub const ALL: [Self; 5] = [Self::Data, Self::Network, Self::Train, Self::Understand, Self::Use];

    /// The place that a visitor sees first: one click there starts a run.
    const FIRST: Self = Self::Train;

    pub fn hash(self) -> &'static str {
        match self {
            Self::Data => "#data",
            Self::Network => "#network",
            Self::Train => "#train",
            Self::Understand => "#understand",
            Self::Use => "#use",
        }
    }

    fn from_hash(hash: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.hash() == hash)
    }

    pub fn icon(self) -> Icon {
        match self {
            Self::Data => Icon::Data,
            Self::Network => Icon::Network,
            Self::Train => Icon::Train,
            Self::Understand => Icon::Understand,
            Self::Use => Icon::Use,
        }
    }

    /// The name in the visitor's language, tracked.
    pub fn name(self) -> String {
        match self {
            Self::Data => tr!(shell.data),
            Self::Network => tr!(shell.network),
            Self::Train => tr!(shell.train),
            Self::Understand => tr!(shell.understand),
            Self::Use => tr!(shell.use_it),
        }
    }
}

/// The place that the page's address names, kept up to date.
pub fn current_place() -> RwSignal<Place> {
    let read = || Place::from_hash(&window().location().hash().unwrap_or_default());
    let place = RwSignal::new(read().unwrap_or(Place::FIRST));
    EventListener::new(&window(), "hashchange", move |_| {
        // Other hashes, such as the skip link's, do not change the place.
        if let Some(next) = read() {
            place.set(next);
        }
    })
    // The page lives as long as its window.
    .forget();
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_own_address() {
        for place in Place::ALL {
            assert_eq!(Place::from_hash(place.hash()), Some(place));
        }
        assert_eq!(Place::from_hash("#content"), None);
    }
}
