//! One bot's change in a plan or a generation.

use async_graphql::{Enum, SimpleObject};

use crate::graphql::scalars::Json;
use crate::spec;
use crate::sync;

/// What happens with a bot. Clients must expect values that they do not know.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "sync::Action")]
pub(in crate::graphql) enum ChangeAction {
    /// A new bot.
    Create,
    /// It changes.
    Update,
    /// An archived bot comes back, with its history.
    Restore,
    /// It is taken out of service; history and memory stay.
    Archive,
    /// It gets another name; whatever else changes stands in its fields.
    Rename,
}

/// One bot's change.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PlannedChange {
    /// `bot/NAME`
    address: String,
    /// What happens with it.
    action: ChangeAction,
    /// `bot/NAME`, before a rename.
    renamed_from: Option<String>,
    /// The revision that this was compared with, which counts from 1 within the bot; null for a new bot.
    base_revision: Option<i32>,
    /// What a reviewer should look at first.
    attention: Vec<PlannedAttention>,
    /// What differs, by path.
    fields: Vec<PlannedField>,
    /// Prose that differs, word by word.
    texts: Vec<PlannedText>,
}

impl From<sync::Change> for PlannedChange {
    fn from(change: sync::Change) -> Self {
        let sync::Change { address, action, renamed_from, base, attention, fields, texts } = change;
        Self {
            address,
            action: action.into(),
            renamed_from,
            base_revision: base.map(|base| base.revision),
            attention: attention.into_iter().map(Into::into).collect(),
            fields: fields.into_iter().map(Into::into).collect(),
            texts: texts.into_iter().map(Into::into).collect(),
        }
    }
}

/// Why a change needs attention. Clients must expect values that they do not know.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "sync::AttentionKind")]
pub(in crate::graphql) enum AttentionKind {
    /// A bot is taken out of service.
    Archive,
    /// It is about a protected bot.
    Protected,
    /// More people or groups may talk to it.
    WiderAccess,
    /// It asks for a secret that it did not ask for before.
    NewSecret,
    /// It can do something new.
    NewModule,
    /// It reads something new.
    NewSource,
    /// A rule goes.
    RuleRemoved,
    /// Another model answers.
    ModelChange,
    /// It may cost more.
    CostChange,
}

/// Something that a reviewer should look at first.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PlannedAttention {
    /// Why.
    kind: AttentionKind,
    /// In words.
    message: String,
    /// A JSON pointer into the bot's file.
    path: String,
}

impl From<sync::Attention> for PlannedAttention {
    fn from(attention: sync::Attention) -> Self {
        let sync::Attention { kind, message, path } = attention;
        Self { kind: kind.into(), message, path }
    }
}

/// A place in the files of a project.
#[derive(SimpleObject)]
pub(in crate::graphql) struct FilePlace {
    /// Relative to the project's folder.
    file: String,
    /// From 1.
    line: usize,
    /// From 1, in characters.
    column: usize,
}

impl From<spec::Place> for FilePlace {
    fn from(place: spec::Place) -> Self {
        let spec::Place { file, line, column } = place;
        Self { file, line, column }
    }
}

/// One difference.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PlannedField {
    /// A JSON pointer into the bot's file. Entries that have a name go by it: `/modules/search/url`.
    path: String,
    /// What stood there; null if nothing did.
    before: Option<Json>,
    /// What will stand there; null if nothing will.
    after: Option<Json>,
    /// Where it stands in the files, if it does.
    origin: Option<FilePlace>,
}

impl From<sync::Field> for PlannedField {
    fn from(field: sync::Field) -> Self {
        let sync::Field { path, before, after, origin } = field;
        Self { path, before: before.map(Json), after: after.map(Json), origin: origin.map(Into::into) }
    }
}

/// A text that differs.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PlannedText {
    /// A JSON pointer into the bot's file, or `/files/persona.md` for a file that the bot refers to.
    path: String,
    /// Where it stands in the files, if it does.
    origin: Option<FilePlace>,
    /// Its words in order, those that go and those that come among them.
    words: Vec<PlannedWords>,
}

impl From<sync::TextChange> for PlannedText {
    fn from(text: sync::TextChange) -> Self {
        let sync::TextChange { path, origin, words } = text;
        let words = words.into_iter().map(Into::into).collect();
        Self { path, origin: origin.map(Into::into), words }
    }
}

/// What becomes of some words.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "sync::Op")]
pub(in crate::graphql) enum WordsOp {
    /// They stay.
    Same,
    /// They go.
    Removed,
    /// They come.
    Added,
}

/// Some words and what becomes of them.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PlannedWords {
    /// What becomes of them.
    op: WordsOp,
    /// The words, with the space around them.
    text: String,
}

impl From<sync::Words> for PlannedWords {
    fn from(words: sync::Words) -> Self {
        let sync::Words { op, text } = words;
        Self { op: op.into(), text }
    }
}
