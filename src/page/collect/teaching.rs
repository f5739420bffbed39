//! An answer of the network is corrected while it is used: the image joins the class that it is of, in the project that the dataset was made of.

use leptos::prelude::*;
use web_sys::Blob;

use super::adding::NewImage;
use super::collector::{Collector, Problem, Refused, RefusedWhy};
use super::intake;
use super::project::Source;
use kindling_core::dataset::image_folder::LeftOutReason;
use kindling_core::protocol::ImageInput;

/// An image that was shown to the network.
#[derive(Clone, Debug)]
pub enum Shown {
    /// The square in the middle of it is kept.
    Frame {
        image: ImageInput,
        /// Names those of one scene, which stay together in one split.
        burst: String,
    },
    Drawing(ImageInput),
    File {
        name: String,
        file: Blob,
    },
}

impl Collector {
    /// Adds an image to the class of this name. One that is there in another class moves. Both can be undone.
    ///
    /// # Errors
    ///
    /// If the project or the class is gone, the project is full, or the storage is.
    pub async fn teach(self, project: &str, class: &str, shown: Shown) -> Result<(), Problem> {
        self.loaded().await?;
        let class = self.find(project).and_then(|it| it.class_named(class).map(|class| class.id.clone()));
        let class = class.ok_or(Problem::Gone)?;
        if !self.is_open(project) {
            self.show(Some(project.to_owned())).await?;
        }
        let file = match &shown {
            Shown::File { name, .. } => name.clone(),
            Shown::Frame { .. } | Shown::Drawing(_) => String::new(),
        };
        let image = match new_image(shown).await {
            Ok(image) => image,
            Err(reason) => {
                self.refused.set(vec![Refused { file, why: RefusedWhy::Bad(reason) }]);
                return Ok(());
            }
        };
        let id = image.fresh.id.clone();
        let is_there = self.images.with_untracked(|images| {
            let live = self.find(project);
            let has_class = |class: &str| live.as_ref().is_some_and(|project| project.class(class).is_some());
            images.iter().any(|image| image.id == id && image.class != class && has_class(&image.class))
        });
        match is_there {
            true => self.move_image(&id, &class).await,
            false => self.add_one(project, &class, image).await.map(drop),
        }
    }
}

async fn new_image(shown: Shown) -> Result<NewImage, LeftOutReason> {
    let unreadable = || LeftOutReason::Unreadable;
    Ok(match shown {
        Shown::Frame { image, burst } => {
            NewImage::of_frame(intake::of_frame(&image).await.ok_or_else(unreadable)?, &burst)
        }
        Shown::Drawing(drawing) => {
            NewImage::new(intake::of_drawing(&drawing).await.ok_or_else(unreadable)?, Source::Drawing)
        }
        Shown::File { name, file } => NewImage::of_file(intake::of_file(&file).await?, &name),
    })
}
