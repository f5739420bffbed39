//! Texts about trials in the visitor's language.

use crate::page::text::config::{path_text_in, value_text};
use crate::page::text::format::{figure, list, percent};
use crate::page::text::i18n::tr;
use kindling_core::config::Metric;
use kindling_core::protocol::FailureKind;
use kindling_core::search::{Field, Search, Trial, TrialState};

pub fn metric_name(metric: Metric) -> String {
    match metric {
        Metric::ValidationAccuracy => tr!(runs.validation_accuracy),
        Metric::ValidationLoss => tr!(runs.validation_loss),
    }
}

pub fn metric_text(metric: Metric, value: Option<f64>) -> String {
    match (metric, value) {
        (_, None) => "–".to_owned(),
        (Metric::ValidationAccuracy, Some(accuracy)) => percent(accuracy),
        (Metric::ValidationLoss, Some(loss)) => figure(loss),
    }
}

pub fn state_text(state: TrialState) -> String {
    match state {
        TrialState::Waiting => tr!(search.waiting),
        TrialState::Running => tr!(search.running),
        TrialState::Done => tr!(search.done),
        TrialState::Cut => tr!(search.cut),
        TrialState::Ended => tr!(search.ended),
        TrialState::Failed(FailureKind::LossNotFinite) => tr!(search.failed_loss),
        TrialState::Failed(FailureKind::OutOfMemory) => tr!(search.failed_memory),
        TrialState::Failed(_) => tr!(search.failed),
    }
}

/// A dash if the trial's config has no such field.
pub fn pick_text(field: &Field, pick: Option<f64>) -> String {
    pick.and_then(|pick| field.value(pick)).map_or_else(|| "–".to_owned(), |value| value_text(&value))
}

/// `3, stopped early: 97.1%; Learning rate 0.002, …`, for the line under the chart.
pub fn trial_text(search: &Search, place: usize) -> Option<String> {
    let trial: &Trial = search.trials().get(place)?;
    let metric = search.plan().metric;
    let values = search.plan().fields.iter().zip(&trial.picks).map(|(field, pick)| {
        let name = path_text_in(&field.path, &search.plan().base.network);
        format!("{name} {}", pick_text(field, *pick))
    });
    Some(tr!(
        search.trial_line,
        number = place + 1,
        state = state_text(trial.state),
        figure = metric_text(metric, trial.best(metric)),
        values = list(values)
    ))
}
