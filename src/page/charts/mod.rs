//! Charts that know only their properties: lines over steps, and tables of cells.

mod axes;
pub mod chart;
pub mod confusion;
mod drawing;
pub mod matrix_cells;
pub mod scale;
