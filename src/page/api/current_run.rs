//! The run in view and the advice on it as JSON, for programs. Pure.

use serde_json::{Value, json};

use crate::page::state::RunState;
use crate::page::text::advice::{Names, remedy, sentence};
use kindling_core::advice::Advice;
use kindling_core::runs::run_event::with;

/// Null if there was no run with the current dataset.
pub fn current_run(state: &RunState) -> Value {
    let name = match state {
        RunState::Idle => return Value::Null,
        RunState::Preparing { .. } => "preparing",
        RunState::Training(_) => "training",
        RunState::Paused(_) => "paused",
        RunState::Finished { .. } => "finished",
        RunState::Failed { .. } => "failed",
    };
    state.run().map_or(Value::Null, |run| json!({ "state": name, "step": run.progress.step, "config": *run.config }))
}

/// The values of an advice, with its sentence and its remedy in the page's language.
pub fn advice(advice: &Advice, names: Names) -> Value {
    let whole = with(json!(advice), "sentence", sentence(advice, names));
    with(whole, "remedy", remedy(advice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::state::AppState;
    use kindling_core::config::{NetworkConfig, RunConfig, ScheduleConfig};
    use kindling_core::protocol::{Command, RunId, RunStart};

    #[test]
    fn an_advice_has_its_figures_and_its_words() {
        let network = NetworkConfig::new("Empty", vec![]);
        let names = Names { classes: &["cat".into(), "dog".into()], network: &network };
        let unbalanced = Advice::UnbalancedClasses { largest: 1, largest_count: 400, smallest: 0, smallest_count: 20 };
        let found = advice(&unbalanced, names);
        assert_eq!((&found["kind"], &found["largestCount"]), (&json!("unbalancedClasses"), &json!(400)));
        let sentence = found["sentence"].as_str().unwrap();
        assert!(["dog", "cat", "400", "20"].iter().all(|part| sentence.contains(part)), "{sentence}");
        assert!(found["remedy"].as_str().unwrap().contains("weights"), "{found}");
    }

    #[test]
    fn a_run_has_its_whole_config() {
        let mut state = AppState::default();
        assert_eq!(current_run(&state.run), Value::Null);
        let network = NetworkConfig::new("Empty", vec![]);
        let config = RunConfig { schedule: ScheduleConfig::COSINE, ..RunConfig::new("mnist", network) };
        state.sent(&Command::Train { run: RunId(1), config: Box::new(config), start: RunStart::New, is_kept: true });
        let run = current_run(&state.run);
        assert_eq!((&run["state"], &run["step"]), (&json!("preparing"), &json!(0)));
        assert_eq!(run["config"]["dataset"], json!("mnist"));
        assert_eq!(run["config"]["schedule"], json!({ "cosine": { "warmUpSteps": 0, "leastRate": 0.0 } }));
    }
}
