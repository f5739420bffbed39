//! The five places and the page's address: `#data`, `#network`, `#train`, `#understand`, `#use`. An address may go on with the id of an element in the
//! place, `#train/engine`, which gets the keyboard focus.
//!
//! Plain links and the hash work on any static host and any path, and with the browser's back button; five places without
//! parameters need no router.

use gloo::events::EventListener;
use leptos::prelude::*;

use crate::page::text::i18n::tr;
use crate::page::widgets::icon::Icon;
use crate::page::widgets::reveal::reveal;

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

    /// Addresses by what the navigation calls these places.
    const BY_NAME: [(&str, Self); 2] = [("#evaluate", Self::Understand), ("#predict", Self::Use)];

    /// The place of an address, and the id of an element in it. The bare address is that of the first place. Other hashes, such as the skip
    /// link's, are of no place.
    fn from_hash(hash: &str) -> Option<(Self, Option<&str>)> {
        if hash.is_empty() {
            return Some((Self::FIRST, None));
        }
        let (place, element) = hash.split_once('/').map_or((hash, None), |(place, element)| (place, Some(element)));
        let mut addresses = Self::ALL.map(|known| (known.hash(), known)).into_iter().chain(Self::BY_NAME);
        addresses.find(|(hash, _)| *hash == place).map(|(_, place)| (place, element))
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
    let address = || window().location().hash().unwrap_or_default();
    let place = RwSignal::new(Place::from_hash(&address()).map_or(Place::FIRST, |(place, _)| place));
    EventListener::new(&window(), "hashchange", move |_| {
        let address = address();
        if let Some((next, element)) = Place::from_hash(&address) {
            place.set(next);
            if let Some(element) = element.map(str::to_owned) {
                // The place is drawn in the next frame.
                request_animation_frame(move || reveal(&element));
            }
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
            assert_eq!(Place::from_hash(place.hash()), Some((place, None)));
        }
        assert_eq!(Place::from_hash("#train/engine"), Some((Place::Train, Some("engine"))));
        assert_eq!(Place::from_hash("#evaluate"), Some((Place::Understand, None)));
        assert_eq!(Place::from_hash("#predict/use-upload"), Some((Place::Use, Some("use-upload"))));
        assert_eq!(Place::from_hash(""), Some((Place::FIRST, None)));
        assert_eq!(Place::from_hash("#content"), None);
        assert_eq!(Place::from_hash("#glossary/train"), None);
    }
}
