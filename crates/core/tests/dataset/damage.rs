//! A corpus of damaged files, the same in every run: each ends in a typed error or in a dataset that keeps its invariants.

use kindling_core::config::SplitConfig;
use kindling_core::dataset::{Dataset, DatasetError, MAX_CLASSES, MAX_IMAGES, Split, parse_files, summarize};
use kindling_core::random::Random;
use proptest::prelude::*;

use crate::files::*;

/// Parses files. On success, the dataset must hold its documented invariants and be usable.
fn check(files: Vec<File>) -> Result<(), DatasetError> {
    let dataset = parse_files("t", files)?;
    assert_promises(&dataset);
    Ok(())
}

fn assert_promises(dataset: &Dataset) {
    let Dataset { classes, shape, pixels, labels, n_standard_test, .. } = dataset;
    assert!((1..=MAX_CLASSES).contains(&classes.len()));
    assert!(!labels.is_empty() && labels.len() <= MAX_IMAGES as usize);
    assert!(matches!(shape.channels, 1 | 3) && shape.n_values() > 0);
    assert_eq!(pixels.len(), labels.len() * shape.n_values());
    assert!(labels.iter().all(|label| usize::from(*label) < classes.len()));
    assert!(*n_standard_test < labels.len());
    if let Ok(split) = Split::new(dataset, &SplitConfig::default()) {
        assert_eq!(split.train.len() + split.validation.len() + split.test.len(), labels.len());
        summarize("t", dataset, &split);
    }
}

/// Small valid sets of files in every accepted form.
fn sound_sets() -> Vec<Vec<File>> {
    let packed = |files: Vec<File>| files.into_iter().map(|(name, bytes)| (name + ".gz", gzip(&bytes))).collect();
    vec![
        small_idx(),
        packed(small_idx()),
        small_idx()[..2].to_vec(),
        small_cifar(),
        packed(small_cifar()[2..].to_vec()),
        vec![file("cifar.tar", small_cifar_tar())],
        vec![file("cifar.tar.gz", gzip(&small_cifar_tar()))],
        vec![file("train.bin", cifar_hundred(&[[4, 0], [1, 1]])), file("fine_label_names.txt", b"a\nb\n".to_vec())],
        vec![file("a.npz", zip(&small_arrays()))],
        small_arrays(),
        vec![file("train.csv", b"label,a,b,c,d\n5,0,1,2,3\n0,4,5,6,7\n".to_vec())],
        vec![
            file("images", idx(0x0d, &[2, 1, 1], &[0x3f, 0x80, 0, 0, 0, 0, 0, 0])),
            file("labels", idx_labels(&[0, 1])),
        ],
    ]
}

const EXTREMES: [u32; 10] = [0, 1, 2, 0x7f, 0xff, 0xffff, 1 << 20, i32::MAX as u32, 1 << 31, u32::MAX];

/// One kind of damage at a seeded position. Most of it hits the first kilobyte, where headers are.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let reach = if random.below(4) == 0 { bytes.len() } else { bytes.len().min(1024) };
    let place = random.below(reach as u32) as usize;
    match random.below(7) {
        0 => bytes[place] ^= 1 << random.below(8),
        1 => bytes[place] = random.next_u64() as u8,
        2 => bytes.truncate(place),
        3 => bytes.extend((0..=random.below(600)).map(|_| random.next_u64() as u8)),
        4 => {
            let value = EXTREMES[random.below(EXTREMES.len() as u32) as usize].to_be_bytes();
            bytes.iter_mut().skip(place / 4 * 4).zip(value).for_each(|(byte, value)| *byte = value);
        }
        5 => {
            bytes.drain(..place);
        }
        _ => {
            let n_bytes = random.below(64) as usize;
            bytes
                .iter_mut()
                .skip(place)
                .take(n_bytes)
                .for_each(|byte| *byte = if n_bytes.is_multiple_of(2) { 0 } else { 0xff });
        }
    }
}

#[test]
fn sound_sets_are_sound() {
    sound_sets().into_iter().for_each(|files| check(files).unwrap());
}

#[test]
fn hundreds_of_damaged_files_of_every_form_never_panic() {
    const N_DAMAGED: u64 = 600;
    let (mut n_refused, mut n_accepted) = (0, 0);
    for (set, files) in sound_sets().into_iter().enumerate() {
        for seed in 0..N_DAMAGED {
            let mut random = Random::new(set as u64 * N_DAMAGED + seed);
            let mut files = files.clone();
            for _ in 0..=random.below(3) {
                let victim = random.below(files.len() as u32) as usize;
                damage(&mut files[victim].1, &mut random);
            }
            match check(files) {
                Ok(()) => n_accepted += 1,
                Err(_) => n_refused += 1,
            }
        }
    }
    println!("{n_refused} refused, {n_accepted} accepted with other content");
    // Damaged pixels go unnoticed without a checksum, damaged headers must not: both have to occur often.
    assert!(n_refused > 1000 && n_accepted > 100, "{n_refused} {n_accepted}");
}

/// Damage below gzip, with a valid checksum, reaches the parsers behind it.
#[test]
fn damage_packed_again_never_panics() {
    let whole = small_cifar_tar();
    let mut n_refused = 0;
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut bytes = whole.clone();
        // A field of a tar header, in any block: numbers, type, checksum.
        let block = random.below((whole.len() / 512) as u32) as usize * 512;
        let place = block + 100 + random.below(160) as usize;
        bytes[place] = [0, b' ', b'0', b'7', b'L', b'x', 0x80, 0xff][random.below(8) as usize];
        if random.below(2) == 0 {
            mend_checksum(&mut bytes[block..]);
        }
        n_refused += usize::from(check(vec![file("a.tar.gz", gzip(&bytes))]).is_err());
    }
    assert!(n_refused > 20, "{n_refused}");
}

/// Gives a damaged tar header a valid checksum.
fn mend_checksum(header: &mut [u8]) {
    let Some(header) = header.get_mut(..512) else { return };
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

#[test]
fn every_truncation_of_a_pair_is_refused() {
    for (name, bytes) in &small_idx()[..2] {
        for n_bytes in 0..bytes.len() {
            let mut files = small_idx();
            files.iter_mut().find(|file| file.0 == *name).unwrap().1.truncate(n_bytes);
            assert!(check(files).is_err(), "{name} cut to {n_bytes} bytes");
        }
    }
    let packed = gzip(&small_idx()[0].1);
    for n_bytes in 0..packed.len() {
        let mut files = small_idx();
        files[0].1 = packed[..n_bytes].to_vec();
        assert!(check(files).is_err(), "cut to {n_bytes} bytes");
    }
}

proptest! {
    // Failures that are found become tests of their own; nothing is written to the source tree.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(
        name in "(train|test|t10k|data_batch_1|)(-images|-labels|)(\\.bin|\\.gz|\\.tar|\\.meta\\.txt|)",
        magic in prop::sample::select(vec![&[][..], &[0, 0, 8, 3], &[0, 0, 8, 1], &[0x1f, 0x8b, 8, 0], b"PK\x03\x04"]),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let bytes = [magic, &bytes[..]].concat();
        check(vec![file(&name, bytes.clone())]).ok();
        check(vec![file(&name, gzip(&bytes)), file("l", idx_labels(&[0]))]).ok();
        kindling_core::dataset::served::ServedDataset::parse("t", &bytes).ok();
        kindling_core::dataset::class_names::ClassNames::parse("t", &bytes).ok();
    }
}
