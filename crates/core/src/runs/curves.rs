//! The curves of a run: while they grow, as they are stored, and as CSV.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::series::{Point, SERIES_LIMIT, Series};
use crate::protocol::{EpochReport, Progress};

/// The histories of a run, each bounded (see [`Series`]), by step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    pub train_loss: Series,
    pub train_accuracy: Series,
    pub validation_loss: Series,
    pub validation_accuracy: Series,
}

impl Curves {
    pub fn push_progress(&mut self, progress: &Progress) {
        // Step by step, so that the curves do not depend on how many steps are reported together.
        for (series, values) in
            [(&mut self.train_loss, &progress.losses), (&mut self.train_accuracy, &progress.accuracies)]
        {
            let first_step = f64::from(progress.step) + 1.0 - values.len() as f64;
            for (offset, value) in values.iter().enumerate() {
                series.push(first_step + offset as f64, f64::from(*value));
            }
        }
    }

    pub fn push_epoch(&mut self, report: &EpochReport) {
        let step = f64::from(report.step);
        for (series, value) in [
            (&mut self.validation_loss, report.validation_loss),
            (&mut self.validation_accuracy, report.validation_accuracy),
        ] {
            if let Some(value) = value {
                series.push(step, value.into());
            }
        }
    }
}

/// Stored curves, by step; each has at most [`SERIES_LIMIT`] points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunCurves {
    pub train_loss: Vec<Point>,
    pub train_accuracy: Vec<Point>,
    pub validation_loss: Vec<Point>,
    pub validation_accuracy: Vec<Point>,
}

impl From<&RunCurves> for Curves {
    fn from(curves: &RunCurves) -> Self {
        Self {
            train_loss: Series::of(&curves.train_loss),
            train_accuracy: Series::of(&curves.train_accuracy),
            validation_loss: Series::of(&curves.validation_loss),
            validation_accuracy: Series::of(&curves.validation_accuracy),
        }
    }
}

impl RunCurves {
    pub fn new(curves: &Curves) -> Self {
        Self {
            train_loss: curves.train_loss.points().to_vec(),
            train_accuracy: curves.train_accuracy.points().to_vec(),
            validation_loss: curves.validation_loss.points().to_vec(),
            validation_accuracy: curves.validation_accuracy.points().to_vec(),
        }
    }

    fn series(&self) -> [&[Point]; 4] {
        [&self.train_loss, &self.train_accuracy, &self.validation_loss, &self.validation_accuracy]
    }

    /// Whether the curves are valid: bounded, finite, in order of steps.
    pub fn is_sound(&self) -> bool {
        let is_finite = |point: &Point| point.step.is_finite() && point.value.is_finite();
        self.series().iter().all(|points| {
            points.len() <= SERIES_LIMIT
                && points.iter().all(is_finite)
                && points.is_sorted_by(|before, after| before.step <= after.step)
        })
    }

    /// CSV as in RFC 4180, with a header: one line per step at which any curve has a point.
    pub fn to_csv(&self, run: &str) -> String {
        let series = self.series();
        let mut steps: Vec<f64> = series.iter().flat_map(|points| points.iter().map(|point| point.step)).collect();
        steps.sort_by(f64::total_cmp);
        steps.dedup();
        let mut text = "run,step,train_loss,train_accuracy,validation_loss,validation_accuracy\r\n".to_owned();
        let run = csv_field(run);
        // The next unread point of each curve.
        let mut places = [0; 4];
        for step in steps {
            // Writing to a string cannot fail.
            write!(text, "{run},{step}").ok();
            for (points, place) in series.iter().zip(&mut places) {
                text.push(',');
                if let Some(point) = points.get(*place).filter(|point| point.step == step) {
                    write!(text, "{}", point.value).ok();
                    *place += 1;
                }
            }
            text.push_str("\r\n");
        }
        text
    }
}

/// A CSV field, quoted if necessary; quotes within are doubled.
pub fn csv_field(text: &str) -> String {
    // A spreadsheet would interpret these as formulas.
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    let text = text.as_str();
    if text.contains(['"', ',', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points<const N: usize>(points: [(f64, f64); N]) -> Vec<Point> {
        points.map(|(step, value)| Point { step, value }).to_vec()
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(csv_field(text), expected);
    }

    #[test]
    fn fields_are_quoted_where_they_have_to_be() {
        check("LeNet", "LeNet");
        check("=1+1", "'=1+1");
        check("LeNet, faster", "\"LeNet, faster\"");
        check("the \"good\" one", "\"the \"\"good\"\" one\"");
        check("two\nlines", "\"two\nlines\"");
        check("two\r\nlines", "\"two\r\nlines\"");
        check(" edge", "\" edge\"");
        check("", "");
        check("慢一点", "慢一点");
    }

    #[test]
    fn curves_do_not_depend_on_how_many_steps_are_reported_together() {
        let progress = |step: u32, values: &[f32]| Progress {
            step,
            losses: values.to_vec(),
            accuracies: values.iter().map(|value| value / 4.0).collect(),
            ..Progress::default()
        };
        let [mut once, mut twice] = [Curves::default(), Curves::default()];
        once.push_progress(&progress(3, &[3.0, 2.0, 1.0]));
        twice.push_progress(&progress(1, &[3.0]));
        twice.push_progress(&progress(3, &[2.0, 1.0]));
        assert_eq!(once, twice);
        assert_eq!(once.train_accuracy.points(), points([(1.0, 0.75), (2.0, 0.5), (3.0, 0.25)]));
    }

    #[test]
    fn curves_share_the_lines_of_their_steps() {
        let curves = RunCurves {
            train_loss: points([(1.0, 2.5), (2.0, 1.0 / 3.0), (4.0, 0.1)]),
            validation_loss: points([(2.0, 0.5), (3.0, 0.25)]),
            ..RunCurves::default()
        };
        let expected = "run,step,train_loss,train_accuracy,validation_loss,validation_accuracy\r\n\
            \"a,b\",1,2.5,,,\r\n\
            \"a,b\",2,0.3333333333333333,,0.5,\r\n\
            \"a,b\",3,,,0.25,\r\n\
            \"a,b\",4,0.1,,,\r\n";
        assert_eq!(curves.to_csv("a,b"), expected);
    }

    #[test]
    fn a_run_without_curves_has_a_header_alone() {
        assert_eq!(RunCurves::default().to_csv("x").lines().count(), 1);
    }

    #[test]
    fn points_out_of_order_or_beyond_the_limit_are_not_sound() {
        assert!(RunCurves { train_loss: points([(1.0, 1.0), (2.0, 1.0)]), ..Default::default() }.is_sound());
        assert!(!RunCurves { train_loss: points([(2.0, 1.0), (1.0, 1.0)]), ..Default::default() }.is_sound());
        assert!(!RunCurves { train_loss: points([(1.0, f64::NAN)]), ..Default::default() }.is_sound());
        let many = vec![Point { step: 1.0, value: 1.0 }; SERIES_LIMIT + 1];
        assert!(!RunCurves { validation_accuracy: many, ..Default::default() }.is_sound());
    }
}
