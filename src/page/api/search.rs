//! Completes the options that a program passes to `kindling.search`: its keys override the page's defaults. Pure.

use serde_json::{Value, json};

use super::values::{bad, kind, part, read};
use kindling_core::config::{LossConfig, OptimizerConfig, RunConfig, ScheduleConfig};
use kindling_core::protocol::Failure;
use kindling_core::search::space::is_whole_number;
use kindling_core::search::{Budget, Field, Halving, Method, SearchPlan, Values};

/// The plan of a search. `base` is the complete config of `options.config`; `network` finds a preset's network by id.
pub fn complete_search(
    options: &Value,
    base: RunConfig,
    network: impl Fn(&str) -> Option<Value>,
) -> Result<SearchPlan, Failure> {
    let Value::Object(options) = options else { return Err(bad("the options are not an object")) };
    let mut plan = SearchPlan::new(base);
    let mut halving = Halving::default();
    let mut n_points = 3;
    let mut method = "asha".to_owned();
    for (key, value) in options {
        match key.as_str() {
            // Handled by the caller.
            "config" => {}
            "space" => plan.fields = space(value, &plan.base, &network)?,
            "method" => method = read(key, value)?,
            "trials" => plan.n_trials = read(key, value)?,
            "points" => n_points = read(key, value)?,
            "epochs" => plan.epochs = read(key, value)?,
            "factor" => halving.factor = read(key, value)?,
            "firstEpochs" => halving.first_epochs = read(key, value)?,
            "metric" => plan.metric = read(key, value)?,
            "budget" => plan.budget = part(key, value, &Budget::default())?,
            "seed" => plan.seed = read(key, value)?,
            unknown => return Err(bad(format!("unknown key \"{unknown}\""))),
        }
    }
    plan.method = match method.as_str() {
        "asha" => Method::Halving(halving),
        "random" => Method::Random,
        "grid" => Method::Grid { n_points },
        _ => return Err(bad("method: neither \"asha\", \"random\" nor \"grid\"")),
    };
    Ok(plan)
}

/// `{ learningRate: { least: 1e-4, most: 1e-1, scale: "log" }, batchSize: [32, 64], optimizer: ["adam", "sgd"] }`
fn space(value: &Value, base: &RunConfig, network: impl Fn(&str) -> Option<Value>) -> Result<Vec<Field>, Failure> {
    let Value::Object(fields) = value else { return Err(bad("space: not an object")) };
    let field = |(path, values): (&String, &Value)| {
        let values = match values {
            Value::Array(choices) => {
                let choice = |choice: &Value| whole_choice(path, choice, base, &network);
                Values::Choices(choices.iter().map(choice).collect::<Result<_, _>>()?)
            }
            range => self::range(path, range, base)?,
        };
        Ok(Field { path: path.clone(), values })
    };
    fields.iter().map(field).collect()
}

/// Completes a choice: an optimizer, schedule or loss may be given by its name alone, and a network by the id of its preset.
fn whole_choice(
    path: &str,
    choice: &Value,
    base: &RunConfig,
    network: impl Fn(&str) -> Option<Value>,
) -> Result<Value, Failure> {
    match (path, choice) {
        ("optimizer", choice) => Ok(json!(kind(path, choice, &base.optimizer, &OptimizerConfig::ALL)?)),
        ("schedule", choice) => Ok(json!(kind(path, choice, &base.schedule, &ScheduleConfig::ALL)?)),
        ("loss", choice) => Ok(json!(kind(path, choice, &base.loss, &LossConfig::ALL)?)),
        ("network", Value::String(id)) => {
            network(id).ok_or_else(|| bad(format!("network: no preset \"{id}\" for this dataset")))
        }
        (_, choice) => Ok(choice.clone()),
    }
}

/// Parses a range. It is of integers if the config's own value is an integer, unless `whole` says otherwise.
fn range(path: &str, value: &Value, base: &RunConfig) -> Result<Values, Failure> {
    let Value::Object(keys) = value else {
        return Err(bad(format!("{path}: neither a list of choices nor a range")));
    };
    let (mut least, mut most, mut is_log) = (None, None, false);
    let mut is_whole = is_whole_number(base, path);
    for (key, value) in keys {
        match key.as_str() {
            "least" => least = Some(read(path, value)?),
            "most" => most = Some(read(path, value)?),
            "whole" => is_whole = read(path, value)?,
            "scale" => match value.as_str() {
                Some("log") => is_log = true,
                Some("linear") => is_log = false,
                _ => return Err(bad(format!("{path}: the scale is neither \"linear\" nor \"log\""))),
            },
            unknown => return Err(bad(format!("{path}: unknown key \"{unknown}\""))),
        }
    }
    match (least, most) {
        (Some(least), Some(most)) => Ok(Values::Range { least, most, is_log, is_whole }),
        _ => Err(bad(format!("{path}: a range has a `least` and a `most`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::{Metric, NetworkConfig};
    use kindling_core::search::Search;

    fn base() -> RunConfig {
        RunConfig::new("mnist", NetworkConfig::new("Empty", vec![]))
    }

    fn complete(options: Value) -> Result<SearchPlan, Failure> {
        let network = |id: &str| (id == "mlp").then(|| json!({ "name": "MLP", "layers": ["flatten"] }));
        complete_search(&options, base(), network)
    }

    fn check_refused(options: Value, detail: &str) {
        let failure = complete(options.clone()).expect_err(detail);
        assert!(failure.detail.contains(detail), "{options}: {}", failure.detail);
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let plan =
            complete(json!({ "space": { "learningRate": { "least": 1e-4, "most": 0.1, "scale": "log" } } })).unwrap();
        assert_eq!(plan.method, Method::Halving(Halving::default()));
        assert_eq!((plan.epochs, plan.metric, plan.budget), (5, Metric::ValidationAccuracy, Budget::default()));
        let values = Values::Range { least: 1e-4, most: 0.1, is_log: true, is_whole: false };
        assert_eq!(plan.fields, [Field { path: "learningRate".into(), values }]);
    }

    #[test]
    fn everything_can_be_said() {
        let plan = complete(json!({
            "space": {
                "batchSize": { "least": 16, "most": 256, "scale": "log" },
                "network": ["mlp", { "name": "Other", "layers": [] }],
                "optimizer": ["adam", { "sgd": { "momentum": 0.5 } }],
            },
            "method": "grid", "points": 4, "trials": 7, "epochs": 2, "metric": "validationLoss",
            "budget": { "minutes": 2.5 }, "seed": 9,
        }))
        .unwrap();
        assert_eq!((plan.method, plan.n_trials, plan.epochs, plan.seed), (Method::Grid { n_points: 4 }, 7, 2, 9));
        assert_eq!(plan.budget, Budget { steps: None, minutes: Some(2.5) });
        assert!(matches!(plan.fields[0].values, Values::Range { is_whole: true, .. }), "batches are whole");
        let Values::Choices(optimizers) = &plan.fields[2].values else { panic!("{plan:?}") };
        assert_eq!(optimizers[0], json!(OptimizerConfig::ADAM));
        assert_eq!(optimizers[1], json!(OptimizerConfig::Sgd { momentum: 0.5, nesterov: false }));
        assert_eq!(Search::new(plan).unwrap().trials().len(), 16);
        let plan = complete(json!({ "method": "asha", "factor": 2, "firstEpochs": 3 })).unwrap();
        assert_eq!(plan.method, Method::Halving(Halving { factor: 2, first_epochs: 3 }));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        check_refused(json!({ "trial": 3 }), "unknown key \"trial\"");
        check_refused(json!({ "method": "bayes" }), "method: ");
        check_refused(json!({ "space": { "learningRate": 0.1 } }), "learningRate: neither a list");
        check_refused(json!({ "space": { "learningRate": { "least": 0.1 } } }), "learningRate: a range has");
        check_refused(json!({ "space": { "learningRate": { "least": 0.1, "most": 1, "scale": "ln" } } }), "scale");
        check_refused(json!({ "space": { "optimizer": ["adan"] } }), "no \"adan\"");
        check_refused(json!({ "space": { "network": ["lenett"] } }), "no preset \"lenett\"");
        check_refused(json!({ "budget": { "hours": 3 } }), "unknown field `hours`");
    }
}
