//! Which values are tried: all points of a grid, or random draws.

use std::collections::HashSet;

use super::plan::{Method, SearchPlan, TRIALS_LIMIT};
use super::space::{Field, SpaceError, Values, apply, to_json};
use super::trial::Trial;
use crate::random::Random;

/// Consecutive duplicate draws after which the space counts as exhausted.
const DUPLICATE_DRAWS_LIMIT: u32 = 50;

/// The trials of a plan, no two with the same config.
pub(super) fn draw_trials(plan: &SearchPlan) -> Result<Vec<Trial>, SpaceError> {
    let mut random = Random::new(plan.seed.into());
    match plan.method {
        Method::Grid { n_points } => {
            let mut points = grid(&plan.fields, n_points)?;
            // If the budget ends the search first, the tried points are spread over the grid.
            random.shuffle(&mut points);
            distinct(plan, points.into_iter())
        }
        Method::Random | Method::Halving(_) => {
            let draw = || Some(plan.fields.iter().map(|field| field.pick_at(random.unit())).collect());
            distinct(plan, std::iter::from_fn(draw))
        }
    }
}

/// Trials with distinct configs: a momentum makes no difference to an optimizer without one.
fn distinct(plan: &SearchPlan, points: impl Iterator<Item = Vec<f64>>) -> Result<Vec<Trial>, SpaceError> {
    let limit = match plan.method {
        Method::Grid { .. } => TRIALS_LIMIT,
        Method::Random | Method::Halving(_) => plan.n_trials as usize,
    };
    let (mut trials, mut known, mut n_duplicates) = (Vec::new(), HashSet::new(), 0);
    for picks in points {
        let (config, is_there) = apply(&plan.base, &plan.fields, &picks)?;
        if !known.insert(to_json(&config).to_string()) {
            n_duplicates += 1;
            if n_duplicates >= DUPLICATE_DRAWS_LIMIT && !matches!(plan.method, Method::Grid { .. }) {
                break;
            }
            continue;
        }
        n_duplicates = 0;
        trials.push(Trial::new(picks.into_iter().zip(is_there).map(|(pick, is)| is.then_some(pick)).collect()));
        if trials.len() >= limit {
            break;
        }
    }
    Ok(trials)
}

/// Every combination of `n_points` values per range and every choice.
fn grid(fields: &[Field], n_points: u32) -> Result<Vec<Vec<f64>>, SpaceError> {
    let axes: Vec<Vec<f64>> = fields.iter().map(|field| axis(field, n_points)).collect();
    let n_all = axes.iter().fold(1_u64, |all, axis| all.saturating_mul(axis.len() as u64));
    if n_all > TRIALS_LIMIT as u64 {
        return Err(SpaceError::TooManyPoints { n_points: n_all, limit: TRIALS_LIMIT });
    }
    Ok(axes.iter().fold(vec![Vec::new()], |points, axis| {
        let longer = |point: &Vec<f64>| {
            let point = point.clone();
            axis.iter().map(move |pick| point.iter().copied().chain([*pick]).collect())
        };
        points.iter().flat_map(longer).collect()
    }))
}

fn axis(field: &Field, n_points: u32) -> Vec<f64> {
    match &field.values {
        Values::Range { .. } => {
            let last = f64::from(n_points.saturating_sub(1).max(1));
            let mut picks: Vec<f64> = (0..n_points).map(|point| field.pick_at(f64::from(point) / last)).collect();
            picks.dedup();
            picks
        }
        Values::Choices(choices) => (0..choices.len()).map(|place| place as f64).collect(),
    }
}

#[cfg(test)]
mod tests;
