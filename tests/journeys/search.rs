//! A hyperparameter search: a small ASHA is watched, paused, and its winner trained; a program searches, and its own run takes precedence.

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::visitor::{arrive, click, expect_no_trouble, open_tab, set};

/// The smallest dataset, half of it for validation, so that an epoch ends soon.
const LOAD: &str = "await kindling.loadDataset('animals', { split: { validationFraction: 0.5 } });";

/// The table's row for each trial.
const ROWS: &str = "[...document.querySelectorAll('#search-table [data-trial]')].map(row => ({
    trial: Number(row.dataset.trial),
    state: row.dataset.state,
    figure: parseFloat(row.querySelector('.trial-figure').innerText),
    isBest: row.classList.contains('is-best'),
}))";

const N_TRIALS: usize = 6;

#[tokio::test]
async fn a_small_search_finds_settings_and_its_winner_is_trained() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.run::<Value>(LOAD, json!(null)).await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#field-preset option[value=mlp]')", SHORT).await.unwrap();
    set(&page, "field-preset", "mlp").await;
    set(&page, "field-epochs", "2").await;

    begin(&page).await;
    pause_and_resume(&page).await;
    page.wait_for_text("ASHA: all 6 trials are over.", LONG).await.unwrap();
    let best = expect_trials(&page).await;
    expect_pictures(&page).await;
    train_winner(&page, &best).await;

    page.session().refresh().await.unwrap();
    open_tab(&page, "search").await;
    page.wait_for_text("ASHA: all 6 trials are over.", LONG).await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// Searches rates from far too small to far too large; with four epochs, there are rungs after one and two.
async fn begin(page: &Page) {
    open_tab(page, "search").await;
    for (id, value) in [
        ("search-least-learningRate", "1e-6"),
        ("search-most-learningRate", "0.1"),
        ("search-factor", "2"),
        ("search-trials", "6"),
        ("search-epochs", "4"),
        // This seed draws a good rate first and a far too large one second, which is pruned at the first rung.
        ("search-seed", "1"),
    ] {
        set(page, id, value).await;
    }
    click(page, "#search-start").await;
    page.wait_for::<bool>(&format!("{ROWS}.length === {N_TRIALS}"), SHORT).await.unwrap();
    // The stage distinguishes a trial from the visitor's own run.
    page.wait_for::<bool>("!!document.querySelector('#search-stage')", SHORT).await.unwrap();
}

async fn pause_and_resume(page: &Page) {
    page.wait_for::<bool>(&format!("{ROWS}.some(row => row.figure > 0)"), LONG).await.unwrap();
    click(page, "#search .search-pause").await;
    page.wait_for::<bool>("document.querySelector('#search-status').innerText.includes('paused')", SHORT)
        .await
        .unwrap();
    page.wait_for::<bool>("['paused', 'finished'].includes((await kindling.currentRun()).state)", SHORT).await.unwrap();
    click(page, "#search .search-pause").await;
    page.wait_for::<bool>("(await kindling.currentRun()).state !== 'paused'", SHORT).await.unwrap();
}

/// Checks that every trial has a figure, that some were pruned at a rung, and that the best is marked. Returns its settings and epochs.
async fn expect_trials(page: &Page) -> Value {
    let rows: Vec<Value> = page.run(&format!("return {ROWS}"), json!(null)).await.unwrap();
    assert_eq!(rows.len(), N_TRIALS, "{rows:?}");
    let n_with = |state: &str| rows.iter().filter(|row| row["state"] == json!(state)).count();
    assert_eq!(n_with("done") + n_with("cut"), N_TRIALS, "{rows:?}");
    assert!(n_with("cut") >= 1 && n_with("done") >= 1, "{rows:?}");
    let figure = |row: &Value| row["figure"].as_f64().unwrap_or_else(|| panic!("no figure: {row}"));
    let highest = rows.iter().map(figure).fold(0.0, f64::max);
    let marked: Vec<&Value> = rows.iter().filter(|row| row["isBest"] == json!(true)).collect();
    assert_eq!(marked.len(), 1, "{rows:?}");
    assert_eq!(figure(marked[0]), highest, "{rows:?}");
    assert!(highest > 15.0, "ten classes, and the best rate learns: {rows:?}");

    let runs: Vec<Value> = page.run("return await kindling.runs()", json!(null)).await.unwrap();
    assert!(runs.is_empty(), "trials are not kept as runs");
    let of_best = "
        const { plan, trials } = JSON.parse(localStorage['kindling.search']);
        const { picks, epochs } = trials[args];
        const sizes = plan.fields.find(field => field.path === 'batchSize').values.choices;
        return {
            learningRate: picks[plan.fields.findIndex(field => field.path === 'learningRate')],
            batchSize: sizes[picks[plan.fields.findIndex(field => field.path === 'batchSize')]],
            nEpochs: epochs.length,
        };";
    page.run(of_best, marked[0]["trial"].clone()).await.unwrap()
}

async fn expect_pictures(page: &Page) {
    let n_lines = format!("document.querySelectorAll('#search-parallel .parallel-line').length === {N_TRIALS}");
    page.wait_for::<bool>(&n_lines, SHORT).await.unwrap();
    let n_bars = "document.querySelectorAll('.search-importance .probability').length >= 1";
    page.wait_for::<bool>(n_bars, SHORT).await.unwrap();
    page.wait_for_text("With fewer than 8 trials", SHORT).await.unwrap();
    // The keyboard works, too.
    page.run::<Value>(
        "document.querySelector('#search-parallel').dispatchEvent(new KeyboardEvent('keydown', { key: 'Home', bubbles: true }))",
        json!(null),
    )
    .await
    .unwrap();
    page.wait_for::<bool>("document.querySelector('.parallel-readout').innerText.startsWith('Trial 1')", SHORT)
        .await
        .unwrap();
}

/// One click in the stage starts the visitor's own run, with the best trial's settings and the form's length.
async fn train_winner(page: &Page, best: &Value) {
    page.wait_for::<bool>("!!document.querySelector('#search-train-best')", SHORT).await.unwrap();
    click(page, "#stage-train-best").await;
    page.wait_for_text("Evaluate the model", LONG).await.unwrap();
    let run: Value = page.run("return await kindling.currentRun()", json!(null)).await.unwrap();
    assert_eq!(run["state"], json!("finished"));
    assert_eq!(
        (&run["config"]["learningRate"], &run["config"]["batchSize"]),
        (&best["learningRate"], &best["batchSize"])
    );
    assert_eq!((&run["config"]["epochs"], &run["config"]["maxSteps"]), (&json!(2), &Value::Null));
    let rate = format!("Number(document.querySelector('#field-learning-rate').value) === {}", best["learningRate"]);
    page.wait_for::<bool>(&rate, SHORT).await.unwrap();
    let kept: Vec<Value> =
        page.run("return (await kindling.runs()).map(run => run.config)", json!(null)).await.unwrap();
    assert_eq!(kept, [run["config"].clone()], "the winner is kept");
}

#[tokio::test]
async fn a_program_searches_and_its_own_run_takes_precedence() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let body = format!(
        "{LOAD}
         let begun;
         const hasBegun = new Promise(resolve => {{ begun = resolve; }});
         const states = [];
         const found = kindling.search(
             {{
                 config: {{ network: 'mlp' }},
                 space: {{ learningRate: {{ least: 1e-4, most: 1e-2, scale: 'log' }} }},
                 method: 'random', trials: 2, epochs: 1, seed: 1,
             }},
             ({{ kind, trial, state }}) => {{ states.push([kind, trial, state]); begun(); }},
         );
         await hasBegun;
         const own = await kindling.train({{ network: 'mlp', maxSteps: 3 }});
         await kindling.resume();
         const report = await found;
         const refused = await kindling.search({{ space: {{ epochs: [1, 2] }} }}).catch(error => error.message);
         return {{ states, own, report, refused, runs: await kindling.runs() }};"
    );
    let outcome: Value = page.run(&body, json!(null)).await.unwrap();
    assert_eq!(outcome["own"]["steps"], json!(3));
    let report = &outcome["report"];
    assert_eq!(report["ending"], json!("allTried"), "{report}");
    let states: Vec<&Value> = report["trials"].as_array().unwrap().iter().map(|trial| &trial["state"]).collect();
    assert_eq!(states, ["done", "done"]);
    assert_eq!(report["best"]["values"]["learningRate"], report["best"]["config"]["learningRate"]);
    assert!(report["best"]["best"].as_f64().unwrap() > 0.1, "{report}");
    // The first trial started twice, because the program's own run took its place.
    let n_begun =
        outcome["states"].as_array().unwrap().iter().filter(|it| **it == json!(["trial", 0, "waiting"])).count();
    assert_eq!(n_begun, 1, "{}", outcome["states"]);
    assert_eq!(outcome["runs"].as_array().unwrap().len(), 1, "only the program's own run is kept");
    assert_eq!(outcome["refused"], json!("Epochs: a search sets it itself."));
    expect_no_trouble(&page).await;
    app.finish(page).await;
}
