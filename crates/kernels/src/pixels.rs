//! Images as a dataset keeps them: a byte for each value, and four bytes to a word.

use crate::blocks::{Unset, written};
use crate::threads::Threads;

/// Bytes of a word.
const BYTES: usize = 4;

/// Scales bytes to [-1, 1]: `[images, words]`, the first byte of a word being the lowest, to `[images, values]`. The last bytes of an image may be
/// left over.
pub fn unpack(words: &[i32], n_images: usize, n_values: usize) -> Vec<f32> {
    let n_words = n_values.div_ceil(BYTES);
    assert_eq!(words.len(), n_images * n_words, "images have {n_values} bytes each");
    // SAFETY: images are the result, and their whole words and the rest are all of an image.
    unsafe {
        written(n_images * n_values, |values| {
            let items = words.chunks_exact(n_words.max(1)).zip(values.chunks_exact_mut(n_values.max(1))).collect();
            Threads::for_values(n_images * n_values).for_each(items, |(words, values): (&[i32], &mut [Unset])| {
                let (whole, rest) = values.as_chunks_mut::<BYTES>();
                for (values, word) in whole.iter_mut().zip(words) {
                    *values = scaled(*word).map(Unset::new);
                }
                if let Some(word) = words.get(whole.len()) {
                    rest.iter_mut().zip(scaled(*word)).for_each(|(value, scaled)| *value = Unset::new(scaled));
                }
            });
        })
    }
}

fn scaled(word: i32) -> [f32; BYTES] {
    word.to_le_bytes().map(|byte| f32::from(byte) * (2.0 / 255.0) - 1.0)
}
