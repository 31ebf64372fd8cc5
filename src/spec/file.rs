//! What a person writes: the types of `bot.yaml` and `botwright.yaml`, exactly as they stand in the file.
//!
//! The JSON Schema is generated from these types, and the decoder is driven by that schema, so the three
//! cannot disagree. Unknown keys are refused there, not by serde: what is read back from the database is
//! read leniently, so that a later version can drop a key.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::features::{Channels, Limits, Module, Move, Retention};
use super::memory::Memory;
use super::model::{Model, Provider};
use super::patterns;

/// One bot: the file `bot.yaml` in the folder that names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, title = "Botwright bot")]
pub struct BotFile {
    /// The version of the format.
    pub api_version: ApiVersion,
    /// What this file describes.
    pub kind: BotKind,
    /// The name that people see.
    #[schemars(example = &"UX advisor", length(min = 1, max = 100))]
    pub display_name: String,
    /// What the bot is for, in one or two sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Reviews our screens against the design specs.", length(min = 1, max = 2000))]
    pub description: Option<String>,
    /// Labels of your own, to sort and find bots by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = labels())]
    pub labels: BTreeMap<String, String>,
    /// Who the bot is and how it speaks. Default: a neutral helpful assistant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persona: Option<Prose>,
    /// The first message to somebody new. `{{person.name}}` and `{{bot.name}}` are filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<Prose>,
    /// `auto` answers in the language of the message; a code such as `uk` is a fixed one.
    #[serde(default = "auto")]
    #[schemars(example = &"uk", regex(pattern = patterns::LANGUAGE))]
    pub language: String,
    /// What the bot must and must not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["Never invent a component that the design system lacks."], length(max = 200))]
    pub rules: Vec<RuleEntry>,
    /// Lines that join the prompt only when one of their keywords comes up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub lore: Vec<LoreEntry>,
    /// Which model speaks, and how: settings, or only its name.
    #[serde(default)]
    pub model: ModelChoice,
    /// What the bot remembers, and for how long.
    #[serde(default)]
    pub memory: Memory,
    /// What the bot may read: sources of its own, and names of the project's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub sources: Vec<SourceChoice>,
    /// What the bot can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub modules: Vec<Module>,
    /// Where people talk to it, besides GraphQL, the terminal and the OpenAI-compatible endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Channels>,
    /// How much it may be used. Default: without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// How long what people said is kept. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// JSON pointers to what the dashboard may change without that being drift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["/model/temperature"], length(max = 100), inner(regex(pattern = patterns::POINTER)))]
    pub delegated: Vec<String>,
}

/// The project: `botwright.yaml`, beside the folders of the bots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, title = "Botwright project")]
pub struct ProjectFile {
    /// The version of the format.
    pub api_version: ApiVersion,
    /// What this file describes.
    pub kind: ProjectKind,
    /// Who owns these bots; `git:acme/bots` in the history.
    #[schemars(example = &"acme/bots", regex(pattern = patterns::SOURCE_ID))]
    pub source: String,
    /// Bots that are never deleted by an apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["support"], inner(regex(pattern = patterns::NAME)))]
    pub protect: Vec<String>,
    /// Renames: the bot keeps its history and its memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
    /// Providers of your own, by the name that `provider/model` uses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, Provider>,
    /// Sources that several bots share; a bot lists them by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub sources: Vec<SourceEntry>,
}

/// The version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ApiVersion {
    #[serde(rename = "botwright/v1")]
    V1,
}

/// The kind of a bot's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum BotKind {
    Bot,
}

/// The kind of a project's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ProjectKind {
    Project,
}

/// Prose: inline, or in a file of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Prose {
    Text(#[schemars(length(min = 1))] String),
    File(FileRef),
}

/// A file beside the YAML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct FileRef {
    /// The path of a text file, relative to this YAML file and inside the project.
    #[schemars(example = &"persona.md", length(min = 1, max = 500))]
    pub file: String,
}

/// A rule: its text, or its text with a category and a priority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum RuleEntry {
    Text(#[schemars(length(min = 1))] String),
    Rule(RuleFields),
}

/// A rule with a category or a priority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, inline, extend("oneOf" = [{"required": ["text"]}, {"required": ["file"]}]))]
pub struct RuleFields {
    /// The rule, in one or two sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"At most three suggestions, the most important first.", length(min = 1))]
    pub text: Option<String>,
    /// The path of a file that holds the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"rules/refunds.md", length(min = 1, max = 500))]
    pub file: Option<String>,
    /// A heading to group rules under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"style", length(min = 1, max = 60))]
    pub category: Option<String>,
    /// Rules with a higher number stand first.
    #[serde(default)]
    #[schemars(example = 10, range(min = -1000, max = 1000))]
    pub priority: i32,
}

/// Lines that join the prompt only when one of their keywords comes up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, inline, extend("oneOf" = [{"required": ["text"]}, {"required": ["file"]}]))]
pub struct LoreEntry {
    /// The words that call it up.
    #[schemars(example = ["refund", "chargeback"], length(min = 1, max = 50), inner(length(min = 1, max = 100)))]
    pub keys: Vec<String>,
    /// What the bot then knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Refunds take five working days.", length(min = 1))]
    pub text: Option<String>,
    /// The path of a file that holds the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"lore/refunds.md", length(min = 1, max = 500))]
    pub file: Option<String>,
}

/// `model:` as a name, or as settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum ModelChoice {
    Name(#[schemars(length(min = 1, max = 200))] String),
    Settings(Model),
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self::Settings(Model::default())
    }
}

/// A source of the bot's own, or the name of one of the project's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum SourceChoice {
    Shared(#[schemars(regex(pattern = patterns::NAME))] String),
    Own(SourceEntry),
}

/// Something that a bot may read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    deny_unknown_fields,
    inline,
    extend("oneOf" = [{"required": ["file"]}, {"required": ["text"]}, {"required": ["url"]}, {"required": ["notion"]}])
)]
pub struct SourceEntry {
    /// What it is called, in citations too.
    #[schemars(example = &"specs", regex(pattern = patterns::NAME))]
    pub name: String,
    /// The path of a file, relative to this YAML file and inside the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"docs/design-specs.md", length(min = 1, max = 500))]
    pub file: Option<String>,
    /// The text itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"We are open from 9 to 18, Monday to Friday.", length(min = 1))]
    pub text: Option<String>,
    /// The address of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"https://example.com/handbook", regex(pattern = patterns::URL))]
    pub url: Option<String>,
    /// A page or a database in Notion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notion: Option<Notion>,
    /// Always in the prompt; otherwise recalled by relevance.
    #[serde(default)]
    pub pin: bool,
    /// Only when one of these modules is at work. Default: always.
    #[serde(default, rename = "for", skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["review"], inner(regex(pattern = patterns::NAME)))]
    pub for_: Vec<String>,
}

/// A page or a database in Notion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, inline, extend("oneOf" = [{"required": ["page"]}, {"required": ["database"]}]))]
pub struct Notion {
    /// The id of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"1f2e3d4c5b6a79880123456789abcdef", length(min = 1, max = 100))]
    pub page: Option<String>,
    /// The id of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"0a1b2c3d4e5f60718293a4b5c6d7e8f9", length(min = 1, max = 100))]
    pub database: Option<String>,
    /// The name of the secret that holds the integration's token.
    #[schemars(example = &"NOTION_TOKEN", regex(pattern = patterns::SECRET))]
    pub secret: String,
    /// When it is read again, in five cron fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"*/30 * * * *", regex(pattern = patterns::CRON))]
    pub refresh: Option<String>,
}

fn auto() -> String {
    "auto".into()
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("team".into(), "design".into())])
}
