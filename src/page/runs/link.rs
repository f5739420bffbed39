//! A config in the page's URL, which is untrusted input.

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kindling_core::config::RunConfig;
use kindling_core::runs::incoming::{Refusal, config};
use serde_json::Value;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::channel::parameter;
use crate::page::json::to_text;

/// Maximum length of an encoded config in the page's URL. Browsers and messengers handle URLs of this length.
pub const LINK_LIMIT_BYTES: usize = 16_384;

/// The value of `config=` in the page's URL. None if the config is too long.
pub fn config_to_link(config: &RunConfig) -> Option<String> {
    let link = URL_SAFE_NO_PAD.encode(to_text(config));
    (link.len() <= LINK_LIMIT_BYTES).then_some(link)
}

/// The encoded config in the query of the page's URL, if there is one.
pub fn link_in(query: &str) -> Option<&str> {
    parameter(query, "config")
}

/// Decodes the config of a link.
type Decoder = fn(&str) -> Result<RunConfig, Refusal>;

/// Fetches the code that decodes a config, which most visits do without.
#[wasm_split(workbench, fallible)]
pub fn decoder() -> Result<Decoder, SplitLoaderError> {
    Ok(config_of_link)
}

fn config_of_link(link: &str) -> Result<RunConfig, Refusal> {
    if link.len() > LINK_LIMIT_BYTES {
        return Err(Refusal::TooLong { limit_bytes: LINK_LIMIT_BYTES });
    }
    // Some programs add padding to the links that they pass on.
    let bytes = URL_SAFE_NO_PAD.decode(link.trim_end_matches('=')).map_err(|_| Refusal::NotBase64)?;
    let text = String::from_utf8(bytes).map_err(|_| Refusal::NotText)?;
    let value: Value = serde_json::from_str(&text).map_err(|error| Refusal::NotJson(error.to_string()))?;
    config(&value)
}
