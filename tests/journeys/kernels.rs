//! The CPU's kernels in a browser: the properties that their native tests check, with its vectors.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn every_kernel_is_the_naive_loop() {
    let file = std::env::var("KINDLING_KERNELS").expect("KINDLING_KERNELS is the module that checks the kernels");
    let module = STANDARD.encode(std::fs::read(file).unwrap());
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    let checked: Vec<String> = page
        .run(
            "const bytes = Uint8Array.from(atob(args.module), letter => letter.charCodeAt(0));
             const { instance: { exports } } = await WebAssembly.instantiate(bytes);
             const message = () =>
                 new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.message(), exports.message_length()));
             const checked = [];
             for (let property = 0; ; property++) {
                 try {
                     if (!exports.check(property, args.cases)) return checked;
                 } catch (trap) {
                     throw new Error(`${trap}: ${message()}`);
                 }
                 checked.push(message());
             }",
            json!({ "module": module, "cases": 100 }),
        )
        .await
        .unwrap();
    assert!(checked.len() >= 10, "{checked:?}");
    app.finish(page).await;
}
