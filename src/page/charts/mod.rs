//! Charts that depend only on their props: line charts and the confusion matrix.

mod axes;
pub mod chart;
pub mod confusion;
mod drawing;
pub mod log_scale;
pub mod matrix_cells;
pub mod scale;
mod table;
