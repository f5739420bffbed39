//! The table of a run's config fields. The check before a run, the page, the API, the search and the docs are all driven by it.
//!
//! To add a field: add it to [`RunConfig`](super::RunConfig) or to one of its parts, to `numbers` in `check.rs` if it is a number, and
//! here. The tests then name what is missing in `static/kindling.d.ts`, docs/api.md and the page's texts. The layers of a network are not
//! in the table: whether a layer is valid depends on its input shape, which `network::shape` checks.

/// A field of the config, or of one of its parts.
#[derive(Debug)]
pub struct ConfigField {
    /// The path from the root of the config, as in JSON but without the names of kinds: `optimizer.momentum` is the momentum of SGD,
    /// RMSProp and Muon.
    pub path: &'static str,
    pub kind: FieldKind,
    pub default: FieldDefault,
    pub search: Searched,
    /// Translation key of its label, in `static/translations`.
    pub text: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldKind {
    Integer(Range),
    Number(Range),
    Flag,
    /// One of these names. In JSON, a kind with fields of its own is an object whose only key is the name.
    Choice(&'static [&'static str]),
    /// An object with fields of its own.
    Part,
    Text,
}

/// The numbers that a field accepts. Bounds are inclusive unless excluded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub min: f64,
    pub max: f64,
    pub is_min_excluded: bool,
    pub is_max_excluded: bool,
}

/// The value of a field that is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldDefault {
    /// Off: `null` in JSON.
    Off,
    Number(f64),
    Flag(bool),
    Name(&'static str),
    /// A number for each kind that has the field, with the kind's name.
    OfKind(&'static [(&'static str, f64)]),
    /// None: the network and the dataset must be given, and a part takes the defaults of its fields.
    Unset,
}

/// Whether and over which range the hyperparameter search offers the field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Searched {
    /// Never: the data and the length of a trial must not be chosen by validation.
    Never,
    /// The API may search it, but the page does not offer it.
    Unoffered,
    /// Its choices or, for a number, a range around the current value.
    AroundPresent,
    /// A range on a linear scale: min, max.
    Linear(f64, f64),
    /// A range on a log scale: min, max.
    Log(f64, f64),
}

use FieldDefault::{Flag, Name, OfKind, Off, Unset};
use FieldKind::{Choice, Integer, Number, Part, Text};
use Searched::{AroundPresent, Linear, Log, Never, Unoffered};

/// Seeds and step counts are `u32`.
const U32_MAX: f64 = u32::MAX as f64;

/// The limit of fields without a natural one; a larger value can only be a typo.
const HUGE: f64 = 1e9;

pub const MAX_EPOCHS: u32 = 10_000;
pub const MAX_BATCH_SIZE: u32 = 4_096;

const EPOCHS: f64 = MAX_EPOCHS as f64;

/// 0 to below 1: a fraction that must not be 1.
const FRACTION: Range = Range { is_max_excluded: true, ..from(0.0, 1.0) };

const OPTIMIZERS: &[&str] = &["sgd", "adam", "adamW", "rmsProp", "adagrad", "lion", "muon"];
const SCHEDULES: &[&str] = &["constant", "step", "exponential", "cosine", "oneCycle", "plateau"];
const LOSSES: &[&str] = &["crossEntropy", "binaryCrossEntropy", "meanSquaredError"];
const METRICS: &[&str] = &["validationLoss", "validationAccuracy"];

/// The table. A field comes after the part that contains it.
#[rustfmt::skip]
pub const FIELDS: &[ConfigField] = &[
    // path                             kind and range                             default                          search              text
    field("dataset",                    Text,                                      Unset,                           Never,              "runs.dataset"),
    field("split",                      Part,                                      Unset,                           Never,              "data.split"),
    field("split.validationFraction",   Number(from(0.0, 0.5)),                    is(0.1),                         Never,              "data.validation"),
    field("split.testFraction",         Number(from(0.0, 0.5)),                    is(0.1),                         Never,              "data.test"),
    field("split.seed",                 Integer(from(0.0, U32_MAX)),               is(0.0),                         Never,              "data.split_seed"),
    field("network",                    Part,                                      Unset,                           Unoffered,          "runs.network"),
    field("epochs",                     Integer(from(1.0, EPOCHS)),                is(5.0),                         Never,              "train.epochs"),
    field("maxSteps",                   Integer(from(1.0, U32_MAX)),               Off,                             Never,              "expert.max_steps"),
    field("batchSize",                  Integer(from(1.0, MAX_BATCH_SIZE as f64)), is(64.0),                        AroundPresent,      "train.batch_size"),
    field("learningRate",               Number(above(0.0, HUGE)),                  is(0.001),                       AroundPresent,      "train.learning_rate"),
    field("weightDecay",                Number(from(0.0, HUGE)),                   is(0.0),                         Log(1e-5, 1e-1),    "train.weight_decay"),
    field("decay",                      Choice(&["decoupled", "l2"]),              Name("decoupled"),               AroundPresent,      "expert.decay"),
    field("seed",                       Integer(from(0.0, U32_MAX)),               is(0.0),                         Linear(0.0, 9.0),   "train.seed"),

    field("optimizer",                  Choice(OPTIMIZERS),                        Name("adam"),                    AroundPresent,      "train.optimizer"),
    field("optimizer.momentum",         Number(FRACTION),                          OfKind(&[("sgd", 0.9), ("rmsProp", 0.0), ("muon", 0.95)]),
                                                                                                                    Linear(0.5, 0.99),  "expert.momentum"),
    field("optimizer.nesterov",         FieldKind::Flag,                           Flag(false),                     AroundPresent,      "expert.nesterov"),
    field("optimizer.beta1",            Number(FRACTION),                          OfKind(&[("adam", 0.9), ("adamW", 0.9), ("lion", 0.9)]),
                                                                                                                    Linear(0.8, 0.98),  "expert.beta1"),
    field("optimizer.beta2",            Number(FRACTION),                          OfKind(&[("adam", 0.999), ("adamW", 0.999), ("lion", 0.99)]),
                                                                                                                    Linear(0.9, 0.999), "expert.beta2"),
    field("optimizer.epsilon",          Number(above(0.0, 1.0)),                   OfKind(&[("adam", 1e-8), ("adamW", 1e-8), ("rmsProp", 1e-8), ("adagrad", 1e-10)]),
                                                                                                                    AroundPresent,      "expert.epsilon"),
    field("optimizer.alpha",            Number(FRACTION),                          OfKind(&[("rmsProp", 0.99)]),    Linear(0.9, 0.999), "expert.alpha"),
    field("optimizer.centered",         FieldKind::Flag,                           Flag(false),                     AroundPresent,      "expert.centered"),
    field("optimizer.adamRateShare",    Number(above(0.0, 100.0)),                 OfKind(&[("muon", 0.015)]),      AroundPresent,      "expert.adam_rate_share"),

    field("schedule",                   Choice(SCHEDULES),                         Name("constant"),                AroundPresent,      "expert.schedule"),
    field("schedule.epochs",            Integer(from(1.0, EPOCHS)),                OfKind(&[("step", 10.0)]),       AroundPresent,      "expert.schedule_epochs"),
    field("schedule.factor",            Number(above(0.0, 1.0)),                   OfKind(&[("step", 0.1), ("exponential", 0.95), ("plateau", 0.1)]),
                                                                                                                    AroundPresent,      "expert.factor"),
    field("schedule.warmUpSteps",       Integer(from(0.0, U32_MAX)),               OfKind(&[("cosine", 0.0)]),      Linear(0.0, 500.0), "expert.warm_up_steps"),
    field("schedule.leastRate",         Number(from(0.0, HUGE)),                   OfKind(&[("cosine", 0.0), ("plateau", 0.0)]),
                                                                                                                    Linear(0.0, 1e-4),  "expert.least_rate"),
    field("schedule.rise",              Number(from(0.0, 1.0)),                    OfKind(&[("oneCycle", 0.3)]),    Linear(0.1, 0.5),   "expert.rise"),
    field("schedule.startDivisor",      Number(from(1.0, HUGE)),                   OfKind(&[("oneCycle", 25.0)]),   AroundPresent,      "expert.start_divisor"),
    field("schedule.endDivisor",        Number(from(1.0, HUGE)),                   OfKind(&[("oneCycle", 1e4)]),    AroundPresent,      "expert.end_divisor"),
    field("schedule.patience",          Integer(from(0.0, EPOCHS)),                OfKind(&[("plateau", 10.0)]),    AroundPresent,      "expert.schedule_patience"),
    field("schedule.threshold",         Number(FRACTION),                          OfKind(&[("plateau", 1e-4)]),    Linear(0.0, 0.01),  "expert.threshold"),
    field("schedule.cooldown",          Integer(from(0.0, EPOCHS)),                OfKind(&[("plateau", 0.0)]),     AroundPresent,      "expert.cooldown"),

    field("loss",                       Choice(LOSSES),                            Name("crossEntropy"),            AroundPresent,      "train.loss"),
    field("loss.labelSmoothing",        Number(FRACTION),                          OfKind(&[("crossEntropy", 0.0)]), Linear(0.0, 0.2),  "expert.label_smoothing"),
    field("loss.classWeights",          Choice(&["none", "balanced", "given"]),    Name("none"),                    Unoffered,          "expert.class_weights"),

    field("clipNorm",                   Number(above(0.0, HUGE)),                  Off,                             Log(0.1, 10.0),     "expert.clip_norm"),
    field("batchesPerUpdate",           Integer(from(1.0, 1_000.0)),               is(1.0),                         Linear(1.0, 8.0),   "expert.batches_per_update"),
    field("emaDecay",                   Number(FRACTION),                          Off,                             Linear(0.9, 0.999), "expert.ema_decay"),
    field("pretrainedRateShare",        Number(above(0.0, 100.0)),                 is(0.1),                         Log(0.01, 1.0),     "expert.pretrained_rate_share"),
    field("earlyStopping",              Part,                                      Off,                             Unoffered,          "expert.early_stopping"),
    field("earlyStopping.metric",       Choice(METRICS),                           Name("validationLoss"),          Unoffered,          "expert.early_stopping"),
    field("earlyStopping.patience",     Integer(from(1.0, EPOCHS)),                is(5.0),                         AroundPresent,      "expert.patience"),
    field("earlyStopping.leastImprovement", Number(from(0.0, HUGE)),               is(0.0),                         Linear(0.0, 0.01),  "expert.least_improvement"),

    field("augment",                    Part,                                      Unset,                           Unoffered,          "expert.augment"),
    field("augment.flip",               Number(from(0.0, 1.0)),                    is(0.0),                         Linear(0.0, 0.5),   "expert.flip"),
    field("augment.shift",              Number(from(0.0, 0.5)),                    is(0.0),                         Linear(0.0, 0.2),   "expert.shift"),
    field("augment.rotationDegrees",    Number(from(0.0, 180.0)),                  is(0.0),                         Linear(0.0, 20.0),  "expert.rotation"),
    field("augment.zoom",               Number(from(0.0, 0.9)),                    is(0.0),                         Linear(0.0, 0.3),   "expert.zoom"),
    field("augment.shearDegrees",       Number(from(0.0, 60.0)),                   is(0.0),                         Linear(0.0, 15.0),  "expert.shear"),
    field("augment.brightness",         Number(from(0.0, 1.0)),                    is(0.0),                         Linear(0.0, 0.4),   "expert.brightness"),
    field("augment.contrast",           Number(from(0.0, 1.0)),                    is(0.0),                         Linear(0.0, 0.4),   "expert.contrast"),
    field("augment.saturation",         Number(from(0.0, 1.0)),                    is(0.0),                         Linear(0.0, 0.4),   "expert.saturation"),
    field("augment.hue",                Number(from(0.0, 0.5)),                    is(0.0),                         Linear(0.0, 0.1),   "expert.hue"),
    field("augment.noise",              Number(from(0.0, 1.0)),                    is(0.0),                         Linear(0.0, 0.2),   "expert.noise"),
    field("augment.cutout",             Number(from(0.0, 1.0)),                    is(0.0),                         Linear(0.0, 0.5),   "expert.cutout"),
    field("augment.mixup",              Number(from(0.0, 1.0)),                    is(0.0),                         Linear(0.0, 0.5),   "expert.mixup"),
    field("augment.cutmix",             Number(from(0.0, 1.0)),                    is(0.0),                         Linear(0.0, 1.0),   "expert.cutmix"),

    field("adversarial",                Part,                                      Off,                             Unoffered,          "expert.attack"),
    field("adversarial.method",         Choice(&["fgsm", "pgd"]),                  Name("fgsm"),                    Unoffered,          "expert.attack"),
    field("adversarial.method.steps",   Integer(from(1.0, 100.0)),                 OfKind(&[("pgd", 7.0)]),         AroundPresent,      "expert.attack_steps"),
    field("adversarial.method.stepSize", Number(above(0.0, 1.0)),                  OfKind(&[("pgd", 0.025)]),       AroundPresent,      "expert.attack_step_size"),
    field("adversarial.strength",       Number(above(0.0, 1.0)),                   is(0.1),                         AroundPresent,      "expert.attack_strength"),
    field("adversarial.share",          Number(from(0.0, 1.0)),                    is(0.5),                         AroundPresent,      "expert.attack_share"),

    field("distillation",               Part,                                      Off,                             Never,              "expert.distillation"),
    field("distillation.temperature",   Number(from(1.0, 100.0)),                  is(4.0),                         Never,              "expert.temperature"),
    field("distillation.weight",        Number(from(0.0, 1.0)),                    is(0.7),                         Never,              "expert.teacher_weight"),

    field("sparsity",                   Part,                                      Off,                             Never,              "expert.sparsity"),
    field("sparsity.target",            Number(FRACTION),                          is(0.8),                         Never,              "expert.sparsity"),
    field("sparsity.ramp",              Number(from(0.0, 1.0)),                    is(0.5),                         Never,              "expert.ramp"),
];

const fn field(
    path: &'static str,
    kind: FieldKind,
    default: FieldDefault,
    search: Searched,
    text: &'static str,
) -> ConfigField {
    ConfigField { path, kind, default, search, text }
}

/// Both bounds inclusive.
const fn from(min: f64, max: f64) -> Range {
    Range { min, max, is_min_excluded: false, is_max_excluded: false }
}

/// The lower bound exclusive.
const fn above(min: f64, max: f64) -> Range {
    Range { is_min_excluded: true, ..from(min, max) }
}

const fn is(number: f64) -> FieldDefault {
    FieldDefault::Number(number)
}

/// The field with this path, for constants: an unknown path fails to compile.
#[expect(clippy::indexing_slicing, reason = "constants have no iterators")]
pub const fn field_at(path: &str) -> &'static ConfigField {
    let mut place = 0;
    while place < FIELDS.len() {
        if is_same(FIELDS[place].path, path) {
            return &FIELDS[place];
        }
        place += 1;
    }
    panic!("the config has no such field")
}

/// String equality; `==` is not available in constants.
#[expect(clippy::indexing_slicing, reason = "constants have no iterators")]
const fn is_same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut place = 0;
    while place < left.len() && place < right.len() && left[place] == right[place] {
        place += 1;
    }
    place == left.len() && place == right.len()
}

/// The field with this path, which may contain the name of a kind: `optimizer.sgd.momentum`.
pub fn find(path: &str) -> Option<&'static ConfigField> {
    let exact = |path: &str| FIELDS.iter().find(|field| field.path == path);
    exact(path).or_else(|| {
        let (part, last) = path.rsplit_once('.')?;
        let (part, _kind) = part.rsplit_once('.')?;
        exact(&format!("{part}.{last}"))
    })
}

impl ConfigField {
    /// The range of a number; `None` for other fields.
    pub const fn range(&self) -> Option<Range> {
        match self.kind {
            Integer(range) | Number(range) => Some(range),
            FieldKind::Flag | Choice(_) | Part | Text => None,
        }
    }

    pub const fn is_integer(&self) -> bool {
        matches!(self.kind, Integer(_))
    }

    /// Whether the field is off by default and accepts `null`.
    pub const fn is_optional(&self) -> bool {
        matches!(self.default, Off)
    }

    /// The last component of the path: `momentum`.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }
}

impl Range {
    /// False for NaN.
    pub fn contains(self, number: f64) -> bool {
        let is_above = if self.is_min_excluded { number > self.min } else { number >= self.min };
        let is_below = if self.is_max_excluded { number < self.max } else { number <= self.max };
        is_above && is_below
    }

    /// The min and max for a form input; an excluded bound is replaced by a number just inside it.
    pub const fn ends(self) -> (f64, f64) {
        const NEAR_MIN: f64 = 1e-12;
        const NEAR_MAX: f64 = 1e-6;
        let min = if self.is_min_excluded { self.min + NEAR_MIN } else { self.min };
        let max = if self.is_max_excluded { self.max - NEAR_MAX } else { self.max };
        (min, max)
    }
}

/// As the docs state it: `above 0 to 1`, `0 to below 1`.
impl std::fmt::Display for Range {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let above = if self.is_min_excluded { "above " } else { "" };
        let below = if self.is_max_excluded { "below " } else { "" };
        let max = match self.max {
            HUGE => "1e9".to_owned(),
            max => max.to_string(),
        };
        write!(out, "{above}{} to {below}{max}", self.min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_there_once_and_after_its_part() {
        for (place, field) in FIELDS.iter().enumerate() {
            let before = &FIELDS[..place];
            assert!(before.iter().all(|other| other.path != field.path), "{} is there twice", field.path);
            if let Some((part, _)) = field.path.rsplit_once('.') {
                assert!(before.iter().any(|other| other.path == part), "{part} must come before {}", field.path);
            }
        }
    }

    #[test]
    fn defaults_and_searches_are_in_range() {
        for field in FIELDS {
            let numbers: Vec<f64> = match field.default {
                FieldDefault::Number(number) => vec![number],
                OfKind(kinds) => kinds.iter().map(|(_, number)| *number).collect(),
                Off | Flag(_) | Name(_) | Unset => vec![],
            };
            let searched = match field.search {
                Linear(min, max) | Log(min, max) => vec![min, max],
                Never | Unoffered | AroundPresent => vec![],
            };
            for number in numbers.into_iter().chain(searched) {
                assert!(field.range().is_some_and(|range| range.contains(number)), "{}: {number}", field.path);
            }
            if let (Choice(names), Name(default)) = (field.kind, field.default) {
                assert!(names.contains(&default), "{}: {default}", field.path);
            }
        }
    }

    #[test]
    fn paths_are_found_with_the_name_of_a_kind_and_without() {
        let path = |path| find(path).map(|field| field.path);
        assert_eq!(path("optimizer.momentum"), Some("optimizer.momentum"));
        assert_eq!(path("optimizer.sgd.momentum"), Some("optimizer.momentum"));
        assert_eq!(path("adversarial.method.pgd.steps"), Some("adversarial.method.steps"));
        assert_eq!(path("network.layers.0.dropout.rate"), None);
        assert_eq!(path(""), None);
        const EPOCHS: &ConfigField = field_at("epochs");
        assert_eq!(EPOCHS.path, "epochs");
    }

    #[test]
    fn bounds_are_included_or_not() {
        let range = Range { is_max_excluded: true, ..above(0.0, 1.0) };
        assert_eq!([0.0, 0.5, 1.0, f64::NAN].map(|number| range.contains(number)), [false, true, false, false]);
        assert_eq!(range.to_string(), "above 0 to below 1");
        let (min, max) = range.ends();
        assert!(range.contains(min) && range.contains(max));
        assert_eq!(from(1.0, 4_096.0).to_string(), "1 to 4096");
        assert_eq!(above(0.0, HUGE).to_string(), "above 0 to 1e9");
        assert_eq!(from(0.0, 180.0).ends(), (0.0, 180.0));
    }
}
