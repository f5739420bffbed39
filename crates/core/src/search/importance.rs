//! How much each field mattered for what the trials came to.
//!
//! For each field the trials are put into groups, by choice or by quarters of the range in order of the value, and the share of the
//! figure's variance that lies between the groups is stated: the correlation ratio η², less what chance alone would give (Kelley's ε²
//! of 1935). It says what a field explains by itself, and nothing of fields that matter only together; with few trials it says little.

use super::space::{Field, Values};
use super::state::Search;
use super::trial::Trial;

/// Trials below which a share says next to nothing.
pub const TRIALS_WANTED: usize = 8;

/// Groups that a range is cut into.
const GROUPS: usize = 4;

/// Trials that a group of a range has at least.
const LEAST_GROUP: usize = 2;

/// The trials that have something to say.
pub fn counted(search: &Search) -> impl Iterator<Item = &Trial> {
    let metric = search.plan().metric;
    search.trials().iter().filter(move |trial| trial.is_over() && trial.best(metric).is_some())
}

/// What a field explains of the figure's variance, 0 to 1, for each field of the plan; none where there are too few trials. Of trials
/// that came further than others, the figures of the epochs that all have are compared.
pub fn importance(search: &Search) -> Vec<Option<f64>> {
    let metric = search.plan().metric;
    let trials: Vec<&Trial> = counted(search).collect();
    let n_epochs = trials.iter().map(|trial| trial.n_epochs()).min().unwrap_or(0);
    let explained = |(place, field): (usize, &Field)| {
        let point = |trial: &&Trial| {
            let pick = trial.picks.get(place).copied().flatten();
            Some((pick, trial.best_of(n_epochs, metric)?))
        };
        explained_share(groups(field, trials.iter().filter_map(point).collect()))
    };
    search.plan().fields.iter().enumerate().map(explained).collect()
}

/// The figures of the trials that are alike in a field. Those that do not have the field at all are alike, too.
fn groups(field: &Field, points: Vec<(Option<f64>, f64)>) -> Vec<Vec<f64>> {
    let (mut with, without): (Vec<_>, Vec<_>) = points.into_iter().partition(|(pick, _)| pick.is_some());
    with.sort_by(|left, right| left.0.unwrap_or(0.0).total_cmp(&right.0.unwrap_or(0.0)));
    let mut groups: Vec<Vec<f64>> = match &field.values {
        Values::Choices(_) => with
            .chunk_by(|left, right| left.0 == right.0)
            .map(|alike| alike.iter().map(|point| point.1).collect())
            .collect(),
        Values::Range { .. } => {
            let n_groups = (with.len() / LEAST_GROUP).clamp(1, GROUPS);
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

/// Kelley's ε² of groups: `1 − (1 − η²)(n − 1) / (n − k)`, at least 0.
fn explained_share(groups: Vec<Vec<f64>>) -> Option<f64> {
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
