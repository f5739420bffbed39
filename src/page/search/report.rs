//! A search and its trials as JSON, for programs. Pure.

use serde_json::{Map, Value, json};

use kindling_core::search::{Search, TrialState, importance};

/// What `kindling.search` resolves with.
pub fn search_report(search: &Search) -> Value {
    let trials: Vec<Value> = (0..search.trials().len()).filter_map(|place| trial_report(search, place)).collect();
    let fields = search.plan().fields.iter().map(|field| field.path.clone());
    let importance: Map<String, Value> = fields.zip(importance(search)).map(|(path, it)| (path, json!(it))).collect();
    let (steps, elapsed_ms) = search.spent();
    json!({
        "ending": search.phase(),
        "best": search.best().and_then(|place| trial_report(search, place)),
        "trials": trials,
        "importance": importance,
        "steps": steps,
        "elapsedMs": elapsed_ms,
    })
}

/// The current state of a trial. None if there is no such trial.
pub fn trial_report(search: &Search, place: usize) -> Option<Value> {
    let trial = search.trials().get(place)?;
    let fields = search.plan().fields.iter().zip(&trial.picks);
    let values: Map<String, Value> =
        fields.filter_map(|(field, pick)| Some((field.path.clone(), field.value((*pick)?)?))).collect();
    let epochs: Vec<Value> = trial
        .epochs
        .iter()
        .map(|it| json!({ "step": it.step, "validationLoss": it.loss, "validationAccuracy": it.accuracy }))
        .collect();
    let state = match trial.state {
        TrialState::Failed(kind) => json!({ "failed": kind.name() }),
        state => json!(state),
    };
    Some(json!({
        "trial": place,
        "state": state,
        "values": values,
        "best": trial.best(search.plan().metric),
        "epochs": epochs,
        "steps": trial.steps,
        "elapsedMs": trial.elapsed_ms,
        "config": search.full_config(place),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::{Metric, NetworkConfig, RunConfig};
    use kindling_core::protocol::{EpochReport, FailureKind};
    use kindling_core::search::{Budget, Field, Method, SearchPlan, Values};

    fn plan() -> SearchPlan {
        let network = NetworkConfig::new("Empty", vec![]);
        SearchPlan {
            base: RunConfig::new("mnist", network),
            fields: vec![Field {
                path: "decay".into(),
                values: Values::Choices(vec![json!("l2"), json!("decoupled")]),
            }],
            method: Method::Grid { n_points: 2 },
            n_trials: 2,
            epochs: 1,
            metric: Metric::ValidationLoss,
            budget: Budget::default(),
            seed: 0,
        }
    }

    #[test]
    fn trials_say_what_was_tried_and_what_came_of_it() {
        let mut search = Search::new(plan()).unwrap();
        let first = search.begin_next().unwrap();
        search.epoch(&EpochReport {
            epoch: 0,
            step: 10,
            train_loss: 0.5,
            train_accuracy: 0.75,
            validation_loss: Some(0.25),
            validation_accuracy: Some(0.875),
            is_best: true,
            elapsed_ms: 1500.0,
        });
        search.finished(kindling_core::protocol::Ending::Completed);
        let second = search.begin_next().unwrap();
        search.failed(FailureKind::LossNotFinite);
        assert_eq!(search.begin_next(), None);

        let report = search_report(&search);
        assert_eq!(report["ending"], json!("allTried"));
        assert_eq!(report["best"], report["trials"][first]);
        assert_eq!((&report["best"]["best"], &report["best"]["state"]), (&json!(0.25), &json!("done")));
        let epoch = json!({ "step": 10, "validationLoss": 0.25, "validationAccuracy": 0.875 });
        assert_eq!(report["best"]["epochs"], json!([epoch]));
        assert_eq!(report["best"]["values"]["decay"], report["best"]["config"]["decay"]);
        assert_eq!(report["best"]["config"]["epochs"], json!(5), "a full run");
        assert_eq!(report["trials"][second]["state"], json!({ "failed": "LossNotFinite" }));
        assert_eq!((&report["steps"], &report["importance"]["decay"]), (&json!(10), &Value::Null));
    }
}
