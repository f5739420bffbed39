//! Random changes to the train images.

use leptos::prelude::*;

use super::augment_preview::AugmentPreview;
use super::number::{Entry, Number, NumberSettings, always};
use crate::dataset::summary::shows_characters;
use crate::ui::i18n::{move_tr, tr};
use crate::ui::reactive::memo;
use crate::ui::recipe::use_recipe;
use crate::ui::widgets::show::Show;

/// For gray and colored images.
const OF_ALL: &[Number] = &[
    Number {
        id: "field-flip",
        label: || tr!(expert.flip),
        why: || tr!(expert.flip_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(augment.flip),
    },
    Number {
        id: "field-shift",
        label: || tr!(expert.shift),
        why: || tr!(expert.shift_why),
        range: (0.0, 0.5),
        entry: Entry::Real,
        value: always!(augment.shift),
    },
    Number {
        id: "field-rotation",
        label: || tr!(expert.rotation),
        why: || tr!(expert.rotation_why),
        range: (0.0, 180.0),
        entry: Entry::Real,
        value: always!(augment.rotation_degrees),
    },
    Number {
        id: "field-zoom",
        label: || tr!(expert.zoom),
        why: || tr!(expert.zoom_why),
        range: (0.0, 0.9),
        entry: Entry::Real,
        value: always!(augment.zoom),
    },
    Number {
        id: "field-shear",
        label: || tr!(expert.shear),
        why: || tr!(expert.shear_why),
        range: (0.0, 60.0),
        entry: Entry::Real,
        value: always!(augment.shear_degrees),
    },
    Number {
        id: "field-brightness",
        label: || tr!(expert.brightness),
        why: || tr!(expert.brightness_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(augment.brightness),
    },
    Number {
        id: "field-contrast",
        label: || tr!(expert.contrast),
        why: || tr!(expert.contrast_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(augment.contrast),
    },
];

/// For colored images only.
const OF_COLORS: &[Number] = &[
    Number {
        id: "field-saturation",
        label: || tr!(expert.saturation),
        why: || tr!(expert.saturation_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(augment.saturation),
    },
    Number {
        id: "field-hue",
        label: || tr!(expert.hue),
        why: || tr!(expert.hue_why),
        range: (0.0, 0.5),
        entry: Entry::Real,
        value: always!(augment.hue),
    },
];

/// What covers and mixes images.
const OF_PARTS: &[Number] = &[
    Number {
        id: "field-noise",
        label: || tr!(expert.noise),
        why: || tr!(expert.noise_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(augment.noise),
    },
    Number {
        id: "field-cutout",
        label: || tr!(expert.cutout),
        why: || tr!(expert.cutout_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(augment.cutout),
    },
    Number {
        id: "field-mixup",
        label: || tr!(expert.mixup),
        why: || tr!(expert.mixup_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(augment.mixup),
    },
    Number {
        id: "field-cutmix",
        label: || tr!(expert.cutmix),
        why: || tr!(expert.cutmix_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: always!(augment.cutmix),
    },
];

#[component]
pub fn AugmentGroup() -> impl IntoView {
    let recipe = use_recipe();
    let has_colors = memo(move |_| recipe.dataset.read().as_ref().is_some_and(|it| it.shape.channels == 3));
    let flips_characters = memo(move |_| {
        let flips = recipe.read(|config| config.augment.flip > 0.0);
        flips && recipe.dataset.read().as_ref().is_some_and(|dataset| shows_characters(&dataset.classes))
    });
    view! {
        <p class="hint">{move_tr!(expert.augment_why)}</p>
        <p class="failure" id="flip-warning" role="status" class:is-hidden=move || !flips_characters.get()>
            {move || flips_characters.get().then(|| tr!(expert.flip_warning))}
        </p>
        <AugmentPreview />
        <NumberSettings numbers=OF_ALL />
        <Show when=move || has_colors.get()><NumberSettings numbers=OF_COLORS /></Show>
        <NumberSettings numbers=OF_PARTS />
    }
}
