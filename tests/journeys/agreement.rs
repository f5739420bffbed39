//! The two engines compute the same thing: from equal weights and batches, equal losses.

use serde_json::{Value, json};

use crate::app::App;

/// The GPU sums in another order than the CPU, in f32, and differences grow along a training trajectory: after thirty steps
/// of LeNet, they stay below this fraction of the loss.
const TOLERANCE: f64 = 1e-3;

#[tokio::test]
async fn cpu_and_webgpu_train_alike_from_equal_weights() {
    check("webgpu", lenet()).await;
}

/// Every kind of layer that the other tests do not have, on digits.
#[tokio::test]
async fn networks_of_every_family_train_alike() {
    let blocks = json!([
        { "conv": { "filters": 8, "kernel": 3, "stride": 2, "padding": "same", "dilation": 2, "groups": 1, "bias": true } },
        { "groupNorm": { "groups": 4 } },
        { "activation": "gelu" },
        { "residual": { "layers": [
            { "conv": { "filters": 12, "kernel": 3, "stride": 2, "padding": "same", "groups": 2, "bias": true } },
            { "activation": "silu" },
        ] } },
        { "depthwiseSeparable": { "filters": 8, "kernel": 3, "stride": 1 } },
        { "spatialDropout": { "rate": 0.1 } },
        { "squeezeExcitation": { "ratio": 2 } },
        "layerNorm",
        { "averagePool": { "size": 2, "stride": 2 } },
        { "activation": "leakyRelu" },
        "globalMaxPool",
    ]);
    let recurrent = json!([
        "rows",
        { "lstm": { "units": 12, "states": "all" } },
        { "activation": "sigmoid" },
        { "gru": { "units": 12 } },
        "batchNorm",
        { "activation": "tanh" },
    ]);
    let transformer = json!([
        { "patchEmbedding": { "size": 7, "features": 16 } },
        "positionEmbedding",
        { "transformerBlock": { "heads": 2, "mlpRatio": 2, "dropout": 0.1 } },
        "layerNorm",
        "globalAveragePool",
    ]);
    for mut layers in [blocks, recurrent, transformer] {
        layers.as_array_mut().unwrap().push(json!({ "classifier": { "bias": true } }));
        let network = json!({ "name": "Family", "layers": layers });
        check("webgpu", json!({ "network": network, "optimizer": "adam", "batchSize": 32, "maxSteps": 6 })).await;
    }
}

/// Maps of a single channel have two memory orders at once. An attack's step combines images, gradients and random numbers.
#[tokio::test]
async fn attacks_on_images_of_one_channel_are_alike() {
    let conv =
        json!({ "filters": 1, "kernel": 3, "stride": 1, "padding": "same", "dilation": 1, "groups": 1, "bias": true });
    let network = json!({ "name": "One channel", "layers": [
        { "residual": { "layers": [{ "conv": conv }, { "dropout": { "rate": 0.1 } }] } },
        { "maxPool": { "size": 2, "stride": 2 } },
        { "activation": "gelu" },
        { "conv": conv },
        { "averagePool": { "size": 2, "stride": 2 } },
        { "activation": "silu" },
        "flatten",
        { "classifier": { "bias": true } },
    ] });
    let attack = json!({ "method": { "pgd": { "steps": 2, "stepSize": 0.03 } }, "strength": 0.05, "share": 0.5 });
    check("webgpu", json!({ "network": network, "adversarial": attack, "batchSize": 16, "maxSteps": 4 })).await;
}

#[tokio::test]
async fn a_seed_repeats_a_run_on_the_cpu() {
    assert_eq!(losses("cpu", lenet()).await, losses("cpu", lenet()).await);
}

/// Compares an engine with the CPU, step by step.
async fn check(engine: &str, config: Value) {
    let cpu = losses("cpu", config.clone()).await;
    let gpu = losses(engine, config.clone()).await;
    let n_steps = config["maxSteps"].as_u64().unwrap() as usize;
    assert_eq!((cpu.len(), gpu.len()), (n_steps, n_steps));
    for (step, (cpu, gpu)) in cpu.iter().zip(&gpu).enumerate() {
        let difference = (cpu - gpu).abs() / cpu.abs();
        assert!(difference < TOLERANCE, "step {step}: {cpu} on the CPU, {gpu} with ?engine={engine}");
    }
}

fn lenet() -> Value {
    json!({ "network": "lenet", "optimizer": "sgd", "learningRate": 0.02, "batchSize": 64, "maxSteps": 30 })
}

/// The loss of each step of a short run.
async fn losses(engine: &str, config: Value) -> Vec<f64> {
    let app = App::start().await;
    let page = app.open(&format!("?engine={engine}")).await;
    let losses = page
        .run(
            "const ready = await kindling.ready();
             if (ready.engine !== args.engine.split('-')[0]) throw new Error('asked for ' + args.engine + ', got ' + JSON.stringify(ready));
             await kindling.loadDataset('mnist');
             const losses = [];
             await kindling.train(
                 { ...args.config, epochs: 1, seed: 7 },
                 event => { if (event.kind === 'progress') losses.push(...event.losses); });
             return losses;",
            json!({ "engine": engine, "config": config }),
        )
        .await
        .unwrap();
    app.finish(page).await;
    losses
}
