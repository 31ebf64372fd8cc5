//! Tools: what the model may ask for, and what it gets back.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::id::{AccountId, BotId, ConversationId, PersonId, TurnId};

/// What the model is told about a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
    /// Whether the provider shall hold the model to the schema, where it can.
    #[serde(default)]
    pub strict: bool,
}

/// The model asks for a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The provider's name for this call; results refer to it.
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

/// A tool's answer to one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Returned {
    pub call_id: String,
    pub name: String,
    /// What the model reads.
    pub content: String,
    pub is_error: bool,
}

/// What a call of a tool can change. A turn that has only read may be restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Reads,
    Writes,
}

/// For whom and where a tool is called.
#[derive(Debug, Clone)]
pub struct ToolContext {
    pub account: AccountId,
    pub bot: BotId,
    /// None for a request that belongs to no conversation.
    pub conversation: Option<ConversationId>,
    /// The person whose words are being answered.
    pub person: Option<PersonId>,
    pub turn: TurnId,
    /// The ordinal of the call within its turn, from 1. `(turn, ordinal)` makes a write idempotent.
    pub ordinal: u32,
}

/// Why a tool did not answer.
#[derive(Debug, Error)]
pub enum ToolError {
    /// The model is shown the sentence and may try again.
    #[error("{0}")]
    Refused(String),
    /// The turn cannot go on.
    #[error(transparent)]
    Fatal(#[from] crate::error::Error),
}

/// An ability that the model may call.
#[async_trait]
pub trait Tool: Send + Sync {
    fn spec(&self) -> ToolSpec;
    fn effect(&self) -> Effect;
    /// Answers one call. Must be idempotent by `(context.turn, context.ordinal)`.
    async fn call(&self, context: &ToolContext, arguments: &Value) -> Result<String, ToolError>;
}
