//! The parts of a bot file that say where it stands, what it can do and how much of it; some are not built yet:
//! their shape is checked all the same, so that a file written today is a file that works tomorrow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::Prose;
use super::patterns;

/// A rename: the bot keeps its history and its memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct Move {
    /// The old name.
    #[schemars(example = &"help", regex(pattern = patterns::NAME))]
    pub from: String,
    /// The new name.
    #[schemars(example = &"support", regex(pattern = patterns::NAME))]
    pub to: String,
}

/// A secret, by name. The value never stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct SecretRef {
    /// The name that `botwright secret set NAME` stored it under.
    #[schemars(example = &"UX_TELEGRAM_TOKEN", regex(pattern = patterns::SECRET))]
    pub secret: String,
}

/// An ability of the bot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, inline)]
pub struct Module {
    /// What it is called; also its slash command.
    #[schemars(example = &"shopping", regex(pattern = patterns::NAME))]
    pub name: String,
    /// What it is.
    pub kind: ModuleKind,
    /// The name that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Shopping list", length(min = 1, max = 100))]
    pub title: Option<String>,
    /// Hashtags that speak to it without a model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["#shop"], inner(length(min = 2, max = 50)))]
    pub tags: Vec<String>,
    /// Whose items they are.
    #[serde(default)]
    pub scope: ModuleScope,
    /// What the model is told when the module is at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Prose>,
    /// The search engine, for `webSearch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// The address, for `webSearch`, `http` and `mcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"https://mcp.example.com", regex(pattern = patterns::URL))]
    pub url: Option<String>,
    /// The name of the secret that opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"GITHUB_MCP", regex(pattern = patterns::SECRET))]
    pub secret: Option<String>,
    /// The only tools that are offered to the model. Default: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["search_issues"], inner(length(min = 1, max = 100)))]
    pub allow: Vec<String>,
}

/// What a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum ModuleKind {
    List,
    Tasks,
    Reminders,
    Notes,
    WebSearch,
    Http,
    Mcp,
}

/// Whose items a module keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum ModuleScope {
    #[default]
    Person,
    Conversation,
    Account,
}

/// A search engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Engine {
    Searxng,
    Tavily,
    Brave,
}

/// Where people talk to the bot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, inline)]
pub struct Channels {
    /// Telegram: a bot that BotFather made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telegram: Option<Telegram>,
}

/// A bot on Telegram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, inline)]
pub struct Telegram {
    /// The token that BotFather gave.
    pub token: SecretRef,
    /// `auto`: a webhook where `PUBLIC_URL` is set, else long polling.
    #[serde(default)]
    pub mode: TelegramMode,
    /// Who may talk to it.
    #[serde(default)]
    pub access: Access,
    /// When it answers in groups.
    #[serde(default)]
    pub groups: Groups,
    /// In groups, remember messages that it does not answer.
    #[serde(default)]
    pub observe: bool,
    /// How a reply appears while it is being written.
    #[serde(default)]
    pub streaming: Streaming,
}

/// How updates arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum TelegramMode {
    #[default]
    Auto,
    Webhook,
    Polling,
}

/// Who may talk to the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields, inline)]
pub struct Access {
    /// `open`: everybody. `pairing`: who has a code. `closed`: only who is listed.
    pub default: AccessDefault,
    /// People who always may, as `channel:id`.
    #[schemars(example = ["telegram:12345"], inner(regex(pattern = patterns::IDENTITY)))]
    pub allow: Vec<String>,
    /// Groups that it may be in, as `channel:id`. Default: any group of somebody who may talk to it.
    #[schemars(example = ["telegram:-1001234567890"], inner(regex(pattern = patterns::IDENTITY)))]
    pub groups: Vec<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self { default: AccessDefault::Pairing, allow: Vec::new(), groups: Vec::new() }
    }
}

/// What somebody unknown meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum AccessDefault {
    Open,
    Pairing,
    Closed,
}

/// When the bot answers in groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Groups {
    #[default]
    Mention,
    Always,
    Never,
}

/// How a reply appears while it is being written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Streaming {
    #[default]
    Edit,
    Draft,
    Off,
}

/// How much a bot may be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, inline)]
pub struct Limits {
    /// Messages in any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 20, range(min = 1, max = 100_000))]
    pub messages_per_minute: Option<u32>,
    /// Tokens in a day, in and out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 200_000, range(min = 1, max = 1_000_000_000_000_u64))]
    pub tokens_per_day: Option<u64>,
    /// Dollars in a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1.0, range(min = 0.0, max = 1_000_000.0))]
    pub cost_per_day_usd: Option<f64>,
    /// Whose use is counted together.
    #[serde(default)]
    pub per: Per,
}

/// Whose use is counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Per {
    #[default]
    Person,
    Conversation,
    Bot,
}

/// How long what people said is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, inline)]
pub struct Retention {
    /// Guests are forgotten after so many days without a word from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 30, range(min = 1, max = 36_500))]
    pub guests_after_days_of_silence: Option<u32>,
}
