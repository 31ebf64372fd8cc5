//! What a memory brings to a question, by the ids under which messages came in.

use std::time::Duration;

use crate::accounts::{Actor, Scope};
use crate::chat::context::evidence_that_fits;
use crate::chat::import::{CHANNEL, Destination, Past};
use crate::chat::inbound::unknown_bot;
use crate::chat::recall::LIMIT;
use crate::chat::{Chat, may_see};
use crate::error::{Error, Result};
use crate::id::{BotId, ConversationId, MessageId, PersonId};
use crate::memory::{Ask, FoundKind};
use crate::spec;
use crate::store::{Conversation, Import, Person, Setting, Tenant};

/// What came to mind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evoked {
    /// Of messages, best first: as they were given at an import, else our own.
    pub ids: Vec<String>,
    /// What all of it takes in a prompt.
    pub tokens: usize,
}

impl Chat {
    /// Waits until all that was said so far can be recalled.
    ///
    /// # Errors
    /// `Unavailable` after `patience`.
    pub async fn indexed(&self, patience: Duration) -> Result<()> {
        self.engine.memory.settle(patience).await
    }

    /// Forgets what models derived from a bot's conversations and has it derived anew; says from how many of them. Long
    /// messages are cut into passages anew, too, for the bot as it is now.
    ///
    /// # Errors
    /// `Forbidden` to who does not administer the account.
    pub async fn rebuild_memory(&self, actor: &Actor, bot: BotId) -> Result<usize> {
        actor.require(Scope::Admin)?;
        let mut tx = self.engine.store.reading(actor.account).await?;
        let live = self.bots().find_by_id(&mut tx, bot).await?;
        tx.commit().await?;
        if let Some(live) = live {
            self.file_all_anew(actor.account, &live).await?;
        }
        self.engine.memory.rebuild(actor.account, bot).await
    }

    /// What `bot` would remember at `question`, as much as fits into `budget` tokens, by default the bot's own. A
    /// conversation that is named is asked alone; the caller's own as far as the bot's file says.
    ///
    /// # Errors
    /// `NotFound` for a bot or conversation that is not there or not the caller's to see.
    pub async fn evoke(
        &self,
        actor: &Actor,
        bot: &str,
        place: &Destination,
        question: &str,
        budget: Option<u32>,
    ) -> Result<Evoked> {
        actor.require(Scope::Read)?;
        let live = self.bots().find(actor.account, bot).await?.ok_or_else(|| unknown_bot(bot))?;
        let mut tx = self.engine.store.reading(actor.account).await?;
        let (conversation, person, scope) = match place {
            Destination::Own => (ConversationId::new(), Some(actor.person), live.spec.memory.scope),
            Destination::Known(_) | Destination::Named(_) => {
                let found = find(&mut tx, live.bot.id, place).await?;
                let found = found.filter(|found| found.bot_id == live.bot.id && may_see(actor, found));
                let found =
                    found.ok_or_else(|| Error::not_found(format!("`{bot}` has no such conversation")))?;
                (found.id, found.person_id, spec::Scope::Conversation)
            }
        };
        let asker = asker(&mut tx, person).await?;
        let setting = Setting::find(&tx, conversation).await?;
        tx.commit().await?;
        let ask = Ask {
            bot: live.bot.id,
            conversation,
            person,
            scope,
            setting: setting.as_ref(),
            text: question,
            asker: asker.as_deref(),
            limit: LIMIT,
            cooldown: None,
        };
        let recalled = self.engine.memory.recall(actor.account, &ask).await?;
        let evidence = evidence_that_fits(recalled.found, budget.unwrap_or(live.spec.memory.recall.budget));
        let mut messages: Vec<MessageId> = Vec::with_capacity(evidence.len());
        for (found, _) in &evidence {
            // A fact stands for the messages that it was drawn from, a passage for the one that it is of.
            let told = match found.kind {
                FoundKind::Message => vec![MessageId(found.id)],
                FoundKind::Fact | FoundKind::Passage => found.sources.clone(),
                FoundKind::Summary | FoundKind::Digest => Vec::new(),
            };
            messages.extend(told.into_iter().filter(|id| !messages.contains(id)).collect::<Vec<_>>());
        }
        let mut tx = self.engine.store.reading(actor.account).await?;
        let known = Import::list_of(&mut tx, &messages).await?;
        tx.commit().await?;
        let id = |message: &MessageId| {
            let given = known.get(message).and_then(|id| Past::given_id(id));
            given.map_or_else(|| message.to_string(), str::to_owned)
        };
        Ok(Evoked {
            ids: messages.iter().map(id).collect(),
            tokens: evidence.iter().map(|(_, tokens)| tokens).sum(),
        })
    }
}

async fn find(tx: &mut Tenant, bot: BotId, place: &Destination) -> Result<Option<Conversation>> {
    match place {
        Destination::Known(id) => Conversation::find(tx, *id).await,
        Destination::Named(name) => Conversation::find_by_key(tx, bot, CHANNEL, name).await,
        Destination::Own => Ok(None),
    }
}

/// The name of who asks, where one person does.
async fn asker(tx: &mut Tenant, person: Option<PersonId>) -> Result<Option<String>> {
    match person {
        Some(id) => Ok(Person::find(tx, id).await?.map(|person| person.name)),
        None => Ok(None),
    }
}
