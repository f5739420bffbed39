//! Answers one question: images from the dataset in host memory, everything else with the latest network.

use std::cell::Cell;

use burn::module::Module;
use kindling_core::dataset::image_checks::check_images;
use kindling_core::dataset::{Dataset, Split};
use kindling_core::protocol::question::{
    Augment, CheckImages, Classify, Embed, EmbedTrain, Evaluate, EvaluateTrained, FindRate, Images, ImagesAt, Inspect,
    LocateFiles, Measure,
};
use kindling_core::protocol::{
    Answer, Bulk, Evaluation, Event, Failure, FailureKind, FileSplits, ImageBatch, Measurement, Question, RatePoint,
    RateProgress, RateTest, RequestId, RunId, SplitName,
};
use kindling_train::evaluation::{self, EvaluateConfig, ViewSet};
use kindling_train::exchange::weight_file;
use kindling_train::module::Network;
use kindling_train::training::augment::preview::{Preview, preview};
use kindling_train::training::start::continued_network;
use kindling_train::training::{Control, find_rate, monitor};

use crate::host::RunHost;
use crate::label_curve;
use crate::label_errors;
use crate::platform::Platform;
use crate::session::{Current, Session};

/// Maximum number of images in one answer.
const IMAGE_LIMIT: usize = 1_000;

/// Maximum size of the pixels in one answer, so that a thousand large images do not fill the page's memory.
const PIXEL_LIMIT_BYTES: usize = 32 << 20;

/// Minimum interval between progress reports of a long question.
const PROGRESS_INTERVAL_MS: f64 = 100.0;

/// A question in progress.
pub struct Asked<'a> {
    pub request: RequestId,
    /// Stopped when the question is withdrawn.
    pub control: &'a Control,
}

pub async fn answer<P: Platform>(
    session: &Session<P>,
    current: &Current,
    asked: Asked<'_>,
    question: Question,
) -> Result<Answer, Failure> {
    match question {
        Question::Images(Images { split, class, offset, count }) => {
            Ok(images_of_split(current, split, class, (offset, count)).into())
        }
        Question::ImagesAt(ImagesAt { indices }) => Ok(images_at(&current.dataset, &indices, indices.len()).into()),
        Question::LocateFiles(LocateFiles) => Ok(file_splits(&current.dataset, &current.split).into()),
        Question::Augment(question) => augmented(current, question).await.map(Answer::from),
        Question::Evaluate(question) => evaluate(session, current, asked, question).await.map(Answer::from),
        Question::EvaluateTrained(question) => {
            evaluate_trained(session, current, asked, question).await.map(Answer::from)
        }
        Question::Classify(Classify { image, views }) => {
            let network = session.published().get().ok_or_else(no_network)?;
            let views = ViewSet::new(views, &current.summary.classes);
            evaluation::classify(&network, &current.on_device, &image, views).await.map(Answer::from)
        }
        Question::Embed(Embed { image }) => {
            let network = session.published().get().ok_or_else(no_network)?;
            evaluation::embed(&network, &current.on_device, &image).await.map(Answer::from)
        }
        Question::EmbedTrain(EmbedTrain { limit }) => {
            let network = session.published().get().ok_or_else(no_network)?;
            evaluation::embed_train(&network, &current.on_device, limit as usize).await.map(Answer::from)
        }
        Question::Inspect(Inspect { watch }) => {
            let network = session.published().get().ok_or_else(no_network)?;
            monitor::inspect(&network, &current.on_device, watch).await.map(Answer::from)
        }
        Question::Measure(question) => measured(session, current, asked, question).await.map(Answer::from),
        Question::FindRate(question) => range_test(session, current, asked, question).await.map(Answer::from),
        Question::CheckImages(CheckImages) => Ok(check_images(&current.dataset, &current.split).into()),
        Question::TraceLabels(question) => {
            label_curve::trace(session, current, asked, question).await.map(Answer::from)
        }
        Question::FindLabelErrors(question) => {
            label_errors::find(session, current, asked, question).await.map(Answer::from)
        }
    }
}

async fn augmented(current: &Current, Augment { config, count, seed }: Augment) -> Result<ImageBatch, Failure> {
    let count = image_limit(&current.dataset).min(count as usize);
    let preview = preview(&current.on_device, config, count, seed).await?;
    Ok(preview_images(&current.dataset, preview))
}

async fn evaluate<P: Platform>(
    session: &Session<P>,
    current: &Current,
    asked: Asked<'_>,
    Evaluate { split, views }: Evaluate,
) -> Result<Evaluation, Failure> {
    let network = session.published().get().ok_or_else(no_network)?;
    let config = EvaluateConfig { split, views: ViewSet::new(views, &current.summary.classes) };
    evaluation::evaluate(&network, &current.on_device, config, &host(session), progress(session, asked.request)).await
}

async fn evaluate_trained<P: Platform>(
    session: &Session<P>,
    current: &Current,
    asked: Asked<'_>,
    EvaluateTrained { split, config, weights }: EvaluateTrained,
) -> Result<Evaluation, Failure> {
    let (data, classes) = (&current.on_device, &current.summary.classes);
    let network = continued_network(&config, data, &weights, classes)?.valid();
    let is_known: Vec<bool> = classes.iter().map(|class| weights.classes.contains(class)).collect();
    evaluation::evaluate_known(&network, data, (split, &is_known), &host(session), progress(session, asked.request))
        .await
}

async fn measured<P: Platform>(
    session: &Session<P>,
    current: &Current,
    asked: Asked<'_>,
    Measure { network, weights, split, limit }: Measure,
) -> Result<Measurement, Failure> {
    let data = &current.on_device;
    let (weights, _) = weight_file::from_bytes(&weights)?;
    let network = Network::with_weights(&network, data.shape(), data.n_classes(), weights, &data.device())?.valid();
    let images = (split, limit as usize);
    evaluation::measure(&network, data, images, &host(session), progress(session, asked.request)).await
}

/// Emits the completed fraction of a long question, not too often.
pub fn progress<P: Platform>(session: &Session<P>, request: RequestId) -> impl Fn(f32) {
    let platform = session.platform().clone();
    let reported_ms = Cell::new(platform.now_ms());
    move |fraction| {
        if platform.now_ms() - reported_ms.get() >= PROGRESS_INTERVAL_MS {
            reported_ms.set(platform.now_ms());
            platform.emit(Event::AnswerProgress { request, progress: fraction.into() });
        }
    }
}

async fn range_test<P: Platform>(
    session: &Session<P>,
    current: &Current,
    asked: Asked<'_>,
    FindRate { config }: FindRate,
) -> Result<RateTest, Failure> {
    // The range test reads at most ten times a second, so every read is reported.
    let progress = |fraction, points: &[RatePoint]| {
        let progress = RateProgress { fraction, points: points.to_vec() }.into();
        session.platform().emit(Event::AnswerProgress { request: asked.request, progress });
    };
    find_rate(&host(session), asked.control, &current.on_device, &config, progress).await
}

/// A host for work outside of a run.
pub fn host<P: Platform>(session: &Session<P>) -> RunHost<P> {
    let platform = session.platform().clone();
    RunHost { platform, run: RunId::default(), is_kept: false, teacher: None, listener: None }
}

pub fn no_network() -> Failure {
    Failure::new(FailureKind::NoNetwork, "no network was trained on this dataset yet")
}

fn images_of_split(current: &Current, split: SplitName, class: Option<u16>, (offset, count): (u32, u32)) -> ImageBatch {
    let matching: Vec<u32> = current
        .split
        .part(split)
        .iter()
        .copied()
        .filter(|&index| class.is_none() || current.dataset.label(index) == class)
        .collect();
    let wanted: Vec<u32> = matching.iter().copied().skip(offset as usize).take(count as usize).collect();
    images_at(&current.dataset, &wanted, matching.len())
}

/// The images that exist, up to the limits; `indices` in the answer says which they are.
fn images_at(dataset: &Dataset, wanted: &[u32], total: usize) -> ImageBatch {
    let limit = image_limit(dataset);
    let mut indices = Vec::new();
    let mut labels = Vec::new();
    let mut pixels = Vec::new();
    for &index in wanted.iter().take(limit) {
        if let (Some(image), Some(label)) = (dataset.image(index), dataset.label(index)) {
            indices.push(index);
            labels.push(label);
            pixels.extend_from_slice(image);
        }
    }
    ImageBatch { shape: dataset.shape, indices, labels, pixels: Bulk::from(pixels), total: total as u32 }
}

/// Of each image file, where its image is.
fn file_splits(dataset: &Dataset, split: &Split) -> FileSplits {
    let Some(imported) = &dataset.imported else { return FileSplits::default() };
    let mut splits = vec![None; imported.ids.len()];
    for name in [SplitName::Train, SplitName::Validation, SplitName::Test] {
        for index in split.part(name) {
            if let Some(of_image) = splits.get_mut(*index as usize) {
                *of_image = Some(name);
            }
        }
    }
    FileSplits { files: imported.ids.clone(), splits }
}

/// Maximum number of images of this dataset in one answer.
fn image_limit(dataset: &Dataset) -> usize {
    IMAGE_LIMIT.min(PIXEL_LIMIT_BYTES / dataset.shape.n_values().max(1)).max(1)
}

/// The labels are those of the original images, even if others were mixed into them.
fn preview_images(dataset: &Dataset, Preview { indices, pixels }: Preview) -> ImageBatch {
    let labels = indices.iter().map(|&index| dataset.label(index).unwrap_or_default()).collect();
    let total = indices.len() as u32;
    ImageBatch { shape: dataset.shape, indices, labels, pixels: Bulk::from(pixels), total }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::protocol::ImageShape;

    fn dataset() -> Dataset {
        Dataset {
            name: "tiny".into(),
            classes: vec!["a".into(), "b".into()],
            shape: ImageShape { channels: 1, height: 1, width: 2 },
            pixels: vec![0, 1, 2, 3, 4, 5],
            labels: vec![0, 1, 0],
            n_standard_test: 0,
            imported: None,
        }
    }

    #[test]
    fn images_come_in_the_order_asked_for() {
        let batch = images_at(&dataset(), &[2, 0], 2);
        assert_eq!((batch.indices, batch.labels), (vec![2, 0], vec![0, 0]));
        assert_eq!(&*batch.pixels, &[4, 5, 0, 1]);
    }

    #[test]
    fn images_that_do_not_exist_are_left_out() {
        let batch = images_at(&dataset(), &[1, 3, u32::MAX], 3);
        assert_eq!(batch.indices, [1]);
    }

    #[test]
    fn an_answer_has_a_limit() {
        let batch = images_at(&dataset(), &[0; 5_000], 5_000);
        assert_eq!(batch.indices.len(), IMAGE_LIMIT);
        assert_eq!(batch.total, 5_000);
    }
}
