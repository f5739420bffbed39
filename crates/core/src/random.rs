//! A small seeded random number generator that gives the same numbers on every machine and in every version of the page.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Implemented here because a split must be
/// reproducible for as long as its seed is stored, which the generators of general-purpose crates do not guarantee. Not for cryptography.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

/// From one state to the next.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The state: as a seed, it continues this generator's sequence.
    pub fn state(&self) -> u64 {
        self.state
    }

    pub fn next_u64(&mut self) -> u64 {
        let next = self.nth(0);
        self.skip(1);
        next
    }

    /// The number that comes after `n` others.
    pub fn nth(&self, n: u64) -> u64 {
        let mut mixed = self.state.wrapping_add(STEP.wrapping_mul(n.wrapping_add(1)));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Leaves out `n` numbers.
    pub fn skip(&mut self, n: u64) {
        self.state = self.state.wrapping_add(STEP.wrapping_mul(n));
    }

    /// A number below `limit`; 0 if `limit` is 0. Its bias is below 2⁻³².
    pub fn below(&mut self, limit: u32) -> u32 {
        let product = u128::from(self.next_u64()) * u128::from(limit);
        (product >> 64) as u32
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Fisher-Yates shuffle: every order is equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u32 + 1);
            items.swap(last, other as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference_code() {
        let mut random = Random::new(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(expected, [0, 1, 2].map(|n| random.nth(n)));
        assert_eq!(expected, std::array::from_fn(|_| random.next_u64()));
        let mut random = Random::new(1_234_567);
        random.skip(2);
        assert_eq!(expected[2], random.next_u64());
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_spreads_them() {
        let mut places = [0_u32; 5];
        for seed in 0..5000 {
            let mut items = [0, 1, 2, 3, 4];
            Random::new(seed).shuffle(&mut items);
            places[items.iter().position(|&item| item == 0).unwrap()] += 1;
            items.sort_unstable();
            assert_eq!(items, [0, 1, 2, 3, 4]);
        }
        // 1000 expected in each position; the standard deviation is 28.
        assert!(places.iter().all(|n| (860..1140).contains(n)), "{places:?}");
    }
}
