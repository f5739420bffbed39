//! Random changes to the train images.

use leptos::prelude::*;

use super::augment_preview::AugmentPreview;
use super::number::{Entry, Number, NumberFields, Write, always};
use crate::page::i18n::{move_tr, tr};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::widgets::show::Show;
use kindling_core::config::AugmentConfig;
use kindling_core::dataset::summary::shows_characters;

/// For gray and colored images.
const OF_ALL: &[Number<AugmentConfig>] = &[
    Number {
        id: "field-flip",
        label: || tr!(expert.flip),
        why: || tr!(expert.flip_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(flip),
    },
    Number {
        id: "field-shift",
        label: || tr!(expert.shift),
        why: || tr!(expert.shift_why),
        range: (0.0, 0.5),
        entry: Entry::Real,
        value: always!(shift),
    },
    Number {
        id: "field-rotation",
        label: || tr!(expert.rotation),
        why: || tr!(expert.rotation_why),
        range: (0.0, 180.0),
        entry: Entry::Real,
        value: always!(rotation_degrees),
    },
    Number {
        id: "field-zoom",
        label: || tr!(expert.zoom),
        why: || tr!(expert.zoom_why),
        range: (0.0, 0.9),
        entry: Entry::Real,
        value: always!(zoom),
    },
    Number {
        id: "field-shear",
        label: || tr!(expert.shear),
        why: || tr!(expert.shear_why),
        range: (0.0, 60.0),
        entry: Entry::Real,
        value: always!(shear_degrees),
    },
    Number {
        id: "field-brightness",
        label: || tr!(expert.brightness),
        why: || tr!(expert.brightness_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(brightness),
    },
    Number {
        id: "field-contrast",
        label: || tr!(expert.contrast),
        why: || tr!(expert.contrast_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(contrast),
    },
];

/// For colored images only.
const OF_COLORS: &[Number<AugmentConfig>] = &[
    Number {
        id: "field-saturation",
        label: || tr!(expert.saturation),
        why: || tr!(expert.saturation_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(saturation),
    },
    Number {
        id: "field-hue",
        label: || tr!(expert.hue),
        why: || tr!(expert.hue_why),
        range: (0.0, 0.5),
        entry: Entry::Real,
        value: always!(hue),
    },
];

/// What covers and mixes images.
const OF_PARTS: &[Number<AugmentConfig>] = &[
    Number {
        id: "field-noise",
        label: || tr!(expert.noise),
        why: || tr!(expert.noise_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(noise),
    },
    Number {
        id: "field-cutout",
        label: || tr!(expert.cutout),
        why: || tr!(expert.cutout_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(cutout),
    },
    Number {
        id: "field-mixup",
        label: || tr!(expert.mixup),
        why: || tr!(expert.mixup_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(mixup),
    },
    Number {
        id: "field-cutmix",
        label: || tr!(expert.cutmix),
        why: || tr!(expert.cutmix_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(cutmix),
    },
];

#[component]
pub fn AugmentGroup() -> impl IntoView {
    let recipe = use_recipe();
    let config = Signal::derive(move || recipe.config.read().as_ref().map(|config| config.augment));
    let change = move |write: Write<AugmentConfig>, new| recipe.change(|config| write(&mut config.augment, new));
    view! {
        <p class="hint">{move_tr!(expert.augment_why)}</p>
        <AugmentControls config change />
    }
}

/// The strengths of all changes that the images can have, what they do to some of the images, and a warning where one of them is wrong
/// for the dataset in view.
#[component]
pub fn AugmentControls(
    /// Begins the ids, where the page has these controls already.
    #[prop(optional)]
    id_prefix: &'static str,
    config: Signal<Option<AugmentConfig>>,
    change: impl Fn(Write<AugmentConfig>, f64) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let recipe = use_recipe();
    let has_colors = memo(move |_| recipe.dataset.read().as_ref().is_some_and(|it| it.shape.channels == 3));
    let flips_characters = memo(move |_| {
        let flips = config.get().is_some_and(|config| config.flip > 0.0);
        flips && recipe.dataset.read().as_ref().is_some_and(|dataset| shows_characters(&dataset.classes))
    });
    view! {
        <p
            class="failure"
            id=format!("{id_prefix}flip-warning")
            role="status"
            class:is-hidden=move || !flips_characters.get()
        >
            {move || flips_characters.get().then(|| tr!(expert.flip_warning))}
        </p>
        <AugmentPreview id_prefix config />
        <NumberFields numbers=OF_ALL id_prefix config change />
        <Show when=move || has_colors.get()><NumberFields numbers=OF_COLORS id_prefix config change /></Show>
        <NumberFields numbers=OF_PARTS id_prefix config change />
    }
}
