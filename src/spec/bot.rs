//! A bot as the rest of the house uses it: every default applied, every text inlined.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::features::{Limits, Telegram};
use super::memory::Memory;
use super::model::{Model, Provider};
use super::template;

/// The persona of a bot that has none.
pub(super) const NEUTRAL: &str = include_str!("neutral.md");

/// A bot, ready to talk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bot {
    /// The name of its folder: a DNS label, unique in its account.
    pub name: String,
    /// The name that people see.
    pub display_name: String,
    pub description: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// May hold `{{person.name}}` and `{{bot.name}}`.
    pub persona: String,
    /// The first message to somebody new. May hold `{{person.name}}` and `{{bot.name}}`.
    pub greeting: Option<String>,
    /// A fixed language (`uk`); none means the language of the message.
    pub language: Option<String>,
    /// Highest priority first, else as written.
    pub rules: Vec<Rule>,
    pub lore: Vec<Lore>,
    pub model: Model,
    pub memory: Memory,
    /// In the order of the file.
    pub sources: Vec<Source>,
    /// The project's own providers that `model` and `memory.model` refer to, by name.
    pub providers: BTreeMap<String, Provider>,
    /// After so many days without a word from them, guests are forgotten; never where nothing is said.
    #[serde(default)]
    pub guests_after_days_of_silence: Option<u32>,
    /// Where it stands on Telegram, if it does.
    #[serde(default)]
    pub telegram: Option<Telegram>,
    /// How much it may be used; without limit where nothing is said.
    #[serde(default)]
    pub limits: Option<Limits>,
}

/// Something that the bot must or must not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub text: String,
    /// A heading to group rules under.
    pub category: Option<String>,
    /// Higher stands first; 0 where nothing is said.
    pub priority: i32,
}

/// A text that joins the prompt when one of its keywords comes up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lore {
    pub keys: Vec<String>,
    pub text: String,
}

/// Something that the bot may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// What it is called in citations.
    pub name: String,
    pub text: String,
    /// Always in the prompt; otherwise recalled by relevance.
    pub pin: bool,
}

impl Bot {
    /// A bot without a file: the neutral assistant with every default. `name` must be a DNS label.
    pub fn neutral(name: &str) -> Self {
        Self {
            name: name.into(),
            display_name: name.into(),
            description: None,
            labels: BTreeMap::new(),
            persona: NEUTRAL.trim_end().into(),
            greeting: None,
            language: None,
            rules: Vec::new(),
            lore: Vec::new(),
            model: Model::default(),
            memory: Memory::default(),
            sources: Vec::new(),
            providers: BTreeMap::new(),
            guests_after_days_of_silence: None,
            telegram: None,
            limits: None,
        }
    }

    /// One of this bot's texts with its variables filled in, for a person of this name; empty where it is not
    /// known. See [`super::fill`].
    pub fn fill(&self, text: &str, person: &str) -> String {
        let person_name = Some(person).filter(|name| !name.is_empty());
        template::fill(text, &template::Variables { person_name, bot_name: &self.display_name })
    }
}
