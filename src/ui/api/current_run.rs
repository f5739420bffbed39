//! The run in view, as JSON for a program. Pure.

use serde_json::{Value, json};

use crate::ui::state::RunState;

/// Null where there was no run with the current dataset.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Command, InitConfig, NetworkConfig, RunConfig, RunId, ScheduleConfig};
    use crate::ui::state::AppState;

    #[test]
    fn a_run_has_its_whole_config() {
        let mut state = AppState::default();
        assert_eq!(current_run(&state.run), Value::Null);
        let network = NetworkConfig { name: "Empty".into(), layers: vec![], init: InitConfig::Pytorch };
        let config = RunConfig { schedule: ScheduleConfig::COSINE, ..RunConfig::new("mnist", network) };
        state.sent(&Command::Train { run: RunId(1), config: Box::new(config), checkpoint: None });
        let run = current_run(&state.run);
        assert_eq!((&run["state"], &run["step"]), (&json!("preparing"), &json!(0)));
        assert_eq!(run["config"]["dataset"], json!("mnist"));
        assert_eq!(run["config"]["schedule"], json!({ "cosine": { "warmUpSteps": 0, "leastRate": 0.0 } }));
    }
}
