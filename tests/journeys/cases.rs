//! What real visitors type and drop: understood as it is meant, or refused aloud.

use serde_json::{Value, json};

use crate::app::{App, LONG, SHORT};
use crate::visitor::{arrive, expect_no_trouble, set};

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
async fn files_of_a_frame_around_the_page_are_files() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let load = "const frame = document.body.appendChild(document.createElement('iframe'));
                const { File } = frame.contentWindow;
                return (await kindling.loadDataset([new File([args], 'a_train.csv')])).classes";
    let rows: String = (0..40).map(|row| format!("{},{row},0,0,9\n", row % 2)).collect();
    let classes: Vec<String> = page.run(load, json!(rows)).await.unwrap();
    assert_eq!(classes, ["0", "1"]);
    app.finish(page).await;
}
