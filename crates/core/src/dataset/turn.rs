//! Turns and mirrors a dataset's images: some lie on their side in their files, as EMNIST's do.

use serde::{Deserialize, Serialize};

use super::Dataset;

/// Mirrors left and right first, then turns clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Turn {
    /// Quarter turns clockwise, 0 to 3; more are taken modulo 4.
    pub quarters: u8,
    pub is_mirrored: bool,
}

impl Turn {
    /// Rows become columns.
    pub const TRANSPOSED: Self = Self { quarters: 3, is_mirrored: true };

    /// The turn that does as much as this one and then another.
    pub fn then(self, next: Self) -> Self {
        // Mirrored, a turn clockwise is one the other way.
        let first = if next.is_mirrored { 4 - self.quarters % 4 } else { self.quarters % 4 };
        Self { quarters: (first + next.quarters % 4) % 4, is_mirrored: self.is_mirrored != next.is_mirrored }
    }

    /// Turns every image; an odd number of quarters exchanges height and width.
    pub fn apply(self, dataset: &mut Dataset) {
        let (height, width) = (dataset.shape.height as usize, dataset.shape.width as usize);
        if self.quarters.is_multiple_of(4) && !self.is_mirrored {
            return;
        }
        let (to_height, to_width) = if self.quarters.is_multiple_of(2) { (height, width) } else { (width, height) };
        // From the place of a pixel after the turn to that before it.
        let place = |row: usize, column: usize| {
            let (row, column) = match self.quarters % 4 {
                0 => (row, column),
                1 => (height - 1 - column, row),
                2 => (height - 1 - row, width - 1 - column),
                _ => (column, width - 1 - row),
            };
            row * width + if self.is_mirrored { width - 1 - column } else { column }
        };
        let places: Vec<usize> = (0..to_height)
            .flat_map(|row| (0..to_width).map(move |column| (row, column)))
            .map(|(row, column)| place(row, column))
            .collect();
        let mut before = vec![0; height * width];
        for plane in dataset.pixels.chunks_exact_mut((height * width).max(1)) {
            before.copy_from_slice(plane);
            for (pixel, place) in plane.iter_mut().zip(&places) {
                *pixel = before.get(*place).copied().unwrap_or_default();
            }
        }
        dataset.shape.height = to_height as u32;
        dataset.shape.width = to_width as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ImageShape;

    /// One image of two rows and three columns.
    fn image() -> Dataset {
        Dataset {
            name: "t".into(),
            classes: vec!["0".into()],
            shape: ImageShape { channels: 1, height: 2, width: 3 },
            pixels: (1..=6).collect(),
            labels: vec![0],
            n_standard_test: 0,
            imported: None,
        }
    }

    fn turned(turn: Turn) -> (u32, u32, Vec<u8>) {
        let mut dataset = image();
        turn.apply(&mut dataset);
        (dataset.shape.height, dataset.shape.width, dataset.pixels)
    }

    #[test]
    fn images_turn_clockwise_and_mirror() {
        let turn = |quarters, is_mirrored| turned(Turn { quarters, is_mirrored });
        assert_eq!(turn(0, false), (2, 3, vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(turn(1, false), (3, 2, vec![4, 1, 5, 2, 6, 3]));
        assert_eq!(turn(2, false), (2, 3, vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(turn(3, false), (3, 2, vec![3, 6, 2, 5, 1, 4]));
        assert_eq!(turn(0, true), (2, 3, vec![3, 2, 1, 6, 5, 4]));
        assert_eq!(turned(Turn::TRANSPOSED), (3, 2, vec![1, 4, 2, 5, 3, 6]));
        assert_eq!(turn(7, true), turned(Turn::TRANSPOSED));
    }

    #[test]
    fn two_turns_are_one() {
        let turns: Vec<Turn> =
            (0..4).flat_map(|quarters| [false, true].map(|is_mirrored| Turn { quarters, is_mirrored })).collect();
        for first in &turns {
            for next in &turns {
                let mut dataset = image();
                first.apply(&mut dataset);
                next.apply(&mut dataset);
                let found = (dataset.shape.height, dataset.shape.width, dataset.pixels);
                assert_eq!(turned(first.then(*next)), found, "{first:?} {next:?}");
            }
        }
    }

    #[test]
    fn every_plane_of_every_image_is_turned() {
        let mut dataset = Dataset {
            name: "t".into(),
            classes: vec!["0".into()],
            shape: ImageShape { channels: 3, height: 1, width: 2 },
            pixels: (1..=12).collect(),
            labels: vec![0, 0],
            n_standard_test: 0,
            imported: None,
        };
        Turn { quarters: 0, is_mirrored: true }.apply(&mut dataset);
        assert_eq!(dataset.pixels, [2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11]);
    }
}
