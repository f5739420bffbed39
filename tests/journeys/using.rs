//! A visitor uses a network that was trained on images of their own: live, on whole folders, and in another browser.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::drive::{BrowserOptions, Camera, Page};

use crate::app::{App, LONG, SHORT};
use crate::pictures::bmp;
use crate::visitor::{arrive, click, expect_no_trouble, pick_file, set};

const SCENES: [&str; 3] = ["disk", "square", "nothing"];

/// Writes a clip of a light disk, a dark square and the empty ground in turn, three seconds each. The objects wander, and the light changes a little.
fn write_clip(path: &Path) {
    const WIDTH: i32 = 160;
    const HEIGHT: i32 = 120;
    const SCENE_FRAMES: i32 = 30;
    let mut file = Vec::from(format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420mpeg2\n"));
    for number in 0..9 * SCENE_FRAMES {
        let scene = number / SCENE_FRAMES % 3;
        let (center_x, center_y) = (65 + number * 7 % 31, 48 + number * 5 % 23);
        let ground = 116 + number % 9;
        file.extend(b"FRAME\n");
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let (dx, dy) = ((x - center_x).abs(), (y - center_y).abs());
                let light = match scene {
                    0 if dx * dx + dy * dy < 30 * 30 => 230,
                    1 if dx.max(dy) < 26 => 20,
                    _ => ground + (x + y) / 40,
                };
                file.push(light as u8);
            }
        }
        file.extend([128; (WIDTH * HEIGHT / 2) as usize]);
    }
    std::fs::write(path, file).unwrap();
}

/// JavaScript for a function that tells the scene that the camera shows by its mean light; null before it shows any.
const SCENE: &str = "const scene = () => {
    const video = document.querySelector('main video');
    if (!video || video.readyState < 2) return null;
    const pen = Object.assign(document.createElement('canvas'), { width: 40, height: 30 }).getContext('2d');
    pen.drawImage(video, 0, 0, 40, 30);
    const pixels = pen.getImageData(0, 0, 40, 30).data;
    const mean = pixels.reduce((sum, value, place) => sum + (place % 4 === 0 ? value : 0), 0) / 1200;
    return mean > 132 ? 'disk' : mean < 116 ? 'square' : 'nothing';
};";

/// Holds the button of a class from the beginning of its scene until a burst of it is there.
async fn record(page: &Page, class: &str, n_images: u32) {
    let button = format!("document.querySelector('[aria-label=\"Hold to record {class}\"]')");
    page.wait_for::<bool>(&format!("!{button}.disabled"), LONG).await.unwrap();
    let scene = format!("(() => {{ {SCENE} return scene(); }})()");
    page.wait_for::<bool>(&format!("![null, '{class}'].includes({scene})"), LONG).await.unwrap();
    page.wait_for::<bool>(&format!("{scene} === '{class}'"), LONG).await.unwrap();
    let press =
        |kind: &str| format!("{button}.dispatchEvent(new KeyboardEvent('{kind}', {{ key: ' ', bubbles: true }}))");
    page.run::<Value>(&press("keydown"), json!(null)).await.unwrap();
    let count = format!("+{button}.closest('.class-card').querySelector('.class-count').innerText.split(' ')[0]");
    page.wait_for::<bool>(&format!("{count} >= {n_images} || {scene} !== '{class}'"), LONG).await.unwrap();
    page.run::<Value>(&press("keyup"), json!(null)).await.unwrap();
    page.wait_for_text(&format!("added to {class}"), SHORT).await.unwrap();
}

#[tokio::test]
async fn a_live_camera_is_answered_with_the_class_and_with_none_of_these() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.y4m");
    write_clip(&clip);
    let app = App::start_with(BrowserOptions { camera: Camera::Showing(clip), ..Default::default() }, "/").await;
    let page = arrive(&app, "?engine=cpu").await;
    page.go_to("Data").await.unwrap();
    page.run::<Value>("await kindling.createProject('Shapes', args)", json!(SCENES[..2])).await.unwrap();
    page.click("button", "Start camera").await.unwrap();
    set(&page, "collect-rate", "10").await;
    for n_images in [15, 30, 45] {
        record(&page, "disk", n_images).await;
        record(&page, "square", n_images).await;
    }
    page.run::<Value>("await kindling.ready()", json!(null)).await.unwrap();
    page.click("button", "Use these images").await.unwrap();
    page.wait_for_text("Dataset summary: Shapes", LONG).await.unwrap();
    let report: Value =
        page.run("return await kindling.train({ network: 'lenet', epochs: 30 })", json!(null)).await.unwrap();
    assert_eq!(report["best"]["validationAccuracy"], 1.0, "{report}");

    page.go_to("Predict").await.unwrap();
    page.click("tab", "Webcam").await.unwrap();
    page.click("button", "Start camera").await.unwrap();
    page.wait_for_text("correct predictions there", LONG).await.unwrap();
    page.wait_for_text("predictions a second", LONG).await.unwrap();
    // Until each scene was seen for a while, which takes long on a slow machine; the answer may follow a new scene with some delay.
    let seen: Value = page
        .run(
            &format!(
                "{SCENE}
                 const counts = {{}};
                 let now = null, since = 0;
                 const end = performance.now() + 120000;
                 const seen = name => Object.values(counts[name] ?? {{}}).reduce((sum, count) => sum + count, 0);
                 while (performance.now() < end && !['disk', 'square', 'nothing'].every(name => seen(name) > 60)) {{
                     await new Promise(done => requestAnimationFrame(done));
                     const shown = scene();
                     if (shown !== now) [now, since] = [shown, performance.now()];
                     if (performance.now() - since < 1000) continue;
                     const answer = document.querySelector('.answer-verdict').innerText;
                     counts[now] ??= {{}};
                     counts[now][answer] = (counts[now][answer] ?? 0) + 1;
                 }}
                 const threshold = document.getElementById('use-threshold').getAttribute('aria-valuetext');
                 return {{ counts, threshold, rate: document.querySelector('.live-rate').innerText }};"
            ),
            json!(null),
        )
        .await
        .unwrap();
    println!("{seen}");
    for (scene, answer) in SCENES.iter().zip(["disk", "square", "None of these"]) {
        let answers = seen["counts"][scene].as_object().unwrap_or_else(|| panic!("{scene} was never shown: {seen}"));
        let total: f64 = answers.values().filter_map(Value::as_f64).sum();
        let right = answers.get(answer).and_then(Value::as_f64).unwrap_or_default();
        assert!(right >= 0.9 * total, "{scene}: {seen}");
    }

    // The visitor's own threshold: at its lowest, there is always a class.
    page.run::<Value>(
        "const scale = document.getElementById('use-threshold');
         scale.value = 0;
         scale.dispatchEvent(new Event('input', { bubbles: true }));",
        json!(null),
    )
    .await
    .unwrap();
    page.wait_for_text("and rejects 0 of 0 wrong ones", SHORT).await.unwrap();
    let scene = format!("(() => {{ {SCENE} return scene(); }})()");
    page.wait_for::<bool>(
        &format!(
            "{scene} === 'nothing' && ['disk', 'square'].includes(document.querySelector('.answer-verdict').innerText)"
        ),
        LONG,
    )
    .await
    .unwrap();
    page.click("button", "Use the fitted one").await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// A picture of a disk or of stripes, as the text of a BMP file's bytes.
fn picture(number: u32, is_disk: bool) -> String {
    let file = bmp(32, 32, move |x, y| {
        let is_ink = x.abs_diff(10 + number % 11) + y.abs_diff(10 + number % 9) < 8 && (is_disk || y % 4 < 2);
        if is_ink { [200, 40, 30] } else { [240, 240, 230] }
    });
    STANDARD.encode(file)
}

/// JavaScript for a project of two classes that is trained on, with what it answers for the files `args[2]`.
const TRAINED: &str = "const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const files = (texts, name) => texts.map((text, number) => new File([bytes(text)], `${name} ${number}.bmp`));
    const id = await kindling.createProject('Shapes', ['disk', 'stripes']);
    await kindling.addImages(id, { disk: files(args[0], 'disk'), stripes: files(args[1], 'stripes') });
    await kindling.useProject(id);
    await kindling.train({ network: 'lenet', epochs: 12, seed: 3 });
    const [run] = (await kindling.runs()).slice(-1);
    const answers = await kindling.classifyFiles(files(args[2], 'new'));";

fn pictures(is_disk: bool, numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| picture(number, is_disk)).collect()
}

#[tokio::test]
async fn a_project_with_its_run_answers_in_another_browser_to_the_last_digit() {
    let new: Vec<String> = [pictures(true, 40..43), pictures(false, 43..46)].concat();
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let made: Value = page
        .run(
            &format!(
                "{TRAINED}
                 const zip = await kindling.exportProject(id);
                 const data = await new Promise(done => {{
                     const reader = new FileReader();
                     reader.onload = () => done(reader.result.split(',')[1]);
                     reader.readAsDataURL(zip);
                 }});
                 return {{ answers, run: run.id, data }}"
            ),
            json!([pictures(true, 0..40), pictures(false, 0..40), new]),
        )
        .await
        .unwrap();
    assert_eq!(made["answers"]["images"].as_array().map(Vec::len), Some(6), "{}", made["answers"]);
    let archive = STANDARD.decode(made["data"].as_str().unwrap()).unwrap();
    app.finish(page).await;

    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.go_to("Data").await.unwrap();
    std::fs::write(app.file("Shapes.zip"), archive).unwrap();
    pick_file(&page, "Project file, or a zip with one folder per class", &app.file("Shapes.zip")).await;
    page.wait_for_text("80 images are in the project Shapes now", LONG).await.unwrap();
    let again: Value = page
        .run(
            "const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
             await kindling.openRun(args[1]);
             return await kindling.classifyFiles(args[0].map((text, number) => new File([bytes(text)], `new ${number}.bmp`)))",
            json!([new, made["run"]]),
        )
        .await
        .unwrap();
    assert_eq!(again, made["answers"]);
    app.finish(page).await;
}

#[tokio::test]
async fn a_folder_is_classified_corrected_and_saved_sorted() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.run::<Value>(
        &format!("{TRAINED} window.id = id; return answers.images.length"),
        json!([pictures(true, 0..40), pictures(false, 0..40), []]),
    )
    .await
    .unwrap();
    // An archive with images of both classes, and what is no image.
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), STANDARD.decode(text).unwrap());
    for number in 50..80 {
        write(&format!("disk {number}.bmp"), picture(number, true)).unwrap();
        write(&format!("stripes {number}.bmp"), picture(number, false)).unwrap();
    }
    std::fs::write(folder.path().join("broken.png"), "no image").unwrap();
    page.go_to("Predict").await.unwrap();
    page.wait_for::<bool>("!!document.getElementById('use-many')", SHORT).await.unwrap();
    click(&page, "#use-many").await;
    let files: Vec<String> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    page.control("file", "Images or archives to classify").await.unwrap().send_keys(files.join("\n")).await.unwrap();
    page.wait_for_text("images classified", LONG).await.unwrap();
    page.wait_for_text("1 file was not added", SHORT).await.unwrap();
    page.wait_for_text("60 of 60", SHORT).await.unwrap();
    page.wait_for_text("correct predictions there", LONG).await.unwrap();

    // Those of one class, and the one that the network is least sure of is corrected: the image joins the project.
    set(&page, "batch-class", "0").await;
    let shown = "document.querySelectorAll('.batch-table tbody tr')";
    page.wait_for::<bool>(&format!("[...{shown}].every(row => row.cells[2].innerText === 'disk')"), SHORT)
        .await
        .unwrap();
    let corrected: String = page
        .run(
            &format!(
                "const [row] = {shown};
                 const select = row.querySelector('select');
                 select.value = '1';
                 select.dispatchEvent(new Event('change', {{ bubbles: true }}));
                 return row.cells[1].innerText"
            ),
            json!(null),
        )
        .await
        .unwrap();
    page.wait_for_text("1 image added to stripes.", SHORT).await.unwrap();
    let stripes = "(await kindling.projects())[0].classes[1].images";
    assert_eq!(page.run::<u32>(&format!("return {stripes}"), json!(null)).await.unwrap(), 41);
    page.click("button", "Undo").await.unwrap();
    page.wait_for_text("Undone.", SHORT).await.unwrap();
    assert_eq!(page.run::<u32>(&format!("return {stripes}"), json!(null)).await.unwrap(), 40);

    // What is saved, taken from the links that the page clicks.
    let saved: Value = page
        .run(
            "const blobs = [];
             const create = URL.createObjectURL;
             URL.createObjectURL = blob => { blobs.push(blob); return create.call(URL, blob); };
             const button = name => [...document.querySelectorAll('button')].find(it => it.innerText === name);
             button('Save as CSV').click();
             button('Save sorted (zip)').click();
             while (blobs.length < 2) await new Promise(done => requestAnimationFrame(done));
             URL.createObjectURL = create;
             const zip = blobs.find(blob => blob.type === 'application/zip');
             const id = await kindling.importProject(zip);
             const project = (await kindling.projects()).find(it => it.id === id);
             return { csv: await blobs.find(blob => blob !== zip).text(), classes: project.classes }",
            json!(null),
        )
        .await
        .unwrap();
    let csv = saved["csv"].as_str().unwrap();
    let line = csv.lines().find(|line| line.starts_with(&corrected)).unwrap();
    assert!(line.starts_with(&format!("{corrected},stripes,")) && line.ends_with(",true"), "{line}");
    assert_eq!(csv.lines().count(), 61);
    let total: u64 = saved["classes"].as_array().unwrap().iter().filter_map(|class| class["images"].as_u64()).sum();
    assert_eq!(total, 60, "{}", saved["classes"]);
    app.finish(page).await;
}
