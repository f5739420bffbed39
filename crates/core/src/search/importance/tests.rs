//! The importance of fields that matter and of fields that do not.

use serde_json::json;

use super::*;

fn range() -> Field {
    let values = Values::Range { least: 0.0, most: 1.0, is_log: false, is_whole: false };
    Field { path: "learningRate".into(), values }
}

fn choice() -> Field {
    Field { path: "decay".into(), values: Values::Choices(vec![json!("l2"), json!("decoupled")]) }
}

fn explained(field: Field, points: &[(Option<f64>, f64)]) -> Option<f64> {
    explained_fraction(groups(&field, points.to_vec()))
}

#[test]
fn a_choice_that_decides_everything_explains_everything() {
    let points = [(Some(0.0), 0.1), (Some(0.0), 0.1), (Some(1.0), 0.9), (Some(1.0), 0.9)];
    assert_eq!(explained(choice(), &points), Some(1.0));
    let none = [(Some(0.0), 0.1), (Some(0.0), 0.9), (Some(1.0), 0.1), (Some(1.0), 0.9)];
    assert_eq!(explained(choice(), &none), Some(0.0));
}

#[test]
fn the_fraction_is_kelleys() {
    // η² = 24 / 28 for groups with means 3 and 7: ε² = 1 − (4/28)(5/4).
    let points =
        [(Some(0.0), 2.0), (Some(0.0), 3.0), (Some(0.0), 4.0), (Some(1.0), 6.0), (Some(1.0), 7.0), (Some(1.0), 8.0)];
    let found = explained(choice(), &points).unwrap();
    let (within, total) = (4.0, 4.0 + 6.0 * 4.0);
    assert!((found - (1.0 - within / total * 5.0 / 4.0)).abs() < 1e-12, "{found}");
}

#[test]
fn a_range_is_cut_by_the_order_of_its_values() {
    let points: Vec<_> = (0..16).map(|place| (Some(f64::from(place).powi(3)), f64::from(place))).collect();
    assert!(explained(range(), &points).unwrap() > 0.9);
    // The middle is best: a linear fit would explain nothing.
    let points: Vec<_> = (0..16).map(|place| (Some(f64::from(place)), -(f64::from(place) - 7.5).powi(2))).collect();
    assert!(explained(range(), &points).unwrap() > 0.6);
}

#[test]
fn too_few_trials_say_nothing() {
    assert_eq!(explained(choice(), &[]), None);
    assert_eq!(explained(choice(), &[(Some(0.0), 0.5), (Some(1.0), 0.7)]), None);
    assert_eq!(explained(range(), &[(Some(0.1), 0.5), (Some(0.9), 0.7), (Some(0.5), 0.6)]), None);
    assert_eq!(
        explained(choice(), &[(Some(0.0), 0.5), (Some(1.0), 0.5), (Some(1.0), 0.5)]),
        Some(0.0),
        "nothing to explain"
    );
}

#[test]
fn those_without_the_field_are_a_group() {
    let points = [(None, 0.1), (None, 0.1), (Some(0.2), 0.9), (Some(0.8), 0.9)];
    assert_eq!(explained(range(), &points), Some(1.0));
}
