//! What a model hears and what it costs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Call, Manner, Picture, Returned, ToolSpec};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A person who talks to the bot.
    Person,
    /// The bot itself.
    Bot,
    /// The results of tools.
    Tool,
}

/// One piece of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    Text(String),
    /// Of a person's. Models that see none are sent a text in its place.
    Picture(Picture),
    /// The bot asks for a tool.
    Call(Call),
    /// What the tool said.
    Returned(Returned),
}

/// One message as a model hears it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
}

impl Message {
    /// A message of one text.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, parts: vec![Part::Text(text.into())] }
    }
}

/// Where a piece of evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// An earlier message.
    Message,
    /// A summary of earlier messages.
    Summary,
    /// A single sentence that was drawn from messages.
    Fact,
    /// A passage of a source, or of the persona and rules.
    Source,
}

/// Something found that may answer the question. It also stands in the prompt as text; here it is typed, so
/// that `offline` can answer from it and cite it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub kind: EvidenceKind,
    /// Who said it, or the source's name.
    pub label: String,
    pub at: Option<DateTime<Utc>>,
    pub text: String,
    /// The share of the question's content words that it holds, each weighed by its rarity: 0 to 1.
    pub coverage: f32,
    /// The recall score; comparable within one request only.
    pub score: f32,
}

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Everything that stands before the messages, most stable first.
    pub system: String,
    /// Oldest first. The last one is what is to be answered, or a tool's results.
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    pub temperature: Option<f32>,
    /// In tokens.
    pub max_output_tokens: Option<u32>,
    #[serde(default)]
    pub manner: Manner,
    /// Best first.
    pub evidence: Vec<Evidence>,
    /// The person's words that are to be answered, verbatim.
    pub question: String,
}

/// What a call took, in tokens, as the provider reports it (or as we count it where it does not).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    pub input_tokens: u32,
    /// The part of the input that came from the provider's cache.
    pub cached_tokens: u32,
    /// Includes the reasoning tokens.
    pub output_tokens: u32,
    pub reasoning_tokens: u32,
}

impl Usage {
    /// The sum of two.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
        }
    }
}
