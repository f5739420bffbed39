//! The messages between page and engine: plain data, no burn, no leptos.

pub mod bulk;
pub mod command;
pub mod event;
pub mod export;
pub mod failure;
pub mod monitor;
pub mod question;
pub mod report;

pub use bulk::Bulk;
pub use command::{
    Command, DatasetFile, DatasetSource, ImageInput, InputKind, RunStart, Teacher, TrainedWeights, ValueChange,
};
pub use event::{DatasetUpdate, EngineInfo, EngineKind, Event, Preparation, RunUpdate};
pub use export::{
    ExchangeAnswer, ExchangeRequest, ExportFormat, ExportProof, ExportRequest, ExportTarget, ExportedFile,
    ImportRequest, ImportedFile, Int8Format, Int8Proof, Origin, QuantizationImages, Scaling,
};
pub use failure::{Failure, FailureKind};
pub use monitor::{FeatureMaps, Filters, Histogram, LayerReport, LayersReport, Pictures, UnitCount, Watch};
pub use question::{Answer, AnswerProgress, Ask, FoldProgress, Question, RateProgress, Views};
pub use report::{
    Adjustment, ClassProbability, Classification, DatasetSummary, Embeddings, Ending, EpochReport, Evaluation,
    FileSplits, ImageBatch, ImageShape, LabelCurve, LabelErrors, LabelPoint, Measurement, Prediction, Progress,
    RatePoint, RateTest, RunReport, SplitCounts, SplitName, Treatment,
};

use serde::{Deserialize, Serialize};

/// Identifies a run, so that the page can drop late events of an older run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub u32);

/// Identifies a question, so that its answer can be matched to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u32);
