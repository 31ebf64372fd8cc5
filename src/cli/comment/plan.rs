//! What of a plan's document is shown. What a later version adds is passed by.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    pub(super) source: String,
    #[serde(default)]
    pub(super) base: Base,
    #[serde(default)]
    pub(super) provenance: Value,
    pub(super) held: Option<Held>,
    pub(super) summary: Summary,
    pub(super) changes: Vec<Change>,
    /// What differs in the project's own file.
    #[serde(default)]
    pub(super) settings: Vec<Field>,
    #[serde(default)]
    pub(super) delegated: Vec<Delegated>,
    #[serde(default)]
    pub(super) kept: Vec<String>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
    #[serde(default)]
    pub(super) conflicts: Vec<String>,
    #[serde(default)]
    pub(super) blocked: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Base {
    #[serde(default)]
    pub(super) generation: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Held {
    pub(super) by: String,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct Summary {
    pub(super) create: usize,
    pub(super) update: usize,
    pub(super) restore: usize,
    pub(super) archive: usize,
    pub(super) rename: usize,
    pub(super) unchanged: usize,
    pub(super) attention: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) address: String,
    pub(super) action: String,
    pub(super) renamed_from: Option<String>,
    #[serde(default)]
    pub(super) attention: Vec<Attention>,
    #[serde(default)]
    pub(super) fields: Vec<Field>,
    #[serde(default)]
    pub(super) texts: Vec<Text>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Attention {
    pub(super) message: String,
    #[serde(default)]
    pub(super) path: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    pub(super) origin: Option<Origin>,
}

/// A place in the project's files.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Origin {
    pub(super) file: String,
    #[serde(default)]
    pub(super) line: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Text {
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) place: Place,
    pub(super) words: Vec<Words>,
}

/// Where a text stands: as the other fields say it, or flat.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    origin: Option<Origin>,
    file: Option<String>,
    line: Option<usize>,
}

impl Place {
    pub(super) fn origin(&self) -> Option<Origin> {
        let flat = || Some(Origin { file: self.file.clone()?, line: self.line.unwrap_or(0) });
        self.origin.clone().or_else(flat)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Words {
    pub(super) op: Op,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Op {
    Same,
    Removed,
    Added,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delegated {
    pub(super) address: String,
    pub(super) path: String,
    pub(super) value: Value,
}

/// `support` of `bot/support`.
pub(super) fn name(address: &str) -> &str {
    address.strip_prefix("bot/").unwrap_or(address)
}

impl Plan {
    /// Whether there is nothing that anybody would want to know.
    pub(super) fn is_silent(&self) -> bool {
        self.changes.is_empty() && self.conflicts.is_empty() && self.blocked.is_empty() && self.held.is_none()
    }
}
