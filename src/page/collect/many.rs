//! Many images at once, of files or of an archive: a few are read at a time, and they are stored and shown in batches, so that adding the ten-thousandth
//! costs no more than adding the first.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use leptos::prelude::*;

use super::adding::{NewImage, REFUSED_LIMIT};
use super::collector::{Adding, Collector, Problem, Refused, RefusedWhy, now};
use super::storage::BATCH;
use crate::page::at_once::join;
use kindling_core::dataset::image_folder::LeftOutReason;

/// Files that are decoded at the same time. A photo of 12 megapixels takes 48 MB.
const N_AT_ONCE: usize = 3;

/// Images wait so long to be stored with others at most: that much is lost if the page ends meanwhile, and was not shown.
const STORE_INTERVAL_MS: f64 = 500.0;

/// Minimum time between two reports of the progress.
const REPORT_INTERVAL_MS: f64 = 100.0;

/// An image on its way into a project.
pub struct Waiting<S> {
    /// What the visitor knows it by.
    pub name: String,
    /// Id of its class.
    pub class: String,
    pub source: S,
}

impl Collector {
    /// Adds images as `read` makes them, and lists those that are not added. Returns the ids of those that were, also if it ends early, with the
    /// reason.
    pub async fn add_many<S>(
        self,
        project: &str,
        waiting: Vec<Waiting<S>>,
        read: impl AsyncFn(&Waiting<S>) -> Result<NewImage, LeftOutReason>,
    ) -> (Vec<String>, Result<(), Problem>) {
        let total = waiting.len();
        self.is_canceled.set_value(false);
        self.refused.set(Vec::new());
        let work = Work {
            collector: self,
            project,
            total,
            waiting: RefCell::new(waiting.into()),
            unstored: RefCell::default(),
            ids: RefCell::default(),
            n_done: Cell::new(0),
            began_at: now(),
            stored_at: Cell::new(now()),
            reported_at: Cell::new(0.0),
        };
        work.report();
        let mut results = join((0..N_AT_ONCE.min(total)).map(|_| work.take_all(&read)).collect()).await;
        results.push(work.store().await);
        self.adding.set(None);
        self.measure();
        (work.ids.take(), results.into_iter().collect())
    }

    /// Ends the adding of files; those that are added stay.
    pub fn cancel_adding(self) {
        self.is_canceled.set_value(true);
    }
}

/// Images that wait, and what became of the others.
struct Work<'a, S> {
    collector: Collector,
    project: &'a str,
    total: usize,
    waiting: RefCell<VecDeque<Waiting<S>>>,
    /// Read, with what they are known by and the ids of their classes.
    unstored: RefCell<Vec<(String, String, NewImage)>>,
    /// Ids of the images that were added.
    ids: RefCell<Vec<String>>,
    n_done: Cell<usize>,
    began_at: f64,
    stored_at: Cell<f64>,
    reported_at: Cell<f64>,
}

impl<S> Work<'_, S> {
    async fn take_all(
        &self,
        read: &impl AsyncFn(&Waiting<S>) -> Result<NewImage, LeftOutReason>,
    ) -> Result<(), Problem> {
        loop {
            if self.collector.is_canceled.get_value() {
                return Ok(());
            }
            let next = self.waiting.borrow_mut().pop_front();
            let Some(next) = next else { return Ok(()) };
            match read(&next).await {
                Ok(image) => self.unstored.borrow_mut().push((next.name, next.class, image)),
                Err(reason) => self.refuse(next.name, RefusedWhy::Bad(reason)),
            }
            self.n_done.set(self.n_done.get() + 1);
            let n_unstored = self.unstored.borrow().len();
            if n_unstored >= BATCH || now() - self.stored_at.get() >= STORE_INTERVAL_MS {
                let stored = self.store().await;
                if stored.is_err() {
                    // The others would fail, too.
                    self.collector.is_canceled.set_value(true);
                }
                stored?;
            }
            if now() - self.reported_at.get() >= REPORT_INTERVAL_MS {
                self.report();
            }
        }
    }

    /// Stores what was read, and shows it.
    async fn store(&self) -> Result<(), Problem> {
        self.stored_at.set(now());
        let (names, images): (Vec<String>, Vec<(String, NewImage)>) =
            self.unstored.take().into_iter().map(|(name, class, image)| (name, (class, image))).unzip();
        if images.is_empty() {
            return Ok(());
        }
        let known: Vec<_> = images.iter().map(|(_, image)| (image.fresh.id.clone(), image.split)).collect();
        let there = self.collector.add_all(self.project, images).await?;
        for ((name, (id, split)), there) in names.into_iter().zip(known).zip(there) {
            match there {
                Some(twin) => self.refuse(name, RefusedWhy::of_copy(twin, split)),
                None => self.ids.borrow_mut().push(id),
            }
        }
        Ok(())
    }

    fn refuse(&self, file: String, why: RefusedWhy) {
        self.collector.refused.update(|refused| {
            if refused.len() < REFUSED_LIMIT {
                refused.push(Refused { file, why });
            }
        });
    }

    fn report(&self) {
        self.reported_at.set(now());
        let (done, elapsed_ms) = (self.n_done.get(), now() - self.began_at);
        self.collector.adding.set(Some(Adding { done, total: self.total, elapsed_ms }));
    }
}
