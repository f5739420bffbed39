//! Finds label errors: cross-validation with networks of the config asked for, and confident learning on what they predict.
//!
//! All images are cut into folds (`core/dataset/folds.rs`); test images are only predicted. `train/training/out_of_fold.rs` trains a network for each
//! fold, on the outputs of frozen layers that are computed once, and predicts the images that it was not trained on; `core/label_errors.rs` compares
//! with the labels.
//! The outcome of a run with few validation images takes its accuracy from the same question (`page/collect/view/cross_validation.rs`).
//! `core/active_learning.rs` ranks the images that have no label yet.

use std::cell::Cell;
use std::rc::Rc;

use kindling_core::config::RunConfig;
use kindling_core::dataset::folds::{Member, folds};
use kindling_core::dataset::groups::groups;
use kindling_core::label_errors::{PROBABILITIES_LIMIT, Predicted};
use kindling_core::protocol::question::{FOLDS, FindLabelErrors};
use kindling_core::protocol::{
    Event, Failure, FailureKind, FoldProgress, LabelErrors, Preparation, RequestId, RunUpdate, SplitName,
};
use kindling_train::training::out_of_fold;
use kindling_train::training::out_of_fold::Predictions;

use crate::answer::{Asked, host};
use crate::host::{Listener, RunHost};
use crate::memory;
use crate::platform::Platform;
use crate::session::{Current, Session};

/// Maximum number of errors in an answer.
const ERRORS_LIMIT: usize = 1_000;

/// The fraction of the progress that the outputs of frozen layers make up: they take longer than the trainings on them.
const FEATURES_FRACTION: f32 = 0.6;

pub async fn find<P: Platform>(
    session: &Session<P>,
    current: &Current,
    Asked { request, control }: Asked<'_>,
    FindLabelErrors { config, folds: n_folds }: FindLabelErrors,
) -> Result<LabelErrors, Failure> {
    if !FOLDS.contains(&n_folds) {
        let detail = format!("{n_folds} folds are out of range: {} to {}", FOLDS.start(), FOLDS.end());
        return Err(Failure::new(FailureKind::BadConfig, detail));
    }
    let data = &current.on_device;
    let members = members(current);
    if members.len() * data.n_classes() > PROBABILITIES_LIMIT {
        return Err(Failure::new(
            FailureKind::OutOfMemory,
            "there are too many images and classes to find label errors",
        ));
    }
    memory::check(&config, data.shape(), data.n_classes(), session.device())?;
    let watch = Rc::new(FoldWatch::new(session.platform().clone(), request, n_folds, &config));
    let listener: Listener = {
        let watch = watch.clone();
        Rc::new(move |update| watch.hear(update))
    };
    let host = RunHost { listener: Some(listener), ..host(session) };
    let folds = folds(&members, n_folds as usize, config.seed);
    let on_fold = |fold| watch.fold.set(Some(fold));
    let found = out_of_fold(&host, control, data, &config, &folds, &on_fold).await?;
    let [learned, test] = [&found.learned, &found.test].map(|Predictions { images, labels, probabilities }| {
        Predicted { images, labels, n_classes: data.n_classes(), probabilities }
    });
    let mut errors = learned.label_errors(Some(test));
    let n_errors = errors.len() as u32;
    errors.truncate(ERRORS_LIMIT);
    let files = current.dataset.imported.as_ref().map(|imported| {
        errors.iter().map(|error| imported.ids.get(error.index as usize).copied().unwrap_or_default()).collect()
    });
    Ok(LabelErrors {
        errors,
        files: files.unwrap_or_default(),
        n_errors,
        n_images: (learned.images.len() + test.images.len()) as u32,
        n_test: test.images.len() as u32,
        accuracy: learned.accuracy(),
        folds: n_folds,
    })
}

/// All images, with those that belong together in groups.
fn members(current: &Current) -> Vec<Member> {
    let groups = groups(&current.dataset);
    let of_split =
        |split: SplitName| current.split.part(split).iter().map(move |&index| (index, split == SplitName::Test));
    let all = [SplitName::Train, SplitName::Validation, SplitName::Test].into_iter().flat_map(of_split);
    all.map(|(index, is_test)| Member {
        index,
        label: current.dataset.label(index).unwrap_or_default(),
        group: groups.get(index as usize).copied().unwrap_or(index.into()),
        is_test,
    })
    .collect()
}

/// Turns the updates of the trainings into the progress of all of them.
struct FoldWatch<P> {
    platform: Rc<P>,
    request: RequestId,
    n_folds: u32,
    /// The fraction of the progress before the first training.
    start: f32,
    fold: Cell<Option<u32>>,
    /// Of the training in progress.
    total_steps: Cell<u32>,
    /// When the first training began.
    began_ms: Cell<Option<f64>>,
}

impl<P: Platform> FoldWatch<P> {
    fn new(platform: Rc<P>, request: RequestId, n_folds: u32, config: &RunConfig) -> Self {
        let start = if config.network.frozen > 0 { FEATURES_FRACTION } else { 0.0 };
        Self {
            platform,
            request,
            n_folds,
            start,
            fold: Cell::default(),
            total_steps: Cell::default(),
            began_ms: Cell::default(),
        }
    }

    fn hear(&self, update: &RunUpdate) {
        let (fraction, images_per_second, remaining_ms) = match update {
            RunUpdate::Preparing(Preparation::ComputingFeatures { done, total, images_per_second }) => {
                (self.start * *done as f32 / (*total).max(1) as f32, *images_per_second, None)
            }
            RunUpdate::Started { total_steps, .. } => {
                self.total_steps.set(*total_steps);
                self.began_ms.set(self.began_ms.get().or(Some(self.platform.now_ms())));
                return;
            }
            RunUpdate::Progress(progress) => {
                let in_fold = f64::from(progress.step) / f64::from(self.total_steps.get().max(1));
                let trained = (f64::from(self.fold.get().unwrap_or_default()) + in_fold) / f64::from(self.n_folds);
                let elapsed_ms = self.platform.now_ms() - self.began_ms.get().unwrap_or_default();
                let remaining_ms = elapsed_ms * (1.0 - trained) / trained.max(f64::EPSILON);
                (self.start + (1.0 - self.start) * trained as f32, progress.images_per_second, Some(remaining_ms))
            }
            _ => return,
        };
        let progress =
            FoldProgress { fraction, fold: self.fold.get(), folds: self.n_folds, images_per_second, remaining_ms };
        self.platform.emit(Event::AnswerProgress { request: self.request, progress: progress.into() });
    }
}
