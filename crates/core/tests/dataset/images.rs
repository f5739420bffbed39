//! Archives of images, sound, damaged and hostile: each ends in a typed error, a file that is left out, or a layout that keeps its promises.

use kindling_core::dataset::image_folder::{
    Layout, LeftOutReason, Packed, check_file, is_image_name, open_archives, unpack_archives,
};
use kindling_core::dataset::{DatasetError, MAX_CLASSES};
use kindling_core::random::Random;
use proptest::prelude::*;

use crate::files::*;

/// A PNG's head that claims a size, without pixels.
fn png_head(width: u32, height: u32) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", &width.to_be_bytes()[..], &height.to_be_bytes()[..], &[8, 2, 0, 0, 0]].concat()
}

fn small_images() -> Vec<File> {
    ["pets/cat/1.png", "pets/cat/2.png", "pets/dog/1.png", "pets/notes.txt"]
        .map(|name| file(name, png_head(20, 10)))
        .into()
}

/// The path of a file in an archive, with its content.
type Read = (String, Result<Vec<u8>, LeftOutReason>);

/// Opens archives, lays out what is in them, and reads every file.
fn open(mut files: Vec<File>) -> Result<Option<Vec<Read>>, DatasetError> {
    unpack_archives(&mut files)?;
    let Some(packed) = open_archives(&files)? else { return Ok(None) };
    let paths: Vec<String> = packed.iter().map(|packed| packed.path.clone()).collect();
    let layout = Layout::of(&paths, None)?;
    assert!((1..=MAX_CLASSES).contains(&layout.classes.len()));
    assert!(layout.items.iter().all(|item| usize::from(item.class) < layout.classes.len()));
    let n_found = layout.items.len() + layout.report.n_left_out as usize;
    assert_eq!(n_found, layout.report.n_files as usize);
    let read = |packed: &Packed| (packed.path.clone(), packed.read());
    Ok(Some(layout.items.iter().map(|item| read(&packed[item.place])).collect()))
}

#[test]
fn archives_of_every_kind_are_read() {
    let images = small_images();
    for (name, bytes) in [("a.zip", zip(&images)), ("a.tar", tar(&images)), ("a.tar.gz", gzip(&tar(&images)))] {
        let read = open(vec![file(name, bytes)]).unwrap().unwrap();
        let names: Vec<_> = read.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, ["pets/cat/1.png", "pets/cat/2.png", "pets/dog/1.png"], "{name}");
        assert!(read.iter().all(|(_, bytes)| bytes.as_ref() == Ok(&png_head(20, 10))));
    }
    let several = vec![file("train.zip", zip(&images[..3])), file("test.zip", zip(&images[..1]))];
    assert_eq!(open(several).unwrap().unwrap().len(), 4);
    // Archives of other things are read by others.
    for other in [zip(&small_arrays()), gzip(&small_cifar_tar()), zip(&[file("a.txt", vec![1])])] {
        assert_eq!(open(vec![file("other", other)]), Ok(None));
    }
}

#[test]
fn names_of_older_archives_stay_apart() {
    let latin = |bytes: &[u8]| [&b"x"[..], bytes].concat();
    let mut archive = zip(&[file("xA/1.png", vec![1]), file("xB/1.png", vec![2])]);
    // The same length in bytes, but no UTF-8.
    for (from, to) in [(latin(b"A"), latin(b"\xe4")), (latin(b"B"), latin(b"\xf6"))] {
        while let Some(place) = archive.windows(2).position(|bytes| bytes == from) {
            archive[place..place + 2].copy_from_slice(&to);
        }
    }
    let read = open(vec![file("old.zip", archive)]).unwrap().unwrap();
    assert_eq!(read.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["xä/1.png", "xö/1.png"]);
}

#[test]
fn huge_images_and_files_are_refused_before_memory_is_taken() {
    assert_eq!(check_file(&png_head(4_000, 3_000)), Ok(()));
    for (width, height) in [(60_000, 60_000), (20_000, 10), (0, 5), (10_000, 10_000)] {
        assert_eq!(check_file(&png_head(width, height)), Err(LeftOutReason::TooManyPixels { width, height }));
    }
    // A bitmap whose first row is the top one.
    let bitmap = |width: i32, height: i32| {
        [&b"BM"[..], &[0; 16], &width.to_le_bytes(), &height.to_le_bytes(), &[0; 28]].concat()
    };
    assert_eq!(check_file(&bitmap(32, -24)), Ok(()));
    let refused = Err(LeftOutReason::TooManyPixels { width: 32, height: 60_000 });
    assert_eq!(check_file(&bitmap(32, -60_000)), refused);
    assert!(matches!(check_file(b"\xff\xd8\xff\xe0 cut"), Err(LeftOutReason::Undecodable(_))));
    assert!(matches!(check_file(b""), Err(LeftOutReason::Undecodable(_))));
    // 65 MiB of zeros, packed in 66 kB.
    let bomb = zip(&[file("a/zeros.png", vec![0; 65 << 20]), file("a/1.png", png_head(1, 1))]);
    assert!(bomb.len() < 100_000);
    let read = open(vec![file("bomb.zip", bomb)]).unwrap().unwrap();
    assert_eq!((&read[1].0, &read[1].1), (&"a/zeros.png".to_owned(), &Err(LeftOutReason::TooManyBytes)));
}

#[test]
fn a_multitude_of_entries_is_refused() {
    let entry: Vec<u8> = tar(&[file("a/1.png", Vec::new())])[..512].to_vec();
    let many = entry.repeat(200_001);
    let refused = open(vec![file("many.tar", many)]).unwrap_err();
    assert!(matches!(refused, DatasetError::TooLarge { what: "number of files", .. }), "{refused}");
    // Half of them in each of two archives, and none of them an image.
    let entry: Vec<u8> = tar(&[file("a/1.txt", Vec::new())])[..512].to_vec();
    let half = entry.repeat(100_001);
    let refused = open(vec![file("1.tar", half.clone()), file("2.tar", half)]).unwrap_err();
    assert!(matches!(refused, DatasetError::TooLarge { what: "number of files", .. }), "{refused}");
    let entry: Vec<u8> = {
        let mut header = tar::Header::new_gnu();
        header.set_path("a/1.png").unwrap();
        header.set_size(1 << 40);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    assert!(open(vec![file("false.tar", entry)]).is_err(), "a claim of a terabyte");
}

#[test]
fn damaged_archives_never_panic() {
    let (mut n_sound, mut n_refused) = (0, 0);
    for whole in [zip(&small_images()), tar(&small_images()), gzip(&tar(&small_images()))] {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                let place = random.below(bytes.len() as u32) as usize;
                match random.below(3) {
                    0 => bytes[place] ^= 1 << random.below(8),
                    1 => bytes[place] = random.next_u64() as u8,
                    _ => bytes.truncate(place.max(1)),
                }
            }
            match open(vec![file("a", bytes)]) {
                Ok(Some(read)) => n_sound += read.iter().filter(|(_, bytes)| bytes.is_ok()).count(),
                Ok(None) | Err(_) => n_refused += 1,
            }
        }
    }
    assert!(n_sound > 100 && n_refused > 100, "{n_sound} {n_refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_image_is_laid_out_or_left_out(paths in prop::collection::vec("(a|b|train|test|\\.\\.|__MACOSX|\\.x){0,1}/?(c|d|val)?/?[e-g]\\.(png|JPG|txt|csv)", 0..40)) {
        let n_images = paths.iter().filter(|path| is_image_name(path)).count();
        match Layout::of(&paths, None) {
            Ok(layout) => {
                prop_assert_eq!(layout.items.len() + layout.report.n_left_out as usize, n_images);
                let mut places: Vec<_> = layout.items.iter().map(|item| item.place).collect();
                places.sort_unstable();
                places.dedup();
                prop_assert_eq!(places.len(), layout.items.len());
                prop_assert!(layout.items.is_sorted_by_key(|item| (item.part, &paths[item.place])));
            }
            Err(error) => {
                let no_folders = matches!(error, DatasetError::NoClassFolders { .. });
                prop_assert!(no_folders, "{}", error);
            }
        }
    }

    #[test]
    fn heads_of_any_bytes_never_panic(magic in prop::sample::select(vec![&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"RIFF\0\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypavif"]), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_file(&[magic, &bytes[..]].concat()).ok();
    }
}
