//! What page and engine say to each other: plain data, no burn, no leptos.

pub mod adversarial;
pub mod augment;
pub mod bulk;
pub mod command;
pub mod config;
pub mod event;
pub mod failure;
pub mod monitor;
pub mod network;
pub mod optimization;
pub mod report;
pub mod schedule;

pub use adversarial::{AdversarialConfig, AttackMethod};
pub use augment::AugmentConfig;
pub use bulk::Bulk;
pub use command::{Command, DatasetFile, DatasetSource, ImageInput, InputKind, Question, ValueChange, Views};
pub use config::{RunConfig, RunLength, SplitConfig};
pub use event::{Answer, DatasetUpdate, EngineInfo, EngineKind, Event, Preparation, RunUpdate};
pub use failure::{Failure, FailureKind};
pub use monitor::{FeatureMaps, Filters, Histogram, LayerReport, LayersReport, Pictures, UnitCount, Watch};
pub use network::{Activation, InitConfig, Layer, NetworkConfig, Padding, States};
pub use optimization::{ClassWeights, Decay, EarlyStopping, LossConfig, Metric, OptimizerConfig, ScheduleConfig};
pub use report::{
    Adjustment, ClassProbability, Classification, DatasetSummary, Ending, EpochReport, Evaluation, ImageBatch,
    ImageShape, Prediction, Progress, RatePoint, RateTest, RunReport, SplitCounts, SplitName,
};

use serde::{Deserialize, Serialize};

/// Names a run, so that late events of an older run can be told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub u32);

/// Names a question, so that its answer finds the asker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u32);
