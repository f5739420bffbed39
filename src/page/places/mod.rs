//! The five places, in the order of the work.

pub mod data;
pub mod network;
pub mod train;
pub mod understand;
pub mod use_place;
