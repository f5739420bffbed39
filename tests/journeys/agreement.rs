//! The two engines compute the same thing: from equal weights and batches, equal losses.

use serde_json::{Value, json};

use crate::app::App;

/// The GPU adds in another order than the CPU, in f32, and differences grow along a training trajectory: after thirty steps
/// of the LeNet they stay below this share of the loss.
const TOLERANCE: f64 = 1e-3;

#[tokio::test]
async fn cpu_and_webgpu_train_alike_from_equal_weights() {
    check("webgpu", lenet()).await;
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
