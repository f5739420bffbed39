//! Everything that decides the outcome of a run, as plain data.

pub mod adversarial;
pub mod augment;
pub mod check;
pub mod distillation;
pub mod fields;
pub mod network;
pub mod optimization;
pub mod run;
pub mod schedule;
pub mod sparsity;

pub use adversarial::{AdversarialConfig, AttackMethod};
pub use augment::AugmentConfig;
pub use distillation::DistillationConfig;
pub use network::{Activation, InitConfig, Layer, NetworkConfig, Padding, Pretrained, States};
pub use optimization::{ClassWeights, Decay, EarlyStopping, LossConfig, Metric, OptimizerConfig, ScheduleConfig};
pub use run::{RunConfig, RunLength, SplitConfig};
pub use sparsity::SparsityConfig;
