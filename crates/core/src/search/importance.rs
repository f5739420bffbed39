//! Hyperparameter importance: how much each field explains of the trials' results.
//!
//! For each field the trials are grouped, by choice or by quartile of the value, and the importance is the fraction of the metric's
//! variance that lies between the groups: the correlation ratio η², corrected for chance (Kelley's ε², 1935). It measures what a field
//! explains by itself and misses interactions between fields; with few trials it says little.

use super::space::{Field, Values};
use super::state::Search;
use super::trial::Trial;

/// With fewer trials, importance says next to nothing.
pub const MIN_TRIALS: usize = 8;

/// Maximum number of groups of a range: quartiles.
const GROUPS: usize = 4;

/// Minimum number of trials in a group of a range.
const MIN_GROUP_SIZE: usize = 2;

/// The trials that count: finished, with a metric.
pub fn counted(search: &Search) -> impl Iterator<Item = &Trial> {
    let metric = search.plan().metric;
    search.trials().iter().filter(move |trial| trial.is_over() && trial.best(metric).is_some())
}

/// The fraction of the metric's variance that each field of the plan explains, 0 to 1; `None` if there are too few trials. Trials of
/// different lengths are compared over the epochs that all of them have.
pub fn importance(search: &Search) -> Vec<Option<f64>> {
    let metric = search.plan().metric;
    let trials: Vec<&Trial> = counted(search).collect();
    let n_epochs = trials.iter().map(|trial| trial.n_epochs()).min().unwrap_or(0);
    let explained = |(place, field): (usize, &Field)| {
        let point = |trial: &&Trial| {
            let pick = trial.picks.get(place).copied().flatten();
            Some((pick, trial.best_of(n_epochs, metric)?))
        };
        explained_fraction(groups(field, trials.iter().filter_map(point).collect()))
    };
    search.plan().fields.iter().enumerate().map(explained).collect()
}

/// The metrics of the trials, grouped by their value of the field. Trials without the field form a group of their own.
fn groups(field: &Field, points: Vec<(Option<f64>, f64)>) -> Vec<Vec<f64>> {
    let (mut with, without): (Vec<_>, Vec<_>) = points.into_iter().partition(|(pick, _)| pick.is_some());
    with.sort_by(|left, right| left.0.unwrap_or(0.0).total_cmp(&right.0.unwrap_or(0.0)));
    let mut groups: Vec<Vec<f64>> = match &field.values {
        Values::Choices(_) => with
            .chunk_by(|left, right| left.0 == right.0)
            .map(|alike| alike.iter().map(|point| point.1).collect())
            .collect(),
        Values::Range { .. } => {
            let n_groups = (with.len() / MIN_GROUP_SIZE).clamp(1, GROUPS);
            let mut groups = vec![Vec::new(); n_groups];
            let n_points = with.len();
            for (place, (_, figure)) in with.into_iter().enumerate() {
                if let Some(group) = groups.get_mut(place * n_groups / n_points) {
                    group.push(figure);
                }
            }
            groups
        }
    };
    groups.push(without.into_iter().map(|point| point.1).collect());
    groups.retain(|group| !group.is_empty());
    groups
}

/// Kelley's ε² of groups: `1 − (1 − η²)(n − 1) / (n − k)`, at least 0; `None` for fewer than two groups, or no more values than groups.
fn explained_fraction(groups: Vec<Vec<f64>>) -> Option<f64> {
    let (n_points, n_groups) = (groups.iter().map(Vec::len).sum::<usize>(), groups.len());
    if n_groups < 2 || n_points <= n_groups {
        return None;
    }
    let mean = |figures: &[f64]| figures.iter().sum::<f64>() / figures.len() as f64;
    let all: Vec<f64> = groups.iter().flatten().copied().collect();
    let about = |figures: &[f64], middle: f64| figures.iter().map(|figure| (figure - middle).powi(2)).sum::<f64>();
    let total = about(&all, mean(&all));
    if total <= 0.0 {
        return Some(0.0);
    }
    let within: f64 = groups.iter().map(|group| about(group, mean(group))).sum();
    let unexplained = (within / total) * (n_points - 1) as f64 / (n_points - n_groups) as f64;
    Some((1.0 - unexplained).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
