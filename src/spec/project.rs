//! A project: the bots of one source, as files.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bot::Bot;
use super::features::Move;

/// A valid project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Who owns these bots, as written (`acme/bots`); the history says `git:acme/bots`.
    pub source: String,
    /// Names of bots that an apply never deletes.
    pub protect: Vec<String>,
    /// Renames.
    pub moves: Vec<Move>,
    /// By name.
    pub bots: Vec<Written>,
}

/// One bot as it was written, and what it comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// What stands in the file and the files that it refers to, without defaults. This is what is stored
    /// and compared; `Bot::from_authored` reads it back.
    pub authored: Value,
    /// `content_hash(&authored)`.
    pub hash: String,
    pub bot: Bot,
}
