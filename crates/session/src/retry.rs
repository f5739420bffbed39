//! Which failed downloads are retried, and after what delay.

/// Maximum number of attempts per file.
pub const ATTEMPTS: u32 = 3;

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No response: the connection, DNS, or the browser failed.
    NoAnswer(String),
    /// The server responded with an error status.
    Status(u16),
    /// The response ended early.
    Cut { received_bytes: u64, expected_bytes: u64 },
    /// A local file cannot be opened or read.
    Unreadable(String),
}

impl Trouble {
    /// Whether another attempt may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::Cut { .. } => true,
            Self::Unreadable(_) => false,
            // Timeouts, rate limits and server errors are transient; any other status is final.
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
        }
    }

    /// A description, to follow the file's name.
    pub fn describe(&self) -> String {
        match self {
            Self::NoAnswer(reason) => format!("no answer ({reason})"),
            Self::Status(status) => format!("the server answered with status {status}"),
            Self::Cut { received_bytes, expected_bytes } => {
                format!("only {received_bytes} of {expected_bytes} bytes")
            }
            Self::Unreadable(reason) => format!("cannot be read ({reason})"),
        }
    }
}

/// The delay before attempt `attempt`, counted from 1: none, then half a second, tripled for each later attempt.
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
