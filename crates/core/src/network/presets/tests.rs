//! Presets fit their datasets, and match the networks that they are named after.

use super::*;
use crate::config::OptimizerConfig;
use crate::network::shape::infer;
use crate::protocol::SplitCounts;

#[test]
fn every_dataset_has_presets_that_fit() {
    for (channels, side) in [(1, 28), (3, 32), (3, 64), (1, 12), (3, 8), (1, 1)] {
        let summary = summary(channels, side);
        let presets = presets(&summary);
        assert!(!presets.is_empty(), "{channels}x{side}x{side}");
        for Preset { id, config } in presets {
            assert!(infer(&config.network, summary.shape, 10).is_ok(), "{id}");
            assert_eq!(config.dataset, "some");
        }
    }
}

#[test]
fn the_default_suits_the_images() {
    assert_eq!(presets(&summary(1, 28))[0].id, "one-minute");
    assert_eq!(presets(&summary(3, 32))[0].id, "batch-norm");
}

#[test]
fn few_images_of_ones_own_get_pretrained_features() {
    let of = |train, import: bool, channels| {
        let counts = SplitCounts { train, ..SplitCounts::default() };
        DatasetSummary { counts, import: import.then(Default::default), ..summary(channels, 64) }
    };
    let ids = |dataset: &DatasetSummary| presets(dataset).iter().map(|preset| preset.id).collect::<Vec<_>>();
    let few = of(4_999, true, 3);
    assert_eq!(ids(&few)[..3], ["features", "fine-tune", "batch-norm"]);
    assert_eq!(ids(&few).len(), PRESET_IDS.len());
    for other in [of(5_000, true, 3), of(4_999, false, 3), of(4_999, true, 1)] {
        assert_eq!(ids(&other)[0], "batch-norm");
    }
}

#[test]
fn all_families_are_offered_and_no_id_twice() {
    let ids = |channels, side| presets(&summary(channels, side)).iter().map(|preset| preset.id).collect::<Vec<_>>();
    let gray = [
        "one-minute",
        "lenet",
        "batch-norm",
        "mlp",
        "vgg",
        "mobile",
        "lstm-rows",
        "gru-rows",
        "vit",
        "features",
        "fine-tune",
    ];
    assert_eq!(ids(1, 28), gray);
    let color = [
        "batch-norm",
        "lenet",
        "resnet9",
        "vgg",
        "mobile",
        "vit",
        "mlp",
        "lstm-rows",
        "gru-rows",
        "one-minute",
        "features",
        "fine-tune",
    ];
    assert_eq!(ids(3, 32), color);
    let sorted = |mut ids: Vec<&'static str>| {
        ids.sort_unstable();
        ids
    };
    assert_eq!(sorted(PRESET_IDS.to_vec()), sorted(color.to_vec()));
}

#[test]
fn lenet_is_the_tutorials() {
    let presets = presets(&summary(3, 32));
    let config = &presets.iter().find(|preset| preset.id == "lenet").unwrap().config;
    assert_eq!((config.batch_size, config.epochs, config.learning_rate), (4, 5, 0.001));
    assert_eq!(config.optimizer, OptimizerConfig::SGD);
}

#[test]
fn digits_are_never_flipped() {
    let digits = summary(1, 28);
    let clothes = DatasetSummary { classes: vec!["Shirt".to_owned(), "Bag".to_owned()], ..summary(1, 28) };
    let flip = |dataset: &DatasetSummary, wanted: &str| {
        let preset = presets(dataset).into_iter().find(|preset| preset.id == wanted);
        preset.map(|preset| preset.config.augment.flip)
    };
    assert!(presets(&digits).iter().all(|preset| preset.config.augment.flip == 0.0));
    assert_eq!(flip(&clothes, "batch-norm"), Some(0.5));
}

/// The counts of tests/oracle/make_golden.py for the same networks in PyTorch.
#[test]
fn presets_have_as_many_parameters_as_in_pytorch() {
    let gray = [
        ("one-minute", 23_354),
        ("lenet", 44_426),
        ("batch-norm", 237_202),
        ("mlp", 235_146),
        ("vgg", 584_618),
        ("mobile", 36_874),
        ("lstm-rows", 82_186),
        ("gru-rows", 61_962),
        ("vit", 138_890),
        ("features", 2_946_044),
        ("fine-tune", 2_946_044),
    ];
    check_parameters(1, 28, &gray);
    let color = [
        ("batch-norm", 237_634),
        ("lenet", 62_006),
        ("resnet9", 6_573_130),
        ("vgg", 814_570),
        ("mobile", 37_162),
        ("vit", 141_898),
        ("mlp", 820_874),
        ("lstm-rows", 117_002),
        ("gru-rows", 88_074),
        ("one-minute", 27_514),
        ("features", 2_946_624),
        ("fine-tune", 2_946_624),
    ];
    check_parameters(3, 32, &color);
}

fn check_parameters(channels: u32, side: u32, expected: &[(&str, u64)]) {
    let summary = summary(channels, side);
    let found: Vec<(&str, u64)> = presets(&summary)
        .iter()
        .map(|Preset { id, config }| {
            let layers = infer(&config.network, summary.shape, 10).unwrap();
            (*id, layers.iter().map(|layer| layer.parameters).sum())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn few_images_of_ones_own_get_enough_steps() {
    for (n_images, batch_size, epochs) in [(60, 16, 100), (1_000, 32, 15), (20_000, 128, 15), (0, 16, 100)] {
        let counts = SplitCounts { train: n_images, ..SplitCounts::default() };
        let dataset = DatasetSummary { counts, import: Some(Default::default()), ..summary(3, 64) };
        let presets = presets(&dataset);
        assert!(presets.len() > 6, "networks for 3 x 64 x 64: {}", presets.len());
        let config = &presets.iter().find(|preset| preset.id == "batch-norm").unwrap().config;
        assert_eq!((config.batch_size, config.epochs), (batch_size, epochs), "{n_images} images");
    }
}

fn summary(channels: u32, side: u32) -> DatasetSummary {
    DatasetSummary {
        id: "some".to_owned(),
        name: "Some".to_owned(),
        classes: (0..10).map(|class| class.to_string()).collect(),
        shape: ImageShape { channels, height: side, width: side },
        counts: SplitCounts::default(),
        class_counts: Vec::new(),
        samples: Vec::new(),
        has_standard_test: true,
        style: crate::dataset::DrawingStyle::Scene,
        read_as: Default::default(),
        import: None,
    }
}
