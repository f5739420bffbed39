//! The frames of a video file, evenly spaced in time. Those of one video stay together in one split, as those of a burst do.

use gloo::events::EventListener;
use js_sys::Promise;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File, HtmlVideoElement, Url};

use super::adding::{Destination, NewImage, new_burst};
use super::collector::{Adding, Collector, News, Problem, Refused, RefusedWhy, now};
use super::intake;
use super::undo::Undo;
use crate::page::widgets::image_input::read_image;
use kindling_core::dataset::image_content::ImageContent;
use kindling_core::dataset::image_folder::LeftOutReason;
use kindling_core::protocol::{ImageInput, InputKind};

/// Maximum number of frames of one video.
const FRAMES_LIMIT: usize = 600;

/// Frames in a second of video, unless the visitor chooses another rate.
pub const FRAMES_PER_SECOND: f64 = 5.0;

fn is_video(file: &File) -> bool {
    file.type_().starts_with("video/")
}

impl Collector {
    /// Adds images to a class, and frames of videos. Returns how many.
    ///
    /// # Errors
    ///
    /// As [`Collector::add`]; what was added before stays.
    pub async fn add_media(
        self,
        to: Destination<'_>,
        files: Vec<(String, File)>,
        frames_per_second: f64,
    ) -> Result<usize, Problem> {
        let (videos, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|(_, file)| is_video(file));
        self.refused.set(Vec::new());
        let mut count = if files.is_empty() { 0 } else { self.add_files(to, files).await? };
        for (_, video) in videos {
            count += self.add_video(to, &video, frames_per_second).await?;
        }
        Ok(count)
    }

    /// Adds frames of a video to a class. Returns how many: none of a file that is no video that the browser plays, which is listed as refused.
    ///
    /// # Errors
    ///
    /// As [`Collector::add`]; what was added before stays.
    async fn add_video(self, to: Destination<'_>, file: &File, frames_per_second: f64) -> Result<usize, Problem> {
        let Destination { project, class, split } = to;
        let Some(video) = Video::open(file).await else {
            let why = RefusedWhy::Bad(LeftOutReason::Undecodable(ImageContent::Unknown));
            self.refused.update(|refused| refused.push(Refused { file: file.name(), why }));
            return Ok(0);
        };
        self.is_canceled.set_value(false);
        let total = times(video.seconds(), frames_per_second).len();
        let (burst, name, began_at) = (new_burst(), file.name(), now());
        let mut ids = Vec::new();
        let mut result = Ok(());
        for (number, seconds) in times(video.seconds(), frames_per_second).into_iter().enumerate() {
            self.adding.set(Some(Adding { done: number, total, elapsed_ms: now() - began_at }));
            if self.is_canceled.get_value() {
                break;
            }
            let Some(frame) = video.frame(seconds).await else { break };
            let Some(fresh) = intake::of_frame(&frame).await else { continue };
            let id = fresh.id.clone();
            let image = NewImage { group: Some(burst.clone()), split, ..NewImage::of_file(fresh, &name) };
            match self.add(project, class, image).await {
                Ok(None) => ids.push(id),
                // The picture has not changed.
                Ok(Some(_)) => {}
                Err(problem) => {
                    result = Err(problem);
                    break;
                }
            }
        }
        self.adding.set(None);
        self.measure();
        let count = ids.len();
        if count > 0 {
            let class = self.find(project).and_then(|it| it.class(class).map(|class| class.name.clone()));
            let undo = Undo::Remove { project: project.to_owned(), images: ids };
            self.remember(undo, News::Added { count, class: class.unwrap_or_default() });
        }
        result.map(|()| count)
    }
}

/// The times of the frames, in seconds. Of a video of unknown length they go on until it ends.
fn times(seconds: f64, frames_per_second: f64) -> Vec<f64> {
    let times = (0..FRAMES_LIMIT).map(|number| number as f64 / frames_per_second);
    times.take_while(|time| *time == 0.0 || !seconds.is_finite() || *time < seconds).collect()
}

/// A video outside the document.
struct Video {
    element: HtmlVideoElement,
    url: String,
}

impl Drop for Video {
    fn drop(&mut self) {
        self.element.set_src("");
        Url::revoke_object_url(&self.url).ok();
    }
}

impl Video {
    /// None if the browser does not play it.
    async fn open(file: &Blob) -> Option<Self> {
        let element = document().create_element("video").ok()?.dyn_into::<HtmlVideoElement>().ok()?;
        let url = Url::create_object_url_with_blob(file).ok()?;
        let video = Self { element, url };
        video.element.set_muted(true);
        video.element.set_preload("auto");
        video.settled("loadeddata", || video.element.set_src(&video.url)).await?;
        Some(video)
    }

    /// Its length; not finite if the file does not tell.
    fn seconds(&self) -> f64 {
        self.element.duration()
    }

    /// The frame at a time; none past the end.
    async fn frame(&self, seconds: f64) -> Option<ImageInput> {
        self.settled("seeked", || self.element.set_current_time(seconds)).await?;
        // A seek past the end leads to the end.
        const TOLERANCE: f64 = 0.05;
        if self.element.current_time() + TOLERANCE < seconds {
            return None;
        }
        read_image(&self.element, InputKind::Photo).await.ok()
    }

    /// Begins something and waits for the event that tells its end. None if an error comes instead.
    async fn settled(&self, event: &'static str, begin: impl Fn()) -> Option<()> {
        let mut listeners = Vec::new();
        let waiting = Promise::new(&mut |done, failed| {
            listeners.push(EventListener::once(&self.element, event, move |_| {
                drop(done.call0(&wasm_bindgen::JsValue::NULL))
            }));
            listeners.push(EventListener::once(&self.element, "error", move |_| {
                drop(failed.call0(&wasm_bindgen::JsValue::NULL));
            }));
        });
        begin();
        JsFuture::from(waiting).await.ok().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_evenly_spaced_and_limited() {
        assert_eq!(times(1.1, 2.0), [0.0, 0.5, 1.0]);
        assert_eq!(times(0.0, 2.0), [0.0]);
        assert_eq!(times(f64::NAN, 1.0).len(), FRAMES_LIMIT);
        assert_eq!(times(1e9, 10.0).len(), FRAMES_LIMIT);
    }
}
