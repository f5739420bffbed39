//! Data augmentation of the training images.

use leptos::prelude::*;

use super::augment_preview::AugmentPreview;
use super::number::{Number, NumberFields, Write, always};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::{key_tr, tr};
use crate::page::widgets::hint::Why;
use crate::page::widgets::show::Show;
use kindling_core::config::AugmentConfig;
use kindling_core::config::fields::field_at;
use kindling_core::dataset::summary::shows_characters;

/// For grayscale and RGB images.
pub(super) const OF_ALL: &[Number<AugmentConfig>] = &[
    Number { id: "field-flip", field: field_at("augment.flip"), why: || tr!(expert.flip_why), value: always!(flip) },
    Number {
        id: "field-shift",
        field: field_at("augment.shift"),
        why: || tr!(expert.shift_why),
        value: always!(shift),
    },
    Number {
        id: "field-rotation",
        field: field_at("augment.rotationDegrees"),
        why: || tr!(expert.rotation_why),
        value: always!(rotation_degrees),
    },
    Number { id: "field-zoom", field: field_at("augment.zoom"), why: || tr!(expert.zoom_why), value: always!(zoom) },
    Number {
        id: "field-shear",
        field: field_at("augment.shearDegrees"),
        why: || tr!(expert.shear_why),
        value: always!(shear_degrees),
    },
    Number {
        id: "field-brightness",
        field: field_at("augment.brightness"),
        why: || tr!(expert.brightness_why),
        value: always!(brightness),
    },
    Number {
        id: "field-contrast",
        field: field_at("augment.contrast"),
        why: || tr!(expert.contrast_why),
        value: always!(contrast),
    },
];

/// For RGB images only.
pub(super) const OF_COLORS: &[Number<AugmentConfig>] = &[
    Number {
        id: "field-saturation",
        field: field_at("augment.saturation"),
        why: || tr!(expert.saturation_why),
        value: always!(saturation),
    },
    Number { id: "field-hue", field: field_at("augment.hue"), why: || tr!(expert.hue_why), value: always!(hue) },
];

/// Noise, and methods that cover or mix images.
pub(super) const OF_PARTS: &[Number<AugmentConfig>] = &[
    Number {
        id: "field-noise",
        field: field_at("augment.noise"),
        why: || tr!(expert.noise_why),
        value: always!(noise),
    },
    Number {
        id: "field-cutout",
        field: field_at("augment.cutout"),
        why: || tr!(expert.cutout_why),
        value: always!(cutout),
    },
    Number {
        id: "field-mixup",
        field: field_at("augment.mixup"),
        why: || tr!(expert.mixup_why),
        value: always!(mixup),
    },
    Number {
        id: "field-cutmix",
        field: field_at("augment.cutmix"),
        why: || tr!(expert.cutmix_why),
        value: always!(cutmix),
    },
];

#[component]
pub fn AugmentGroup() -> impl IntoView {
    let recipe = use_recipe();
    let config = Signal::derive(move || recipe.config.read().as_ref().map(|config| config.augment));
    let change = move |write: Write<AugmentConfig>, new| recipe.change(|config| write(&mut config.augment, new));
    view! {
        <Why text=key_tr!(expert.augment_why) />
        <AugmentControls config change />
    }
}

/// The strengths of all augmentations, a preview of them, and a warning if flips would change the meaning of the dataset's images.
#[component]
pub fn AugmentControls(
    /// Prefix of the DOM ids, for a second set of these controls on the page.
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
