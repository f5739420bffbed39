//! The page's side of the exporter, which is started for one request.

use crate::channel::ask_once;
use crate::page::engines::exporter_url;
use kindling_core::protocol::{ExchangeAnswer, ExchangeRequest, Failure};

/// Starts the exporter for one request.
///
/// # Errors
///
/// As [`ask_once`], and what the exporter refuses.
pub async fn asked(request: &ExchangeRequest) -> Result<ExchangeAnswer, Failure> {
    ask_once::<_, Result<ExchangeAnswer, Failure>>(&exporter_url().await, request).await?
}
