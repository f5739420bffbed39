//! What the page and the exporter say to each other: one request, one answer. The exporter is a worker of its own, which the page starts when a
//! network leaves or comes in.

use serde::{Deserialize, Serialize};

use super::{Bulk, ImageShape};
use crate::config::{NetworkConfig, SplitConfig};
use crate::dataset::DrawingStyle;

/// What a trained network can leave as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExportFormat {
    /// An archive: the weights, the network as PyTorch code, and its description.
    Safetensors,
    /// One file for onnxruntime and everything that converts from ONNX.
    Onnx,
    /// An archive: a TensorFlow.js layers model, for p5.js, ml5.js and sketches made for Teachable Machine.
    Tfjs,
    /// One file for LiteRT: Android, Raspberry Pi and other small machines.
    Tflite,
    /// One HTML page that classifies images without any request.
    Page,
    /// An archive: a web component and an ES module with an example page.
    Module,
}

impl ExportFormat {
    pub const ALL: [Self; 6] = [Self::Page, Self::Onnx, Self::Tflite, Self::Tfjs, Self::Safetensors, Self::Module];

    /// Its name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Onnx => "onnx",
            Self::Tfjs => "tfjs",
            Self::Tflite => "tflite",
            Self::Page => "page",
            Self::Module => "module",
        }
    }

    /// The format of a name.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.id() == id)
    }

    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Safetensors | Self::Tfjs | Self::Module => "zip",
            Self::Onnx => "onnx",
            Self::Tflite => "tflite",
            Self::Page => "html",
        }
    }

    /// The MIME type of its files.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Safetensors | Self::Tfjs | Self::Module => "application/zip",
            Self::Onnx | Self::Tflite => "application/octet-stream",
            Self::Page => "text/html",
        }
    }
}

/// What a network in integers of 8 bits can leave as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Int8Format {
    /// ONNX with `QuantizeLinear` and `DequantizeLinear`.
    Onnx,
    /// TFLite whose tensors are integers, but for layers without integer arithmetic.
    Tflite,
}

impl Int8Format {
    pub const ALL: [Self; 2] = [Self::Onnx, Self::Tflite];

    /// Its name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Onnx => "onnx-int8",
            Self::Tflite => "tflite-int8",
        }
    }

    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Tflite => "tflite",
        }
    }
}

/// A format with floats or with integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportTarget {
    Float(ExportFormat),
    Int8(Int8Format),
}

impl ExportTarget {
    /// Each format in integers follows the one in floats.
    pub const ALL: [Self; 8] = [
        Self::Float(ExportFormat::Page),
        Self::Float(ExportFormat::Onnx),
        Self::Int8(Int8Format::Onnx),
        Self::Float(ExportFormat::Tflite),
        Self::Int8(Int8Format::Tflite),
        Self::Float(ExportFormat::Tfjs),
        Self::Float(ExportFormat::Safetensors),
        Self::Float(ExportFormat::Module),
    ];

    /// Its name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Float(format) => format.id(),
            Self::Int8(format) => format.id(),
        }
    }

    /// The format of a name.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.id() == id)
    }

    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Float(format) => format.extension(),
            Self::Int8(format) => format.extension(),
        }
    }

    /// The MIME type of its files.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Float(format) => format.mime(),
            Self::Int8(_) => "application/octet-stream",
        }
    }
}

/// What the exporter does for the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ExchangeRequest {
    Export(Box<ExportRequest>),
    Import(ImportRequest),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ExchangeAnswer {
    Exported(ExportedFile),
    Imported(Box<ImportedFile>),
}

/// A file to make a network of, or the files of an archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportRequest {
    /// Names and contents.
    pub files: Vec<(String, Bulk)>,
    pub scaling: Scaling,
}

/// How a network of another tool expects its pixels: `(value / 255 - mean) / std`, for each channel or for all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    pub mean: Vec<f32>,
    pub std: Vec<f32>,
}

impl Default for Scaling {
    /// Kindling's own: from -1 to 1.
    fn default() -> Self {
        Self { mean: vec![0.5], std: vec![0.5] }
    }
}

/// A network that came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportedFile {
    pub network: NetworkConfig,
    /// The shape of its input.
    pub shape: ImageShape,
    /// Class names, in the order of its outputs.
    pub classes: Vec<String>,
    /// Where the file names no classes, they are numbers.
    pub has_class_names: bool,
    pub style: DrawingStyle,
    pub origin: Option<Origin>,
    /// A safetensors file with PyTorch's names and layouts.
    pub weights: Bulk,
    /// Between the file's probabilities for a few images and the network's.
    pub largest_difference: f32,
}

/// What a network was trained on, so that whoever trains or evaluates it further keeps the splits apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The dataset's id.
    pub dataset: String,
    pub split: SplitConfig,
}

/// A network to write as a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportRequest {
    pub target: ExportTarget,
    pub network: NetworkConfig,
    /// The shape of its input.
    pub shape: ImageShape,
    /// Class names, in the order of its outputs.
    pub classes: Vec<String>,
    /// How figures are laid out in the images that it was trained on.
    pub style: DrawingStyle,
    pub origin: Option<Origin>,
    /// A safetensors file with PyTorch's names and layouts.
    pub weights: Bulk,
    /// Images of its input shape, channel by channel, which the file must classify like the engine.
    pub images: Vec<Bulk>,
    /// What the engine computed for each of them: one probability per class.
    pub probabilities: Vec<Vec<f32>>,
    /// For [`ExportTarget::Int8`]; empty for the others.
    pub quantization: QuantizationImages,
    /// For [`ExportTarget::Int8`]: the paths of layers that stay in floats.
    pub float_layers: Vec<String>,
}

/// Images of the network's input shape, channel by channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QuantizationImages {
    /// Train images, which the ranges of activations are taken from.
    pub calibration: Vec<Bulk>,
    /// Images that neither training nor calibration has seen.
    pub test: Vec<Bulk>,
    /// The class of each test image.
    pub labels: Vec<u16>,
}

/// A file with its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportedFile {
    pub bytes: Bulk,
    pub proof: ExportProof,
}

/// How a file's predictions compare with the engine's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ExportProof {
    /// The largest difference of any probability, in floats.
    Difference(f32),
    Int8 {
        proof: Int8Proof,
        /// Time of the network in integers on one thread, in batches of up to 32 images.
        ms_per_image: f64,
    },
}

/// Counts over test images, on which the network in floats and the file were run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Int8Proof {
    pub n_images: usize,
    /// Images for which both predict the same class.
    pub n_same: usize,
    /// Correct predictions of the network in floats.
    pub n_correct_float: usize,
    /// Correct predictions of the file.
    pub n_correct_int8: usize,
}

impl Int8Proof {
    /// The fraction of images for which both predict the same class.
    pub fn agreement(&self) -> f64 {
        self.fraction(self.n_same)
    }

    pub fn float_accuracy(&self) -> f64 {
        self.fraction(self.n_correct_float)
    }

    pub fn int8_accuracy(&self) -> f64 {
        self.fraction(self.n_correct_int8)
    }

    fn fraction(&self, n: usize) -> f64 {
        n as f64 / self.n_images.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names() {
        for format in ExportFormat::ALL {
            assert_eq!(ExportFormat::of_id(format.id()), Some(format));
            assert_eq!(serde_json::to_value(format).unwrap(), format.id());
        }
        assert_eq!(ExportFormat::of_id("keras"), None);
        for target in ExportTarget::ALL {
            assert_eq!(ExportTarget::of_id(target.id()), Some(target));
        }
        for format in ExportFormat::ALL {
            assert_eq!(ExportTarget::of_id(format.id()), Some(ExportTarget::Float(format)));
        }
    }
}
