//! The kernels in a browser: the properties that their native tests check, with its vectors and with its WebGPU.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use xtask::drive::{Browser, BrowserOptions};
use xtask::server::{Isolation, Server, ServerConfig};

use crate::app::App;

/// Drawn shapes of each kind on the GPU, each of which compiles its own kernels.
const N_DRAWN: u32 = 4;

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

/// On SwiftShader, which keeps to WebGPU's rules: a shader that it refuses fails this, too.
#[tokio::test]
async fn every_kernel_on_the_gpu_is_the_naive_loop() {
    let folder =
        std::env::var("KINDLING_GPU_KERNELS").expect("KINDLING_GPU_KERNELS is the page that checks the GPU's kernels");
    let config = ServerConfig { folder: folder.into(), mount: "/".into(), port: 0, isolation: Isolation::Absent };
    let server = Server::start(config).unwrap();
    let browser = Browser::start(&BrowserOptions::default()).await.unwrap();
    let page = browser.open(&server.url()).await.unwrap();
    let n_checked: u32 = page.run("return await kindling.check(args)", json!(N_DRAWN)).await.unwrap();
    assert!(n_checked >= 5 * N_DRAWN, "{n_checked} cases");
    browser.quit().await.unwrap();
}
