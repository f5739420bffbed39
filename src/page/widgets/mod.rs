//! Components and helpers that depend only on their arguments: no app state, no engine.

pub mod camera;
pub mod camera_choice;
pub mod camera_feed;
pub mod check_field;
pub mod crop_frame;
pub mod draw_pad;
pub mod file_drop;
pub mod hint;
pub mod icon;
pub mod image_grid;
pub mod image_input;
pub mod image_upload;
pub mod latest;
pub mod number_field;
pub mod number_input;
pub mod pager;
pub mod pixel_image;
pub mod probabilities;
pub mod refusals;
pub mod segments;
pub mod select_field;
pub mod show;
pub mod small_number;
pub mod sorted_table;
pub mod strokes;
pub mod typed_number;
