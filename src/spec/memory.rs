//! `memory:` as it is written and as it is used: the same type, with every default in its `Default`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;

/// What the bot remembers, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Memory {
    /// Whose memory it is. `conversation`: each thread for itself. `person`: it follows a person through
    /// their private chats. `bot`: shared by everyone this bot talks to.
    pub scope: Scope,
    /// Short term: the latest messages that no summary tells of yet, word for word.
    pub window: Window,
    /// The model for summaries and facts. Default: the bot's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"openai/gpt-5-nano", length(min = 1, max = 200))]
    pub model: Option<String>,
    /// Mid term: how many messages beyond the window are analysed for facts.
    #[schemars(range(min = 0, max = 10_000))]
    pub mid_term: u32,
    /// The rolling summary of what has left the window.
    pub summarize: Summarize,
    /// When the day is summed up. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Facts: single sentences, each with the messages that it came from.
    pub facts: Facts,
    /// The search for what is relevant now.
    pub recall: Recall,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            scope: Scope::Person,
            window: Window::default(),
            model: None,
            mid_term: 200,
            summarize: Summarize::default(),
            digest: None,
            facts: Facts::default(),
            recall: Recall::default(),
        }
    }
}

/// Whose memory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Scope {
    Conversation,
    Person,
    Bot,
}

/// Short term memory: at most so many messages of the last hours, and always the last few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Window {
    /// How far back it reaches, in hours.
    #[schemars(range(min = 1, max = 720))]
    pub hours: u32,
    /// At most so many messages. The last four stay, however old they are.
    #[schemars(range(min = 1, max = 1000))]
    pub messages: u32,
}

impl Default for Window {
    fn default() -> Self {
        Self { hours: 6, messages: 40 }
    }
}

/// The rolling summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Summarize {
    /// A summary is written after so many turns.
    #[schemars(range(min = 1, max = 1000))]
    pub every_turns: u32,
    /// About how long it is, in words.
    #[schemars(range(min = 20, max = 2000))]
    pub words: u32,
}

impl Default for Summarize {
    fn default() -> Self {
        Self { every_turns: 5, words: 150 }
    }
}

/// When the day is summed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Digest {
    /// Five fields: minute, hour, day of the month, month, day of the week.
    #[schemars(example = &"0 4 * * *", regex(pattern = patterns::CRON))]
    pub cron: String,
    /// The timezone that `cron` is meant in. Default: UTC.
    #[serde(default = "utc")]
    #[schemars(example = &"Europe/Kyiv", regex(pattern = patterns::TIMEZONE))]
    pub timezone: String,
}

fn utc() -> String {
    "UTC".into()
}

/// Facts: single sentences, each with the messages that it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Facts {
    /// Whether facts are extracted.
    pub extract: bool,
    /// The most that are kept per scope.
    #[schemars(range(min = 0, max = 100_000))]
    pub max: u32,
    /// From this likeness on, a new fact updates an old one instead of joining it: 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub similarity: f64,
    /// For so many turns a fact that was just used is not brought up again.
    #[schemars(range(min = 0, max = 1000))]
    pub cooldown_turns: u32,
}

impl Default for Facts {
    fn default() -> Self {
        Self { extract: true, max: 500, similarity: 0.85, cooldown_turns: 3 }
    }
}

/// The search for what is relevant now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Recall {
    /// The most that recalled evidence may take in the prompt, in tokens.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub budget: u32,
    /// `always`: before every reply. `tool`: only when the model asks. `both`.
    pub when: RecallWhen,
}

impl Default for Recall {
    fn default() -> Self {
        Self { budget: 1000, when: RecallWhen::Always }
    }
}

/// When recall runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum RecallWhen {
    Always,
    Tool,
    Both,
}
