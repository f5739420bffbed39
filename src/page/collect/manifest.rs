//! The manifest in a project file, `project.json`: names, order and colors of the classes, what is known of each image besides its file, and which
//! datasets the project became, so that runs on them find it. Pure.
//! What a manifest says is checked like anything from outside: the images themselves count, wherever it disagrees with them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::project::{
    CLASSES_LIMIT, Class, IMAGES_LIMIT, ImageRecord, N_COLORS, Project, Reviewed, Source, UNLABELED, USES_LIMIT, Use,
    clean_name,
};
use kindling_core::protocol::SplitName;

pub const NAME: &str = "project.json";

/// Counts the forms of the manifest.
const VERSION: u64 = 1;

/// Maximum size of a manifest: that of a project with as many images as there may be.
pub const LIMIT_BYTES: u64 = 64 << 20;

const TEXT_LIMIT_CHARS: usize = 200;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    pub name: String,
    pub created_at: Option<f64>,
    pub classes: Vec<ManifestClass>,
    /// What is known of the images, by their paths.
    pub images: BTreeMap<String, Details>,
    /// The datasets that the project became.
    pub uses: Vec<Use>,
    pub reviewed: Reviewed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestClass {
    /// Also the name of its folder.
    pub name: String,
    pub color: u8,
    pub is_off: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    pub added_at: Option<f64>,
    pub source: Source,
    pub group: Option<String>,
    pub name: String,
    pub is_confirmed: bool,
    pub is_pseudo: bool,
    /// When its label was given because the model asked for it.
    pub asked_at: Option<f64>,
    /// Whether it lies in the tray, whatever its folder is called.
    pub is_unlabeled: bool,
    /// The split that its file came in.
    pub split: Option<SplitName>,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            added_at: None,
            source: Source::File,
            group: None,
            name: String::new(),
            is_confirmed: false,
            is_pseudo: false,
            asked_at: None,
            is_unlabeled: false,
            split: None,
        }
    }
}

/// Why a project file is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum ArchiveTrouble {
    /// It is no zip archive, or a damaged one.
    NoArchive,
    /// The manifest is not what it should be.
    BadManifest,
    /// The manifest is of a later version of the page.
    Newer,
    /// There are more images, classes or bytes than a project may have.
    TooLarge,
    /// There is no image in a folder of its class.
    NoImages,
}

/// Writes the manifest of a project's live classes, with these images.
pub fn write(project: &Project, images: &[(&Class, &ImageRecord)]) -> String {
    let classes: Vec<Value> = project
        .live_classes()
        .map(|class| json!({ "name": class.name, "folder": class.name, "color": class.color, "isOff": class.is_off }))
        .collect();
    let images: Vec<Value> = images
        .iter()
        .map(|(class, image)| {
            json!({
                "file": path(class, image), "addedAt": image.added_at, "source": image.source, "group": image.group, "name": image.name,
                "isConfirmed": image.is_confirmed, "isPseudo": image.is_pseudo, "isUnlabeled": image.class == UNLABELED,
                "askedAt": image.asked_at,
                "split": image.split,
            })
        })
        .collect();
    let manifest = json!({
        "format": "kindling-project", "version": VERSION, "name": project.name, "createdAt": project.created_at, "classes": classes,
        "images": images, "uses": project.uses, "reviewed": project.reviewed,
    });
    serde_json::to_string_pretty(&manifest).unwrap_or_default()
}

/// The path of an image in a project file.
pub fn path(class: &Class, image: &ImageRecord) -> String {
    format!("{}/{}", class.name, image.file_name())
}

/// Reads a manifest.
///
/// # Errors
///
/// If it is none, of a later version, or lists more than a project may have. Details that are not understood are left out.
pub fn read(text: &str) -> Result<Manifest, ArchiveTrouble> {
    let Ok(Value::Object(manifest)) = serde_json::from_str(text) else { return Err(ArchiveTrouble::BadManifest) };
    if manifest.get("format").and_then(Value::as_str) != Some("kindling-project") {
        return Err(ArchiveTrouble::BadManifest);
    }
    match manifest.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(version) if version > VERSION => return Err(ArchiveTrouble::Newer),
        Some(_) | None => return Err(ArchiveTrouble::BadManifest),
    }
    let list = |key: &str| match manifest.get(key) {
        None => Ok([].as_slice()),
        Some(Value::Array(list)) => Ok(list.as_slice()),
        Some(_) => Err(ArchiveTrouble::BadManifest),
    };
    let (classes, images, uses) = (list("classes")?, list("images")?, list("uses")?);
    if classes.len() > CLASSES_LIMIT || images.len() > IMAGES_LIMIT {
        return Err(ArchiveTrouble::TooLarge);
    }
    Ok(Manifest {
        name: clean_name(&text_of(&manifest, "name")),
        created_at: time(manifest.get("createdAt")),
        classes: classes.iter().filter_map(Value::as_object).filter_map(class).collect(),
        images: images.iter().filter_map(Value::as_object).filter_map(details).collect(),
        uses: uses.iter().take(USES_LIMIT).filter_map(used).collect(),
        reviewed: manifest.get("reviewed").and_then(|it| serde_json::from_value(it.clone()).ok()).unwrap_or_default(),
    })
}

fn class(class: &Map<String, Value>) -> Option<ManifestClass> {
    let name = clean_name(&text_of(class, "name"));
    let color = class.get("color").and_then(Value::as_u64).unwrap_or_default() % u64::from(N_COLORS);
    let is_off = class.get("isOff").and_then(Value::as_bool).unwrap_or_default();
    (!name.is_empty()).then_some(ManifestClass { name, color: color as u8, is_off })
}

fn details(image: &Map<String, Value>) -> Option<(String, Details)> {
    let file = image.get("file")?.as_str()?.to_owned();
    let source = image.get("source").and_then(|source| serde_json::from_value(source.clone()).ok());
    let split = image.get("split").and_then(|split| serde_json::from_value(split.clone()).ok());
    let group = Some(text_of(image, "group")).filter(|group| !group.is_empty());
    let is_set = |key: &str| image.get(key).and_then(Value::as_bool).unwrap_or_default();
    let details = Details {
        added_at: time(image.get("addedAt")),
        source: source.unwrap_or(Source::File),
        group,
        name: text_of(image, "name"),
        is_confirmed: is_set("isConfirmed"),
        is_pseudo: is_set("isPseudo"),
        asked_at: time(image.get("askedAt")),
        is_unlabeled: is_set("isUnlabeled"),
        split,
    };
    Some((file, details))
}

/// A dataset that the project became, if its names are of a sound length.
fn used(value: &Value) -> Option<Use> {
    let used: Use = serde_json::from_value(value.clone()).ok()?;
    (used.dataset.len() <= TEXT_LIMIT_CHARS && used.files.len() <= TEXT_LIMIT_CHARS).then_some(used)
}

/// A text without control characters, and not too long; empty if there is none.
fn text_of(object: &Map<String, Value>, key: &str) -> String {
    let text = object.get(key).and_then(Value::as_str).unwrap_or_default();
    text.chars().filter(|letter| !letter.is_control()).take(TEXT_LIMIT_CHARS).collect()
}

/// A time in ms since 1970, if it is one that a clock may show.
fn time(value: Option<&Value>) -> Option<f64> {
    const LATEST: f64 = 8.64e15;
    value?.as_f64().filter(|time| (0.0..=LATEST).contains(time))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::project::samples::{image, project};
    use super::*;
    use kindling_core::dataset::Reading;

    #[test]
    fn what_is_written_is_read() {
        let mut pets = project(&["cat", "dog"]);
        pets.change_class("id-dog", |class| class.is_off = true);
        let used = Use { dataset: "files-1".into(), files: "2".into(), reading: Reading::default(), at: Some(9.5) };
        pets.remember_use(used.clone());
        pets.created_at = 5.5;
        pets.reviewed.kept = 3;
        let classes: Vec<&Class> = pets.live_classes().collect();
        let mut images = [image(7, "cat", Some("burst")), image(8, "dog", None)];
        images[1].name = "rex.jpg".into();
        images[0].is_confirmed = true;
        images[0].is_pseudo = true;
        images[0].asked_at = Some(9.5);
        images[0].split = Some(SplitName::Test);
        let text = write(&pets, &[(classes[0], &images[0]), (classes[1], &images[1])]);
        let manifest = read(&text).unwrap();
        assert_eq!((manifest.uses, manifest.reviewed), (vec![used], pets.reviewed));
        assert_eq!((manifest.name.as_str(), manifest.created_at), ("Pets", Some(5.5)));
        let dog = ManifestClass { name: "dog".into(), color: 1, is_off: true };
        assert_eq!(manifest.classes.get(1), Some(&dog));
        let details = Details {
            added_at: Some(7.0),
            source: Source::Webcam,
            group: Some("burst".into()),
            is_confirmed: true,
            is_pseudo: true,
            asked_at: Some(9.5),
            split: Some(SplitName::Test),
            ..Details::default()
        };
        assert_eq!(manifest.images.get(&path(classes[0], &images[0])), Some(&details));
        assert_eq!(manifest.images.get(&path(classes[1], &images[1])).map(|it| it.name.as_str()), Some("rex.jpg"));
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let check = |text: &str, expected| assert_eq!(read(text).unwrap_err(), expected, "{text}");
        check("", ArchiveTrouble::BadManifest);
        check("[]", ArchiveTrouble::BadManifest);
        check(r#"{"format": "other", "version": 1}"#, ArchiveTrouble::BadManifest);
        check(r#"{"format": "kindling-project", "version": 2}"#, ArchiveTrouble::Newer);
        check(r#"{"format": "kindling-project", "version": "1"}"#, ArchiveTrouble::BadManifest);
        check(r#"{"format": "kindling-project", "version": 1, "classes": {}}"#, ArchiveTrouble::BadManifest);
        check(r#"{"format": "kindling-project", "version": 1, "uses": 7}"#, ArchiveTrouble::BadManifest);
        let many = format!(r#"{{"format": "kindling-project", "version": 1, "classes": [{}1]}}"#, "1,".repeat(1_000));
        check(&many, ArchiveTrouble::TooLarge);
        check(&"[".repeat(100_000), ArchiveTrouble::BadManifest);
    }

    #[test]
    fn hostile_details_are_tamed() {
        let text = r#"{"format": "kindling-project", "version": 1, "name": "../../etc", "createdAt": 1e300,
            "classes": [{"name": "..", "color": 3}, {"name": "a/b", "color": 250, "isOff": "yes"}, 7],
            "images": [{"file": "x.png", "addedAt": -1, "askedAt": "now", "source": "moon", "group": 4, "split": "exam", "name": "a\u0000b"}, {"file": 3}, "y.png"],
            "uses": [3, {"dataset": "a"}]}"#;
        let manifest = read(text).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.created_at), ("etc", None));
        assert_eq!(manifest.classes, [ManifestClass { name: "a b".into(), color: 4, is_off: false }]);
        let details = Details { name: "ab".into(), ..Details::default() };
        assert_eq!(manifest.images, BTreeMap::from([("x.png".to_owned(), details)]));
        assert!(manifest.uses.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,300}", place in 0_usize..400, letter: char) {
            let _ = read(&text);
            let pets = project(&["cat"]);
            let (class, image) = (&pets.classes[0], image(1, "cat", None));
            let mut letters: Vec<char> = write(&pets, &[(class, &image)]).chars().collect();
            if let Some(slot) = letters.get_mut(place) {
                *slot = letter;
            }
            let _ = read(&letters.into_iter().collect::<String>());
        }
    }
}
