//! Decimal numbers as text. `str::parse::<f64>` would bring the standard library's parser and its table of powers, 16 KB that do not compress,
//! into a page that has serde_json's exact parser already.

/// The nearest f64. None if the text is not a finite JSON number.
pub fn parse(text: &str) -> Option<f64> {
    serde_json::from_str(text).ok()
}

/// Rounds to so many significant digits, at least 1.
pub fn rounded(number: f64, digits: usize) -> f64 {
    parse(&format!("{number:.*e}", digits.saturating_sub(1))).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_nearest_ones() {
        assert_eq!(parse("0.1"), Some(0.1));
        assert_eq!(parse("1.2e-3"), Some(1.2e-3));
        assert_eq!(parse("many"), None);
        assert_eq!(parse("inf"), None);
    }

    #[test]
    fn rounding_keeps_significant_digits() {
        assert_eq!(rounded(0.001_234_567, 3), 0.001_23);
        assert_eq!(rounded(0.012_9, 2), 0.013);
        assert_eq!(rounded(0.0, 2), 0.0);
        assert!(rounded(f64::NAN, 2).is_nan());
    }
}
