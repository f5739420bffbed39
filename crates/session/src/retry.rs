//! Which failed downloads are tried again, and after how long.

/// Times that a file is asked for in all.
pub const ATTEMPTS: u32 = 3;

/// Why an attempt gave no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No answer: the line, the server's name, or the browser.
    NoAnswer(String),
    /// The server answered with a status that is no success.
    Status(u16),
    /// The answer ended early, or did not end where it should.
    Cut { received_bytes: u64, expected_bytes: u64 },
}

impl Trouble {
    /// Whether another attempt may go better.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::Cut { .. } => true,
            // Too slow, too many requests, or a server in trouble; any other answer is the server's last word.
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
        }
    }

    /// What happened, to follow the file's name.
    pub fn describe(&self) -> String {
        match self {
            Self::NoAnswer(reason) => format!("no answer ({reason})"),
            Self::Status(status) => format!("the server answered with status {status}"),
            Self::Cut { received_bytes, expected_bytes } => {
                format!("{received_bytes} of {expected_bytes} bytes came")
            }
        }
    }
}

/// Wait before attempt `attempt`, counted from 1: none, then half a second, then thrice as long each time.
pub fn delay_ms(attempt: u32) -> u32 {
    match attempt {
        0 | 1 => 0,
        later => 500 * 3_u32.saturating_pow(later - 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow() {
        assert_eq!([1, 2, 3].map(delay_ms), [0, 500, 1_500]);
    }

    #[test]
    fn a_missing_file_is_not_asked_for_again() {
        assert!(!Trouble::Status(404).is_passing());
        assert!(!Trouble::Status(403).is_passing());
    }

    #[test]
    fn a_cut_or_overloaded_line_is() {
        assert!(Trouble::Status(503).is_passing());
        assert!(Trouble::Status(429).is_passing());
        assert!(Trouble::NoAnswer("offline".into()).is_passing());
        assert!(Trouble::Cut { received_bytes: 1, expected_bytes: 2 }.is_passing());
    }
}
