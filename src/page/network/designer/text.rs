//! A network as text: JSON, as presets, runs and `window.kindling` have it.

use kindling_core::config::NetworkConfig;
use kindling_core::network::NetworkError;
use kindling_core::network::shape::check_extent;

/// Bytes; the longest network that the limits allow is far shorter.
pub const TEXT_LIMIT: usize = 200_000;

#[derive(Clone, Debug, PartialEq)]
pub enum TextError {
    TooLong,
    /// Line and column count from 1. `detail` is serde's, in English.
    Syntax {
        line: usize,
        column: usize,
        detail: String,
    },
    /// Too large to be looked at.
    Network(NetworkError),
}

pub fn to_text(network: &NetworkConfig) -> String {
    // Plain data of numbers and words; it has no key that JSON lacks.
    serde_json::to_string_pretty(network).unwrap_or_default()
}

/// The network that the text describes; its layers may not fit each other.
pub fn from_text(text: &str) -> Result<NetworkConfig, TextError> {
    if text.len() > TEXT_LIMIT {
        return Err(TextError::TooLong);
    }
    let network: NetworkConfig = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        TextError::Syntax { line, column, detail: message.strip_suffix(&place).unwrap_or(&message).to_owned() }
    })?;
    check_extent(&network).map_err(TextError::Network)?;
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::network::presets::lenet_network;
    use kindling_core::network::shape::{MAX_LAYERS, MAX_NESTING};

    #[test]
    fn a_network_comes_back_from_its_text() {
        assert_eq!(from_text(&to_text(&lenet_network())), Ok(lenet_network()));
    }

    #[test]
    fn mistakes_are_found_by_line_and_column() {
        let check = |text: &str, expected: (usize, usize), part: &str| match from_text(text) {
            Err(TextError::Syntax { line, column, detail }) => {
                assert_eq!((line, column), expected, "{text}: {detail}");
                assert!(detail.contains(part) && !detail.contains("at line"), "{text}: {detail}");
            }
            other => panic!("{text}: {other:?}"),
        };
        check("", (1, 0), "EOF while parsing a value");
        check("{\n  \"name\": \"N\",\n  \"layers\": [\"flaten\"]\n}", (3, 21), "unknown variant `flaten`");
        check("{ \"name\": \"N\",\n\"layers\": [{ \"dropout\": { \"rate\": \"half\" } }] }", (2, 40), "invalid type");
        check("{ \"name\": \"N\" }", (1, 15), "missing field `layers`");
        check("{ \"name\": \"N\", \"layers\": [] } x", (1, 31), "trailing characters");
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert_eq!(from_text(&" ".repeat(TEXT_LIMIT + 1)), Err(TextError::TooLong));
        let many = format!("{{ \"name\": \"N\", \"layers\": [{}\"rows\"] }}", "\"rows\",".repeat(MAX_LAYERS));
        assert_eq!(from_text(&many), Err(TextError::Network(NetworkError::TooManyLayers)));
        let nested = |depth: usize| {
            let (open, close) = ("{ \"residual\": { \"layers\": [".repeat(depth), "] } }".repeat(depth));
            format!("{{ \"name\": \"N\", \"layers\": [{open}\"rows\"{close}] }}")
        };
        assert!(from_text(&nested(MAX_NESTING)).is_ok());
        assert_eq!(from_text(&nested(MAX_NESTING + 1)), Err(TextError::Network(NetworkError::TooDeep)));
        assert!(matches!(from_text(&nested(10_000)), Err(TextError::Syntax { .. } | TextError::TooLong)));
    }
}
