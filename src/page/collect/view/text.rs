//! What became of it, in the visitor's language.

use crate::page::collect::collector::{News, Problem, RefusedWhy};
use crate::page::collect::manifest::ArchiveTrouble;
use crate::page::collect::project::{CLASSES_LIMIT, IMAGES_LIMIT, NameTrouble, Source};
use crate::page::collect::warnings::{NEEDED, Warning};
use crate::page::database::Trouble;
use crate::page::text::failure::failure_text;
use crate::page::text::format::count;
use crate::page::text::i18n::tr;
use crate::page::text::left_out::reason_text;
use kindling_core::dataset::image_checks::FlawKind;
use kindling_core::protocol::SplitName;

/// What happened, and what helps.
pub fn problem_text(problem: &Problem) -> String {
    match problem {
        Problem::Storage(Trouble::Unfetched) => tr!(shell.part_missing),
        Problem::Storage(Trouble::Refused(detail)) => tr!(collect.refused_storage, detail = detail),
        Problem::Storage(Trouble::Full) => tr!(collect.full),
        Problem::Name(NameTrouble::Empty) => tr!(collect.name_empty),
        Problem::Name(NameTrouble::Taken) => tr!(collect.name_taken),
        Problem::Name(NameTrouble::TooMany) => tr!(collect.too_many_classes, most = count(CLASSES_LIMIT as u64)),
        Problem::Gone => tr!(collect.gone),
        Problem::TooManyImages => tr!(collect.too_many_images, most = count(IMAGES_LIMIT as u64)),
        Problem::Archive(trouble) => match trouble {
            ArchiveTrouble::NoArchive => tr!(collect.no_archive),
            ArchiveTrouble::BadManifest => tr!(collect.bad_manifest),
            ArchiveTrouble::Newer => tr!(collect.newer),
            ArchiveTrouble::TooLarge => tr!(collect.archive_too_large),
            ArchiveTrouble::NoImages => tr!(collect.archive_empty),
        },
        Problem::Engine(failure) => failure_text(failure),
    }
}

pub fn news_text(news: &News) -> String {
    match news {
        News::Added { count: number, class } if class.is_empty() => tr!(tray.added, count = count(*number as u64)),
        News::Added { count: number, class } => tr!(collect.added, count = count(*number as u64), class = class),
        News::Deleted { count: number } => tr!(collect.deleted, count = count(*number as u64)),
        News::ClassDeleted { name } => tr!(collect.class_deleted, name = name),
        News::ProjectDeleted { name } => tr!(collect.project_deleted, name = name),
        News::Moved { count: number, class } => tr!(collect.moved, count = count(*number as u64), class = class),
        News::Kept { class } => tr!(suspects.kept, class = class),
        News::PseudoLabeled { count: number } => tr!(tray.pseudo_labeled, count = count(*number as u64)),
        News::TakenBack { count: number } => tr!(tray.taken_back, count = count(*number as u64)),
        News::Undone => tr!(collect.undone),
        News::Used { images, classes } => tr!(collect.used, images = count(*images), classes = classes),
        News::Exported => tr!(collect.exported),
        News::Imported { name, count: number } => {
            tr!(collect.imported, count = count(*number as u64), name = name)
        }
    }
}

pub fn warning_text(warning: &Warning) -> String {
    let number = |number: &usize| count(*number as u64);
    match warning {
        Warning::OneClass { n_classes: 0 } => tr!(collect.no_images_yet),
        Warning::OneClass { .. } => tr!(collect.one_class),
        Warning::TooFew { class, count } => tr!(collect.too_few, count = number(count), class = class, least = NEEDED),
        Warning::Few { class, count } => tr!(collect.few, count = number(count), class = class),
        Warning::Imbalance { smallest, n_smallest, largest, n_largest } => tr!(
            collect.imbalance,
            smallest = smallest,
            few = number(n_smallest),
            largest = largest,
            many = number(n_largest)
        ),
        Warning::OneBurst { class, count } => tr!(collect.one_burst, count = number(count), class = class),
    }
}

/// What is wrong with an image.
pub fn flaw_text(kind: FlawKind) -> String {
    match kind {
        FlawKind::Contradiction => tr!(suspects.contradiction),
        FlawKind::Leak => tr!(suspects.leak),
        FlawKind::Copy => tr!(suspects.copy),
        FlawKind::NearCopy => tr!(suspects.near_copy),
        FlawKind::Blank => tr!(suspects.blank),
        FlawKind::Dark => tr!(suspects.dark),
        FlawKind::Blurred => tr!(suspects.blurred),
    }
}

/// How many images have a flaw, and what to do about it.
pub fn flaws_text(kind: FlawKind, number: u32) -> String {
    let count = count(number);
    match kind {
        FlawKind::Contradiction => tr!(suspects.contradictions, count = count),
        FlawKind::Leak => tr!(suspects.leaks, count = count),
        FlawKind::Copy => tr!(suspects.copies, count = count),
        FlawKind::NearCopy => tr!(suspects.near_copies, count = count),
        FlawKind::Blank => tr!(suspects.blanks, count = count),
        FlawKind::Dark => tr!(suspects.darks, count = count),
        FlawKind::Blurred => tr!(suspects.blurs, count = count),
    }
}

pub fn refused_text(why: &RefusedWhy) -> String {
    match why {
        RefusedWhy::Bad(reason) => reason_text(reason),
        RefusedWhy::There(class) => tr!(collect.there, class = class),
        RefusedWhy::Leak(class, split) => {
            tr!(collect.there_leak, class = class, split = split_text(*split))
        }
    }
}

/// How many images there are; where they are filtered, how many of them are shown.
pub fn shown_text(n_shown: Option<usize>, n_all: usize) -> String {
    let all = count(n_all as u64);
    match n_shown {
        Some(n_shown) => tr!(filter.count, all = all, shown = count(n_shown as u64)),
        None => tr!(collect.images, count = all),
    }
}

pub fn split_text(split: SplitName) -> String {
    match split {
        SplitName::Train => tr!(data.train),
        SplitName::Validation => tr!(data.validation),
        SplitName::Test => tr!(data.test),
    }
}

pub fn source_text(source: Source) -> String {
    match source {
        Source::Webcam => tr!(collect.from_webcam),
        Source::File => tr!(collect.from_file),
        Source::Drawing => tr!(collect.from_drawing),
    }
}
