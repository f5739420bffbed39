//! What the page and the exporter say to each other: one request, one answer. The exporter is a worker of its own, which the page starts when a
//! network leaves.

use serde::{Deserialize, Serialize};

use super::{Bulk, ImageShape};
use crate::config::NetworkConfig;
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

/// A network to write as a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportRequest {
    pub format: ExportFormat,
    pub network: NetworkConfig,
    /// The shape of its input.
    pub shape: ImageShape,
    /// Class names, in the order of its outputs.
    pub classes: Vec<String>,
    /// How figures are laid out in the images that it was trained on.
    pub style: DrawingStyle,
    /// A safetensors file with PyTorch's names and layouts.
    pub weights: Bulk,
    /// Images of its input shape, channel by channel, which the file must classify like the engine.
    pub images: Vec<Bulk>,
    /// What the engine computed for each of them: one probability per class.
    pub probabilities: Vec<Vec<f32>>,
}

/// A file that classifies the images of its request like the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportedFile {
    pub bytes: Bulk,
    /// The largest difference of any probability.
    pub largest_difference: f32,
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
    }
}
