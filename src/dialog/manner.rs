//! How a client wants to be answered, beside what the bot's file says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How words are chosen, where an answer stops and which form it has. A model that cannot follow it refuses;
/// nothing of it is left out silently.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manner {
    /// Words are chosen from the likeliest that together have this probability: 0 to 1.
    pub top_p: Option<f32>,
    /// -2 to 2.
    pub frequency_penalty: Option<f32>,
    /// -2 to 2.
    pub presence_penalty: Option<f32>,
    /// The same seed asks for the same words.
    pub seed: Option<i64>,
    /// The answer ends before the first of these.
    pub stop: Vec<String>,
    pub tool_choice: ToolChoice,
    /// Whether several tools may be asked for at once; none means the model's own habit.
    pub parallel_calls: Option<bool>,
    pub form: Form,
    /// How much a model thinks before it answers, in its provider's own word.
    pub effort: Option<String>,
}

/// Whether the model asks for tools.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToolChoice {
    /// As it sees fit.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// It must ask for one.
    Required,
    /// It must ask for this one.
    Named(String),
}

/// Which form the answer has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON of this schema.
    Schema(Schema),
}

/// A JSON Schema that an answer follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    /// Letters, digits, `-` and `_`.
    pub name: String,
    pub description: Option<String>,
    pub schema: Value,
    /// Whether the provider shall hold the model to it; none means its own habit.
    pub strict: Option<bool>,
}

/// Everything that a client wants of one answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wishes {
    /// Instructions of the client's own. They stand after the bot's.
    pub instructions: String,
    /// In place of the bot's.
    pub temperature: Option<f32>,
    /// In tokens. The bot's own limit holds where it is smaller.
    pub max_output_tokens: Option<u32>,
    pub manner: Manner,
}
