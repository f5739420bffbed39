//! Pre-trained weights are downloaded with progress, once, and a run without them does not begin.

use std::path::Path;

use kindling_core::config::{Layer, NetworkConfig, Pretrained, RunConfig};
use kindling_core::network::pretrained::{feature_layers, file};
use kindling_core::protocol::{Ending, FailureKind, Preparation, RunUpdate};

use super::{failure_of, report};
use crate::world::{Reply, World, config};

const URL: &str = "pretrained/efficientnet-lite0/features-i8.safetensors";

/// The first layers of the published network, frozen, and a classifier.
fn pretrained() -> RunConfig {
    let first = feature_layers().into_iter().skip(1).take(3);
    let layers = first.chain([Layer::GlobalAveragePool, Layer::Classifier { bias: true }]).collect();
    let pretrained = Some(Pretrained::EfficientNetLite0);
    RunConfig { network: NetworkConfig { pretrained, frozen: 4, ..NetworkConfig::new("tiny", layers) }, ..config() }
}

fn weights() -> Vec<u8> {
    let path = format!("../../static/pretrained/{}", file(Pretrained::EfficientNetLite0).name);
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn n_requests(world: &World) -> usize {
    world.machine.requests.borrow().iter().filter(|url| *url == URL).count()
}

#[test]
fn weights_are_downloaded_once_and_features_computed_in_every_run() {
    let mut world = World::loaded();
    world.serve_file(URL, Reply::File(weights()));
    world.train(1, pretrained());
    let first = world.end_of(1);
    assert_eq!(report(&first).ending, Ending::Completed);
    let stages = |updates: &[RunUpdate]| {
        let is = |wanted: fn(&Preparation) -> bool| {
            updates.iter().any(|update| matches!(update, RunUpdate::Preparing(stage) if wanted(stage)))
        };
        (
            is(|stage| matches!(stage, Preparation::LoadingWeights { .. })),
            is(|stage| matches!(stage, Preparation::ComputingFeatures { .. })),
        )
    };
    assert_eq!(stages(&first), (true, true));
    world.train(2, pretrained());
    let second = world.end_of(2);
    assert_eq!((stages(&second), n_requests(&world)), ((false, true), 1));
    assert_eq!(crate::losses(&first), crate::losses(&second));
}

#[test]
fn without_the_weights_there_is_no_run() {
    for (reply, kind) in [
        (Reply::Status(404), FailureKind::DownloadFailed),
        (Reply::File(vec![7; weights().len()]), FailureKind::WrongHash),
    ] {
        let mut world = World::loaded();
        world.serve_file(URL, reply);
        world.train(1, pretrained());
        assert_eq!(failure_of(&world.end_of(1)), kind);
        world.train(2, config());
        assert_eq!(report(&world.end_of(2)).ending, Ending::Completed);
    }
}
