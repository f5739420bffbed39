//! Classifies one image after another: a few are decoded at a time while the engine has one, and the visitor may cancel.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{Blob, File};

use super::row::{Column, Filter, Row, TOP, shown};
use super::source::{Source, found};
use super::thumbnail::thumbnail;
use crate::page::at_once::join;
use crate::page::reactive::{memo, watch};
use crate::page::store::Store;
use crate::page::using::rejection::Rejection;
use crate::page::widgets::sorted_table::SortOrder;
use kindling_core::dataset::image_folder::LeftOutReason;
use kindling_core::protocol::question::Classify;
use kindling_core::protocol::{Failure, FailureKind, Views};

/// Images that are decoded at the same time. A photo of 12 megapixels takes 48 MB.
const N_AT_ONCE: usize = 3;

/// Minimum time between two updates of the table.
const SHOW_INTERVAL_MS: f64 = 200.0;

/// How far the classification is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub done: usize,
    pub total: usize,
    pub elapsed_ms: f64,
}

impl Progress {
    /// Images per second; 0 before there are any.
    pub fn rate(self) -> f64 {
        self.done as f64 * 1_000.0 / self.elapsed_ms.max(1.0)
    }
}

#[derive(Clone, Copy)]
pub struct Batch {
    pub store: Store,
    pub rejection: Rejection,
    pub rows: RwSignal<Vec<Row>>,
    /// Files that are not classified, with the reasons.
    pub refused: RwSignal<Vec<(String, LeftOutReason)>>,
    /// While images are being classified.
    pub progress: RwSignal<Option<Progress>>,
    /// How long the last classification took, with the number of its images.
    pub finished: RwSignal<Option<Progress>>,
    pub failure: RwSignal<Option<Failure>>,
    pub filter: RwSignal<Filter>,
    pub order: RwSignal<SortOrder<Column>>,
    /// By [`Row::place`].
    sources: StoredValue<Vec<Source>, LocalStorage>,
    thumbnails: StoredValue<Vec<Option<Blob>>, LocalStorage>,
    is_canceled: StoredValue<bool>,
    /// Counts the starts: the rows of an earlier one are not added.
    turn: StoredValue<u32>,
}

impl Batch {
    pub fn new(store: Store, rejection: Rejection) -> Self {
        let batch = Self {
            store,
            rejection,
            rows: RwSignal::default(),
            refused: RwSignal::default(),
            progress: RwSignal::default(),
            finished: RwSignal::default(),
            failure: RwSignal::default(),
            filter: RwSignal::default(),
            order: RwSignal::new(SortOrder { column: Column::Confidence, is_descending: false }),
            sources: StoredValue::new_local(Vec::new()),
            thumbnails: StoredValue::new_local(Vec::new()),
            is_canceled: StoredValue::new(false),
            turn: StoredValue::new(0),
        };
        // The classes of another dataset are others.
        let version = memo(move |_| store.dataset.with(|dataset| dataset.version));
        let clear = move |_: &_, _: Option<&_>| {
            batch.clear();
        };
        watch(move || version.get(), clear, false);
        batch
    }

    /// Classifies files, in place of those before.
    pub fn start(self, files: Vec<(String, File)>, views: Views) {
        if files.is_empty() {
            return;
        }
        let turn = self.clear();
        self.rejection.want();
        spawn_local(async move {
            let (images, refused) = found(files).await;
            // The visitor may have left, or chosen others.
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            self.refused.set(refused);
            if images.is_empty() {
                return;
            }
            let (paths, sources): (Vec<_>, Vec<_>) = images.into_iter().unzip();
            self.thumbnails.set_value(vec![None; sources.len()]);
            self.sources.set_value(sources);
            self.classify(paths, views, turn).await;
        });
    }

    /// Forgets all images. Returns the number of the new turn.
    fn clear(self) -> u32 {
        let turn = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(turn);
        self.is_canceled.set_value(false);
        self.rows.set(Vec::new());
        self.refused.set(Vec::new());
        self.failure.set(None);
        self.finished.set(None);
        self.progress.set(None);
        self.filter.set(Filter::default());
        turn
    }

    async fn classify(self, paths: Vec<String>, views: Views, turn: u32) {
        let total = paths.len();
        let work = Work {
            batch: self,
            turn,
            views,
            total,
            paths: RefCell::new(paths.into_iter().enumerate().collect()),
            rows: RefCell::default(),
            n_done: Cell::new(0),
            began_ms: now_ms(),
            shown_ms: Cell::new(0.0),
        };
        work.show(true);
        let failed = join((0..N_AT_ONCE).map(|_| work.take_all()).collect()).await;
        if !work.is_current() {
            return;
        }
        work.show(true);
        self.progress.set(None);
        self.finished.set(Some(work.progress()));
        self.failure.set(failed.into_iter().find_map(Result::err));
    }

    /// Ends the classification; the table stays.
    pub fn cancel(self) {
        self.is_canceled.set_value(true);
    }

    /// The rows that the filter takes, as places in `rows`, tracked.
    pub fn shown(self) -> Vec<usize> {
        let threshold = self.rejection.threshold_or_round();
        self.rows.with(|rows| shown(rows, self.filter.get(), self.order.get(), threshold))
    }

    pub fn source(self, place: usize) -> Option<Source> {
        self.sources.with_value(|sources| sources.get(place).cloned())
    }

    pub fn thumbnail(self, place: usize) -> Option<Blob> {
        self.thumbnails.with_value(|thumbnails| thumbnails.get(place).cloned().flatten())
    }

    /// Sets the visitor's own answer for an image; none takes it back.
    pub fn correct(self, place: usize, class: Option<Option<u16>>) {
        self.rows.update(|rows| {
            if let Some(row) = rows.iter_mut().find(|row| row.place == place) {
                row.corrected = class;
            }
        });
    }
}

/// The images that wait, and what became of the others.
struct Work {
    batch: Batch,
    turn: u32,
    views: Views,
    total: usize,
    paths: RefCell<VecDeque<(usize, String)>>,
    /// Those that are not in the table yet.
    rows: RefCell<Vec<Row>>,
    n_done: Cell<usize>,
    began_ms: f64,
    shown_ms: Cell<f64>,
}

impl Work {
    fn is_current(&self) -> bool {
        self.batch.turn.try_get_value() == Some(self.turn)
    }

    fn progress(&self) -> Progress {
        Progress { done: self.n_done.get(), total: self.total, elapsed_ms: now_ms() - self.began_ms }
    }

    /// Classifies until none waits. Ends with the engine's failure, which the other images would meet, too.
    async fn take_all(&self) -> Result<(), Failure> {
        loop {
            let is_canceled = self.batch.is_canceled.try_get_value().unwrap_or(true);
            let next = self.paths.borrow_mut().pop_front();
            let Some((place, path)) = next.filter(|_| self.is_current() && !is_canceled) else { return Ok(()) };
            if let Err(failure) = self.take(place, path).await {
                self.paths.borrow_mut().clear();
                return Err(failure);
            }
            self.n_done.set(self.n_done.get() + 1);
            self.show(false);
        }
    }

    async fn take(&self, place: usize, path: String) -> Result<(), Failure> {
        let Batch { store, refused, thumbnails, .. } = self.batch;
        let Some(source) = self.batch.source(place) else { return Ok(()) };
        let image = match source.pixels().await {
            Ok(image) => image,
            Err(reason) => {
                if self.is_current() {
                    refused.update(|refused| refused.push((path, reason)));
                }
                return Ok(());
            }
        };
        let picture = thumbnail(&image).await;
        match store.ask(Classify { image, views: self.views }).await {
            Ok(mut found) if self.is_current() => {
                found.classes.truncate(TOP);
                thumbnails.update_value(|thumbnails| {
                    if let Some(slot) = thumbnails.get_mut(place) {
                        *slot = picture;
                    }
                });
                self.rows.borrow_mut().push(Row { place, path, classes: found.classes, corrected: None });
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == FailureKind::BadImage => {
                if self.is_current() {
                    refused.update(|refused| refused.push((path, LeftOutReason::Unreadable)));
                }
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Puts the new rows into the table, a few times a second.
    fn show(&self, is_due: bool) {
        let now_ms = now_ms();
        if !self.is_current() || !(is_due || now_ms - self.shown_ms.get() >= SHOW_INTERVAL_MS) {
            return;
        }
        self.shown_ms.set(now_ms);
        let new = self.rows.take();
        self.batch.rows.update(|rows| rows.extend(new));
        self.batch.progress.set(Some(self.progress()));
    }
}

fn now_ms() -> f64 {
    js_sys::Date::now()
}
