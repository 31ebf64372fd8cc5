//! The report of a prompt: what went in, what stayed out, and why. Ids and numbers, never text, so that an
//! erase reaches it.

use serde::{Deserialize, Serialize};

use crate::id::FactId;

/// What a model heard, section by section, in the order of the prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The bot's context budget, in tokens.
    pub budget: u32,
    /// What the prompt takes, in tokens as we count them.
    pub total: u32,
    /// What a provider's token is to one of ours, as learned for this model; the budget holds in its tokens.
    pub ratio: f32,
    /// Whether recall saw everything; false while the index is behind.
    pub recall_complete: bool,
    pub sections: Vec<Section>,
}

/// One part of the prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    pub name: String,
    /// Of the included items, in tokens.
    pub tokens: u32,
    pub items: Vec<Item>,
}

/// One thing that was considered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// `frame`, `persona`, `rule`, `source`, `tool`, `lore`, `summary`, `message`, `digest`, `fact`, `file`, `document`,
    /// `passage`, `picture`, `time`.
    pub kind: String,
    /// The id of the message (also of one that became a document), the summary, …, or the name of the source or of the
    /// timezone.
    pub id: String,
    pub tokens: u32,
    pub included: bool,
    pub reason: String,
    /// The recall score, where it was recalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
}

impl Report {
    /// A section's included tokens; 0 if there is no such section.
    pub fn tokens_of(&self, section: &str) -> u32 {
        self.sections.iter().filter(|s| s.name == section).map(|s| s.tokens).sum()
    }
}

impl Report {
    /// Whether the thing of that id was considered for a section and left out.
    pub(super) fn left_out_of(&self, section: &str, id: &str) -> bool {
        let items =
            self.sections.iter().filter(|known| known.name == section).flat_map(|section| &section.items);
        items.into_iter().any(|item| !item.included && item.id == id)
    }

    /// Whether the model was shown something. What that takes is only guessed.
    pub(super) fn has_pictures(&self) -> bool {
        let mut items = self.sections.iter().flat_map(|section| &section.items);
        items.any(|item| item.included && item.kind == "picture")
    }

    /// The facts that the prompt held.
    pub(super) fn facts(&self) -> Vec<FactId> {
        let items = self.sections.iter().flat_map(|section| &section.items);
        let facts = items.filter(|item| item.included && item.kind == "fact");
        facts.filter_map(|item| item.id.parse().ok()).collect()
    }
}

/// Collects the items of one section.
pub(super) struct Draft {
    section: Section,
}

impl Draft {
    pub(super) fn new(name: &str) -> Self {
        Self { section: Section { name: name.into(), tokens: 0, items: Vec::new() } }
    }
    pub(super) fn included(
        &mut self,
        kind: &str,
        id: impl ToString,
        tokens: usize,
        reason: &str,
        score: Option<f32>,
    ) {
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        self.section.tokens = self.section.tokens.saturating_add(tokens);
        self.push(kind, id.to_string(), tokens, true, reason, score);
    }
    pub(super) fn left_out(
        &mut self,
        kind: &str,
        id: impl ToString,
        tokens: usize,
        reason: &str,
        score: Option<f32>,
    ) {
        self.push(kind, id.to_string(), u32::try_from(tokens).unwrap_or(u32::MAX), false, reason, score);
    }
    fn push(
        &mut self,
        kind: &str,
        id: String,
        tokens: u32,
        included: bool,
        reason: &str,
        score: Option<f32>,
    ) {
        self.section.items.push(Item {
            kind: kind.into(),
            id,
            tokens,
            included,
            reason: reason.into(),
            score,
        });
    }
    /// The section, unless nothing was considered for it.
    pub(super) fn finish(self) -> Option<Section> {
        (!self.section.items.is_empty()).then_some(self.section)
    }
}
