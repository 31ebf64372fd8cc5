//! How to speak to each model. One door, [`Providers`]: `resolve` turns what a bot file says (`auto`,
//! `openai/gpt-5-mini`) into routes, `stream` asks them in order and yields the answer piece by piece.
//!
//! What a caller may rely on:
//! - A good stream ends in exactly one [`Event::Done`]; nothing follows it. A stream that ends in any other
//!   way ends in an [`Error`]. An answer that broke off is never taken for a short one.
//! - Until the first text or tool call, failures are retried (three attempts, backoff, `Retry-After`) and the
//!   next route is tried. After it, a failure is an error: somebody may have read the text.
//! - Usage is what the provider reports, or our own count where it reports none.
//! - A call whose arguments are not a JSON object is handed on as the model wrote it; the tool refuses it.
//! - A route is shown what it can see; in the place of any other picture it is told that there was one.
//! - No error holds a key. Nothing that is handed on holds a NUL, which no database stores.
//!
//! OpenAI's chat completions, which seven of the nine providers and every compatible server speak, are read
//! here: genai drops tool calls without an index, rewrites model names that end in `-low` or `-max`, takes
//! `"error": null` for an error and reads lines of any length into memory. Anthropic and Gemini are spoken
//! through genai, with its traps closed in `via_genai`.
//!
//! Knows: dialog, net. Never: an account's secrets by name, what a turn is.

mod circuit;
mod endpoint;
mod error;
mod flow;
mod manner;
pub mod offline;
mod openai;
mod refusal;
mod refused;
mod registry;
pub mod scripted;
mod sight;
mod sse;
mod usage;
mod via_genai;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::dialog::{Call, Request, Usage};

pub use endpoint::{BUILT_IN, BuiltIn, Endpoint, Keys, Kind, Missing, Notice, Origin, Route};
pub use error::{Error, Phase};
pub use registry::{Configured, Providers, Retry, Settings, Timeouts};
pub use scripted::Scripted;
pub use usage::estimate;

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The next words. Never empty.
    Text(String),
    /// The model asks for a tool. Comes whole, after the text.
    ToolCall(Call),
    /// The end. Nothing follows.
    Done {
        finish: Finish,
        usage: Usage,
        /// Which route answered, as `provider/model`.
        model: String,
    },
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It had said everything.
    Stop,
    /// It reached the limit of output tokens: the text is cut, and so may be the last call.
    Length,
    /// It waits for its tools.
    ToolCalls,
    /// The provider's filter stopped it.
    Filtered,
}

/// An answer as it comes in.
pub type EventStream = BoxStream<'static, Result<Event, Error>>;

/// A way of speaking to models.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Asks once. The stream begins when the provider's answer does, and ends in one [`Event::Done`] or in
    /// an error.
    async fn stream(&self, route: &Route, request: &Arc<Request>) -> Result<EventStream, Error>;
}

#[cfg(test)]
mod tests;
