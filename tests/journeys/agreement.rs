//! The two engines compute the same thing: from equal weights and batches, equal losses.

use serde_json::json;

use crate::app::App;

/// The GPU adds in another order than the CPU, in f32, and differences grow along a training trajectory: after thirty steps
/// of the LeNet they stay below this share of the loss.
const TOLERANCE: f64 = 1e-3;

const N_STEPS: u32 = 30;

#[tokio::test]
async fn cpu_and_webgpu_train_alike_from_equal_weights() {
    let cpu = losses("cpu").await;
    let webgpu = losses("webgpu").await;
    assert_eq!(cpu.len(), N_STEPS as usize);
    assert_eq!(webgpu.len(), N_STEPS as usize);
    for (step, (cpu, webgpu)) in cpu.iter().zip(&webgpu).enumerate() {
        let difference = (cpu - webgpu).abs() / cpu.abs();
        assert!(difference < TOLERANCE, "step {step}: {cpu} on the CPU, {webgpu} on WebGPU");
    }
}

#[tokio::test]
async fn a_seed_repeats_a_run_on_the_cpu() {
    assert_eq!(losses("cpu").await, losses("cpu").await);
}

/// The loss of each step of a short LeNet run.
async fn losses(engine: &str) -> Vec<f64> {
    let app = App::start().await;
    let page = app.open(&format!("?engine={engine}")).await;
    let losses = page
        .run(
            "const ready = await kindling.ready();
             if (ready.engine !== args.engine) throw new Error('asked for ' + args.engine + ', got ' + JSON.stringify(ready));
             await kindling.loadDataset('mnist');
             const losses = [];
             await kindling.train(
                 { network: 'lenet', optimizer: 'sgd', learningRate: 0.02, batchSize: 64, maxSteps: args.steps, epochs: 1, seed: 7 },
                 event => { if (event.kind === 'progress') losses.push(...event.losses); });
             return losses;",
            json!({ "engine": engine, "steps": N_STEPS }),
        )
        .await
        .unwrap();
    app.finish(page).await;
    losses
}
