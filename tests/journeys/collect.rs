//! A visitor collects images in the page, with the webcam and from files; they are kept, become the dataset, and travel as one file.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::drive::{BrowserOptions, Camera, Page};

use crate::app::{App, LONG, SHORT};
use crate::own_images::zip;
use crate::pictures::bmp;
use crate::visitor::{arrive, expect_no_trouble, pick_file, set};

/// Writes a clip of light and dark scenes in turn, three seconds each. A block wanders through all of them, so that no two frames are equal.
fn write_clip(path: &Path) {
    const WIDTH: usize = 160;
    const HEIGHT: usize = 120;
    const SCENE_FRAMES: usize = 30;
    let mut file = Vec::from(format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420mpeg2\n"));
    for number in 0..6 * SCENE_FRAMES {
        let light = if (number / SCENE_FRAMES).is_multiple_of(2) { 200 } else { 60 };
        let (left, top) = (20 + number * 7 % 100, 10 + number / 2);
        file.extend(b"FRAME\n");
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let is_block = (left..left + 24).contains(&x) && (top..top + 16).contains(&y);
                file.push(if is_block { 130 } else { light });
            }
        }
        file.extend([128; WIDTH * HEIGHT / 2]);
    }
    std::fs::write(path, file).unwrap();
}

/// Whether the camera shows a light scene; null before it shows any.
const IS_LIGHT: &str = "(() => {
    const video = document.querySelector('.collect video');
    if (!video || video.readyState < 2) return null;
    const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    pen.drawImage(video, 0, 0, 8, 8, 0, 0, 1, 1);
    return { isLight: pen.getImageData(0, 0, 1, 1).data[0] > 128 };
})()";

/// Holds the button of a class while the camera shows its scene, until it has so many images.
async fn record(page: &Page, class: &str, is_light: bool, n_images: u32) {
    let button = format!("document.querySelector('[aria-label=\"Hold to record {class}\"]')");
    let count = format!("+{button}.closest('.class-card').querySelector('.class-count').innerText.split(' ')[0]");
    page.wait_for::<bool>(&format!("!{button}.disabled"), LONG).await.unwrap();
    // The scene has just come: it stays for three seconds.
    for is_light in [!is_light, is_light] {
        page.wait_for::<bool>(&format!("({IS_LIGHT})?.isLight === {is_light}"), LONG).await.unwrap();
    }
    let press =
        |kind: &str| format!("{button}.dispatchEvent(new KeyboardEvent('{kind}', {{ key: ' ', bubbles: true }}))");
    page.run::<Value>(&press("keydown"), json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("{count} >= {n_images}"), LONG).await.unwrap();
    page.run::<Value>(&press("keyup"), json!(null)).await.unwrap();
    page.wait_for_text(&format!("added to {class}"), SHORT).await.unwrap();
}

async fn name_class(page: &Page, place: usize, name: &str) {
    let is_there = format!("!!document.querySelectorAll('.class-card .card-name')[{place}]");
    page.wait_for::<bool>(&is_there, SHORT).await.unwrap();
    page.run::<Value>(
        "const field = document.querySelectorAll('.class-card .card-name')[args[0]];
         field.value = args[1];
         field.dispatchEvent(new Event('change', { bubbles: true }));",
        json!([place, name]),
    )
    .await
    .unwrap();
    page.control("button", &format!("Hold to record {name}")).await.unwrap();
}

async fn projects(page: &Page) -> Value {
    page.run("return await kindling.projects()", json!(null)).await.unwrap()
}

#[tokio::test]
async fn two_classes_from_the_webcam_survive_a_reload_and_are_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.y4m");
    write_clip(&clip);
    let app = App::start_with(BrowserOptions { camera: Camera::Showing(clip), ..Default::default() }, "/").await;
    let page = arrive(&app, "?engine=cpu").await;
    page.go_to("Data").await.unwrap();
    page.click("button", "Start collecting").await.unwrap();
    name_class(&page, 0, "light").await;
    name_class(&page, 1, "dark").await;
    page.click("button", "Start camera").await.unwrap();
    // Three bursts of each: bursts stay together in one split.
    for n_images in [3, 6, 9] {
        record(&page, "light", true, n_images).await;
        record(&page, "dark", false, n_images).await;
    }
    let before = projects(&page).await;

    page.run::<Value>("location.reload()", json!(null)).await.ok();
    page.wait_for_text("Your images", LONG).await.unwrap();
    let after = projects(&page).await;
    assert_eq!(before[0]["classes"], after[0]["classes"]);
    assert!(after[0]["classes"][0]["images"].as_u64().unwrap() >= 9, "{after}");
    page.wait_for::<bool>("document.querySelectorAll('.thumbnail img').length >= 18", SHORT).await.unwrap();

    page.run::<Value>("await kindling.ready()", json!(null)).await.unwrap();
    page.click("button", "Use these images").await.unwrap();
    page.wait_for_text("Dataset summary: My images", LONG).await.unwrap();
    let report: Value =
        page.run("return await kindling.train({ network: 'mlp', maxSteps: 20 })", json!(null)).await.unwrap();
    assert_eq!(report["steps"], 20, "{report}");
    let said: Value = page
        .run(
            "const project = (await kindling.projects())[0];
             const zip = await kindling.exportProject(project.id);
             return [zip.type, zip.size > 5000, (await kindling.classify(document.querySelector('.thumbnail img'))).length]",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(said, json!(["application/zip", true, 2]));
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

fn picture(number: u32, is_disk: bool) -> String {
    let file = bmp(32, 32, move |x, y| {
        let is_ink = x.abs_diff(8 + number % 13) + y.abs_diff(9 + number % 11) < 7 && (is_disk || y % 3 == 0);
        if is_ink { [200, 40, 30] } else { [240, 240, 230] }
    });
    STANDARD.encode(file)
}

/// JavaScript for files of their encoded bytes.
const FILES: &str = "const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const files = (texts, name) => texts.map((text, number) => new File([bytes(text)], `${name} ${number}.bmp`));";

#[tokio::test]
async fn a_project_travels_as_one_file_with_the_same_images() {
    let disks: Vec<String> = (0..25).map(|number| picture(number, true)).collect();
    let stripes: Vec<String> = (0..25).map(|number| picture(number, false)).collect();
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.go_to("Data").await.unwrap();
    let made: Value = page
        .run(
            &format!(
                "{FILES}
                 const id = await kindling.createProject('Shapes', ['disk']);
                 const broken = new File(['no image'], 'broken.png');
                 const drawing = new File([`<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><circle cx='20' cy='20' r='9'/></svg>`], 'a.svg');
                 const added = await kindling.addImages(id, {{
                     disk: [...files(args[0], 'disk'), broken], stripes: [...files(args[1], 'stripes'), ...files(args[0].slice(0, 1), 'copy')],
                 }});
                 const svg = await kindling.addImages(await kindling.createProject('Drawings'), {{ disk: [drawing] }});
                 const dataset = await kindling.useProject(id);
                 const zip = await kindling.exportProject(id);
                 const data = await new Promise(done => {{
                     const reader = new FileReader();
                     reader.onload = () => done(reader.result.split(',')[1]);
                     reader.readAsDataURL(zip);
                 }});
                 return {{ added, svg, dataset, data }}"
            ),
            json!([disks, stripes]),
        )
        .await
        .unwrap();
    assert_eq!(made["added"]["added"], 50, "{}", made["added"]);
    assert_eq!(made["svg"], json!({ "added": 1, "leftOut": [] }));
    assert_eq!(made["added"]["leftOut"].as_array().map(Vec::len), Some(2), "{}", made["added"]);
    assert_eq!(made["dataset"]["classes"], json!(["disk", "stripes"]));
    assert_eq!(made["dataset"]["name"], "Shapes");
    page.wait_for_text("50 images in 2 classes are the dataset now", SHORT).await.unwrap();
    app.finish(page).await;

    // Another browser has nothing, and gets the same.
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.go_to("Data").await.unwrap();
    std::fs::write(app.file("Shapes.zip"), STANDARD.decode(made["data"].as_str().unwrap()).unwrap()).unwrap();
    pick_file(&page, "Project file, or a zip with one folder per class", &app.file("Shapes.zip")).await;
    page.wait_for_text("50 images are in the project Shapes now", LONG).await.unwrap();
    let again: Value =
        page.run("return await kindling.useProject((await kindling.projects())[0].id)", json!(null)).await.unwrap();
    assert_eq!((&again["id"], &again["counts"]), (&made["dataset"]["id"], &made["dataset"]["counts"]));

    // What is deleted comes back, also after a reload would have brought nothing.
    page.click("button", "Delete the class disk").await.unwrap();
    page.wait_for_text("The class disk was deleted.", SHORT).await.unwrap();
    page.wait_for_text("Only one class has images", SHORT).await.unwrap();
    page.click("button", "Undo").await.unwrap();
    page.wait_for::<bool>("document.querySelectorAll('.class-card').length === 2", SHORT).await.unwrap();

    images_keep_the_splits_that_they_came_in(&app, &page, [&disks, &stripes]).await;
    let refused = page
        .call::<Value>("return await kindling.importProject(new File(['PK no archive'], 'a.zip'))", json!(null))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.name, "BadFile");
    app.finish(page).await;
}

/// A zip with `train` and `test` above the classes becomes a project whose images stay there, also in another project made of its file.
async fn images_keep_the_splits_that_they_came_in(app: &App, page: &Page, classes: [&[String]; 2]) {
    let mut files = Vec::new();
    for (class, images) in ["disk", "stripes"].into_iter().zip(classes) {
        for (number, image) in images.iter().enumerate() {
            let split = if number < 5 { "test" } else { "train" };
            files.push((format!("shapes/{split}/{class}/{number}.bmp"), STANDARD.decode(image).unwrap()));
        }
        // A copy of a test image.
        files.push((format!("shapes/train/{class}/copy.bmp"), STANDARD.decode(&images[0]).unwrap()));
    }
    std::fs::write(app.file("Parts.zip"), zip(&files)).unwrap();
    pick_file(page, "Project file, or a zip with one folder per class", &app.file("Parts.zip")).await;
    page.wait_for_text("50 images are in the project Parts now", LONG).await.unwrap();
    // The list is folded.
    let refused =
        "document.querySelector('.collect .left-out').textContent.match(/came for another split \\(Test\\)/g).length";
    page.wait_for::<bool>(&format!("{refused} === 2"), SHORT).await.unwrap();
    let used: Value = page
        .run(
            "const used = async () => {
                 const { id, counts, import: { given } } = await kindling.useProject((await kindling.projects()).at(-1).id);
                 return { id, counts, given };
             };
             const here = await used();
             const zip = await kindling.exportProject((await kindling.projects()).at(-1).id);
             await kindling.importProject(zip);
             return [here, await used()]",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(used[0], used[1]);
    assert_eq!((&used[0]["counts"]["test"], &used[0]["given"]), (&json!(10), &json!(50)), "{used}");
    assert!(used[0]["counts"]["validation"].as_u64().unwrap() > 0, "{used}");
    set(page, "filter-split", "test").await;
    page.wait_for_text("10 of 50 images", SHORT).await.unwrap();
    set(page, "filter-split", "").await;
}

#[tokio::test]
async fn frames_of_a_video_are_collected_and_several_images_move_at_once() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.go_to("Data").await.unwrap();
    let added: Value = page
        .run(
            "const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 });
             const pen = canvas.getContext('2d');
             const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: 'video/webm' });
             const pieces = [];
             recorder.ondataavailable = event => pieces.push(event.data);
             const stopped = new Promise(done => { recorder.onstop = done; });
             recorder.start();
             const begin = performance.now();
             for (let time = 0; time < 2000; time = performance.now() - begin) {
                 pen.fillStyle = '#ccc';
                 pen.fillRect(0, 0, 160, 120);
                 pen.fillStyle = '#a22';
                 pen.fillRect(25 + time / 30, 40, 40, 40);
                 await new Promise(done => requestAnimationFrame(done));
             }
             recorder.stop();
             await stopped;
             const video = new File(pieces, 'clip.webm', { type: 'video/webm' });
             const id = await kindling.createProject('Clips', ['one', 'other']);
             return await kindling.addImages(id, { one: [video, new File(['no video'], 'broken.mp4', { type: 'video/mp4' })] })",
            json!(null),
        )
        .await
        .unwrap();
    let n_frames = added["added"].as_u64().unwrap();
    assert!((5..=12).contains(&n_frames), "{added}");
    assert_eq!(added["leftOut"][0]["file"], "broken.mp4", "{added}");

    let is_there = format!("document.querySelectorAll('.thumbnail img').length === {n_frames}");
    page.wait_for::<bool>(&is_there, SHORT).await.unwrap();
    let select =
        "document.querySelectorAll('.thumbnail-select').forEach((box, place) => { if (place < 3) box.click(); })";
    page.run::<Value>(select, json!(null)).await.unwrap();
    page.wait_for_text("3 images selected", SHORT).await.unwrap();
    let move_to = "const choice = document.getElementById('collect-move');
         choice.value = choice.options[2].value;
         choice.dispatchEvent(new Event('change', { bubbles: true }));";
    page.run::<Value>(move_to, json!(null)).await.unwrap();
    page.wait_for_text("3 images are in other now.", SHORT).await.unwrap();
    assert_eq!(projects(&page).await[0]["classes"][1]["images"], 3);
    page.click("button", "Undo").await.unwrap();
    page.wait_for_text("Undone.", SHORT).await.unwrap();
    assert_eq!(projects(&page).await[0]["classes"][1]["images"], 0);
    page.run::<Value>(select, json!(null)).await.unwrap();
    page.wait_for_text("3 images selected", SHORT).await.unwrap();
    page.run::<Value>("document.getElementById('collect-delete').click()", json!(null)).await.unwrap();
    page.wait_for_text("3 images deleted.", SHORT).await.unwrap();
    assert_eq!(projects(&page).await[0]["classes"][0]["images"], n_frames - 3);
    expect_no_trouble(&page).await;
    app.finish(page).await;
}
