//! A chart's figures as a table: one row per step, one column per line.

use std::sync::Arc;

use leptos::prelude::*;

use super::drawing::{Drawing, HEIGHT};
use crate::page::reactive::memo;
use crate::page::sort::sort_by;
use kindling_core::runs::series::Point;

/// Maximum number of rows; of more steps, evenly spaced ones and the last are shown.
const ROWS_LIMIT: usize = 200;

/// A step, and the figure that each line has there.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    step: f64,
    figures: Vec<Option<f64>>,
}

#[component]
pub(super) fn FigureTable(
    drawing: Memo<Drawing>,
    name: Signal<String>,
    line_names: Signal<Vec<String>>,
    format: fn(f64) -> String,
    step_name: Callback<(f64,), String>,
    x_name: Signal<String>,
) -> impl IntoView {
    let rows = memo(move |_| {
        let n_lines = line_names.read().len();
        let drawing = drawing.read();
        let lines: Vec<_> = drawing.lines.iter().take(n_lines).map(|line| line.figures.clone()).collect();
        rows(&lines, ROWS_LIMIT)
    });
    let heads = move || line_names.get().into_iter().map(|name| view! { <th scope="col">{name}</th> }).collect_view();
    let row = move |row: Row| {
        let figures = row.figures.into_iter().map(|figure| {
            let text = figure.map_or_else(|| "–".to_owned(), format);
            view! { <td>{text}</td> }
        });
        view! { <tr><th scope="row">{step_name.run((row.step,))}</th>{figures.collect_view()}</tr> }
    };
    view! {
        <div
            class="table-scroll chart-table"
            tabindex="0"
            role="group"
            aria-label=name
            style:height=format!("{HEIGHT}px")
        >
            <table aria-label=name>
                <thead><tr><th scope="col">{x_name}</th>{heads}</tr></thead>
                <tbody>{move || rows.get().into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

fn rows(lines: &[Arc<[Point]>], limit: usize) -> Vec<Row> {
    let mut steps: Vec<f64> = lines.iter().flat_map(|points| points.iter().map(|point| point.step)).collect();
    sort_by(&mut steps, f64::total_cmp);
    steps.dedup();
    let every = steps.len().div_ceil(limit.max(1)).max(1);
    let last = steps.len().saturating_sub(1);
    let shown = steps.into_iter().enumerate().filter(|(place, _)| (last - place).is_multiple_of(every));
    let figure = |points: &Arc<[Point]>, step: f64| {
        let place = points.partition_point(|point| point.step < step);
        points.get(place).filter(|point| point.step == step).map(|point| point.value)
    };
    shown.map(|(_, step)| Row { step, figures: lines.iter().map(|points| figure(points, step)).collect() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[(f64, f64)]) -> Arc<[Point]> {
        values.iter().map(|&(step, value)| Point { step, value }).collect()
    }

    #[test]
    fn a_row_has_the_figures_of_its_step() {
        let lines = [points(&[(10.0, 0.5), (20.0, 0.25)]), points(&[(20.0, 0.75)])];
        let expected = [
            Row { step: 10.0, figures: vec![Some(0.5), None] },
            Row { step: 20.0, figures: vec![Some(0.25), Some(0.75)] },
        ];
        assert_eq!(rows(&lines, 9), expected);
        assert_eq!(rows(&[], 9), []);
    }

    #[test]
    fn many_steps_are_thinned_and_the_last_stays() {
        let values: Vec<_> = (1..=1_000).map(|step| (f64::from(step), 1.0)).collect();
        let rows = rows(&[points(&values)], 100);
        assert_eq!(rows.len(), 100);
        assert_eq!(rows.last().map(|row| row.step), Some(1_000.0));
    }
}
