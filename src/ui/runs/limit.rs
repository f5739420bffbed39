//! How many runs are kept, and which go first.

use super::record::RunRecord;

/// Runs kept at most, each of a few kilobytes and curves of up to 200.
pub const RUNS_LIMIT: usize = 500;

/// The ids of those that go when there are too many: the oldest without a star, then the oldest with one.
pub fn surplus(records: &[impl AsRef<RunRecord>], limit: usize) -> Vec<String> {
    let n_surplus = records.len().saturating_sub(limit);
    let mut records: Vec<&RunRecord> = records.iter().map(AsRef::as_ref).collect();
    records.sort_by(|left, right| {
        left.is_starred.cmp(&right.is_starred).then_with(|| left.started_at.total_cmp(&right.started_at))
    });
    records.iter().take(n_surplus).map(|record| record.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ui::runs::record::tests::record;

    #[test]
    fn the_oldest_without_a_star_go_first() {
        let records = [(3.0, false), (1.0, true), (2.0, false), (4.0, false)];
        let records = records
            .map(|(at, is_starred)| Arc::new(RunRecord { started_at: at, is_starred, ..record(&at.to_string()) }));
        assert_eq!(surplus(&records, 4), Vec::<String>::new());
        assert_eq!(surplus(&records, 2), ["2", "3"]);
        assert_eq!(surplus(&records, 0), ["2", "3", "4", "1"]);
    }
}
