//! The plan as a document: what `plan` shows, what a saved plan holds, what an apply says that it did.
//! `docs/plan-format.md` describes it for programs; the minor part of its version grows when fields are added.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spec::Place;

/// Of this document.
pub const FORMAT_VERSION: &str = "1.0";

/// Everything that an apply would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub format_version: String,
    /// `Plan`
    pub kind: String,
    /// `git:<source id>` or `dashboard`
    pub source: String,
    /// What this was compared with.
    pub base: Base,
    pub desired: Hashed,
    /// Commit, branch, author of the files; empty where nobody said.
    #[serde(default)]
    pub provenance: Value,
    /// The source was rolled back and waits.
    pub held: Option<Held>,
    pub summary: Summary,
    /// By address.
    pub changes: Vec<Change>,
    /// What differs in the project's own settings.
    #[serde(default)]
    pub settings: Vec<Field>,
    /// What the dashboard holds of the fields that the files delegate. No drift.
    #[serde(default)]
    pub delegated: Vec<Delegated>,
    /// Bots whose files are gone and that stay all the same.
    #[serde(default)]
    pub kept: Vec<String>,
    /// Worth a look; nothing is refused for it.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What somebody else owns or changed: an apply refuses.
    #[serde(default)]
    pub conflicts: Vec<String>,
    /// What policy forbids: an apply refuses.
    #[serde(default)]
    pub blocked: Vec<String>,
}

/// The active generation of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// 0 where there is none.
    pub generation: i32,
    #[serde(default)]
    pub hash: String,
    /// The commit that it came from, where it came from one.
    #[serde(default)]
    pub commit: Option<String>,
}

/// What would be active.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashed {
    pub hash: String,
}

/// Who holds a source back, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The generation that the rollback made.
    pub generation: i32,
    pub by: String,
    pub reason: String,
    pub at: DateTime<Utc>,
    /// The commit that was turned away from: a newer one is let through.
    pub commit: Option<String>,
}

/// The plan in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub create: usize,
    pub update: usize,
    pub restore: usize,
    pub archive: usize,
    pub rename: usize,
    /// Bots that stay as they are.
    pub unchanged: usize,
    /// Whether anything would change beyond names.
    pub effective_changes: bool,
    /// How many things need attention.
    pub attention: usize,
}

/// What is to happen with one bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Update,
    /// An archived bot comes back, with its history.
    Restore,
    /// Taken out of service; history and memory stay.
    Archive,
    /// Another name; whatever else changes stands in its fields.
    Rename,
}

/// One bot's change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `bot/NAME`
    pub address: String,
    pub action: Action,
    /// `bot/NAME`, before a rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// The bot that this was compared with; none for a new one.
    pub base: Option<BaseRevision>,
    /// What a reviewer should look at first.
    #[serde(default)]
    pub attention: Vec<Attention>,
    /// What differs, by path.
    pub fields: Vec<Field>,
    /// Prose that differs, word by word.
    #[serde(default)]
    pub texts: Vec<TextChange>,
}

impl Change {
    /// The bot's name.
    pub fn name(&self) -> &str {
        self.address.strip_prefix("bot/").unwrap_or(&self.address)
    }
}

/// A bot as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRevision {
    /// Counts from 1 within the bot.
    pub revision: i32,
    pub hash: String,
}

/// Something that a reviewer should look at first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    pub kind: AttentionKind,
    pub message: String,
    /// A JSON pointer into the bot's file.
    pub path: String,
}

/// Why it needs attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttentionKind {
    Archive,
    Protected,
    WiderAccess,
    NewSecret,
    NewModule,
    NewSource,
    RuleRemoved,
    ModelChange,
    CostChange,
}

/// One difference. A side that has no such field is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// A JSON pointer into the bot's file. Entries that have a name go by it: `/modules/search/url`.
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Where it stands in the files, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Place>,
}

/// A text that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextChange {
    /// As in [`Field::path`], or `/files/persona.md` for a file that the bot refers to.
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Place>,
    pub words: Vec<Words>,
}

/// Some words and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub op: Op,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    Same,
    Removed,
    Added,
}

/// A value that the dashboard holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delegated {
    pub address: String,
    pub path: String,
    pub value: Value,
}

impl Plan {
    /// Whether an apply would change no bot.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many changes are of that kind.
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }

    /// Whether nothing stands in the way of an apply.
    pub fn is_applicable(&self) -> bool {
        self.conflicts.is_empty() && self.blocked.is_empty()
    }
}
