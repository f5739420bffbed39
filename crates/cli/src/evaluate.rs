//! `kindling evaluate`.

use std::process::ExitCode;

use kindling_core::metrics::ConfusionMatrix;
use kindling_core::protocol::question::{Evaluate, Views};
use kindling_core::protocol::{Answer, Command, DatasetSummary, Evaluation, Event, RequestId, RunId, RunUpdate};
use serde_json::json;

use crate::arguments::{EvaluateArguments, Part};
use crate::data::Data;
use crate::engine::{Engine, Signal};
use crate::reading::as_in_run;
use crate::reporter::{complain_of_import, print};
use crate::text::counted;
use crate::trouble::Trouble;
use crate::{device, run_folder};

const REQUEST: RequestId = RequestId(1);

pub fn evaluate(arguments: &EvaluateArguments) -> Result<ExitCode, Trouble> {
    let (run, weights) = run_folder::open(&arguments.run)?;
    let images = &arguments.data.images;
    let reading = match &run.record.input {
        Some(input) => as_in_run(&arguments.run.display().to_string(), images, input)?,
        None => images.into(),
    };
    let data = Data::find(&arguments.data.data, reading)?;
    let mut engine = Engine::start(device::open(&arguments.machine)?, &data)?;
    let mut dataset = engine.load(&data, complain_of_import)?;
    engine.act(Command::Open { run: RunId(1), config: Box::new(run.record.config), weights });
    loop {
        match engine.next() {
            Signal::Interrupted => return Err(Trouble::Interrupted),
            Signal::Event(Event::Run { update: RunUpdate::Opened, .. }) => {
                let question = Evaluate { split: arguments.split.into(), views: Views::One }.into();
                engine.act(Command::Ask { request: REQUEST, question });
            }
            // The dataset is split again, as it was for the run.
            Signal::Event(Event::Dataset(kindling_core::protocol::DatasetUpdate::Set(summary))) => dataset = summary,
            Signal::Event(Event::Answer { result, .. }) => {
                if let Answer::Evaluation(evaluation) = result? {
                    report(&evaluation, &dataset, arguments)?;
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Signal::Event(Event::Run { update: RunUpdate::Failed(failure), .. } | Event::Crashed(failure)) => {
                return Err(failure.into());
            }
            Signal::Event(_) => {}
        }
    }
}

fn report(evaluation: &Evaluation, dataset: &DatasetSummary, arguments: &EvaluateArguments) -> Result<(), Trouble> {
    let Evaluation { loss, accuracy, predictions, .. } = evaluation;
    let matrix = ConfusionMatrix::new(predictions, dataset.classes.len());
    let part = match arguments.split {
        Part::Test => "test",
        Part::Validation => "validation",
    };
    if arguments.json {
        let confusion: Vec<Vec<u32>> = (0..dataset.classes.len())
            .map(|label| (0..dataset.classes.len()).map(|predicted| matrix.count(label, predicted)).collect())
            .collect();
        let object = json!({
            "split": part, "images": predictions.len(), "loss": loss, "accuracy": accuracy,
            "accuracyInterval": matrix.accuracy_interval().map(|(low, high)| [low, high]), "classes": dataset.classes,
            "confusion": confusion,
        });
        print(object)
    } else {
        let interval = matrix.accuracy_interval().map_or_else(String::new, |(low, high)| {
            format!(" (95% confidence interval {:.2} to {:.2}%)", 100.0 * low, 100.0 * high)
        });
        print(format_args!(
            "{}, {part} set, {}: loss {loss:.4}, accuracy {:.2}%{interval}",
            dataset.name,
            counted(predictions.len(), "image"),
            100.0 * accuracy
        ))
    }
}
