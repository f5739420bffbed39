//! The only place that knows of threads: loops whose items are independent of each other.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many threads there are.
pub fn count() -> usize {
    #[cfg(feature = "threads")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "threads"))]
    1
}

/// Less work than this is done before another thread has woken up.
static SHARED_WORK: AtomicU64 = AtomicU64::new(1 << 22);

/// Shares all work, however small, so that tests of small shapes run on threads.
pub fn share_all_work() {
    SHARED_WORK.store(0, Ordering::Relaxed);
}

/// Shares no work that `compute` does, so that its time is that of one thread.
pub fn on_one_thread<R>(compute: impl FnOnce() -> R) -> R {
    let shared = SHARED_WORK.swap(u64::MAX, Ordering::Relaxed);
    let result = compute();
    SHARED_WORK.store(shared, Ordering::Relaxed);
    result
}

/// The threads that share some work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads(usize);

impl Threads {
    /// For about as many multiplications as the product of the factors, which may be more than a `usize` holds in a browser.
    pub fn for_work<const N: usize>(factors: [usize; N]) -> Self {
        let work = factors.iter().fold(1_u64, |work, &factor| work.saturating_mul(factor as u64));
        if work >= SHARED_WORK.load(Ordering::Relaxed) { Self(count()) } else { Self(1) }
    }

    /// For a pass over so many values, each of which takes as long as many multiplications, because it comes from memory.
    pub fn for_values(values: usize) -> Self {
        Self::for_work([16, values])
    }

    /// Into how many parts each of so many items is cut, at most `n_rows`, so that every thread gets as much as the others, or nearly.
    pub fn parts(self, n_items: usize, n_rows: usize) -> usize {
        if self.0 == 1 {
            return 1;
        }
        let wanted = if n_items.is_multiple_of(self.0) { 2 * self.0 } else { 4 * self.0 };
        wanted.div_ceil(n_items.max(1)).clamp(1, n_rows.max(1))
    }

    /// How a sum over blocks with many rows is shared: into how many groups the blocks are cut, whose sums are added at last, and into how many
    /// parts the rows of each. Few blocks that threads cannot share evenly are left together.
    pub fn groups_and_parts(self, n_blocks: usize, n_rows: usize) -> [usize; 2] {
        let evenly = (1..=self.0).rev().find(|n| self.0.is_multiple_of(*n) && n_blocks.is_multiple_of(*n)).unwrap_or(1);
        let n_groups = if n_blocks >= 4 * self.0 { self.0 } else { evenly };
        [n_groups, self.0.div_ceil(n_groups).clamp(1, n_rows.max(1))]
    }

    /// Calls `work` for every item.
    pub fn for_each<T: Send>(self, items: Vec<T>, work: impl Fn(T) + Send + Sync) {
        #[cfg(feature = "threads")]
        if items.len() > 1 && self.0 > 1 {
            use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
            // One by one, so that a thread that wakes up late takes over whatever is left.
            return items.into_par_iter().with_max_len(1).for_each(work);
        }
        items.into_iter().for_each(work);
    }

    /// The results of `work` for every item, in the order of the items.
    pub fn map<T: Send, R: Send>(self, items: Vec<T>, work: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
        #[cfg(feature = "threads")]
        if items.len() > 1 && self.0 > 1 {
            use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
            return items.into_par_iter().with_max_len(1).map(work).collect();
        }
        items.into_iter().map(work).collect()
    }
}
