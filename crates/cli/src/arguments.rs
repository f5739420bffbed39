//! The command line's arguments and help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kindling_core::config::fields::MAX_EPOCHS;
use kindling_core::dataset::reading::IMAGE_SIDES;
use kindling_core::dataset::{Framing, ImageReading};
pub use kindling_core::protocol::ExportTarget as Target;
use kindling_core::protocol::SplitName;
use kindling_exchange::compress::{Criterion, Unit};
use kindling_exchange::{Calibration, Format, Int8Format};

use crate::device::DeviceName;

const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    failure: standard error says why, and what to do
  2    invalid arguments: standard error says which
  130  interrupted by Ctrl-C; a run leaves a checkpoint, see `kindling train --resume`
  141  standard output was closed by its reader, such as `head`; a run leaves a checkpoint";

const EXAMPLES: &str = "\
Examples:
  # List the presets: networks with hyperparameters that work for this dataset.
  kindling presets --data static/datasets/mnist

  # Train one of them, then evaluate it on the test split.
  kindling train lenet --data static/datasets/mnist --out lenet
  kindling evaluate lenet --data static/datasets/mnist

  # Classify images.
  kindling predict lenet one.png another.jpg

  # Train on photos that lie in one folder per class.
  kindling train batch-norm --data pets --out pets-run --image-size 64

  # Take it away, for onnxruntime and everything else that reads ONNX.
  kindling export lenet --format onnx --out lenet.onnx

  # In integers of 8 bits, calibrated by images of its dataset.
  kindling export lenet --format tflite-int8 --data static/datasets/mnist --out lenet.tflite

  # And back, or from another tool.
  kindling import lenet.onnx --out lenet-again

  # Half of its channels, trained for three more epochs.
  kindling prune lenet --keep 0.5 --data static/datasets/mnist --out lenet-half";

const TRAIN_EXAMPLES: &str = "\
Examples:
  # Train a config that the page saved (\"Settings as JSON\"), for more epochs.
  kindling train settings.json --data mnist --out run --set epochs=50

  # Ctrl-C leaves a checkpoint, and --resume continues from it.
  kindling train --data mnist --out run --resume

  # Images are read as they were for the run: --image-size need not be repeated.
  kindling train batch-norm --data pets --out pets-run --image-size 96
  kindling evaluate pets-run --data pets

  # Print every event as a line of JSON, for programs.
  kindling train lenet --data mnist --out run --json | jq -c 'select(.kind == \"epoch\")'

The folder then holds:
  weights.safetensors    the weights, with the run and a checksum in its metadata: the page and kindling need only this file
  run.json               the run with its curves, as the page exports and imports it
  curves.csv             the curves, for a spreadsheet
  checkpoint.safetensors until the run ends
  kindling.lock          keeps a second kindling from writing to the folder meanwhile

On the CPU, the same config, seed and number of threads reproduce a run step by step, interrupted or not.";

/// Train convolutional neural networks, evaluate them, and classify images with them: Kindling without its page.
#[derive(Parser, Debug)]
#[command(name = "kindling", version, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"), max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Train a network and write it to a folder
    #[command(after_help = format!("{TRAIN_EXAMPLES}\n\n{EXIT_CODES}"))]
    Train(TrainArguments),
    /// Report a trained network's loss and accuracy on a split of a dataset
    #[command(after_help = EXIT_CODES)]
    Evaluate(EvaluateArguments),
    /// Classify images with a trained network
    #[command(after_help = EXIT_CODES)]
    Predict(PredictArguments),
    /// Write a trained network as a file that other tools run
    #[command(after_help = EXIT_CODES)]
    Export(ExportArguments),
    /// Make a run of a network from a file: an export for PyTorch, or ONNX
    #[command(after_help = EXIT_CODES)]
    Import(ImportArguments),
    /// Remove the least important channels or weights of a trained network, and train what is left
    #[command(after_help = EXIT_CODES)]
    Prune(PruneArguments),
    /// List the presets for a dataset: networks with hyperparameters that work for it
    #[command(after_help = EXIT_CODES)]
    Presets(PresetsArguments),
}

#[derive(Args, Debug)]
pub struct DataArguments {
    /// The dataset: a folder with a dataset.json; images in one folder per class, also as .zip or .tar.gz; IDX, NumPy, CSV or CIFAR files, or a folder of them; repeat it for several files
    #[arg(long = "data", value_name = "PATH", required = true)]
    pub data: Vec<PathBuf>,
    #[command(flatten)]
    pub images: ImageArguments,
}

/// What to make of image files. What is omitted is as in the run, or chosen by the images.
#[derive(Args, Clone, Debug)]
pub struct ImageArguments {
    /// Height and width that image files are scaled to, in pixels; with a run, it is the run's
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(sides()))]
    pub image_size: Option<u32>,
    /// Whether image files become gray or RGB images; with a run, it is the run's
    #[arg(long, value_enum)]
    pub image_channels: Option<Channels>,
    /// Which part of an image file the network sees: its center, or the whole between two bars; with a run, it is the run's
    #[arg(long, value_enum)]
    pub image_framing: Option<FramingName>,
}

impl ImageArguments {
    /// Whether any of them is given.
    pub fn are_given(&self) -> bool {
        ImageReading::from(self) != ImageReading::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Channels {
    Gray,
    Rgb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FramingName {
    CenterCrop,
    Letterbox,
}

impl From<&ImageArguments> for ImageReading {
    fn from(arguments: &ImageArguments) -> Self {
        let channels = |channels| match channels {
            Channels::Gray => 1,
            Channels::Rgb => 3,
        };
        let framing = |framing| match framing {
            FramingName::CenterCrop => Framing::CenterCrop,
            FramingName::Letterbox => Framing::Letterbox,
        };
        Self {
            side: arguments.image_size,
            channels: arguments.image_channels.map(channels),
            framing: arguments.image_framing.map(framing),
        }
    }
}

#[derive(Args, Debug)]
pub struct MachineArguments {
    /// The device: flex (the CPU), wgpu, vulkan, metal, or cuda; cuda:1 is the second GPU
    #[arg(long, default_value = "flex")]
    pub device: DeviceName,
    /// CPU threads; all cores by default. With 1, a run's losses equal those of the page's CPU engine up to rounding
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

#[derive(Args, Debug)]
pub struct TrainArguments {
    /// A preset's id, or the path of a config or a run as the page or kindling saves them (./lenet for a file named like a preset); not needed with --resume
    #[arg(required_unless_present = "resume")]
    pub config: Option<String>,
    #[command(flatten)]
    pub data: DataArguments,
    /// The folder to write the run to
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    #[command(flatten)]
    pub machine: MachineArguments,
    /// A run to learn from, trained on the same dataset: distillation, which --set distillation.temperature=4 and distillation.weight=0.7 adjust
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub teacher: Option<PathBuf>,
    /// Set a field of the config to a JSON value, or to a name without quotes, such as --set optimizer=sgd --set optimizer.momentum=0.8: --set epochs=3 --set 'schedule={"cosine":{"warmUpSteps":100,"leastRate":0}}'
    #[arg(long = "set", value_name = "FIELD=VALUE", conflicts_with = "resume")]
    pub changes: Vec<String>,
    /// Continue from the checkpoint in the folder; without one, start CONFIG. The checkpoint has its own config, so --set is refused, and so is a CONFIG with another network
    #[arg(long)]
    pub resume: bool,
    /// Print every event as a line of JSON, as the page's `kindling.train` passes it to its listener
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct EvaluateArguments {
    /// A folder that `kindling train` wrote, or the .safetensors file of a run
    pub run: PathBuf,
    #[command(flatten)]
    pub data: DataArguments,
    /// The split to evaluate on
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub split: Part,
    #[command(flatten)]
    pub machine: MachineArguments,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct PredictArguments {
    /// A folder that `kindling train` wrote, or the .safetensors file of a run
    pub run: PathBuf,
    /// Images: PNG, JPEG, WebP, GIF or BMP
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// Number of classes to list for each image, most probable first
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,
    /// Print CSV (RFC 4180): image, rank, class, probability. A name that a spreadsheet would take for a formula gets a leading '
    #[arg(long)]
    pub csv: bool,
    #[command(flatten)]
    pub machine: MachineArguments,
}

#[derive(Args, Debug)]
pub struct ExportArguments {
    /// A folder that `kindling train` wrote, or the .safetensors file of a run
    pub run: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    pub format: FormatName,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub overwrite: bool,
    /// For formats in integers: the dataset of the run. Some of its train images calibrate the network, some of its test images evaluate the file
    #[arg(long = "data", value_name = "PATH")]
    pub data: Vec<PathBuf>,
    #[command(flatten)]
    pub images: ImageArguments,
    /// For formats in integers: how the ranges of activations are chosen; mse by default
    #[arg(long, value_enum)]
    pub calibration: Option<CalibrationName>,
    /// For formats in integers: a layer that stays in floats, by its path, such as 3 or 3.layers.1; repeat it for several layers
    #[arg(long = "float", value_name = "LAYER")]
    pub float_layers: Vec<String>,
    /// For formats in integers: number of test images to evaluate the file on; 1000 by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub evaluate: Option<u32>,
    #[command(flatten)]
    pub machine: MachineArguments,
}

impl ExportArguments {
    /// Whether any option is given that only formats in integers have a use for.
    pub fn are_for_integers(&self) -> bool {
        !self.data.is_empty()
            || self.images.are_given()
            || self.calibration.is_some()
            || !self.float_layers.is_empty()
            || self.evaluate.is_some()
    }
}

#[derive(Args, Debug)]
pub struct ImportArguments {
    /// An ONNX file, the zip of `kindling export --format safetensors`, or its config.json and model.safetensors
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The folder to write the run to
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// The dataset whose images the network classifies; not needed for a file that Kindling has written
    #[arg(long = "data", value_name = "PATH")]
    pub data: Vec<PathBuf>,
    #[command(flatten)]
    pub images: ImageArguments,
    /// For networks of other tools, which expect (value / 255 - mean) / std: one number, or one for each channel, such as 0.485,0.456,0.406; 0.5 by default
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', allow_hyphen_values = true)]
    pub mean: Vec<f32>,
    /// See --mean
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub std: Vec<f32>,
    #[command(flatten)]
    pub machine: MachineArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CalibrationName {
    /// From the least to the largest value
    MinMax,
    /// Without the 0.01 percent of smallest and of largest values
    Percentile,
    /// The range with the least mean squared error
    Mse,
}

impl From<CalibrationName> for Calibration {
    fn from(name: CalibrationName) -> Self {
        match name {
            CalibrationName::MinMax => Self::MinMax,
            CalibrationName::Percentile => Self::Percentile,
            CalibrationName::Mse => Self::MeanSquaredError,
        }
    }
}

#[derive(Args, Debug)]
pub struct PruneArguments {
    /// A folder that `kindling train` wrote, or the .safetensors file of a run
    pub run: PathBuf,
    /// What is removed: channels before the training, or single weights during it
    #[arg(long, value_enum, default_value_t = UnitName::Channels)]
    pub of: UnitName,
    /// The share of channels or weights that each layer keeps
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share, conflicts_with = "curve")]
    pub keep: f32,
    /// What makes a channel important; norm by default
    #[arg(long, value_enum)]
    pub criterion: Option<CriterionName>,
    #[command(flatten)]
    pub data: DataArguments,
    /// The folder to write the new run to
    #[arg(long, value_name = "FOLDER", required_unless_present = "curve", conflicts_with = "curve")]
    pub out: Option<PathBuf>,
    /// Epochs of training
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_EPOCHS)), conflicts_with = "curve")]
    pub epochs: u32,
    /// Set a field of the config that the smaller network is trained with, as in `kindling train`
    #[arg(long = "set", value_name = "FIELD=VALUE", conflicts_with = "curve")]
    pub changes: Vec<String>,
    /// Only list size and accuracy for shares from 1 to 0.1, before any training. The accuracy is that on up to 1,000 validation images, spread over all
    #[arg(long)]
    pub curve: bool,
    #[command(flatten)]
    pub machine: MachineArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UnitName {
    /// Whole channels: the network becomes smaller and faster
    Channels,
    /// Single weights, which become zero: the network becomes smaller where zeros are packed
    Weights,
}

impl From<UnitName> for Unit {
    fn from(name: UnitName) -> Self {
        match name {
            UnitName::Channels => Self::Channels,
            UnitName::Weights => Self::Weights,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CriterionName {
    /// The sum of the magnitudes of its filter's weights, times the scale of a batch norm that follows
    Norm,
    /// The scale of the batch norm that follows
    BatchNorm,
}

impl From<CriterionName> for Criterion {
    fn from(name: CriterionName) -> Self {
        match name {
            CriterionName::Norm => Self::Norm,
            CriterionName::BatchNorm => Self::BatchNormScale,
        }
    }
}

fn sides() -> std::ops::RangeInclusive<i64> {
    i64::from(*IMAGE_SIDES.start())..=i64::from(*IMAGE_SIDES.end())
}

fn share(text: &str) -> Result<f32, String> {
    let share = text.parse::<f32>().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "a share is above 0 and at most 1".to_owned())
}

/// A format by the name that the page gives it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// PyTorch, JAX and Kindling: a zip of the weights, the network as PyTorch code, and its description
    Safetensors,
    /// onnxruntime, OpenCV and other converters: images of bytes in, probabilities out
    Onnx,
    /// onnxruntime: weights and activations in integers of 8 bits (needs --data)
    #[value(name = "onnx-int8")]
    OnnxInt8,
    /// p5.js, ml5.js and sketches made for Teachable Machine: a zip of a TensorFlow.js layers model
    Tfjs,
    /// LiteRT on Android, Raspberry Pi and other small machines
    Tflite,
    /// LiteRT, and microcontrollers with TensorFlow Lite Micro since September 2024: weights and activations in integers of 8 bits (needs --data)
    #[value(name = "tflite-int8")]
    TfliteInt8,
    /// Everyone: one HTML file that classifies drawings, images and the camera, without a server
    Page,
    /// Web developers: a zip of a web component, an ES module, and an example page
    Module,
}

impl From<FormatName> for Target {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Safetensors => Self::Float(Format::Safetensors),
            FormatName::Onnx => Self::Float(Format::Onnx),
            FormatName::OnnxInt8 => Self::Int8(Int8Format::Onnx),
            FormatName::Tfjs => Self::Float(Format::Tfjs),
            FormatName::Tflite => Self::Float(Format::Tflite),
            FormatName::TfliteInt8 => Self::Int8(Int8Format::Tflite),
            FormatName::Page => Self::Float(Format::Page),
            FormatName::Module => Self::Float(Format::Module),
        }
    }
}

#[derive(Args, Debug)]
pub struct PresetsArguments {
    #[command(flatten)]
    pub data: DataArguments,
    /// Print a JSON array with the full config of each
    #[arg(long)]
    pub json: bool,
}

/// A split that a network can be evaluated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Test,
    Validation,
}

impl From<Part> for SplitName {
    fn from(part: Part) -> Self {
        match part {
            Part::Test => Self::Test,
            Part::Validation => Self::Validation,
        }
    }
}
