//! What was aimed at: ratios of times per step, and how far losses may differ from those of burn's own backend.

use super::step_time::{N_COMPARED, Times, Trainer};
use super::table::{Table, figure};
use super::workload::{BATCH_NORM, LENET, LENET_TUTORIAL, MNIST_NET, ONE_MINUTE, VGG_SMALL, Workload};

/// A ratio of two times that is aimed at.
struct Bar {
    workload: Workload,
    /// This one's time by the other's.
    ratio: [Trainer; 2],
    limit: Limit,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

const BARS: [Bar; 9] = [
    bar(LENET, [Trainer::OneThread, Trainer::Xla], Limit::AtMost(0.7)),
    bar(MNIST_NET, [Trainer::OneThread, Trainer::Xla], Limit::AtMost(0.9)),
    bar(VGG_SMALL, [Trainer::OneThread, Trainer::Xla], Limit::AtMost(1.4)),
    bar(VGG_SMALL, [Trainer::OneThread, Trainer::TwoThreads], Limit::AtLeast(1.6)),
    bar(BATCH_NORM, [Trainer::OneThread, Trainer::TwoThreads], Limit::AtLeast(1.6)),
    bar(ONE_MINUTE, [Trainer::Stock, Trainer::OneThread], Limit::AtLeast(2.0)),
    bar(LENET_TUTORIAL, [Trainer::Stock, Trainer::OneThread], Limit::AtLeast(2.0)),
    bar(BATCH_NORM, [Trainer::Stock, Trainer::OneThread], Limit::AtLeast(1.6)),
    bar(LENET, [Trainer::OneThread, Trainer::Native], Limit::AtMost(2.0)),
];

const fn bar(workload: Workload, ratio: [Trainer; 2], limit: Limit) -> Bar {
    Bar { workload, ratio, limit }
}

/// The largest relative difference of a loss.
const DIFFERENCE_LIMIT: f64 = 1e-4;

/// The table of all bars, met or not.
pub fn table(times: &[Times], differences: &[(Workload, f64)]) -> Table {
    let mut table = Table::new(&["ratio of times", "aim", "measured", "met"]);
    for Bar { workload, ratio, limit } in &BARS {
        let times = times.iter().find(|times| times.workload.name == workload.name);
        let [over, under] = ratio.map(|trainer| times.and_then(|times| times.of(trainer)));
        let value = over.zip(under).map(|(over, under)| over / under);
        let [over, under] = ratio.map(Trainer::name);
        let met = value.map_or("not measured", |value| if limit.is_met_by(value) { "yes" } else { "**no**" });
        table.row([
            format!("{}: {over} / {under}", workload.name),
            limit.text(),
            value.map_or_else(|| "–".to_owned(), figure),
            met.to_owned(),
        ]);
    }
    for (workload, difference) in differences {
        let met = if *difference <= DIFFERENCE_LIMIT { "yes" } else { "**no**" };
        table.row([
            format!("{}: largest relative difference of {N_COMPARED} losses from flex", workload.name),
            format!("≤ {DIFFERENCE_LIMIT:.0e}"),
            format!("{difference:.1e}"),
            met.to_owned(),
        ]);
    }
    table
}

impl Limit {
    fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {limit}"),
            Self::AtLeast(limit) => format!("≥ {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::workload::ALL;
    use super::*;

    #[test]
    fn every_bar_has_times_to_judge_by() {
        for Bar { workload, .. } in &BARS {
            assert!(ALL.iter().any(|timed| timed.name == workload.name), "{}", workload.name);
        }
    }

    #[test]
    fn a_bar_is_met_or_not_or_was_not_measured() {
        let of = [vec![4.0], vec![2.0, 1.0, 3.0], Vec::new(), vec![4.0], vec![0.5]];
        let table = table(&[Times { workload: LENET, of }], &[(LENET, 2e-4)]).to_string();
        let line = |text: &str| table.lines().find(|line| line.contains(text)).unwrap().to_owned();
        assert!(line("batch 64: CPU engine, 1 thread / XLA").ends_with("| ≤ 0.7 | 0.50 | yes |"), "{table}");
        assert!(line("batch 64: CPU engine, 1 thread / `kindling`").ends_with("| ≤ 2 | 4.00 | **no** |"), "{table}");
        assert!(line("MNIST net").ends_with("| – | not measured |"), "{table}");
        assert!(line("60 losses").ends_with("| ≤ 1e-4 | 2.0e-4 | **no** |"), "{table}");
    }
}
