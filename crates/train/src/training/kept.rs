//! The outputs of a network's frozen layers, computed once for each image and kept on the device: a run whose first layers are frozen then trains on
//! them, and an epoch costs what the layers behind them cost. Where augmentation only flips images, the outputs of the mirrored train images are
//! kept, too. On the way, frozen batch norms get the statistics of the train images.
//!
//! Pre-trained layers come here as follows: `core/network/pretrained.rs` has a published network as ordinary layers. `config.network.pretrained` names
//! it, and its layers are compared one by one, so a changed network keeps what it has in common. `run.rs` asks the host for the file;
//! `session/pretrained.rs` gets it from the cache or the page's server, the command line has it inside; `train/exchange/pretrained_file.rs` reads it.
//! `config.network.frozen` layers, counted from the first, have no gradient and compute as in inference. The batches then carry `features`.
//! Layers that start pre-trained and are not frozen learn at `pretrainedRateShare` of the learning rate (`optimizer.rs`).

use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};

use super::control::{Control, Wish};
use super::host::Host;
use super::step::Trainer;
use crate::device::images::{DeviceDataset, Selection};
use crate::device::tensors::device_failure;
use crate::module::{Features, Network};
use kindling_core::config::RunConfig;
use kindling_core::network::frozen::KEPT_LIMIT_BYTES;
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::{Failure, RunUpdate, SplitName};

/// Images that pass through the frozen layers at a time.
const BATCH_IMAGES: usize = 32;

const REPORT_INTERVAL_MS: f64 = 100.0;

/// The outputs of frozen layers for some images of a dataset.
#[derive(Clone, Debug)]
pub struct KeptFeatures {
    /// `[kept images, values]`: of train images, if they are kept, and of validation images.
    values: Tensor<2>,
    /// `[train images, values]`: of the mirrored images, in the same order.
    mirrored: Option<Tensor<2>>,
    /// `[images of the dataset]`: the row of each image; 0 of one whose output is not kept.
    rows: Tensor<1, Int>,
    /// Whether the output of each image is kept.
    is_kept: Vec<bool>,
    /// The shape of an image's output.
    shape: Vec<usize>,
    has_train: bool,
}

impl KeptFeatures {
    /// The outputs for images that are among the kept ones.
    pub fn of(&self, selection: &Selection) -> Features {
        let rows = self.rows.clone().select(0, selection.indices());
        self.shaped(self.values.clone().select(0, rows))
    }

    /// The outputs for a batch to train on; none unless they are kept for the images as the trainer augments them.
    pub fn for_step(&self, selection: &Selection, trainer: &mut Trainer) -> Option<Features> {
        if !self.has_train {
            return None;
        }
        if trainer.augmentation().is_nothing() {
            return Some(self.of(selection));
        }
        let mirrored = self.mirrored.as_ref()?;
        let rows = self.rows.clone().select(0, selection.indices());
        let [n_images] = rows.dims();
        let flips: Vec<f32> = trainer.flips(n_images)?.into_iter().map(f32::from).collect();
        let flips = Tensor::<2>::from_data(TensorData::new(flips, [n_images, 1]), &rows.device());
        let plain = self.values.clone().select(0, rows.clone());
        let mirrored = mirrored.clone().select(0, rows);
        let [_, n_values] = plain.dims();
        let is_flipped = flips.greater_elem(0.5).expand([n_images, n_values]);
        Some(self.shaped(plain.mask_where(is_flipped, mirrored)))
    }

    /// Rows to outputs: `[batch, values]`.
    fn shaped(&self, values: Tensor<2>) -> Features {
        let [n_images, _] = values.dims();
        match self.shape[..] {
            [channels, height, width] => Features::Maps(values.reshape([n_images, channels, height, width])),
            [length, features] => Features::Sequence(values.reshape([n_images, length, features])),
            _ => Features::Vector(values),
        }
    }

    /// Whether the outputs for all of these images are kept.
    pub fn has(&self, images: &[u32]) -> bool {
        images.iter().all(|&image| self.is_kept.get(image as usize).is_some_and(|is_kept| *is_kept))
    }
}

/// Measures the statistics of the frozen batch norms that have none, if `measures`, and keeps the outputs of the frozen layers for the validation
/// images and, unless the run changes them by more than flips, for the train images. Keeps nothing if no layer is frozen or the outputs are too
/// large, or if the run is stopped meanwhile.
pub async fn keep(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    network: &mut Network,
    measures: bool,
) -> Result<Option<KeptFeatures>, Failure> {
    let norms = network.frozen_norms();
    if network.n_frozen() == 0 {
        return Ok(None);
    }
    // A teacher sees the images themselves, which are not mirrored.
    let has_mirrored = config.augment.only_flips() && config.adversarial.is_none() && config.distillation.is_none();
    let has_train = has_mirrored || (config.augment.is_nothing() && config.adversarial.is_none());
    let mut pass = Pass::new(host, control, data, has_train || (measures && !norms.is_empty()), has_mirrored);
    for norm in norms {
        let Some((mean, variance)) = pass.through(network, norm, measures).await? else { return Ok(None) };
        if !measures {
            continue;
        }
        let device = network.device();
        let tensor = |values: Vec<f32>| {
            let n_values = values.len();
            Tensor::from_data(TensorData::new(values, [n_values]), &device)
        };
        network.set_statistics(norm, tensor(mean), tensor(variance));
    }
    if pass.is_too_large {
        return Ok(None);
    }
    let n_frozen = network.n_frozen();
    if pass.through(network, n_frozen, false).await?.is_none() || pass.is_too_large {
        return Ok(None);
    }
    Ok(pass.kept(has_train))
}

/// Mean and variance of each channel.
type Statistics = (Vec<f32>, Vec<f32>);

/// The images on their way through the frozen layers.
struct Pass<'a, H> {
    host: &'a H,
    control: &'a Control,
    data: &'a DeviceDataset,
    /// The images of each batch: of the train split, of the validation split, and of the train split to be mirrored.
    batches: Vec<Vec<u32>>,
    n_train_batches: usize,
    /// How many batches are not to be mirrored.
    n_plain_batches: usize,
    /// The outputs of the layers before `layer`, for each batch; none before the first layer, or where they are too large.
    outputs: Vec<Features>,
    layer: usize,
    is_too_large: bool,
}

impl<'a, H: Host> Pass<'a, H> {
    fn new(host: &'a H, control: &'a Control, data: &'a DeviceDataset, has_train: bool, has_mirrored: bool) -> Self {
        let part = |name, is_wanted: bool| {
            let images = if is_wanted { data.part(name) } else { &[] };
            images.chunks(BATCH_IMAGES).map(<[u32]>::to_vec).collect::<Vec<_>>()
        };
        let mut batches = part(SplitName::Train, has_train);
        let n_train_batches = batches.len();
        batches.extend(part(SplitName::Validation, true));
        let n_plain_batches = batches.len();
        batches.extend(part(SplitName::Train, has_mirrored));
        Self {
            host,
            control,
            data,
            batches,
            n_train_batches,
            n_plain_batches,
            outputs: Vec::new(),
            layer: 0,
            is_too_large: false,
        }
    }

    /// The images of a batch.
    fn images(&self, number: usize, batch: &[u32]) -> Features {
        let images = self.data.batch(self.data.select(batch.iter().copied())).images;
        Features::Maps(if number < self.n_plain_batches { images } else { images.flip([3]) })
    }

    /// Takes all images through the layers up to `end`. Returns the statistics of the train images there, if they are wanted; none if the run was
    /// stopped.
    async fn through(
        &mut self,
        network: &Network,
        end: usize,
        has_statistics: bool,
    ) -> Result<Option<Statistics>, Failure> {
        let inference = network.valid();
        // Outputs that are too large to be kept are computed from the images again.
        let inputs = std::mem::take(&mut self.outputs);
        let begin = if inputs.is_empty() { 0 } else { self.layer };
        self.layer = end;
        let mut moments = Moments::default();
        let mut n_bytes = 0;
        let total = self.batches.iter().map(Vec::len).sum::<usize>();
        let (mut done, started_ms) = (0, self.host.now_ms());
        let mut reported_ms = f64::NEG_INFINITY;
        for (number, batch) in self.batches.iter().enumerate() {
            let input = match inputs.get(number) {
                Some(features) => features.clone(),
                None => self.images(number, batch),
            };
            let output = inference.forward_through(begin..end, input);
            if has_statistics && number < self.n_train_batches {
                moments.add(output.clone()).await?;
            } else {
                // One value, so that no more work is queued than a batch.
                let first = output.clone().in_rows().slice([0..1, 0..1]);
                first.into_data_async().await.map_err(device_failure)?;
            }
            if number == self.n_plain_batches {
                n_bytes = 0;
            }
            n_bytes += 4 * output.dims().iter().product::<usize>();
            if n_bytes > KEPT_LIMIT_BYTES {
                self.is_too_large = true;
                self.outputs.clear();
                if !has_statistics {
                    return Ok(Some(moments.statistics()));
                }
            }
            if !self.is_too_large {
                self.outputs.push(output);
            }
            done += batch.len();
            let now_ms = self.host.now_ms();
            if begin == 0 && (now_ms - reported_ms >= REPORT_INTERVAL_MS || done == total) {
                reported_ms = now_ms;
                let images_per_second = done as f64 * 1_000.0 / (now_ms - started_ms).max(1.0);
                let (done, total) = (done as u32, total as u32);
                let preparation = Preparation::ComputingFeatures { done, total, images_per_second };
                self.host.emit(RunUpdate::Preparing(preparation));
            }
            self.host.yield_now().await;
            if self.control.wish() == Wish::Stop {
                return Ok(None);
            }
        }
        Ok(Some(moments.statistics()))
    }

    /// The outputs in one tensor.
    fn kept(self, has_train: bool) -> Option<KeptFeatures> {
        let shape = self.outputs.first()?.dims().split_first()?.1.to_vec();
        let mut rows = vec![0_i32; self.data.n_images()];
        let mut is_kept = vec![false; rows.len()];
        for (row, &image) in self.batches.iter().take(self.n_plain_batches).flatten().enumerate() {
            if let (Some(place), Some(is_kept)) = (rows.get_mut(image as usize), is_kept.get_mut(image as usize)) {
                *place = row as i32;
                *is_kept = true;
            }
        }
        let n_images = rows.len();
        let rows = Tensor::from_data(TensorData::new(rows, [n_images]), &self.data.device());
        let mut plain: Vec<Tensor<2>> = self.outputs.into_iter().map(Features::in_rows).collect();
        let mirrored = plain.split_off(self.n_plain_batches.min(plain.len()));
        let mirrored = (!mirrored.is_empty()).then(|| Tensor::cat(mirrored, 0));
        Some(KeptFeatures { values: Tensor::cat(plain, 0), mirrored, rows, is_kept, shape, has_train })
    }
}

/// Mean and sum of squared deviations of each channel over batches, merged batch by batch (Chan, Golub and LeVeque, 1983).
#[derive(Default)]
struct Moments {
    count: f64,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    /// Adds a batch of maps, or of vectors.
    async fn add(&mut self, features: Features) -> Result<(), Failure> {
        let values = match features {
            // [batch * places, channels]
            Features::Maps(maps) => {
                let [n_images, channels, height, width] = maps.dims();
                let places = maps.reshape([n_images, channels, height * width]).swap_dims(1, 2);
                places.reshape([n_images * height * width, channels])
            }
            features => features.in_rows(),
        };
        let [count, _] = values.dims();
        let mean = values.clone().mean_dim(0); // [1, channels]
        let centered = values - mean.clone();
        let squares = (centered.clone() * centered).sum_dim(0); // [1, channels]
        let both = Tensor::cat(vec![mean, squares], 0).into_data_async().await.map_err(device_failure)?;
        let both: Vec<f64> = both.iter::<f32>().map(f64::from).collect();
        let (means, squares) = both.split_at(both.len() / 2);
        self.means.resize(means.len(), 0.0);
        self.squares.resize(means.len(), 0.0);
        let (before, count) = (self.count, count as f64);
        self.count += count;
        let all = self.means.iter_mut().zip(&mut self.squares).zip(means.iter().zip(squares));
        for ((mean, square), (batch_mean, batch_square)) in all {
            let distance = batch_mean - *mean;
            *mean += distance * count / self.count;
            *square += batch_square + distance * distance * before * count / self.count;
        }
        Ok(())
    }

    /// Mean and biased variance.
    fn statistics(&self) -> Statistics {
        let variances = self.squares.iter().map(|square| (square / self.count.max(1.0)) as f32);
        (self.means.iter().map(|mean| *mean as f32).collect(), variances.collect())
    }
}
