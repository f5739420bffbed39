//! Many small pictures on one canvas.

use leptos::html::Canvas;
use leptos::prelude::*;

use crate::page::reactive::{effect, memo};
use crate::page::widgets::pixel_image::paint;
use kindling_core::protocol::{ImageShape, Pictures};

/// The gray level of the one-pixel gap between pictures.
const GAP: u8 = 72;

/// The minimum displayed width of a picture.
const SIDE_PIXELS: u32 = 44;

#[component]
pub fn Sheet(
    #[prop(into)] pictures: Signal<Option<Pictures>>,
    /// The sheet's accessible name.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let sheet = memo(move |_| pictures.read().as_ref().and_then(sheet));
    effect(move |_| {
        if let (Some(canvas), Some((shape, pixels))) = (canvas.get(), &*sheet.read()) {
            canvas.set_width(shape.width);
            canvas.set_height(shape.height);
            // A sheet that cannot be painted stays empty.
            paint(&canvas, *shape, pixels);
        }
    });
    // Small pictures are scaled up by a whole factor; on a narrow page the sheet shrinks.
    let width = move || {
        let picture = pictures.read().as_ref().map_or(SIDE_PIXELS, |pictures| pictures.width.max(1));
        let sheet = sheet.read().as_ref().map_or(0, |(shape, _)| shape.width);
        format!("min(100%, {}px)", sheet * SIDE_PIXELS.div_ceil(picture))
    };
    view! { <canvas node_ref=canvas class="pixels sheet" role="img" aria-label=name style:width=width></canvas> }
}

/// The pictures in rows of 8, or of 16 if there are more than 32. None if there are none or their sizes do not match the pixels.
fn sheet(pictures: &Pictures) -> Option<(ImageShape, Vec<u8>)> {
    let Pictures { channels, height, width, count, .. } = *pictures;
    let shape = ImageShape { channels, height, width };
    if count == 0 || shape.n_values() == 0 || pictures.pixels.len() != count as usize * shape.n_values() {
        return None;
    }
    let columns = count.min(if count > 32 { 16 } else { 8 });
    let rows = count.div_ceil(columns);
    let whole = ImageShape { channels, height: rows * (height + 1) - 1, width: columns * (width + 1) - 1 };
    let mut pixels = vec![GAP; whole.n_values()];
    for (place, picture) in (0..).zip(pictures.pixels.chunks_exact(shape.n_values())) {
        let (top, left) = (place / columns * (height + 1), place % columns * (width + 1));
        // One line of one channel at a time.
        for (line, values) in (0..).zip(picture.chunks_exact(width as usize)) {
            let (channel, y) = (line / height, line % height);
            let start = ((channel * whole.height + top + y) * whole.width + left) as usize;
            pixels.get_mut(start..start + values.len())?.copy_from_slice(values);
        }
    }
    Some((whole, pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(count: u32, channels: u32) -> Pictures {
        let n_values = (count * channels * 2) as usize;
        let pixels: Vec<u8> = (0..n_values).map(|value| value as u8).collect();
        Pictures { channels, height: 1, width: 2, count, total: count, pixels: pixels.into() }
    }

    #[test]
    fn pictures_stand_in_rows_with_gaps() {
        let (shape, pixels) = sheet(&pictures(9, 1)).unwrap();
        assert_eq!((shape.height, shape.width), (3, 23));
        assert_eq!(&pixels[..6], [0, 1, GAP, 2, 3, GAP]);
        assert_eq!(&pixels[2 * 23..2 * 23 + 4], [16, 17, GAP, GAP]);
    }

    #[test]
    fn colors_are_kept_apart() {
        let (shape, pixels) = sheet(&pictures(2, 3)).unwrap();
        assert_eq!((shape.channels, shape.height, shape.width), (3, 1, 5));
        assert_eq!(pixels, [0, 1, GAP, 6, 7, 2, 3, GAP, 8, 9, 4, 5, GAP, 10, 11]);
    }

    #[test]
    fn many_pictures_have_longer_rows() {
        assert_eq!(sheet(&pictures(64, 1)).unwrap().0.width, 16 * 3 - 1);
    }

    #[test]
    fn what_is_not_as_it_says_is_not_drawn() {
        assert_eq!(sheet(&Pictures { count: 3, ..pictures(2, 1) }), None);
        assert_eq!(sheet(&Pictures::default()), None);
    }
}
