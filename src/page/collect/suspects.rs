//! Images that are pointed out: why, and whether the visitor has decided about them. Pure.

use std::collections::BTreeMap;

use super::project::{ImageRecord, Project};
use kindling_core::dataset::image_checks::{FlawKind, ImageChecks, Twin};
use kindling_core::label_errors::LabelError;
use kindling_core::protocol::LabelErrors;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect {
    /// Index in the dataset.
    pub index: u32,
    pub label: u16,
    /// Hash of its file, if it has one.
    pub file: Option<u64>,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    Label(LabelError),
    Flaw { kind: FlawKind, twin: Option<Twin> },
}

impl Suspect {
    /// The id of its record in a project.
    pub fn id(&self) -> Option<String> {
        self.file.map(|file| format!("{file:016x}"))
    }

    /// The class that it is rather of.
    pub fn suggested(&self) -> Option<u16> {
        match self.why {
            Why::Label(error) => Some(error.suggested),
            Why::Flaw { kind: FlawKind::Contradiction, twin } => twin.map(|twin| twin.label),
            Why::Flaw { .. } => None,
        }
    }
}

pub fn of_labels(found: &LabelErrors) -> Vec<Suspect> {
    let errors = found.errors.iter().zip(files(&found.files));
    errors
        .map(|(error, file)| Suspect { index: error.index, label: error.label, file, why: Why::Label(*error) })
        .collect()
}

pub fn of_checks(found: &ImageChecks) -> Vec<Suspect> {
    let flaws = found.flaws.iter().zip(files(&found.files));
    flaws
        .map(|(flaw, file)| {
            let why = Why::Flaw { kind: flaw.kind, twin: flaw.twin };
            Suspect { index: flaw.index, label: flaw.label, file, why }
        })
        .collect()
}

fn files(files: &[u64]) -> impl Iterator<Item = Option<u64>> {
    files.iter().copied().map(Some).chain(std::iter::repeat(None))
}

/// Those that nothing was decided about: their images are in the project with the label of the dataset, and not confirmed.
pub fn undecided(suspects: &[Suspect], classes: &[String], project: &Project, images: &[ImageRecord]) -> Vec<Suspect> {
    let by_id: BTreeMap<&str, &ImageRecord> = images.iter().map(|image| (image.id.as_str(), image)).collect();
    let is_undecided = |suspect: &&Suspect| {
        let image = suspect.id().and_then(|id| by_id.get(id.as_str()).copied());
        let label = classes.get(usize::from(suspect.label));
        image.is_some_and(|image| {
            let class = project.class(&image.class).map(|class| &class.name);
            image.is_there() && !image.is_confirmed && class.is_some() && class == label
        })
    };
    suspects.iter().filter(is_undecided).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::project::samples::{image, project};
    use super::*;

    #[test]
    fn what_was_decided_is_not_pointed_out_again() {
        let mut images: Vec<_> = (0..4).map(|number| image(number, "cat", None)).collect();
        let error = |index| LabelError { index, label: 0, suggested: 1, probability: 0.9, label_probability: 0.1 };
        let found = LabelErrors {
            errors: (0..4).map(error).collect(),
            files: images.iter().map(|image| u64::from_str_radix(&image.id, 16).unwrap()).collect(),
            ..LabelErrors::default()
        };
        let (all, classes) = (of_labels(&found), ["cat".to_owned(), "dog".to_owned()]);
        let pets = project(&["cat", "dog"]);
        assert_eq!(undecided(&all, &classes, &pets, &images), all);
        images[0].is_confirmed = true;
        images[1].class = "id-dog".into();
        images[2].deleted_at = Some(1.0);
        let left = undecided(&all, &classes, &pets, &images);
        assert_eq!(left, [all[3]]);
        assert_eq!((left[0].id().as_ref(), left[0].suggested()), (Some(&images[3].id), Some(1)));
        // Another project has none of them.
        assert!(undecided(&all, &classes, &pets, &[]).is_empty());
    }

    #[test]
    fn a_dataset_without_files_has_suspects_that_no_project_has() {
        let error = LabelError { index: 0, label: 0, suggested: 1, probability: 0.9, label_probability: 0.1 };
        let found = LabelErrors { errors: vec![error], ..LabelErrors::default() };
        assert_eq!(of_labels(&found)[0].id(), None);
    }
}
