//! The dataset layer on real files: the served datasets are what they say, and damaged files never cause a panic.

#[path = "dataset/served.rs"]
mod served;
