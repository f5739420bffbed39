//! Which places a kernel meets along one axis.

/// For each output place along an axis, the runs of its kernel's taps that meet input places.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    runs: Vec<Run>,
    /// For each output place, where its runs end.
    ends: Vec<usize>,
}

/// Taps that follow each other, and meet input places that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first input place.
    pub place: usize,
    /// The first tap.
    pub tap: usize,
    pub length: usize,
}

impl Axis {
    /// `meets` is the input place of an output place and a tap. Unless `merge`, every run has one tap.
    pub fn new(n_places: usize, n_taps: usize, merge: bool, meets: impl Fn(usize, usize) -> Option<usize>) -> Self {
        let mut axis = Self { runs: Vec::new(), ends: Vec::new() };
        for output in 0..n_places {
            let start = axis.runs.len();
            for tap in 0..n_taps {
                let Some(place) = meets(output, tap) else { continue };
                match axis.runs[start..].last_mut() {
                    Some(run) if merge && run.tap + run.length == tap && run.place + run.length == place => {
                        run.length += 1
                    }
                    _ => axis.runs.push(Run { place, tap, length: 1 }),
                }
            }
            axis.ends.push(axis.runs.len());
        }
        axis
    }

    /// For each output place at most one tap, which meets the only input place.
    pub fn of_single(n_places: usize, tap_of: impl Fn(usize) -> Option<usize>) -> Self {
        let mut axis = Self { runs: Vec::new(), ends: Vec::new() };
        for output in 0..n_places {
            axis.runs.extend(tap_of(output).map(|tap| Run { place: 0, tap, length: 1 }));
            axis.ends.push(axis.runs.len());
        }
        axis
    }

    /// The runs of an output place.
    #[inline(always)]
    pub fn at(&self, output: usize) -> &[Run] {
        let start = if output == 0 { 0 } else { self.ends[output - 1] };
        &self.runs[start..self.ends[output]]
    }

    /// How many pairs of taps and input places meet.
    pub fn n_meetings(&self) -> usize {
        self.runs.iter().map(|run| run.length).sum()
    }

    pub fn n_places(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_merge_where_taps_and_places_follow_each_other() {
        let padded = Axis::new(3, 3, true, |output, tap| (output + tap).checked_sub(1).filter(|place| *place < 3));
        assert_eq!(padded.at(0), [Run { place: 0, tap: 1, length: 2 }]);
        assert_eq!(padded.at(1), [Run { place: 0, tap: 0, length: 3 }]);
        assert_eq!(padded.at(2), [Run { place: 1, tap: 0, length: 2 }]);
        let single = Axis::of_single(2, |output| (output == 1).then_some(4));
        assert_eq!((single.at(0), single.at(1)), (&[][..], &[Run { place: 0, tap: 4, length: 1 }][..]));
        let dilated = Axis::new(1, 2, true, |_, tap| Some(2 * tap));
        assert_eq!(dilated.at(0).len(), 2);
    }
}
