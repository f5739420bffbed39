//! Which runs and weights are deleted when there are too many.

use crate::page::sort::sort_by;
use kindling_core::runs::record::RunRecord;

/// The ids of the runs to delete when there are more than `limit`: the oldest without a star first, then the oldest with one.
pub fn surplus(records: &[impl AsRef<RunRecord>], limit: usize) -> Vec<String> {
    let n_surplus = records.len().saturating_sub(limit);
    let mut records: Vec<&RunRecord> = records.iter().map(AsRef::as_ref).collect();
    sort_by(&mut records, |left, right| {
        left.is_starred.cmp(&right.is_starred).then_with(|| left.started_at.total_cmp(&right.started_at))
    });
    records.iter().take(n_surplus).map(|record| record.id.clone()).collect()
}

/// Maximum total size of the stored weights.
pub const WEIGHTS_LIMIT_BYTES: u64 = 250_000_000;

/// The ids of the runs whose weights are deleted when all weights exceed `limit_bytes`: the oldest without a star first, then the oldest
/// with one; never the newest run.
pub fn surplus_weights(records: &[impl AsRef<RunRecord>], limit_bytes: u64) -> Vec<String> {
    let mut records: Vec<&RunRecord> = records.iter().map(AsRef::as_ref).collect();
    sort_by(&mut records, |left, right| left.started_at.total_cmp(&right.started_at));
    let mut total_bytes: u64 = records.iter().filter_map(|record| record.weights_bytes).sum();
    records.pop();
    sort_by(&mut records, |left, right| left.is_starred.cmp(&right.is_starred));
    let going = records.iter().filter_map(|record| {
        let bytes = record.weights_bytes.filter(|_| total_bytes > limit_bytes)?;
        total_bytes -= bytes;
        Some(record.id.clone())
    });
    going.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use kindling_core::runs::samples::record;

    #[test]
    fn the_oldest_without_a_star_go_first() {
        let records = [(3.0, false), (1.0, true), (2.0, false), (4.0, false)];
        let records = records
            .map(|(at, is_starred)| Arc::new(RunRecord { started_at: at, is_starred, ..record(&at.to_string()) }));
        assert_eq!(surplus(&records, 4), Vec::<String>::new());
        assert_eq!(surplus(&records, 2), ["2", "3"]);
        assert_eq!(surplus(&records, 0), ["2", "3", "4", "1"]);
    }

    #[test]
    fn weights_go_where_they_take_too_much_room_but_not_the_newest() {
        let records = [(1.0, true), (2.0, false), (3.0, false), (4.0, false)].map(|(at, is_starred)| {
            let record = record(&at.to_string());
            Arc::new(RunRecord { started_at: at, is_starred, weights_bytes: Some(10), ..record })
        });
        assert_eq!(surplus_weights(&records, 40), Vec::<String>::new());
        assert_eq!(surplus_weights(&records, 25), ["2", "3"]);
        assert_eq!(surplus_weights(&records, 0), ["2", "3", "1"]);
    }
}
