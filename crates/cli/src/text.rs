//! Numbers as text.

use std::fmt::Display;
use std::time::Duration;

/// A number with what it counts: `1 step`, `2 steps`.
pub fn counted(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let ending = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// `0:07`, `12:30`, `2:05:00`.
pub fn duration(ms: f64) -> String {
    let seconds = Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default().as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// The text without control characters: names come from files, and a terminal would obey them.
pub fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(
            [0, 1, 2].map(|number| counted(number, "training image")),
            ["0 training images", "1 training image", "2 training images"]
        );
    }

    #[test]
    fn durations_read_as_clocks_do() {
        assert_eq!(duration(7_400.0), "0:07");
        assert_eq!(duration(750_000.0), "12:30");
        assert_eq!(duration(7_500_000.0), "2:05:00");
        assert_eq!(duration(f64::NAN), "0:00");
        assert_eq!(duration(-1.0), "0:00");
    }
}
