//! What a bot file says: parse, default, validate, JSON Schema.
//!
//! Pure: it is given a [`Bundle`] (paths and their contents) and never opens a file. [`parse`] reports every
//! problem of every file in one run, and yields a [`Project`] only if there is no error. What a person wrote
//! is kept as JSON without defaults ([`Written::authored`]): that is what is hashed, stored and compared. A
//! [`Bot`] is made of it on load, with every default applied and every text inlined.
//!
//! The way of a file: `yaml` makes a tree in which everything knows its place; `check` holds it against the
//! `shape` that was compiled from the JSON Schema, which is generated from the types in [`file`]; `pending`
//! refuses what is not built; `meaning` judges what a shape cannot say; `authored` puts the rest together.
//!
//! Knows: ground, `dialog`. Never: a file, a clock, a database, a secret's value.

mod authored;
mod bot;
mod bundle;
mod check;
mod credential;
pub mod features;
pub mod file;
mod habit;
mod manual;
mod meaning;
mod memory;
mod model;
mod near;
mod origins;
mod parse;
mod patterns;
mod pending;
mod problem;
mod project;
mod reference;
mod render;
mod route;
mod scalar;
pub mod schema;
mod shape;
mod style;
mod stored;
mod syntax;
mod template;
mod text;
mod writer;
mod yaml;

#[cfg(test)]
mod tests;

pub use authored::content_hash;
pub use bot::{Bot, Lore, Rule, Source};
pub use bundle::{Bundle, MAX_FILE_BYTES};
pub use features::{
    Access, AccessDefault, Groups, Limits, Per, SecretRef, Streaming, Telegram, TelegramMode,
};
pub use manual::manual;
pub use memory::{Digest, Facts, Memory, Recall, RecallWhen, Scope, Summarize, Window};
pub use model::{Model, Provider, ProviderKind};
pub use near::nearest;
pub use origins::{Place, origins};
pub use parse::{Parsed, parse, parse_file};
pub use patterns::{is_name, is_secret_name};
pub use problem::{Problem, Severity, codes};
pub use project::{Project, Written};
pub use reference::{references, resolve};
pub use render::{github, render, summary, to_json};
pub use route::{LONE, PROVIDERS, Route};
pub use stored::{effective, put, rewrite, write_bot};
pub use template::{VARIABLES, Variables, fill};
pub use writer::{SCHEMA_LINE, export, format, set, untidy};
