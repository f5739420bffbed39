//! A project: classes and the records of their images, as plain data. Pure.

use serde::{Deserialize, Serialize};

use kindling_core::dataset::{MAX_CLASSES, Reading};
use kindling_core::protocol::SplitName;

const NAME_LIMIT_CHARS: usize = 80;

/// Maximum number of classes that are shown and kept; the engine's own limit, as deleted classes do not count.
pub const CLASSES_LIMIT: usize = MAX_CLASSES;

/// The class of an image without a label: the id of no class, so that such images stay out of the dataset.
pub const UNLABELED: &str = "";

/// Maximum number of images of a project, as many as the engine takes files.
pub const IMAGES_LIMIT: usize = 100_000;

/// Colors of the theme (`--line-0` to `--line-5`) that mark classes.
pub const N_COLORS: u8 = 6;

/// Maximum number of datasets that a project remembers to have become.
pub const USES_LIMIT: usize = 40;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    pub id: String,
    pub name: String,
    /// In ms since 1970, like all times here.
    pub created_at: f64,
    /// In the visitor's order.
    pub classes: Vec<Class>,
    /// When it was deleted; the deletion can be undone for a while.
    #[serde(default)]
    pub deleted_at: Option<f64>,
    /// The datasets that were made of it, the newest last.
    #[serde(default)]
    pub uses: Vec<Use>,
    /// What was decided about images that were pointed out.
    #[serde(default)]
    pub reviewed: Reviewed,
}

/// Counts the decisions about images whose labels may be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reviewed {
    pub kept: u32,
    pub relabeled: u32,
    pub deleted: u32,
}

/// A dataset that a project became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Use {
    /// Its id.
    pub dataset: String,
    /// A hash of the images with their classes, bursts and given splits: the same images become the same dataset again.
    pub files: String,
    /// How the files were read.
    pub reading: Reading,
    /// When; none of those that were remembered without it.
    #[serde(default)]
    pub at: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Class {
    pub id: String,
    pub name: String,
    /// Below [`N_COLORS`].
    pub color: u8,
    /// Whether its images stay out of the dataset.
    #[serde(default)]
    pub is_off: bool,
    #[serde(default)]
    pub deleted_at: Option<f64>,
}

/// What is known of an image besides its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageRecord {
    /// A hash of the file, as 16 hexadecimal digits: the engine splits by the same number.
    pub id: String,
    /// Id of its class.
    pub class: String,
    pub kind: FileKind,
    pub bytes: u64,
    pub added_at: f64,
    pub source: Source,
    /// The burst that it belongs to: images of one burst are alike, and stay together in one split.
    #[serde(default)]
    pub group: Option<String>,
    /// The name of the visitor's file.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub deleted_at: Option<f64>,
    /// Whether the visitor has confirmed its label: it is not pointed out again.
    #[serde(default)]
    pub is_confirmed: bool,
    /// Whether its label is a pseudo-label: the model's, which the visitor has not confirmed.
    #[serde(default)]
    pub is_pseudo: bool,
    /// When its label was given because the model asked for it.
    #[serde(default)]
    pub asked_at: Option<f64>,
    /// The split that its file came in, such as in a folder `test`; none if it is drawn.
    #[serde(default)]
    pub split: Option<SplitName>,
}

/// The format of a kept image file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    Png,
    Jpeg,
    Webp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    Webcam,
    File,
    Drawing,
}

impl FileKind {
    /// The kind of a file by its first bytes; none if it is of another.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    pub fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

impl ImageRecord {
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.id, self.kind.extension())
    }

    pub fn is_there(&self) -> bool {
        self.deleted_at.is_none()
    }

    /// The hash of its file, as the engine knows it.
    pub fn file(&self) -> u64 {
        u64::from_str_radix(&self.id, 16).unwrap_or_default()
    }
}

/// Why a name was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameTrouble {
    Empty,
    /// Another class has it.
    Taken,
    /// There are as many classes as there may be.
    TooMany,
}

impl Project {
    pub fn new(id: String, name: &str, created_at: f64) -> Self {
        Self {
            id,
            name: clean_name(name),
            created_at,
            classes: Vec::new(),
            deleted_at: None,
            uses: Vec::new(),
            reviewed: Reviewed::default(),
        }
    }

    /// The classes that are not deleted.
    pub fn live_classes(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter().filter(|class| class.deleted_at.is_none())
    }

    pub fn class(&self, id: &str) -> Option<&Class> {
        self.live_classes().find(|class| class.id == id)
    }

    /// The class that a digit key stands for: the first one for 1.
    pub fn class_of_key(&self, key: &str) -> Option<&Class> {
        let place = key.parse::<usize>().ok().filter(|place| (1..=9).contains(place))?;
        self.live_classes().nth(place - 1)
    }

    pub fn class_named(&self, name: &str) -> Option<&Class> {
        let name = clean_name(name);
        self.live_classes().find(|class| class.name == name)
    }

    /// Whether a class may have this name; `this` is the class that asks for it, if there is one already.
    ///
    /// # Errors
    ///
    /// If nothing of it is left without what no folder's name may have, or another class has it.
    pub fn check_name(&self, name: &str, this: Option<&str>) -> Result<String, NameTrouble> {
        let name = clean_name(name);
        if name.is_empty() {
            return Err(NameTrouble::Empty);
        }
        // Letters of both cases are one name on some file systems.
        let is_same = |other: &&Class| other.name.to_lowercase() == name.to_lowercase();
        if self.live_classes().filter(|class| Some(class.id.as_str()) != this).any(|class| is_same(&class)) {
            return Err(NameTrouble::Taken);
        }
        Ok(name)
    }

    /// Adds a class with the color that is used least.
    ///
    /// # Errors
    ///
    /// As [`Project::check_name`], or if there are too many.
    pub fn add_class(&mut self, id: String, name: &str) -> Result<(), NameTrouble> {
        if self.live_classes().count() >= CLASSES_LIMIT {
            return Err(NameTrouble::TooMany);
        }
        let name = self.check_name(name, None)?;
        let n_with = |color: &u8| self.live_classes().filter(|class| class.color == *color).count();
        let color = (0..N_COLORS).min_by_key(n_with).unwrap_or_default();
        self.classes.push(Class { id, name, color, is_off: false, deleted_at: None });
        Ok(())
    }

    /// Changes a class that is not deleted.
    pub fn change_class(&mut self, id: &str, change: impl FnOnce(&mut Class)) {
        if let Some(class) = self.classes.iter_mut().find(|class| class.id == id) {
            change(class);
        }
    }

    /// Moves a class one place up or down among those that are not deleted.
    pub fn move_class(&mut self, id: &str, is_up: bool) {
        let live: Vec<usize> =
            self.classes.iter().enumerate().filter(|(_, class)| class.deleted_at.is_none()).map(|(at, _)| at).collect();
        let place = live.iter().position(|at| self.classes.get(*at).is_some_and(|class| class.id == id));
        let other = place.and_then(|place| if is_up { place.checked_sub(1) } else { place.checked_add(1) });
        let pair = place.zip(other).and_then(|(place, other)| live.get(place).zip(live.get(other)));
        if let Some((one, other)) = pair {
            self.classes.swap(*one, *other);
        }
    }

    /// Remembers that the project became a dataset.
    pub fn remember_use(&mut self, new: Use) {
        self.uses.retain(|used| used.dataset != new.dataset);
        self.uses.push(new);
        let n_over = self.uses.len().saturating_sub(USES_LIMIT);
        self.uses.drain(..n_over);
    }
}

/// A name that is also a folder's: without slashes and control characters, not hidden by a dot in front, and not too long.
pub fn clean_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_control() || matches!(letter, '/' | '\\') { ' ' } else { letter };
    let words: String = name.chars().map(plain).take(4 * NAME_LIMIT_CHARS).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.trim_start_matches(['.', ' ']);
    let short: String = words.chars().take(NAME_LIMIT_CHARS).collect();
    short.trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
pub mod samples {
    use super::*;

    pub fn project(classes: &[&str]) -> Project {
        let mut project = Project::new("p".into(), "Pets", 1.0);
        for name in classes {
            project.add_class(format!("id-{name}"), name).unwrap();
        }
        project
    }

    pub fn image(number: u64, class: &str, group: Option<&str>) -> ImageRecord {
        ImageRecord {
            id: format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            class: format!("id-{class}"),
            kind: FileKind::Jpeg,
            bytes: 1_000,
            added_at: number as f64,
            source: Source::Webcam,
            group: group.map(str::to_owned),
            name: String::new(),
            deleted_at: None,
            is_confirmed: false,
            is_pseudo: false,
            asked_at: None,
            split: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::samples::project;
    use super::*;

    fn names(project: &Project) -> Vec<&str> {
        project.live_classes().map(|class| class.name.as_str()).collect()
    }

    #[test]
    fn classes_have_names_of_their_own_that_folders_may_have() {
        let mut pets = project(&["cat", "dog"]);
        assert_eq!(pets.add_class("x".into(), " CAT "), Err(NameTrouble::Taken));
        assert_eq!(pets.add_class("x".into(), "./ \n"), Err(NameTrouble::Empty));
        assert_eq!(pets.check_name("Cat", Some("id-cat")), Ok("Cat".into()));
        assert_eq!(pets.add_class("x".into(), "..a/b\\c."), Ok(()));
        assert_eq!(names(&pets), ["cat", "dog", "a b c"]);
        // The name of a deleted class is free.
        pets.change_class("id-cat", |class| class.deleted_at = Some(1.0));
        assert_eq!(pets.check_name("cat", None), Ok("cat".into()));
    }

    #[test]
    fn digits_stand_for_the_first_classes() {
        let mut pets = project(&["cat", "dog", "cow"]);
        pets.change_class("id-cat", |class| class.deleted_at = Some(1.0));
        let name = |key| pets.class_of_key(key).map(|class| class.name.as_str());
        assert_eq!(["1", "2", "3", "0", "x", "12"].map(name), [Some("dog"), Some("cow"), None, None, None, None]);
    }

    #[test]
    fn classes_move_past_those_that_are_deleted() {
        let mut pets = project(&["a", "b", "c", "d"]);
        pets.change_class("id-b", |class| class.deleted_at = Some(1.0));
        pets.move_class("id-c", true);
        assert_eq!(names(&pets), ["c", "a", "d"]);
        pets.move_class("id-c", true);
        pets.move_class("id-d", false);
        pets.move_class("id-nobody", true);
        assert_eq!(names(&pets), ["c", "a", "d"]);
        // The deleted one comes back where it was.
        pets.change_class("id-b", |class| class.deleted_at = None);
        assert_eq!(names(&pets), ["c", "b", "a", "d"]);
    }

    #[test]
    fn colors_are_used_evenly() {
        let many = project(&["a", "b", "c", "d", "e", "f", "g"]);
        let colors: Vec<u8> = many.classes.iter().map(|class| class.color).collect();
        assert_eq!(colors, [0, 1, 2, 3, 4, 5, 0]);
    }

    #[test]
    fn the_newest_uses_are_remembered_once() {
        let mut pets = project(&[]);
        for number in 0..100 {
            let dataset = format!("files-{}", number % 60);
            pets.remember_use(Use { dataset, files: String::new(), reading: Reading::default(), at: None });
        }
        assert_eq!(pets.uses.len(), USES_LIMIT);
        assert_eq!(pets.uses.last().map(|used| used.dataset.as_str()), Some("files-39"));
    }

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        assert_eq!(FileKind::of(b"\x89PNG\r\n"), Some(FileKind::Png));
        assert_eq!(FileKind::of(b"RIFF\0\0\0\0WEBPVP8 "), Some(FileKind::Webp));
        assert_eq!(FileKind::of(b"GIF89a"), None);
    }

    proptest! {
        #[test]
        fn a_clean_name_stays_as_it_is_and_is_one_folder(name in ".{0,200}") {
            let clean = clean_name(&name);
            prop_assert_eq!(&clean_name(&clean), &clean);
            prop_assert!(!clean.contains(['/', '\\']) && !clean.starts_with('.'), "{}", clean);
        }

        #[test]
        fn moving_loses_no_class(moves in prop::collection::vec((0_usize..5, any::<bool>()), 0..30)) {
            let mut pets = project(&["a", "b", "c", "d", "e"]);
            for (place, is_up) in moves {
                let id = pets.classes[place].id.clone();
                pets.move_class(&id, is_up);
            }
            let mut sorted = names(&pets);
            sorted.sort_unstable();
            prop_assert_eq!(sorted, ["a", "b", "c", "d", "e"]);
        }
    }
}
