//! Line icons, drawn for this page on a 24 × 24 grid.

use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Data,
    Network,
    Train,
    Understand,
    Use,
    Glossary,
    Settings,
    Close,
    Play,
    Pause,
    Step,
    Stop,
    Check,
    Cross,
    Warning,
    Upload,
    Copy,
    Freeze,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Data => "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
            Self::Network => {
                "M4 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0M4 16a2 2 0 1 0 4 0a2 2 0 1 0-4 0M16 12a2 2 0 1 0 4 0a2 2 0 1 0-4 0M8 8.500l8 3M8 15.500l8-3"
            }
            Self::Train => "M4 4v16h16M7 8c2 6 5 8 12 8.500",
            Self::Understand => "M11 4a7 7 0 1 1 0 14a7 7 0 0 1 0-14M16 16l5 5",
            Self::Use => "M4 20l4-1L20 7l-3-3L5 16zM14 7l3 3",
            Self::Glossary => "M12 6C9 4 6 4 3 5v14c3-1 6-1 9 1c3-2 6-2 9-1V5c-3-1-6-1-9 1zM12 6v14",
            Self::Settings => {
                "M4 7h9M17 7h3M4 17h3M11 17h9M13 7a2 2 0 1 0 4 0a2 2 0 1 0-4 0M7 17a2 2 0 1 0 4 0a2 2 0 1 0-4 0"
            }
            Self::Close | Self::Cross => "M6 6l12 12M18 6L6 18",
            Self::Play => "M8 5l11 7l-11 7z",
            Self::Pause => "M8 5v14M16 5v14",
            Self::Step => "M6 5l9 7l-9 7zM18 5v14",
            Self::Stop => "M6 6h12v12H6z",
            Self::Check => "M5 13l4 4L19 7",
            Self::Warning => "M12 4L2.500 20h19zM12 10v4M12 17v0",
            Self::Upload => "M12 16V4M7 9l5-5l5 5M4 16v4h16v-4",
            Self::Copy => "M9 9h11v11H9zM5 15H4V4h11v1",
            Self::Freeze => "M12 3v18M4 7.500l16 9M20 7.500l-16 9M9 4l3 3l3-3M9 20l3-3l3 3",
        }
    }
}

/// A decorative icon, hidden from screen readers: the text beside it says what it means.
#[component]
pub fn Glyph(#[prop(into)] icon: Signal<Icon>) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=move || icon.get().path() />
        </svg>
    }
}
