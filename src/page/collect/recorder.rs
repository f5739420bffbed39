//! Recording from the webcam: a burst for as long as a button is held, or a number of frames after a countdown. Frames of one burst stay together in
//! one split.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::adding::{NewImage, new_burst};
use super::collector::{Collector, News, now};
use super::intake;
use super::undo::Undo;
use super::video::FRAMES_PER_SECOND;
use kindling_core::protocol::ImageInput;

/// Frames per second to choose from.
pub const RATES: [(&str, f64); 4] = [("1", 1.0), ("2", 2.0), ("5", 5.0), ("10", 10.0)];

/// Numbers of frames of a timed burst to choose from.
pub const COUNTS: [(&str, u32); 4] = [("10", 10), ("25", 25), ("50", 50), ("100", 100)];

/// Seconds before a timed burst: time to get into the picture.
const COUNTDOWN: u32 = 3;

/// Maximum number of frames of one burst: a stuck key does not fill the storage.
const BURST_LIMIT: usize = 600;

#[derive(Clone, Debug, PartialEq)]
struct Burst {
    project: String,
    class: String,
    /// Its name in the records of its images.
    group: String,
    /// Frames that are still to come; none if it lasts for as long as the button is held.
    left: Option<u32>,
}

#[derive(Clone, Copy)]
pub struct Recorder {
    collector: Collector,
    /// Whether the camera gives frames.
    pub is_live: RwSignal<bool>,
    pub rate: RwSignal<f64>,
    pub count: RwSignal<u32>,
    /// Seconds until a timed burst begins, with its class.
    pub countdown: RwSignal<Option<(u32, String)>>,
    burst: RwSignal<Option<Burst>>,
    /// Ids of the images of the burst so far.
    ids: StoredValue<Vec<String>>,
    last_at: StoredValue<f64>,
    /// Counts the countdowns: one that was stopped must not go on.
    turn: StoredValue<u32>,
}

impl Recorder {
    pub fn new(collector: Collector) -> Self {
        Self {
            collector,
            is_live: RwSignal::new(false),
            rate: RwSignal::new(FRAMES_PER_SECOND),
            count: RwSignal::new(25),
            countdown: RwSignal::new(None),
            burst: RwSignal::new(None),
            ids: StoredValue::default(),
            last_at: StoredValue::new(0.0),
            turn: StoredValue::new(0),
        }
    }

    /// The class that is recorded, tracked.
    pub fn class(self) -> Option<String> {
        self.burst.with(|burst| burst.as_ref().map(|burst| burst.class.clone()))
    }

    /// Begins a burst that lasts until it is stopped.
    pub fn hold(self, class: String) {
        self.stop();
        self.begin(class, None);
    }

    /// Begins a burst of as many frames as are chosen, after a countdown.
    pub fn count_down(self, class: String) {
        self.stop();
        let turn = self.turn.get_value();
        self.countdown.set(Some((COUNTDOWN, class)));
        self.tick(turn);
    }

    fn tick(self, turn: u32) {
        set_timeout(
            move || {
                // The visitor may have left, or stopped it.
                if self.turn.try_get_value() != Some(turn) {
                    return;
                }
                match self.countdown.get_untracked() {
                    Some((1, class)) => {
                        self.countdown.set(None);
                        self.begin(class, Some(self.count.get_untracked()));
                    }
                    Some((left, class)) => {
                        self.countdown.set(Some((left - 1, class)));
                        self.tick(turn);
                    }
                    None => {}
                }
            },
            Duration::from_secs(1),
        );
    }

    fn begin(self, class: String, left: Option<u32>) {
        let Some(project) = self.collector.open.get_untracked() else { return };
        self.last_at.set_value(0.0);
        self.ids.set_value(Vec::new());
        self.burst.set(Some(Burst { project, class, group: new_burst(), left }));
    }

    /// Ends the burst or the countdown.
    pub fn stop(self) {
        self.turn.update_value(|turn| *turn = turn.wrapping_add(1));
        if self.countdown.with_untracked(Option::is_some) {
            self.countdown.set(None);
        }
        let Some(burst) = self.burst.try_update(Option::take).flatten() else { return };
        // A frame that is on its way is told with the rest.
        set_timeout(move || self.tell(&burst), Duration::from_millis(300));
    }

    fn tell(self, burst: &Burst) {
        let Some(ids) = self.ids.try_update_value(std::mem::take) else { return };
        let collector = self.collector;
        collector.measure();
        let name = collector.find(&burst.project).and_then(|it| it.class(&burst.class).map(|class| class.name.clone()));
        if !ids.is_empty() {
            let count = ids.len();
            let undo = Undo::Remove { project: burst.project.clone(), images: ids };
            collector.remember(undo, News::Added { count, class: name.unwrap_or_default() });
        }
    }

    /// Whether a frame is wanted now. Asked thirty times a second while the camera runs.
    pub fn wants_frame(self) -> bool {
        if !self.is_live.get_untracked() {
            self.is_live.set(true);
        }
        // The clock of the frames is a little uneven.
        const TOLERANCE_MS: f64 = 15.0;
        let is_due = now() - self.last_at.get_value() >= 1_000.0 / self.rate.get_untracked() - TOLERANCE_MS;
        is_due && self.burst.with_untracked(Option::is_some)
    }

    /// Takes a frame; none when the camera stops.
    pub fn take(self, frame: Option<ImageInput>) {
        let Some(frame) = frame else {
            self.is_live.set(false);
            return self.stop();
        };
        let Some(burst) = self.burst.get_untracked() else { return };
        self.last_at.set_value(now());
        match burst.left {
            Some(0 | 1) => self.stop(),
            Some(left) => self.burst.set(Some(Burst { left: Some(left - 1), ..burst.clone() })),
            None if self.ids.with_value(Vec::len) >= BURST_LIMIT => return self.stop(),
            None => {}
        }
        spawn_local(async move {
            let Some(fresh) = intake::of_frame(&frame).await else { return };
            let id = fresh.id.clone();
            match self.collector.add(&burst.project, &burst.class, NewImage::of_frame(fresh, &burst.group)).await {
                Ok(None) => {
                    self.ids.try_update_value(|ids| ids.push(id));
                }
                // A camera that shows the same frame again adds nothing.
                Ok(Some(_)) => {}
                Err(problem) => {
                    self.stop();
                    self.collector.problem.set(Some(problem));
                }
            }
        });
    }
}
