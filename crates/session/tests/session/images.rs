//! Image files become a dataset that trains: archives and folders of classes, what is left out, and limits.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use image::{ImageFormat as FileFormat, Rgba, RgbaImage};
use kindling_core::dataset::image_folder::LeftOutReason;
use kindling_core::dataset::image_folder::importer::content_id;
use kindling_core::dataset::{DrawingStyle, Framing, ImageFormat, ImageReading, Reading};
use kindling_core::protocol::question::{Classify, ImagesAt, LocateFiles};
use kindling_core::protocol::{
    Answer, DatasetSummary, DatasetUpdate, Event, Failure, FailureKind, ImageInput, InputKind, RunUpdate, SplitName,
    Views,
};

use crate::world::{World, config};

pub type File = (String, Vec<u8>);

const CLASSES: [(&str, [u8; 3]); 3] =
    [("blue disk", [40, 60, 220]), ("green disk", [30, 170, 60]), ("red disk", [210, 40, 40])];

const N_PER_CLASS: u32 = 24;

/// A disk of a color on a light ground, each image a little different.
fn disk([red, green, blue]: [u8; 3], number: u32) -> RgbaImage {
    let (width, height) = (40 + number % 5, 36);
    let (center_x, center_y) = (16 + number % 9, 14 + number % 7);
    RgbaImage::from_fn(width, height, |x, y| {
        let is_inside = x.abs_diff(center_x).pow(2) + y.abs_diff(center_y).pow(2) < 100;
        if is_inside { Rgba([red, green, blue, 255]) } else { Rgba([240, 235 - number as u8, 230, 255]) }
    })
}

fn png(image: &RgbaImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, FileFormat::Png).unwrap();
    bytes.into_inner()
}

/// Images in one folder per class, below `top`.
pub fn folders(top: &str) -> Vec<File> {
    folders_of(top, &CLASSES)
}

/// The same for classes of a color.
pub fn folders_of(top: &str, classes: &[(&'static str, [u8; 3])]) -> Vec<File> {
    let of_class = |&(class, color): &(&'static str, [u8; 3])| {
        (0..N_PER_CLASS).map(move |number| (format!("{top}{class}/{number}.png"), png(&disk(color, number))))
    };
    classes.iter().flat_map(of_class).collect()
}

fn zip(files: &[File]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in files {
        let (mut entry, config) =
            archive.new_file(name).compression_method(rawzip::CompressionMethod::Store).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(bytes).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

fn tar(files: &[File]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn load(world: &mut World, files: Vec<File>, reading: Reading) -> Result<DatasetSummary, Failure> {
    world.forget();
    world.load_files(files, reading);
    end_of_load(world)
}

fn end_of_load(world: &mut World) -> Result<DatasetSummary, Failure> {
    let is_end = |event: &Event| matches!(event, Event::Dataset(DatasetUpdate::Set(_) | DatasetUpdate::Failed(_)));
    match world.until("the dataset", is_end).into_iter().find(is_end) {
        Some(Event::Dataset(DatasetUpdate::Set(summary))) => Ok(summary),
        Some(Event::Dataset(DatasetUpdate::Failed(failure))) => Err(failure),
        other => panic!("{other:?}"),
    }
}

fn loaded(files: Vec<File>) -> DatasetSummary {
    load(&mut World::new(), files, Reading::default()).unwrap()
}

fn input(image: &RgbaImage) -> ImageInput {
    let (width, height) = image.dimensions();
    ImageInput { width, height, rgba: image.as_raw().clone().into(), kind: InputKind::Photo }
}

#[test]
fn a_zip_of_class_folders_trains_and_answers() {
    let mut world = World::new();
    let mut files = folders("disks/");
    files.push(("__MACOSX/disks/red disk/._0.png".into(), b"resource fork".to_vec()));
    files.push(("disks/red disk/broken.png".into(), b"no image".to_vec()));
    let summary = load(&mut world, vec![("Disks.zip".into(), zip(&files))], Reading::default()).unwrap();
    assert_eq!(
        (summary.name.as_str(), summary.classes.as_slice()),
        ("Disks", &CLASSES.map(|(name, _)| name.to_owned())[..])
    );
    // The shorter sides have 36 pixels.
    let format = ImageFormat { side: 32, channels: 3, framing: Framing::CenterCrop };
    assert_eq!((summary.read_as.images, summary.style), (Some(format), DrawingStyle::Scene));
    let import = summary.import.clone().unwrap();
    assert_eq!((import.n_files, import.n_left_out), (73, 1));
    assert_eq!(import.left_out[0].file, "disks/red disk/broken.png");
    assert_eq!(summary.counts.train + summary.counts.validation + summary.counts.test, 72);
    let events = world.machine.events.borrow().clone();
    assert!(events.iter().any(|event| matches!(event, Event::Dataset(DatasetUpdate::Decoding { total: 73, .. }))));

    let mut config = config();
    config.dataset = summary.id.clone();
    config.epochs = 20;
    world.train(1, config);
    let updates = world.end_of(1);
    assert!(matches!(updates.last(), Some(RunUpdate::Finished(_))), "{:?}", updates.last());
    for (class, (_, color)) in CLASSES.iter().enumerate() {
        let image = disk(*color, 4);
        let request = world.ask(Classify { image: input(&image), views: Views::One });
        let Ok(Answer::Classification(answer)) = world.answer_to(request) else { panic!() };
        assert_eq!(usize::from(answer.classes[0].class), class);
    }

    // The image is prepared just as when it was imported.
    let request = world.ask(Classify { image: input(&disk(CLASSES[0].1, 0)), views: Views::One });
    let Ok(Answer::Classification(answer)) = world.answer_to(request) else { panic!() };
    let request = world.ask(ImagesAt { indices: vec![0] });
    let Ok(Answer::Images(batch)) = world.answer_to(request) else { panic!() };
    assert_eq!(&*answer.seen, &*batch.pixels);
}

#[test]
fn folders_archives_and_tables_are_the_same_dataset() {
    let as_folder = loaded(folders("pets/"));
    assert_eq!(as_folder.name, "pets");
    let as_zip = loaded(vec![("other.zip".into(), zip(&folders("")))]);
    let as_tar = loaded(vec![("pets.tar".into(), tar(&folders("a/b/")))]);
    assert_eq!(as_zip.id, as_folder.id);
    assert_eq!(as_tar.id, as_folder.id);
    assert_eq!(as_tar.class_counts, as_folder.class_counts, "the split goes by content");
    let mut table = "image;species\n".to_owned();
    let mut loose = Vec::new();
    for (path, bytes) in folders("") {
        let (class, file) = path.split_once('/').unwrap();
        let name = format!("{}-{file}", class.replace(' ', "-"));
        table += &format!("{name};{class}\n");
        loose.push((format!("photos/{name}"), bytes));
    }
    loose.push(("photos/labels.csv".into(), table.into_bytes()));
    let by_table = loaded(loose);
    assert_eq!((by_table.classes, by_table.class_counts), (as_folder.classes, as_folder.class_counts));
}

#[test]
fn parts_that_come_with_the_files_stay() {
    let mut files = folders("d/train/");
    files.extend(folders("d/val/").into_iter().take(5));
    files.extend(folders("d/test/").into_iter().skip(60));
    let summary = loaded(files);
    assert_eq!([summary.counts.train, summary.counts.validation, summary.counts.test], [72, 5, 12]);
    assert!(summary.has_standard_test);
    let import = summary.import.unwrap();
    assert!(import.has_standard_validation);
    assert_eq!((import.n_duplicates, import.n_leaked), (17, 17));
}

#[test]
fn files_of_a_project_keep_the_splits_that_they_came_in() {
    let mut world = World::new();
    let mut splits = |told: &dyn Fn(usize) -> Option<SplitName>| {
        world.forget();
        let files = folders("pets/").into_iter().enumerate();
        world.load_given_files(files.map(|(number, file)| (file, told(number))).collect(), Reading::default());
        end_of_load(&mut world).unwrap()
    };
    let drawn = splits(&|_| None);
    let given = splits(&|number| match number {
        0 => Some(SplitName::Test),
        24 => Some(SplitName::Validation),
        _ => None,
    });
    let import = given.import.unwrap();
    assert_eq!((import.n_given, import.n_leaked, import.has_standard_validation), (2, 0, false));
    assert_ne!(given.id, drawn.id, "another split is another dataset");
    // All came in a split, and of each class some in every one.
    let told = |number: usize| Some([SplitName::Train, SplitName::Validation, SplitName::Test][number % 3]);
    let all = splits(&told);
    assert_eq!([all.counts.train, all.counts.validation, all.counts.test], [24, 24, 24]);
    assert!(all.import.unwrap().has_standard_validation);
    let request = world.ask(LocateFiles);
    let Ok(Answer::Files(found)) = world.answer_to(request) else { panic!() };
    let expected =
        folders("pets/").into_iter().enumerate().map(|(number, (_, file))| (content_id(&file), told(number)));
    let found = found.files.into_iter().zip(found.splits);
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected.collect());
}

#[test]
fn the_choice_of_the_visitor_counts_and_odd_files_are_listed() {
    let mut files = folders("pets/");
    let transparent = RgbaImage::from_fn(30, 30, |x, _| if x < 15 { Rgba([0, 0, 0, 255]) } else { Rgba([9, 9, 9, 0]) });
    let odd = [
        ("pets/red disk/clear.png", png(&transparent)),
        ("pets/red disk/copy.png", png(&disk(CLASSES[0].1, 0))),
        ("pets/red disk/photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        ("pets/red disk/empty.jpg", Vec::new()),
        ("pets/cover.png", png(&transparent)),
    ];
    files.extend(odd.map(|(name, bytes)| (name.to_owned(), bytes)));
    let images = ImageReading { side: Some(48), channels: Some(1), framing: Some(Framing::Letterbox) };
    let summary = load(&mut World::new(), files, Reading { images, ..Reading::default() }).unwrap();
    assert_eq!((summary.shape.channels, summary.shape.height, summary.style), (1, 48, DrawingStyle::Letterbox));
    let import = summary.import.unwrap();
    assert_eq!((import.n_on_white, import.n_duplicates, import.n_contradictions), (1, 1, 1));
    let copied: Vec<_> = import.copies.iter().flat_map(|copy| [copy.file.as_str(), copy.of.as_str()]).collect();
    assert!(copied.len() == 2 && copied.contains(&"pets/red disk/copy.png"), "{copied:?}");
    let reasons: Vec<_> = import.left_out.iter().map(|left| left.reason.clone()).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons.contains(&LeftOutReason::NoClass), "{reasons:?}");
}

#[test]
fn an_archive_among_many_photos_is_left_alone() {
    let mut files = folders("pets/");
    files.push(("pets/notes.zip".to_owned(), b"PK\x05\x06".to_vec()));
    let summary = loaded(files);
    assert_eq!(summary.import.unwrap().n_left_out, 0);
    assert_eq!(summary.classes, CLASSES.map(|(class, _)| class));
}

#[test]
fn what_cannot_be_trained_on_is_refused_with_its_reason() {
    let refused = |files| load(&mut World::new(), files, Reading::default()).unwrap_err();
    let one: Vec<_> = folders("").into_iter().take(24).collect();
    assert_eq!(refused(one).kind, FailureKind::OneClass);
    let few: Vec<_> = folders("").into_iter().step_by(12).collect();
    assert_eq!(refused(few).kind, FailureKind::TooFewImages);
    let loose: Vec<_> = folders("").into_iter().map(|(path, bytes)| (path.replace('/', "-"), bytes)).collect();
    let failure = refused(loose);
    assert_eq!(failure.kind, FailureKind::UnknownFormat);
    assert!(failure.detail.contains("put the images of each class into a folder"), "{failure}");
    let broken: Vec<_> = folders("").into_iter().map(|(path, _)| (path, b"GIF8".to_vec())).collect();
    assert_eq!(refused(broken).kind, FailureKind::BadFile);
}

#[test]
fn a_load_of_images_can_be_canceled() {
    let mut world = World::new();
    world.load_files(folders("pets/"), Reading::default());
    world.until("the first images", |event| matches!(event, Event::Dataset(DatasetUpdate::Decoding { done: 1.., .. })));
    world.act(kindling_core::protocol::Command::CancelDataset);
    world.until("the end", |event| matches!(event, Event::Dataset(DatasetUpdate::Canceled)));
    assert_eq!(world.machine.open_downloads.get(), 0);
}
