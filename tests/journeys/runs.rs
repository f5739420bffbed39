//! Every run is kept: two of them in the table, also after a reload, compared, shared by link, deleted and restored.

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::visitor::{number, open_tab, wait_until};

/// Ids of the runs in the table, in its order.
const ROWS: &str = "[...document.querySelectorAll('#runs-table [data-run]')].map(row => row.dataset.run)";

/// JavaScript for a promise of the number of records in a store of the page's database.
pub fn n_stored(store: &str) -> String {
    format!(
        "new Promise((resolve, reject) => {{
            const request = indexedDB.open('kindling');
            request.onerror = () => reject(request.error);
            request.onsuccess = () => {{
                const count = request.result.transaction('{store}').objectStore('{store}').count();
                count.onsuccess = () => {{ request.result.close(); resolve(count.result); }};
            }};
        }})"
    )
}

#[tokio::test]
async fn runs_are_kept_compared_and_deletions_undone() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    open_tab(&page, "runs").await;
    page.wait_for_text("Your runs appear here", SHORT).await.unwrap();
    page.run::<Value>(
        "await kindling.loadDataset('mnist');
         await kindling.train({ maxSteps: 20, learningRate: 0.001 });
         await kindling.train({ maxSteps: 20, learningRate: 0.01 });",
        json!(null),
    )
    .await
    .unwrap();
    let kept = expect_two_runs(&page).await;

    // Stored before the reload, according to the page's own database.
    page.wait_for::<bool>(&format!("(await {}) === 2", n_stored("runs")), SHORT).await.unwrap();
    page.session().refresh().await.unwrap();
    open_tab(&page, "runs").await;
    assert_eq!(expect_two_runs(&page).await, kept, "the same runs after a reload");

    take_network(&page).await;
    compare(&page).await;
    delete_and_undo(&page, &kept).await;
    share(&app, &page).await;
    the_newest_is_at_hand(&page).await;
    make_way_for_a_later_version(&page).await;
    app.finish(page).await;
}

/// In a new visit, what needs a model opens the newest kept one by itself: the internals of the network, and the places Predict and Evaluate,
/// which say which one it is. Evaluate then begins by itself.
async fn the_newest_is_at_hand(page: &Page) {
    open_tab(page, "inside").await;
    page.wait_for::<bool>("document.querySelectorAll('#inside [data-layer]').length > 2", LONG).await.unwrap();
    page.wait_for_text("The current model, with the weights of step 20.", SHORT).await.unwrap();
    page.go_to("Predict").await.unwrap();
    let named = "document.querySelector('.model-name')?.innerText.includes(' · kept from 20')";
    page.wait_for::<bool>(named, LONG).await.unwrap();
    let rate: f64 = page.run("return (await kindling.currentRun()).config.learningRate", json!(null)).await.unwrap();
    assert_eq!(rate, 0.01, "the newest run's model");
    page.go_to("Evaluate").await.unwrap();
    wait_until(page, &number("Accuracy"), "it > 20", LONG).await;
}

/// A later version of the page in another tab can change the database, because this page no longer holds it open.
async fn make_way_for_a_later_version(page: &Page) {
    let script = "return await new Promise((resolve, reject) => {
        const request = indexedDB.open('kindling', 1000);
        request.onerror = () => reject(request.error);
        request.onblocked = () => resolve('blocked');
        request.onsuccess = () => { request.result.close(); resolve('open'); };
    })";
    assert_eq!(page.run::<String>(script, json!(null)).await.unwrap(), "open");
}

/// Checks that the newer run is named after what was changed. Returns the ids, the newest first.
async fn expect_two_runs(page: &Page) -> Vec<String> {
    let rows: Vec<String> = page.wait_for(&format!("(it => it.length === 2 && it)({ROWS})"), SHORT).await.unwrap();
    page.control("button", "Learning rate 0.001 → 0.01").await.unwrap();
    page.control("button", "First run of *").await.unwrap();
    let runs: Vec<Value> = page
        .run("return (await kindling.runs()).map(({ id, steps, ending, config, curves }) => ({ id, steps, ending, rate: config.learningRate, n: curves.trainLoss.length }))", json!(null))
        .await
        .unwrap();
    let expected = [(&rows[1], 0.001), (&rows[0], 0.01)]
        .map(|(id, rate)| json!({ "id": id, "steps": 20, "ending": "stepLimit", "rate": rate, "n": 20 }));
    assert_eq!(runs, expected);
    rows
}

/// The engine of the reloaded page has no network; a stored run's is restored with its weights.
async fn take_network(page: &Page) {
    let before = "await kindling.loadDataset('mnist'); return await kindling.evaluate('validation')";
    assert_eq!(page.call::<Value>(before, json!(null)).await.unwrap().unwrap_err().name, "NoNetwork");
    page.click("button", "First run of *").await.unwrap();
    page.click("button", "Load this model").await.unwrap();
    page.wait_for::<bool>("(await kindling.currentRun())?.state === 'finished'", LONG).await.unwrap();
    let accuracies: Vec<f64> = page
        .run(
            "const accuracies = [(await kindling.evaluate('validation')).accuracy];
             await kindling.openRun((await kindling.runs()).at(-1).id);
             accuracies.push((await kindling.evaluate('validation')).accuracy);
             return accuracies;",
            json!(null),
        )
        .await
        .unwrap();
    // Twenty steps at a tenth of the learning rate learn less.
    assert!(accuracies[0] > 0.2 && accuracies[1] > accuracies[0], "{accuracies:?}");
    page.click("button", "Close").await.unwrap();
}

/// Shows both curves in one chart. Runs without a whole epoch have no validation, so the training loss is compared.
async fn compare(page: &Page) {
    page.click("checkbox", "Compare: Learning rate 0.001 → 0.01").await.unwrap();
    page.click("checkbox", "Compare: First run of *").await.unwrap();
    page.click("radio", "Training loss").await.unwrap();
    let drawn = "[...document.querySelectorAll('#runs-compare .chart-frame path.line')]
        .filter(path => path.getAttribute('d').includes('L')).length === 2";
    page.wait_for::<bool>(drawn, SHORT).await.unwrap();
    let legend: Vec<String> = page
        .run(
            "return [...document.querySelectorAll('#runs-compare .chart-legend li > span')].map(it => it.innerText)",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(legend[0], "Learning rate 0.001 → 0.01");
    assert!(legend[1].starts_with("First run of "), "{legend:?}");
    page.click("button", "End the comparison").await.unwrap();
}

async fn delete_and_undo(page: &Page, kept: &[String]) {
    page.click("button", "Learning rate 0.001 → 0.01").await.unwrap();
    page.click("button", "Delete").await.unwrap();
    page.wait_for::<bool>(&format!("{ROWS}.join() === {}", json!(kept[1])), SHORT).await.unwrap();
    page.wait_for_text("Deleted: Learning rate 0.001 → 0.01", SHORT).await.unwrap();
    page.click("button", "Undo").await.unwrap();
    page.wait_for::<bool>(&format!("{ROWS}.join() === {}", json!(kept.join(","))), SHORT).await.unwrap();
    let n_points: usize =
        page.run("return (await kindling.runs()).at(-1).curves.trainLoss.length", json!(null)).await.unwrap();
    assert_eq!(n_points, 20, "the curves came back, too");
}

/// A link opens the settings of a run; a damaged one is reported, and the page continues.
async fn share(app: &App, page: &Page) {
    let config: String = page
        .run(
            "const { config } = (await kindling.runs()).at(-1);
             const bytes = new TextEncoder().encode(JSON.stringify(config));
             return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');",
            json!(null),
        )
        .await
        .unwrap();
    page.session().goto(format!("{}?engine=cpu&config={config}", app.url())).await.unwrap();
    let rate = "[...document.querySelectorAll('[role=spinbutton]')].some(it => it.value === '0.01')";
    page.wait_for::<bool>(rate, LONG).await.unwrap();

    page.session().goto(format!("{}?engine=cpu&config={}", app.url(), &config[..config.len() / 2])).await.unwrap();
    page.wait_for_text("The hyperparameters in the page's address could not be read", SHORT).await.unwrap();
    page.wait_for_text("images of MNIST", SHORT).await.unwrap();
}
