//! Many images at once: a folder or an archive is classified, looked through, corrected, and saved as a table or sorted into folders.

pub mod programs;
mod row;
mod save;
mod source;
mod table;
mod thumbnail;
mod view;
mod work;

pub use view::{BatchInput, BatchResult};
pub use work::Batch;
