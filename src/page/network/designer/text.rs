//! A network as JSON text, in the form that presets, runs and `window.kindling` use.

use kindling_core::config::NetworkConfig;
use kindling_core::network::NetworkError;
use kindling_core::network::shape::check_extent;

/// In bytes; the largest network within the limits is far shorter.
pub const TEXT_LIMIT: usize = 200_000;

#[derive(Clone, Debug, PartialEq)]
pub enum TextError {
    TooLong,
    /// Lines count from 1. `detail` is serde's message, in English.
    Syntax {
        line: usize,
        column: usize,
        detail: String,
    },
    /// Too many layers, or blocks nested too deeply.
    Network(NetworkError),
}

pub fn to_text(network: &NetworkConfig) -> String {
    // Cannot fail: all keys are strings.
    serde_json::to_string_pretty(network).unwrap_or_default()
}

/// Parses a network. Its layers may not fit each other.
///
/// # Errors
///
/// Text that is too long or is not a network's JSON, and a network with too many layers or too deeply nested blocks.
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
