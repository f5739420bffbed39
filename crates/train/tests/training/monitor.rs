//! Monitoring the network while it trains: it changes nothing, reports true values, and reports nothing when nobody watches.

use std::rc::Rc;

use kindling_core::config::{Activation, Layer, OptimizerConfig, Padding, RunConfig};
use kindling_core::dataset::summarize;
use kindling_core::network::presets::presets;
use kindling_core::protocol::{LayersReport, RunUpdate, SplitName, UnitCount, Watch};
use kindling_train::device::DeviceDataset;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::Network;
use kindling_train::training::Control;
use kindling_train::training::monitor::{inspect, snapshot};
use kindling_train::training::optimizer::Rates;
use kindling_train::training::plan::{Purpose, random};
use kindling_train::training::step::{StepSettings, Trainer};

use crate::support::{bands, block_on};
use crate::{Outcome, config, device};

const WATCH: Watch = Watch { image: Some(307) };

#[test]
fn monitoring_changes_no_loss_and_no_weight() {
    let mut config = config();
    // Everything that makes updates differ, and a layer that draws random numbers.
    config.clip_norm = Some(0.5);
    config.batches_per_update = 2;
    config.ema_decay = Some(0.9);
    let unseen = Outcome::of(&config);
    let seen = watched(&config, WATCH);
    assert_eq!(unseen.losses, seen.losses);
    assert_eq!(unseen.result, seen.result);
    let weights = |run: &Outcome| block_on(run.published.get().unwrap().weights()).unwrap();
    assert_eq!(weights(&unseen), weights(&seen));
    assert!(reports(&unseen).is_empty(), "nothing is reported when nobody watches");
    assert!(reports(&seen).len() >= 15, "{}", reports(&seen).len());
    // Only updates are observed, which every other step makes, and the last of each epoch of 15.
    let is_update = |step: u32| (step % 15).is_multiple_of(2);
    assert!(reports(&seen).iter().all(|report| is_update(report.step)));
}

#[test]
fn snapshots_are_a_second_apart_and_end_when_the_visitor_looks_away() {
    let control = Rc::new(Control::default());
    control.set_watch(Some(WATCH));
    let at_yield = control.clone();
    // 250 ms per step.
    let run = Outcome::paced(&config(), &control, 250.0, move |breath| {
        if breath == 20 {
            at_yield.set_watch(None);
        }
    });
    let steps: Vec<u32> = reports(&run).iter().map(|report| report.step).collect();
    // Four steps, or three and the validation at the end of an epoch.
    assert!(steps.len() >= 4 && steps.windows(2).all(|pair| pair[1] - pair[0] >= 3), "{steps:?}");
    assert!(steps.iter().all(|step| *step <= 20), "{steps:?}");
}

#[test]
fn norms_and_ratios_are_those_of_the_weights() {
    let config = sgd();
    let run = watched(&RunConfig { max_steps: Some(1), ..config.clone() }, WATCH);
    let report = reports(&run).remove(0);
    assert_eq!(report.step, 1);
    let data = data();
    let mut from_seed = random(config.seed, Purpose::Weights);
    let start = Network::new(&config.network, data.shape(), data.n_classes(), &mut from_seed, &device()).unwrap();
    let before = block_on(start.weights()).unwrap();
    let after = block_on(run.published.get().unwrap().weights()).unwrap();
    assert_eq!(report.layers.iter().map(|layer| layer.index).collect::<Vec<_>>(), [0, 1, 2, 5, 7, 8]);
    for layer in report.layers.iter().filter(|layer| layer.weights.is_some()) {
        let [old, new] = [&before, &after].map(|weights| values_of(weights, layer.index));
        let step: Vec<f32> = old.iter().zip(&new).map(|(old, new)| new - old).collect();
        // Plain gradient descent moves the weights by the learning rate times the gradient.
        close(layer.gradient_norm, norm(&step) / config.learning_rate as f32);
        close(layer.update_ratio, norm(&step) / norm(&old));
        let histogram = layer.weights.as_ref().unwrap();
        assert_eq!(histogram.counts.iter().map(|&count| usize::from(count)).sum::<usize>(), new.len());
        assert_eq!((histogram.low, histogram.high), bounds(&new));
        let (low, high) = bounds(&step);
        let gradients = layer.gradients.as_ref().unwrap();
        // Downhill, so the signs are opposite.
        close(Some(-gradients.high), low / config.learning_rate as f32);
        close(Some(-gradients.low), high / config.learning_rate as f32);
    }
}

#[test]
fn activations_are_those_of_an_evaluation() {
    let run = watched(&RunConfig { max_steps: Some(1), ..sgd() }, Watch { image: None });
    let report = reports(&run).remove(0);
    // As many images as a batch has: 20 of the 60 validation images.
    let images: Vec<u32> = (300..360).step_by(3).collect();
    let batch = run.data.batch(run.data.select(images));
    let outputs = run.published.get().unwrap().trace(batch.images);
    let kindling_train::module::Features::Vector(logits) = outputs[8].clone() else { panic!() };
    let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
    let found = report.layers.last().unwrap().activations.clone().unwrap();
    assert_eq!((found.low, found.high), bounds(&logits));
    assert_eq!(found.counts.iter().sum::<u16>(), 60);
    assert!(report.maps.is_empty(), "no image is watched");
}

#[test]
fn a_network_at_rest_is_inspected_without_gradients() {
    let run = watched(&RunConfig { max_steps: Some(1), ..sgd() }, WATCH);
    let seen = reports(&run).remove(0);
    let report = block_on(inspect(&run.published.get().unwrap(), &run.data, WATCH)).unwrap();
    assert_eq!((report.step, report.image, &report.filters), (0, WATCH.image, &seen.filters));
    assert_eq!(report.maps, seen.maps);
    assert_eq!(report.layers.len(), seen.layers.len());
    for (layer, seen) in report.layers.iter().zip(&seen.layers) {
        assert_eq!((layer.index, &layer.weights), (seen.index, &seen.weights));
        assert!(layer.activations.is_some(), "{layer:?}");
        assert_eq!((&layer.gradients, layer.gradient_norm, layer.update_ratio), (&None, None, None));
    }
}

#[test]
fn dead_and_saturated_units_are_found() {
    let layers = vec![
        conv(4),
        Layer::Activation(Activation::Relu),
        Layer::Flatten,
        Layer::Linear { units: 5, bias: true },
        Layer::Activation(Activation::Tanh),
        Layer::Classifier { bias: true },
    ];
    let mut config = config();
    config.network.layers = layers;
    let report = snapshot_with(&config, |name, values| match name {
        // Two of the channels are never above 0.
        "0.bias" => values.copy_from_slice(&[-1e3, 1.0, -1e3, 1.0]),
        // Four of the five units are saturated.
        "3.weight" => values.fill(0.0),
        "3.bias" => values.copy_from_slice(&[50.0, -50.0, 0.5, 50.0, 50.0]),
        _ => {}
    });
    let of = |index| report.layers.iter().find(|layer| layer.index == index).unwrap();
    assert_eq!(of(1).dead_units, Some(UnitCount { count: 2, total: 4 }));
    assert_eq!(of(1).saturated, None);
    assert_eq!((of(4).dead_units, of(4).saturated), (None, Some(0.8)));
    assert_eq!(of(0).dead_units, None);
    assert!(of(1).weights.is_none() && of(1).gradient_norm.is_none());
}

#[test]
fn filters_and_maps_are_those_of_the_first_layer_and_the_chosen_image() {
    let report = snapshot_with(&config(), |name, values| {
        if name == "0.weight" {
            values.fill(0.0);
            // The first filter passes on the pixel in the middle, the second the one below it, negated.
            values[4] = 0.5;
            values[9 + 7] = -2.0;
        }
    });
    assert_eq!(report.image, WATCH.image);
    let filters = report.filters.unwrap();
    let pictures = &filters.pictures;
    let (channels, height, width) = (pictures.channels, pictures.height, pictures.width);
    assert_eq!((filters.layer, channels, height, width, pictures.count, pictures.total), (0, 1, 3, 3, 4, 4));
    assert_eq!(&pictures.pixels[..9], [128, 128, 128, 128, 255, 128, 128, 128, 128]);
    assert_eq!(&pictures.pixels[9..18], [128, 128, 128, 128, 128, 128, 128, 1, 128]);

    assert_eq!(report.maps.iter().map(|maps| maps.layer).collect::<Vec<_>>(), [0, 2]);
    let maps = &report.maps[0].pictures;
    assert_eq!((maps.count, maps.height, maps.width), (4, 12, 12));
    let (dataset, _) = bands();
    let image = dataset.image(307).unwrap();
    let (min, max) = (image.iter().min().unwrap(), image.iter().max().unwrap());
    let stretched = |value: u8| f32::from(value - min) / f32::from(max - min) * 255.0;
    for (found, value) in maps.pixels[..144].iter().zip(image) {
        assert!((f32::from(*found) - stretched(*value)).abs() <= 1.0, "{found} {value}");
    }
}

#[test]
fn an_image_that_does_not_exist_has_no_maps() {
    let run = watched(&RunConfig { max_steps: Some(1), ..sgd() }, Watch { image: Some(420) });
    let report = reports(&run).remove(0);
    assert!(report.image.is_none() && report.maps.is_empty());
}

#[test]
fn networks_of_every_family_are_monitored() {
    let (dataset, split) = bands();
    let presets = presets(&summarize("bands", &dataset, &split));
    assert!(presets.len() >= 7, "{}", presets.len());
    // Those with pre-trained weights are made of the same layers.
    for preset in presets.into_iter().filter(|preset| preset.config.network.pretrained.is_none()) {
        let run = watched(&RunConfig { max_steps: Some(1), batch_size: 4, ..preset.config.clone() }, WATCH);
        let report = reports(&run).remove(0);
        let id = preset.id;
        assert!(report.layers.len() >= 2, "{id}");
        for layer in &report.layers {
            let is_learned = layer.weights.is_some();
            assert!(layer.activations.is_some(), "{id} {layer:?}");
            assert_eq!(layer.gradients.is_some(), is_learned, "{id} {layer:?}");
            assert!(!is_learned || layer.gradient_norm.is_some_and(f32::is_finite), "{id} {layer:?}");
        }
        let has_maps = preset.config.network.layers.iter().any(|layer| matches!(layer, Layer::Conv { .. }));
        assert_eq!(!report.maps.is_empty(), has_maps, "{id}");
        // The filters are those on an image, or on its patches or pixels; a recurrent layer has rows as its input.
        assert_eq!(report.filters.is_some(), !id.ends_with("-rows"), "{id}");
        assert!(report.filters.is_none_or(|filters| has_its_pixels(&filters.pictures)), "{id}");
        assert!(report.maps.iter().all(|maps| has_its_pixels(&maps.pictures)), "{id}");
    }
}

fn has_its_pixels(pictures: &kindling_core::protocol::Pictures) -> bool {
    let n_values = pictures.count * pictures.channels * pictures.height * pictures.width;
    pictures.count > 0 && pictures.count <= pictures.total && pictures.pixels.len() == n_values as usize
}

/// A run that is monitored from its start.
fn watched(config: &RunConfig, watch: Watch) -> Outcome {
    let control = Control::default();
    control.set_watch(Some(watch));
    Outcome::with(config, &control, |_| {})
}

fn reports(run: &Outcome) -> Vec<LayersReport> {
    let of_layers = |update: &RunUpdate| match update {
        RunUpdate::Layers(report) => Some(report.clone()),
        _ => None,
    };
    run.updates.iter().filter_map(of_layers).collect()
}

/// A snapshot after a step with learning rate 0, with weights that `set` may change by name.
fn snapshot_with(config: &RunConfig, set: impl Fn(&str, &mut [f32])) -> LayersReport {
    let data = data();
    let network = &config.network;
    let mut from_seed = random(config.seed, Purpose::Weights);
    let drawn = Network::new(network, data.shape(), data.n_classes(), &mut from_seed, &device()).unwrap();
    let mut weights = block_on(drawn.weights()).unwrap();
    for NamedTensor { name, values, .. } in &mut weights {
        set(name, values);
    }
    let network = Network::with_weights(network, data.shape(), data.n_classes(), weights, &device()).unwrap();
    let counts = data.train_class_counts();
    let mut trainer = Trainer::new(network, config, &counts, random(config.seed, Purpose::Dropout)).unwrap();
    trainer.observe(1);
    let batch = data.batch(data.select(0..20));
    let rates = Rates { learning_rate: 0.0, weight_decay: 0.0 };
    trainer.step(batch, StepSettings { rates, is_update: true });
    let observation = trainer.take_observation().unwrap();
    assert!(trainer.take_observation().is_none(), "it is kept once");
    block_on(snapshot(observation, &data, 20, WATCH)).unwrap()
}

fn data() -> DeviceDataset {
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    assert!(data.part(SplitName::Validation).contains(&307));
    data
}

fn sgd() -> RunConfig {
    let optimizer = OptimizerConfig::Sgd { momentum: 0.0, nesterov: false };
    RunConfig { optimizer, weight_decay: 0.0, learning_rate: 0.1, ..config() }
}

fn conv(filters: u32) -> Layer {
    Layer::Conv { filters, kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, groups: 1, bias: true }
}

/// All learned values of a layer.
fn values_of(weights: &[NamedTensor], layer: u32) -> Vec<f32> {
    let prefix = format!("{layer}.");
    let own = weights.iter().filter(|tensor| tensor.name.starts_with(&prefix) && !tensor.name.contains("running_"));
    own.flat_map(|tensor| tensor.values.iter().copied()).collect()
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt() as f32
}

fn bounds(values: &[f32]) -> (f32, f32) {
    let fold = |start, of: fn(f32, f32) -> f32| values.iter().copied().fold(start, of);
    (fold(f32::INFINITY, f32::min), fold(f32::NEG_INFINITY, f32::max))
}

fn close(found: Option<f32>, expected: f32) {
    let found = found.unwrap();
    assert!((found - expected).abs() <= 1e-3 * expected.abs() + 1e-6, "{found} is not {expected}");
}
