//! Facts: single sentences with their sources, kept without doubles and with their history.

mod alike;
mod keep;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, FactId, MessageId, PersonId};
use crate::spec;
use crate::store::{Conversation, Fact, Message, Tenant};

pub(super) use alike::Shape;
pub(super) use keep::{Done, keep};

/// The longest fact, in characters: it is a sentence, not a story.
pub(super) const LONGEST: usize = 400;

/// Where facts are learned, and with which others they are compared.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) account: AccountId,
    pub(super) bot: BotId,
    pub(super) conversation: ConversationId,
    pub(super) person: Option<PersonId>,
    /// Of the bot's file.
    scope: spec::Scope,
    rules: spec::Facts,
}

/// What facts are founded on: messages of people, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    pub(super) messages: Vec<MessageId>,
    /// Who said the first of them.
    pub(super) author: String,
    /// When the newest was said.
    pub(super) at: DateTime<Utc>,
}

/// What is to be done to a memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Draft {
    New {
        text: String,
        about: String,
        importance: f64,
        origin: Origin,
    },
    /// A known fact is wrong, or not true any more.
    Correction {
        fact: FactId,
        text: String,
        origin: Origin,
    },
    /// Somebody took a known fact back.
    Retraction {
        fact: FactId,
    },
}

impl Place {
    pub(super) fn of(conversation: &Conversation, bot: &spec::Bot) -> Self {
        Self {
            account: conversation.account_id,
            bot: conversation.bot_id,
            conversation: conversation.id,
            person: conversation.person_id,
            scope: bot.memory.scope,
            rules: bot.memory.facts.clone(),
        }
    }

    /// The active facts that may be known here, the most important first: a person's follow them through their
    /// private conversations, a group's stay in the group.
    pub(super) async fn list(&self, tx: &mut Tenant) -> Result<Vec<Fact>> {
        self.list_most(tx, i64::from(self.rules.max).max(1)).await
    }

    /// All of them, however they stand.
    async fn list_all(&self, tx: &Tenant) -> Result<Vec<Fact>> {
        let (person, conversation) = self.reach();
        Fact::list_of(tx, self.bot, person, conversation).await
    }

    /// At most so many of the active ones.
    pub(super) async fn list_most(&self, tx: &Tenant, most: i64) -> Result<Vec<Fact>> {
        let (person, conversation) = self.reach();
        Fact::list_active(tx, self.bot, person, conversation, most).await
    }

    fn reach(&self) -> (Option<PersonId>, Option<ConversationId>) {
        match (self.person, self.scope) {
            (Some(person), spec::Scope::Person) => (Some(person), None),
            (Some(_), spec::Scope::Bot) => (None, None),
            _ => (None, Some(self.conversation)),
        }
    }
}

impl Origin {
    /// `None` where nobody said it.
    pub(super) fn of(messages: &[&Message]) -> Option<Self> {
        let first = messages.iter().min_by_key(|message| message.ordinal)?;
        let at = messages.iter().map(|message| message.sent_at).max()?;
        let mut ids: Vec<&&Message> = messages.iter().collect();
        ids.sort_by_key(|message| message.ordinal);
        let messages = ids.into_iter().map(|message| message.id).collect();
        Some(Self { messages, author: first.author.clone(), at })
    }
}
