//! What the labels that were asked for have taught: a learning curve on the embeddings of the latest network, see `core/label_curve.rs`.
//!
//! The images are embedded once (`train/evaluation/embed.rs`), then classifiers learn from more and more of them. Images with a pseudo-label take no
//! part: nobody gave it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use kindling_core::label_curve::{ASKED_MIN, Labeled, Labels, Tracing, spread};
use kindling_core::protocol::question::TraceLabels;
use kindling_core::protocol::{Embeddings, Failure, FailureKind, LabelCurve, SplitName};
use kindling_core::softmax_regression::{Rows, Standard};
use kindling_train::evaluation::embed_images;
use kindling_train::training::control::Wish;
use kindling_train::training::predict::Between;
use kindling_train::training::{Control, Host};

use crate::answer::{Asked, host, no_network, progress};
use crate::host::RunHost;
use crate::platform::Platform;
use crate::session::{Current, Session};

/// Maximum number of train images, and of validation images: with more, the curve would take minutes.
const IMAGES_LIMIT: usize = 1_000;

/// Maximum number of values of their embeddings: 8 MiB each.
const VALUES_LIMIT: usize = 2 << 20;

/// The fraction of the progress that the embeddings make up.
const EMBEDDING_FRACTION: f32 = 0.5;

/// How long the engine computes at most before it looks for messages, unless a step takes longer.
const BREATH_MS: f64 = 20.0;

pub async fn trace<P: Platform>(
    session: &Session<P>,
    current: &Current,
    Asked { request, control }: Asked<'_>,
    TraceLabels { asked }: TraceLabels,
) -> Result<LabelCurve, Failure> {
    let images = Images::of(current, &asked);
    let found = images.counted();
    if images.asked.len() < ASKED_MIN || images.validation.is_empty() {
        return Ok(found);
    }
    let network = session.published().get().ok_or_else(no_network)?;
    let data = &current.on_device;
    let host = host(session);
    let progress = progress(session, request);
    let mut breath =
        Breath { control, latest: Cell::new((0.0, host.now_ms())), host: &host, progress: &progress, fraction: 0.0 };
    let one = embed_images(&network, data, images.asked.get(..1).unwrap_or_default(), &mut breath).await?;
    let n_values = one.ok_or_else(withdrawn)?.n_values as usize;
    breath.fraction = EMBEDDING_FRACTION;
    let images = images.limited(IMAGES_LIMIT.min(VALUES_LIMIT / n_values.max(1)));
    let all = [&images.start[..], &images.asked, &images.validation].concat();
    let embeddings = embed_images(&network, data, &all, &mut breath).await?.ok_or_else(withdrawn)?;
    let rows = breath.rows(&embeddings, images.start.len() + images.asked.len()).await?;
    let mut tracing = Tracing::new(images.labels(current), rows, n_values);
    while let Some(fraction) = tracing.step() {
        breath.take(EMBEDDING_FRACTION + (1.0 - EMBEDDING_FRACTION) * fraction).await?;
    }
    Ok(LabelCurve { points: tracing.points(), ..images.counted() })
}

/// Indices in the dataset.
struct Images {
    start: Vec<u32>,
    asked: Vec<u32>,
    validation: Vec<u32>,
}

impl Images {
    fn of(current: &Current, asked: &[u64]) -> Self {
        let imported = current.dataset.imported.as_ref();
        let is_pseudo = |index: u32| imported.and_then(|it| it.pseudo.get(index as usize).copied()).unwrap_or_default();
        let train: Vec<u32> =
            current.split.part(SplitName::Train).iter().copied().filter(|index| !is_pseudo(*index)).collect();
        let id = |index: u32| imported.and_then(|it| it.ids.get(index as usize).copied());
        let mut by_id: BTreeMap<u64, u32> = train.iter().filter_map(|index| Some((id(*index)?, *index))).collect();
        let asked: Vec<u32> = asked.iter().filter_map(|id| by_id.remove(id)).collect();
        let is_asked: BTreeSet<u32> = asked.iter().copied().collect();
        let start = train.into_iter().filter(|index| !is_asked.contains(index)).collect();
        Self { start, asked, validation: current.split.part(SplitName::Validation).to_vec() }
    }

    /// The first ones that were asked for, and of the others as many as there is room for, spread over all.
    fn limited(mut self, limit: usize) -> Self {
        self.asked.truncate(limit);
        Self {
            start: spread(self.start, limit.saturating_sub(self.asked.len())),
            validation: spread(self.validation, limit),
            asked: self.asked,
        }
    }

    fn counted(&self) -> LabelCurve {
        LabelCurve {
            points: Vec::new(),
            n_asked: self.asked.len() as u32,
            n_start: self.start.len() as u32,
            n_validation: self.validation.len() as u32,
        }
    }

    /// Their places in the order of the embeddings, with their labels.
    fn labels(&self, current: &Current) -> Labels {
        let mut place = 0;
        let mut labeled = |indices: &[u32]| -> Vec<Labeled> {
            let first = place;
            place += indices.len();
            let label = |index: u32| current.dataset.label(index).unwrap_or_default();
            indices.iter().enumerate().map(|(number, index)| (first + number, label(*index))).collect()
        };
        let (start, asked) = (labeled(&self.start), labeled(&self.asked));
        Labels { start, asked, validation: labeled(&self.validation), n_classes: current.on_device.n_classes() }
    }
}

/// What happens between two pieces of the work: progress is reported, messages arrive, and the question may be withdrawn.
struct Breath<'a, P: Platform, F> {
    host: &'a RunHost<P>,
    control: &'a Control,
    progress: &'a F,
    /// The completed fraction at the latest one, and when that was.
    latest: Cell<(f32, f64)>,
    /// The fraction of the progress that the embeddings make up.
    fraction: f32,
}

impl<P: Platform, F: Fn(f32)> Breath<'_, P, F> {
    async fn take(&self, fraction: f32) -> Result<(), Failure> {
        (self.progress)(fraction);
        let (latest, latest_ms) = self.latest.get();
        if fraction > latest || self.host.now_ms() - latest_ms >= BREATH_MS {
            self.host.yield_now().await;
            self.latest.set((fraction, self.host.now_ms()));
        }
        if self.control.wish() == Wish::Stop { Err(withdrawn()) } else { Ok(()) }
    }

    /// The places of the images, of which the first `n_train` are learned from.
    async fn rows(&self, embeddings: &Embeddings, n_train: usize) -> Result<Rows, Failure> {
        let n_values = embeddings.n_values as usize;
        let of_train = embeddings.values.get(..n_train * n_values).unwrap_or_default();
        let mut standard = Standard::new(of_train, n_values);
        for row in embeddings.rows().take(n_train) {
            standard.extend(row);
            self.take(self.fraction).await?;
        }
        let mut rows = Rows::default();
        for row in embeddings.rows() {
            rows.push(&standard.place(row));
            self.take(self.fraction).await?;
        }
        Ok(rows)
    }
}

impl<P: Platform, F: Fn(f32)> Between for Breath<'_, P, F> {
    async fn between(&mut self, fraction: f32) -> bool {
        self.take(self.fraction * fraction).await.is_ok()
    }

    fn now_ms(&self) -> f64 {
        self.host.now_ms()
    }
}

fn withdrawn() -> Failure {
    Failure::new(FailureKind::Canceled, "the question was withdrawn")
}
