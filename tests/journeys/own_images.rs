//! A visitor brings pictures: a zip of folders, or files by path, becomes a dataset, a network learns it, and an uploaded picture is told.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app::{App, LONG, SHORT};
use crate::pictures::bmp;
use crate::visitor::{arrive, expect_no_trouble, is_answered, pick_file};

const SHAPES: [&str; 2] = ["disk", "stripes"];

/// A shape of its class's color at some place, on a light ground.
pub fn shape(class: &str, number: u32) -> Vec<u8> {
    let color = if class == "disk" { [200, 50, 40] } else { [40, 90, 200] };
    let (center_x, center_y) = (10 + number % 11, 11 + number % 9);
    bmp(32, 32, move |x, y| {
        let is_near = x.abs_diff(center_x).pow(2) + y.abs_diff(center_y).pow(2) < 64;
        let is_ink = is_near && (class == "disk" || (y / 2) % 2 == 0);
        if is_ink { color } else { [238, 236, 230] }
    })
}

fn folders() -> Vec<(String, Vec<u8>)> {
    let of_class = |class| (0..30).map(move |number| (format!("shapes/{class}/{number}.bmp"), shape(class, number)));
    SHAPES.into_iter().flat_map(of_class).collect()
}

pub fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
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

#[tokio::test]
async fn a_zip_of_class_folders_is_trained_on_and_an_uploaded_picture_is_told() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let mut files = folders();
    files.push(("shapes/disk/broken.png".into(), b"no image".to_vec()));
    files.push(("__MACOSX/shapes/disk/._0.bmp".into(), b"resource fork".to_vec()));
    std::fs::write(app.file("Two shapes.zip"), zip(&files)).unwrap();
    page.go_to("Data").await.unwrap();
    pick_file(&page, "Dataset files", &app.file("Two shapes.zip")).await;
    page.wait_for_text("Dataset summary: Two shapes", LONG).await.unwrap();
    page.wait_for_text("1 of 61 files was left out", SHORT).await.unwrap();

    let report: Value =
        page.run("return await kindling.train({ network: 'batch-norm', maxSteps: 60 })", json!(null)).await.unwrap();
    assert!(report["best"]["validationAccuracy"].as_f64().unwrap() > 0.7, "{report}");
    page.go_to("Predict").await.unwrap();
    page.click("tab", "Upload").await.unwrap();
    for class in SHAPES {
        // A number that is in no image of the archive.
        let path = app.file(&format!("new {class}.bmp"));
        std::fs::write(&path, shape(class, 40)).unwrap();
        pick_file(&page, "Choose an image", &path).await;
        assert!(is_answered(&page, class).await, "{class}");
    }
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn a_dropped_folder_is_walked() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    for (path, bytes) in folders() {
        let path = app.file(&path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    page.go_to("Data").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('.drop-zone')", SHORT).await.unwrap();
    let data = json!({ "items": [], "files": [app.file("shapes").display().to_string()], "dragOperationsMask": 1 });
    for kind in ["dragEnter", "dragOver", "drop"] {
        let event = json!({ "type": kind, "x": 300, "y": 300, "data": data });
        page.cdp().send_raw("Input.dispatchDragEvent", event).await.unwrap();
    }
    page.wait_for_text("Dataset summary: shapes", LONG).await.unwrap();
    page.wait_for_text("All 60 image files were read.", SHORT).await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn files_of_a_folder_and_their_format_can_be_given_by_a_program() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let files: Vec<_> = folders().iter().map(|(path, bytes)| json!([path, STANDARD.encode(bytes)])).collect();
    let load = "const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
                const files = args.map(([path, text]) =>
                    Object.defineProperty(new File([bytes(text)], path.split('/').at(-1)), 'webkitRelativePath', { value: path }));
                return await kindling.loadDataset(files, { images: { size: 32, channels: 1, framing: 'letterbox' } });";
    let dataset: Value = page.run(load, json!(files)).await.unwrap();
    assert_eq!((&dataset["name"], &dataset["classes"]), (&json!("shapes"), &json!(SHAPES)));
    assert_eq!(dataset["shape"], json!({ "channels": 1, "height": 32, "width": 32 }));
    assert_eq!(dataset["import"]["files"], 60);
    app.finish(page).await;
}

/// An array in NumPy's format.
fn npy(shape: &str, bytes: Vec<u8>) -> Vec<u8> {
    const HEAD_BYTES: usize = 10;
    let mut header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
    while !(HEAD_BYTES + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &bytes].concat()
}

/// Arrays as MedMNIST has them: bars of a direction for each class.
fn arrays() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (part, first, n_images) in [("train", 0, 240), ("val", 240, 40), ("test", 280, 40)] {
        let image = |number: usize| {
            let light = |place: usize| {
                let (along, across) =
                    if number.is_multiple_of(2) { (place % 28, place / 28) } else { (place / 28, place % 28) };
                if across.abs_diff(8 + number % 13) < 4 && along > number % 7 { 220 } else { (number % 30) as u8 }
            };
            (0..784).map(light).collect::<Vec<u8>>()
        };
        let numbers = first..first + n_images;
        let images = npy(&format!("{n_images}, 28, 28"), numbers.clone().flat_map(image).collect());
        let labels = npy(&format!("{n_images}, 1"), numbers.map(|number| (number % 2) as u8).collect());
        files.extend([(format!("{part}_images.npy"), images), (format!("{part}_labels.npy"), labels)]);
    }
    files
}

#[tokio::test]
async fn arrays_of_numpy_keep_their_parts_and_are_trained_on() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    std::fs::write(app.file("barsmnist.npz"), zip(&arrays())).unwrap();
    page.go_to("Data").await.unwrap();
    pick_file(&page, "Dataset files", &app.file("barsmnist.npz")).await;
    page.wait_for_text("Dataset summary: barsmnist", LONG).await.unwrap();
    let said: Value = page
        .run(
            "const { best } = await kindling.train({ network: 'one-minute', maxSteps: 60 });
             const { accuracy, confusion } = await kindling.evaluate('test');
             return { best, accuracy, confusion }",
            json!(null),
        )
        .await
        .unwrap();
    assert!(said["accuracy"].as_f64().unwrap() > 0.9, "{said}");
    let n_tested: u64 = said["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(n_tested, 40, "{said}");
    expect_no_trouble(&page).await;
    app.finish(page).await;
}
