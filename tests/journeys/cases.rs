//! What real visitors type and drop: understood as it is meant, or refused aloud.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::pictures::bmp;
use crate::runs::n_stored;
use crate::visitor::{arrive, expect_no_trouble, open_tab, pick_file, set};

#[tokio::test]
async fn numbers_are_read_as_they_are_typed_and_a_refused_one_holds_train_back() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let shown = "document.querySelector('#field-learning-rate').value";
    for (typed, expected) in
        [("0,001", "0.001"), ("5,5", "5.5"), ("E-4", "0.0001"), (".005", "0.005"), ("1e-3", "0.001")]
    {
        set(&page, "field-learning-rate", typed).await;
        page.wait_for::<bool>(&format!("{shown} === '{expected}'"), SHORT).await.unwrap();
    }
    set(&page, "field-learning-rate", "-1").await;
    page.wait_for_text("“-1” is not a valid value for “Learning rate”", SHORT).await.unwrap();
    page.click("button", "Train").await.unwrap();
    page.wait_for::<bool>("document.activeElement?.id === 'field-learning-rate'", SHORT).await.unwrap();
    let run: Value = page.run("return (await kindling.currentRun()) ?? null", json!(null)).await.unwrap();
    assert_eq!(run, Value::Null, "nothing trains");
    set(&page, "field-learning-rate", "0,01").await;
    set(&page, "field-epochs", "1").await;
    page.click("button", "Train").await.unwrap();
    page.wait_for_text("Epoch 1 of 1", LONG).await.unwrap();
    let rate = "const run = await kindling.currentRun(); return run.config.learningRate";
    assert_eq!(page.run::<f64>(rate, json!(null)).await.unwrap(), 0.01);
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn a_wrong_file_is_named_and_a_table_is_read() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let load = "const files = args.map(([name, text]) => new File([text], name));
                try { return (await kindling.loadDataset(files)).classes } catch (error) { return [error.name, error.message] }";
    let page_for_a_file = json!([["t10k-labels-idx1-ubyte.gz", "<!DOCTYPE html><title>404</title>"]]);
    let refused: Vec<String> = page.run(load, page_for_a_file).await.unwrap();
    assert_eq!(refused[0], "BadFile");
    assert!(refused[1].contains("t10k-labels-idx1-ubyte.gz: a web page"), "{refused:?}");
    let rows: String = (0..40).map(|row| format!("{},{row},0,0,9\n", row % 2)).collect();
    let classes: Vec<String> = page.run(load, json!([["some_train.csv", rows]])).await.unwrap();
    assert_eq!(classes, ["0", "1"]);
    let one: String = (0..40).map(|row| format!("7,{row},0,0,9\n")).collect();
    let refused: Vec<String> = page.run(load, json!([["some_train.csv", one]])).await.unwrap();
    assert_eq!(refused[0], "OneClass");
    app.finish(page).await;
}

#[tokio::test]
async fn what_a_frame_around_the_page_hands_over_is_taken() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let load = "const frame = document.body.appendChild(document.createElement('iframe'));
                window.foreign = frame.contentWindow;
                return (await kindling.loadDataset([new foreign.File([args], 'a_train.csv')])).classes";
    let rows: String = (0..40).map(|row| format!("{},{row},0,0,9\n", row % 2)).collect();
    let classes: Vec<String> = page.run(load, json!(rows)).await.unwrap();
    assert_eq!(classes, ["0", "1"]);
    // Objects, functions, elements, blobs and files, all of that page's own classes.
    let rest = "const bytes = foreign.Uint8Array.from(atob(args), letter => letter.charCodeAt(0));
         const image = name => new foreign.File([bytes], name, { type: 'image/bmp' });
         const seen = [];
         const listen = foreign.Array.prototype.push.bind(seen);
         await kindling.loadDataset('mnist');
         await kindling.train(Object.assign(new foreign.Object(), { network: 'mlp', maxSteps: 2 }), listen);
         const canvas = foreign.document.createElement('canvas');
         const pen = canvas.getContext('2d');
         pen.fillStyle = 'white';
         pen.fillRect(0, 0, canvas.width, canvas.height);
         pen.fillStyle = 'black';
         // Beside the square in the middle of the canvas.
         pen.fillRect(20, 20, 40, 40);
         const element = foreign.document.createElement('img');
         element.src = canvas.toDataURL();
         await element.decode();
         const drawn = await new Promise(done => canvas.toBlob(done));
         let n_answers = 0;
         for (const source of [new foreign.File([drawn], 'one.png'), drawn, canvas, element])
             n_answers += (await kindling.classify(source)).length;
         const run = await kindling.exportRun((await kindling.runs())[0].id);
         const [id] = await kindling.importRun(new foreign.Blob([await run.arrayBuffer()]));
         const project = await kindling.createProject('Foreign', foreign.Array.of('blots'));
         const images = Object.assign(new foreign.Object(), { blots: foreign.Array.of(image('blot.bmp')) });
         const { added } = await kindling.addImages(project, images);
         return [seen.at(-1).kind, n_answers, typeof id, added]";
    let image =
        STANDARD.encode(bmp(32, 32, |x, y| if x.abs_diff(16) + y.abs_diff(14) < 8 { [20; 3] } else { [240; 3] }));
    let said: Value = page.run(rest, json!(image)).await.unwrap();
    assert_eq!(said, json!(["finished", 40, "string", 1]));
    app.finish(page).await;
}

/// Answers the browser's question with `answer`, and keeps what it asked.
async fn answer_questions(page: &Page, answer: bool) {
    let script = "window.asked = []; window.confirm = question => { asked.push(question); return args; }";
    page.run::<Value>(script, json!(answer)).await.unwrap();
}

#[tokio::test]
async fn who_loads_another_dataset_during_a_run_is_asked_first() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.run::<Value>(
        "await kindling.loadDataset('mnist'); kindling.train({ epochs: 50 }).catch(() => {})",
        json!(null),
    )
    .await
    .unwrap();
    page.wait_for::<bool>("(await kindling.currentRun())?.step > 0", LONG).await.unwrap();
    page.go_to("Data").await.unwrap();
    answer_questions(&page, false).await;
    page.click("button", "Load Animal silhouettes*").await.unwrap();
    page.wait_for::<bool>("asked[0]?.startsWith('A run is under way')", SHORT).await.unwrap();
    let step: u32 = page.run("return (await kindling.currentRun()).step", json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("(await kindling.currentRun()).step > {step}"), SHORT).await.unwrap();

    answer_questions(&page, true).await;
    page.click("button", "Load Animal silhouettes*").await.unwrap();
    page.wait_for_text("Dataset summary: Animal silhouettes", LONG).await.unwrap();
    page.wait_for::<bool>("(await kindling.runs())[0]?.steps > 0", SHORT).await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// The ids of all kept runs.
const IDS: &str = "(await kindling.runs()).map(({ id }) => id)";

#[tokio::test]
async fn an_import_that_pushes_out_runs_asks_and_can_be_undone() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let train = "await kindling.loadDataset('mnist');
         for (let run = 0; run < 3; run += 1) await kindling.train({ network: 'mlp', maxSteps: 2 });";
    page.run::<Value>(train, json!(null)).await.unwrap();
    let own: Vec<String> = page.wait_for(&format!("(it => it.length === 3 && it)({IDS})"), SHORT).await.unwrap();
    page.wait_for::<bool>(&format!("(await {}) === 3", n_stored("weights")), SHORT).await.unwrap();
    open_tab(&page, "runs").await;
    page.wait_for::<bool>("!!document.querySelector('#runs-import')", SHORT).await.unwrap();

    answer_questions(&page, false).await;
    import_copies(&page, 499).await;
    page.wait_for::<bool>("asked[0]?.startsWith('2 of your runs would be deleted')", SHORT).await.unwrap();
    assert_eq!(page.run::<Vec<String>>(&format!("return {IDS}"), json!(null)).await.unwrap(), own);

    answer_questions(&page, true).await;
    import_copies(&page, 499).await;
    page.wait_for_text("499 runs were added.", SHORT).await.unwrap();
    let n_own = format!("{IDS}.filter(id => {}.includes(id)).length", json!(own));
    assert_eq!(page.run::<usize>(&format!("return {n_own}"), json!(null)).await.unwrap(), 1);
    page.click("button", "Undo").await.unwrap();
    page.wait_for::<bool>(&format!("{IDS}.join() === {}", json!(own.join(","))), SHORT).await.unwrap();
    // The runs and their weights are in the storage, too, and nothing else is.
    for store in ["runs", "weights"] {
        page.wait_for::<bool>(&format!("(await {}) === 3", n_stored(store)), LONG).await.unwrap();
    }
    page.session().refresh().await.unwrap();
    page.wait_for::<bool>(&format!("{IDS}.join() === {}", json!(own.join(","))), SHORT).await.unwrap();
    let opened = "await kindling.openRun(args); return (await kindling.evaluate('validation')).accuracy > 0";
    assert!(page.run::<bool>(opened, json!(own[0])).await.unwrap());

    // With the notice, what was pushed out goes for good.
    open_tab(&page, "runs").await;
    page.wait_for::<bool>("!!document.querySelector('#runs-import')", SHORT).await.unwrap();
    answer_questions(&page, true).await;
    import_copies(&page, 499).await;
    page.wait_for_text("499 runs were added.", SHORT).await.unwrap();
    page.wait_for::<bool>(&format!("(await {}) === 502", n_stored("runs")), LONG).await.unwrap();
    page.click("button", "Dismiss").await.unwrap();
    page.wait_for::<bool>(&format!("(await {}) === 500", n_stored("runs")), LONG).await.unwrap();
    app.finish(page).await;
}

/// Imports a file with so many copies of the first run, each of which began later than the last one.
async fn import_copies(page: &Page, n_copies: usize) {
    let import = "const runs = await kindling.runs();
         const { curves, ...run } = runs[0];
         const copy = number => ({ ...run, curves, id: `copy-${number}`, startedAt: runs.at(-1).startedAt + number + 1 });
         const file = { format: 'kindling-runs-1', runs: Array.from({ length: args }, (_, number) => copy(number)) };
         const chosen = new DataTransfer();
         chosen.items.add(new File([JSON.stringify(file)], 'runs.json'));
         const input = document.querySelector('#runs-import');
         input.files = chosen.files;
         input.dispatchEvent(new Event('change', { bubbles: true }));";
    page.run::<Value>(import, json!(n_copies)).await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_too_large_is_refused_and_a_long_step_is_stopped() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu&threads=1").await;
    let refused = page
        .call::<Value>(
            "await kindling.loadDataset('mnist');
             await kindling.train({ batchSize: 4096, network: { name: 'Wide', layers: [
                 { conv: { filters: 2000, kernel: 3, stride: 1, padding: 'same', bias: true } },
                 'flatten', { classifier: { bias: true } },
             ] } })",
            json!(null),
        )
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.name, "OutOfMemory", "{refused:?}");
    assert!(refused.message.contains(" images fit"), "{refused:?}");

    let stopped: Value = page
        .run(
            "return await kindling.train({ network: 'vgg', batchSize: 4096 }, ({ kind }) => {
                 if (kind === 'started') kindling.stop();
             })",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!((&stopped["ending"], &stopped["steps"]), (&json!("stopped"), &json!(0)), "{stopped}");
    page.wait_for_text("The step under way would have lasted too long", SHORT).await.unwrap();
    page.wait_for_text("Stopped before its first step", SHORT).await.unwrap();
    let report: Value = page.run("return await kindling.train({ maxSteps: 3 })", json!(null)).await.unwrap();
    assert_eq!(report["steps"], 3, "the new engine has the dataset");
    app.finish(page).await;
}

#[tokio::test]
async fn files_that_are_no_images_are_named_and_a_drawing_is_drawn() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let train = "await kindling.loadDataset('mnist'); await kindling.train({ network: 'mlp', maxSteps: 2 })";
    page.run::<Value>(train, json!(null)).await.unwrap();
    page.go_to("Predict").await.unwrap();
    page.click("tab", "Upload").await.unwrap();
    let files: [(&str, &[u8], &str); 4] = [
        (
            "photo.jpg",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            "HEIC photo, which cannot be opened here; export it as JPEG",
        ),
        ("scan.tif", b"II*\0\x08\0\0\0", "TIFF image, which cannot be opened here; export it as PNG or JPEG"),
        ("page.png", b"%PDF-1.4\n1 0 obj", "a document; export its page as PNG or JPEG"),
        ("nothing.png", b"", "the file is empty"),
    ];
    for (name, bytes, what) in files {
        std::fs::write(app.file(name), bytes).unwrap();
        pick_file(&page, "Choose an image", &app.file(name)).await;
        page.wait_for_text(&format!("This file cannot be used as an image: {what}."), SHORT).await.unwrap();
    }
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='60' height='60'><path d='M30 10v40' stroke='black' stroke-width='6'/></svg>";
    std::fs::write(app.file("one.svg"), svg).unwrap();
    pick_file(&page, "Choose an image", &app.file("one.svg")).await;
    page.wait_for::<bool>("/\\d/.test(document.querySelector('output')?.innerText)", SHORT).await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn of_many_classes_the_pairs_are_listed_and_no_matrix_is_announced() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let rows: String = (0..41 * 12).map(|row| format!("{},{},0,{},9\n", row % 41, row % 200, row % 7)).collect();
    let script = "await kindling.loadDataset([new File([args], 'many_train.csv')]);
         await kindling.train({ network: 'mlp', maxSteps: 4 });
         location.hash = 'understand';";
    page.run::<Value>(script, json!(rows)).await.unwrap();
    page.wait_for_text("A matrix is shown for up to 40 classes", LONG).await.unwrap();
    page.wait_for::<bool>("document.querySelectorAll('.pairs .pair').length === 5", SHORT).await.unwrap();
    let has_matrix = "return !!document.querySelector('.confusion, #confusion-title')";
    assert!(!page.run::<bool>(has_matrix, json!(null)).await.unwrap());
    expect_no_trouble(&page).await;
    app.finish(page).await;
}
