//! The dataset on the device: bytes are packed and uploaded once; batches are gathered and unpacked on the device.

use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};

use super::layout::Layout;
use crate::blocks::{has_kernels, unpack};
use crate::module::Features;
use kindling_core::dataset::drawing_style::DrawingStyle;
use kindling_core::dataset::{Dataset, Split};
use kindling_core::protocol::{Failure, FailureKind, ImageShape, SplitCounts, SplitName};

/// Bytes per word. WebGPU has no byte tensors, so pixels are packed into 32-bit words.
const WORD_BYTES: usize = 4;

/// A dataset on the device, from which batches are taken. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DeviceDataset {
    shape: ImageShape,
    n_classes: usize,
    split: Split,
    samples: Vec<u32>,
    drawing_style: DrawingStyle,
    labels: Vec<u16>,
    /// In the format of [`Unpacker::upload`].
    packed: Tensor<3, Int>,
    unpacker: Unpacker,
}

/// Images of a dataset in a given order, on the device. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Selection {
    /// `[images]`: indices into the dataset.
    indices: Tensor<1, Int>,
    /// `[images]`: uploaded with the indices, because gathering them would cost one more dispatch per step.
    labels: Tensor<1, Int>,
}

impl Selection {
    /// `[images]`: indices into the dataset.
    pub fn indices(&self) -> Tensor<1, Int> {
        self.indices.clone()
    }

    pub fn narrow(&self, start: usize, length: usize) -> Self {
        let part = |tensor: &Tensor<1, Int>| tensor.clone().narrow(0, start, length);
        Self { indices: part(&self.indices), labels: part(&self.labels) }
    }
}

/// Images with their labels, on the device.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[batch, channels, height, width]`, scaled to [-1, 1].
    pub images: Tensor<4>,
    /// `[batch]`
    pub labels: Tensor<1, Int>,
    /// `[batch, classes]`: 1 at the label, 0 elsewhere.
    pub targets: Tensor<2>,
    /// The output of the network's frozen layers for these images, if it is kept.
    pub features: Option<Features>,
}

impl DeviceDataset {
    /// Uploads the images. `max_buffer_bytes` is the largest buffer that the device binds: at least 128 MiB on any WebGPU device,
    /// 2 GiB or more on most.
    pub fn new(dataset: &Dataset, split: Split, device: &Device, max_buffer_bytes: u64) -> Result<Self, Failure> {
        let n_images = dataset.len();
        let unpacker = Unpacker::new(dataset.shape, dataset.classes.len(), device);
        let needed_bytes = (n_images * unpacker.n_words * WORD_BYTES) as u64;
        if needed_bytes > max_buffer_bytes {
            return Err(Failure::new(
                FailureKind::OutOfMemory,
                format!(
                    "the images need {} MiB in one piece, the device offers {} MiB",
                    needed_bytes >> 20,
                    max_buffer_bytes >> 20
                ),
            ));
        }
        Ok(Self {
            shape: dataset.shape,
            n_classes: dataset.classes.len(),
            split,
            samples: Vec::new(),
            drawing_style: DrawingStyle::measure(dataset),
            labels: dataset.labels.clone(),
            packed: unpacker.upload(&dataset.pixels, n_images, device),
            unpacker,
        })
    }

    /// Sets the images whose predictions are reported while training.
    pub fn with_samples(self, samples: Vec<u32>) -> Self {
        Self { samples, ..self }
    }

    /// The same images, split otherwise, without samples.
    pub fn with_split(&self, split: Split) -> Self {
        Self { split, samples: Vec::new(), ..self.clone() }
    }

    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The images of a split, as indices into the dataset.
    pub fn part(&self, name: SplitName) -> &[u32] {
        self.split.part(name)
    }

    /// Number of images in all splits together.
    pub fn n_images(&self) -> usize {
        self.labels.len()
    }

    /// Number of images in each split.
    pub fn counts(&self) -> SplitCounts {
        let count = |name| self.part(name).len() as u32;
        SplitCounts {
            train: count(SplitName::Train),
            validation: count(SplitName::Validation),
            test: count(SplitName::Test),
        }
    }

    /// Number of training images of each class.
    pub fn train_class_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.n_classes];
        for &index in self.part(SplitName::Train) {
            if let Some(count) = counts.get_mut(usize::from(self.label(index))) {
                *count += 1;
            }
        }
        counts
    }

    pub fn samples(&self) -> &[u32] {
        &self.samples
    }

    /// The style that makes a drawing look like the dataset's images.
    pub fn drawing_style(&self) -> &DrawingStyle {
        &self.drawing_style
    }

    /// The class of an image; `index` comes from this dataset's split.
    pub fn label(&self, index: u32) -> u16 {
        self.labels.get(index as usize).copied().unwrap_or_default()
    }

    /// Whether the dataset has an image with this index.
    pub fn has_image(&self, index: u32) -> bool {
        (index as usize) < self.labels.len()
    }

    pub fn device(&self) -> Device {
        self.packed.device()
    }

    /// Uploads the indices and labels of images in this order, for [`DeviceDataset::batch`].
    pub fn select(&self, indices: impl IntoIterator<Item = u32>) -> Selection {
        let (indices, labels): (Vec<i32>, Vec<i32>) =
            indices.into_iter().map(|index| (index as i32, i32::from(self.label(index)))).unzip();
        let n_images = indices.len();
        let upload = |values| Tensor::from_data(TensorData::new(values, [n_images]), &self.device());
        Selection { indices: upload(indices), labels: upload(labels) }
    }

    /// Gathers and unpacks the selected images.
    pub fn batch(&self, selection: Selection) -> Batch {
        let Selection { indices, labels } = selection;
        let packed = self.packed.clone().select(0, indices); // [batch, words, 1 or 4]
        let targets = self.unpacker.targets(labels.clone());
        Batch { images: self.unpacker.unpack(packed), targets, labels, features: None }
    }
}

/// Turns packed bytes into images, and labels into targets.
#[derive(Clone, Debug)]
pub(crate) struct Unpacker {
    layout: Layout,
    shape: ImageShape,
    n_words: usize,
    /// `[1, 1, 4]`: how many bits each byte of a word is shifted right.
    shifts: Tensor<3, Int>,
    /// `[1, classes]`: 0, 1, 2 …
    classes: Tensor<2, Int>,
}

impl Unpacker {
    pub(crate) fn new(shape: ImageShape, n_classes: usize, device: &Device) -> Self {
        let classes: Vec<i32> = (0..n_classes as i32).collect();
        Self {
            layout: Layout::of(device),
            shape,
            n_words: shape.n_values().div_ceil(WORD_BYTES),
            shifts: Tensor::from_data(TensorData::new(vec![0_i32, 8, 16, 24], [1, 1, 4]), (device, DType::I32)),
            classes: Tensor::from_data(TensorData::new(classes, [1, n_classes]), device),
        }
    }

    /// Packs `n_images` images and uploads them: `[images, words, 1]`, four values of an image per word, the first in the lowest
    /// byte. On a GPU, the result is expanded to `[images, words, 4]`, a view, so that burn gathers and unpacks in one kernel.
    pub(crate) fn upload(&self, pixels: &[u8], n_images: usize, device: &Device) -> Tensor<3, Int> {
        let n_values = self.shape.n_values().max(1);
        let mut words = Vec::with_capacity(n_images * self.n_words);
        for image in pixels.chunks_exact(n_values).take(n_images) {
            words.extend(image.chunks(WORD_BYTES).map(|bytes| {
                let mut word = [0; WORD_BYTES];
                word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                i32::from_le_bytes(word)
            }));
        }
        let words = Tensor::from_data(TensorData::new(words, [n_images, self.n_words, 1]), (device, DType::I32));
        match self.layout {
            Layout::ChannelsFirst => words,
            Layout::ChannelsLast => words.expand([n_images, self.n_words, WORD_BYTES]),
        }
    }

    /// Uploaded words to `[batch, channels, height, width]`, scaled to [-1, 1].
    pub(crate) fn unpack(&self, packed: Tensor<3, Int>) -> Tensor<4> {
        let ImageShape { channels, height, width } = self.shape;
        let [n_images, n_words, _] = packed.dims();
        let n_values = self.shape.n_values();
        let size = [n_images, channels as usize, height as usize, width as usize];
        if has_kernels(&packed) {
            return unpack(packed, n_values).reshape(size);
        }
        // Scaled before the reshape, so that burn fuses all of it.
        let mut values = (packed
            .bitwise_right_shift(self.shifts.clone()) // [batch, words, 4]
            .bitwise_and_scalar(0xff)
            .float()
            * (2.0 / 255.0)
            - 1.0)
            .reshape([n_images, n_words * WORD_BYTES]);
        if n_words * WORD_BYTES > n_values {
            values = values.slice([0..n_images, 0..n_values]);
        }
        values.reshape(size)
    }

    /// `[batch]` to `[batch, classes]`.
    fn targets(&self, labels: Tensor<1, Int>) -> Tensor<2> {
        ones_where(labels.unsqueeze_dim::<2>(1).equal(self.classes.clone()))
    }
}

/// 1 where true, 0 elsewhere. burn fuses this with the operations that compute the mask, unlike a cast of the bool.
pub fn ones_where<const D: usize>(mask: Tensor<D, Bool>) -> Tensor<D> {
    Tensor::zeros(mask.dims(), &mask.device()).mask_fill(mask, 1.0)
}
