//! The facts that a bot keeps, as people see and change them.

use crate::accounts::{Actor, Scope};
use crate::chat::{Change, Chat, may_see};
use crate::error::{Error, Result};
use crate::id::{BotId, ConversationId, FactId, PersonId};
use crate::spec;
use crate::store::{Conversation, Fact, FactAction, FactAuthor, FactState, Tenant};

/// The longest fact that a person may write, in characters.
const LONGEST: usize = 400;

/// Whose facts are meant, within one bot: those of a person's private conversations, or of one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whose {
    bot: BotId,
    person: Option<PersonId>,
    conversation: Option<ConversationId>,
}

impl Chat {
    /// Whose facts are known in a conversation: a person's follow them through their private conversations,
    /// where the bot's file lets them; a group's stay in it.
    pub(super) async fn whose(&self, tx: &mut Tenant, conversation: &Conversation) -> Result<Whose> {
        let live = self.bots().find_by_id(tx, conversation.bot_id).await?;
        let follows = live.is_none_or(|live| live.spec.memory.scope != spec::Scope::Conversation);
        let Conversation { id, bot_id: bot, person_id, .. } = *conversation;
        Ok(match person_id.filter(|_| follows) {
            Some(person) => Whose { bot, person: Some(person), conversation: None },
            None => Whose { bot, person: None, conversation: Some(id) },
        })
    }

    /// The facts that are known in a conversation, each with the number that it keeps until something is erased.
    /// Only active ones, unless all are asked for.
    ///
    /// # Errors
    /// `NotFound` unless there is such a conversation and the actor may see it.
    pub async fn numbered_facts(
        &self,
        actor: &Actor,
        conversation: ConversationId,
        all: bool,
    ) -> Result<Vec<(i64, Fact)>> {
        let mut tx = self.engine.store.reading(actor.account).await?;
        let found = Conversation::find(&tx, conversation).await?;
        let found = found
            .filter(|found| may_see(actor, found))
            .ok_or_else(|| Error::not_found("no such conversation"))?;
        let Whose { bot, person, conversation } = self.whose(&mut tx, &found).await?;
        let facts = Fact::list_of(&tx, bot, person, conversation).await?;
        tx.commit().await?;
        let numbered = (1..).zip(facts);
        Ok(numbered.filter(|(_, fact)| all || fact.state == FactState::Active).collect())
    }

    /// Gives a fact other words; the old ones stay in its history.
    ///
    /// # Errors
    /// `NotFound` unless there is such a fact, learned where the actor may see it; `Invalid` for words that are
    /// none or too many; `Conflict` for a fact that is not remembered.
    pub async fn correct_fact(
        &self,
        actor: &Actor,
        id: FactId,
        text: &str,
        expected_version: i32,
    ) -> Result<Change<Fact>> {
        let text = text.trim().replace('\0', "\u{fffd}");
        if text.is_empty() || text.chars().count() > LONGEST {
            return Err(Error::invalid(format!("a fact has 1 to {LONGEST} characters")));
        }
        self.revise_fact(actor, id, expected_version, FactAction::Updated, |fact| {
            if fact.state != FactState::Active {
                return Err(Error::conflict("this fact is not remembered: restore it first"));
            }
            fact.text = text;
            Ok(())
        })
        .await
    }

    /// Lets a fact be remembered no more. It can be restored; [`Chat::erase_messages`] is for ever.
    ///
    /// # Errors
    /// `NotFound` unless there is such a fact, learned where the actor may see it.
    pub async fn forget_fact(
        &self,
        actor: &Actor,
        id: FactId,
        expected_version: i32,
    ) -> Result<Change<Fact>> {
        self.revise_fact(actor, id, expected_version, FactAction::Forgotten, |fact| {
            fact.state = FactState::Forgotten;
            fact.superseded_by = None;
            Ok(())
        })
        .await
    }

    /// Lets a fact be remembered again, whatever became of it.
    ///
    /// # Errors
    /// As [`Chat::forget_fact`].
    pub async fn restore_fact(
        &self,
        actor: &Actor,
        id: FactId,
        expected_version: i32,
    ) -> Result<Change<Fact>> {
        self.revise_fact(actor, id, expected_version, FactAction::Restored, |fact| {
            fact.state = FactState::Active;
            fact.superseded_by = None;
            Ok(())
        })
        .await
    }

    async fn revise_fact(
        &self,
        actor: &Actor,
        id: FactId,
        expected_version: i32,
        action: FactAction,
        change: impl FnOnce(&mut Fact) -> Result<()>,
    ) -> Result<Change<Fact>> {
        actor.require(Scope::Chat)?;
        let unknown = || Error::not_found("no such fact");
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let found = Fact::find(&mut tx, id).await?.ok_or_else(unknown)?;
        let place = Conversation::find_locked(&tx, found.conversation_id).await?.ok_or_else(unknown)?;
        if !may_see(actor, &place) {
            return Err(unknown());
        }
        if found.version != expected_version {
            return Ok(Change::Stale(found));
        }
        let mut changed = found.clone();
        change(&mut changed)?;
        if changed == found {
            return Ok(Change::Made(found));
        }
        let Some(revised) = Fact::revise(&mut tx, &changed, action, FactAuthor::Person, now).await? else {
            let stands = Fact::find(&mut tx, id).await?.ok_or_else(unknown)?;
            return Ok(Change::Stale(stands));
        };
        tx.commit().await?;
        Ok(Change::Made(revised))
    }
}
