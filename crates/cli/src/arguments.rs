//! The command line's arguments and help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kindling_core::protocol::SplitName;

use crate::device::DeviceName;

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    it failed: the last line says why, and what to do
  2    the arguments are wrong
  130  interrupted by Ctrl-C; a run has kept a checkpoint, see `kindling train --resume`";

const EXAMPLES: &str = "\
Examples:
  # Which networks and settings are known to work for this dataset?
  kindling presets --data static/datasets/mnist

  # Train one of them, and then test it.
  kindling train lenet --data static/datasets/mnist --out lenet
  kindling evaluate lenet --data static/datasets/mnist

  # What does it see in these pictures?
  kindling predict lenet seven.png photo.jpg";

const TRAIN_EXAMPLES: &str = "\
Examples:
  # The settings that the page saved (\"Settings as JSON\"), for longer than a browser would.
  kindling train settings.json --data mnist --out run --set epochs=50

  # Ctrl-C keeps a checkpoint; the run goes on from it as if nothing had been.
  kindling train --data mnist --out run --resume

  # Every event as a line of JSON, for programs.
  kindling train lenet --data mnist --out run --json | jq -c 'select(.kind == \"epoch\")'

The folder then holds:
  weights.safetensors    the weights and the run: this one file is enough for the page and for kindling
  run.json               the run with its curves, as the page exports and imports it
  curves.csv             the curves, for a spreadsheet
  checkpoint.safetensors while the run has not ended

The same config, seed and number of threads repeat a run, step by step, on the same machine.";

/// Trains convolutional neural networks, evaluates them, and uses them: Kindling without its page.
#[derive(Parser, Debug)]
#[command(version, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"), max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Train a network and keep it in a folder
    #[command(after_help = format!("{TRAIN_EXAMPLES}\n\n{EXIT_CODES}"))]
    Train(TrainArguments),
    /// Loss and accuracy of a run's network on a part of a dataset
    #[command(after_help = EXIT_CODES)]
    Evaluate(EvaluateArguments),
    /// Classify pictures with a run's network
    #[command(after_help = EXIT_CODES)]
    Predict(PredictArguments),
    /// List the networks, with their settings, that are known to work for a dataset
    #[command(after_help = EXIT_CODES)]
    Presets(PresetsArguments),
}

#[derive(Args, Debug)]
pub struct DataArguments {
    /// The dataset: a folder that the page serves (with its dataset.json), or IDX or CIFAR-10 files, or a folder of them; give it
    /// several times for several files
    #[arg(long = "data", value_name = "PATH", required = true)]
    pub data: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub struct MachineArguments {
    /// What computes: flex (the CPU), wgpu, vulkan, metal, or cuda; cuda:1 is the second GPU
    #[arg(long, default_value = "flex")]
    pub device: DeviceName,
    /// Threads of the CPU; all of its cores if left out. With 1, losses follow those of the page's CPU engine, up to rounding
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

#[derive(Args, Debug)]
pub struct TrainArguments {
    /// Settings as the page saves them, a run of the page or of kindling, or a preset's id; not needed with --resume
    #[arg(required_unless_present = "resume")]
    pub config: Option<String>,
    #[command(flatten)]
    pub data: DataArguments,
    /// The folder that the run is kept in
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    #[command(flatten)]
    pub machine: MachineArguments,
    /// Another value for a field of the config, as in its JSON: --set epochs=3 --set 'schedule={"cosine":{"warmUpSteps":100,"leastRate":0}}'
    #[arg(long = "set", value_name = "FIELD=VALUE", conflicts_with = "resume")]
    pub changes: Vec<String>,
    /// Go on from the checkpoint in the folder; begin where there is none and CONFIG is given
    #[arg(long)]
    pub resume: bool,
    /// Print every event as a line of JSON, in the form that the page's `kindling.train` gives its listener
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct EvaluateArguments {
    /// A folder that `kindling train` made, or a .safetensors file of a run
    pub run: PathBuf,
    #[command(flatten)]
    pub data: DataArguments,
    /// Which part of the dataset
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
    /// A folder that `kindling train` made, or a .safetensors file of a run
    pub run: PathBuf,
    /// Pictures: PNG, JPEG, WebP or BMP
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// Most probable classes of each picture
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub top: usize,
    /// Print a table for programs (RFC 4180): image, rank, class, probability
    #[arg(long)]
    pub csv: bool,
    #[command(flatten)]
    pub machine: MachineArguments,
}

#[derive(Args, Debug)]
pub struct PresetsArguments {
    #[command(flatten)]
    pub data: DataArguments,
    /// Print a JSON array with the whole config of each
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
