//! What a bot's memory would bring to an answer, without asking a model.

use futures_util::future::{try_join, try_join3};

use crate::accounts::Actor;
use crate::chat::context::evidence_that_fits;
use crate::chat::{Chat, may_see};
use crate::error::{Error, Result};
use crate::id::{ConversationId, PersonId};
use crate::memory::{Ask, Found};
use crate::store::{Bot, Conversation, Person, Questions, Setting, Tenant};

/// How many memories are looked at; the budget decides how many come.
pub(super) const LIMIT: usize = 60;
/// The longest question, in bytes.
const LONGEST: usize = 8 * 1024;
/// The largest budget that may be asked for, in tokens.
const MOST_TOKENS: u32 = 32_000;

/// What was remembered.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// Best first, each with the tokens that it takes in a prompt.
    pub evidence: Vec<(Found, usize)>,
    /// What all of them may take.
    pub budget: u32,
    /// False while the index is behind or being rebuilt: there may be more.
    pub complete: bool,
}

/// What is asked before anything is searched.
struct First<'a> {
    bot: &'a str,
    conversation: Option<ConversationId>,
    person: PersonId,
}

impl Questions for First<'_> {
    type Answers = (Option<Bot>, (Option<Conversation>, Option<Setting>), Option<Person>);
    async fn ask(&self, tx: &Tenant) -> Result<Self::Answers> {
        let there = async {
            match self.conversation {
                Some(id) => try_join(Conversation::find(tx, id), Setting::find(tx, id)).await,
                None => Ok((None, None)),
            }
        };
        try_join3(Bot::find_by_name(tx, self.bot), there, Person::find(tx, self.person)).await
    }
}

impl Chat {
    /// What `bot` would remember if somebody said `text`: in the conversation of that id, or, without one, in the
    /// caller's own on `channel`. As much as fits into `budget` tokens, by default the bot's own.
    ///
    /// # Errors
    /// `NotFound` for a bot or conversation that does not exist or is not the caller's to see, and for a
    /// conversation with another bot; `Invalid` for a text that is empty or too long.
    pub async fn recall(
        &self,
        actor: &Actor,
        bot: &str,
        conversation: Option<ConversationId>,
        channel: &'static str,
        text: &str,
        budget: Option<u32>,
    ) -> Result<Remembered> {
        if text.trim().is_empty() || text.len() > LONGEST {
            return Err(Error::invalid(format!("ask with 1 to {LONGEST} bytes of text")));
        }
        let first = First { bot, conversation, person: actor.person };
        let (mut tx, (row, (there, mut setting), mut asker)) =
            self.engine.store.asking(actor.account, &first).await?;
        let live = self
            .bots()
            .of_row(&mut tx, row)
            .await?
            .ok_or_else(|| Error::not_found(format!("there is no bot called `{bot}`")))?;
        let budget = budget.unwrap_or(live.spec.memory.recall.budget);
        if budget > MOST_TOKENS {
            return Err(Error::invalid(format!("`budget` is at most {MOST_TOKENS} tokens, not {budget}")));
        }
        let (conversation, person) = match conversation {
            None => {
                let key = format!("person:{}", actor.person);
                let found = Conversation::find_by_key(&mut tx, live.bot.id, channel, &key).await?;
                if let Some(found) = &found {
                    setting = Setting::find(&tx, found.id).await?;
                }
                (found.map_or_else(ConversationId::new, |found| found.id), Some(actor.person))
            }
            Some(_) => {
                let found = there
                    .filter(|found| may_see(actor, found) && found.bot_id == live.bot.id)
                    .ok_or_else(|| Error::not_found("no such conversation with this bot"))?;
                (found.id, found.person_id)
            }
        };
        if let Some(person) = person.filter(|person| *person != actor.person) {
            asker = Person::find(&tx, person).await?;
        }
        tx.commit().await?;
        let ask = Ask {
            bot: live.bot.id,
            conversation,
            person,
            scope: live.spec.memory.scope,
            setting: setting.as_ref(),
            text,
            asker: asker.as_ref().map(|person| person.name.as_str()),
            limit: LIMIT,
            cooldown: None,
        };
        let recalled = self.engine.memory.recall(actor.account, &ask).await?;
        let evidence = evidence_that_fits(recalled.found, budget);
        Ok(Remembered { evidence, budget, complete: recalled.complete })
    }

    /// The same in a conversation that is known, for whoever speaks there; nothing where no words are asked for.
    pub(super) async fn recall_in(
        &self,
        actor: &Actor,
        conversation: &Conversation,
        text: &str,
        budget: u32,
    ) -> Result<Vec<(Found, usize)>> {
        let mut tx = self.engine.store.reading(actor.account).await?;
        let live = self.bots().find_by_id(&mut tx, conversation.bot_id).await?;
        let setting = Setting::find(&tx, conversation.id).await?;
        tx.commit().await?;
        let live = live.ok_or_else(|| Error::internal("a conversation without its bot"))?;
        let text = &text[..text.floor_char_boundary(LONGEST)];
        let ask = Ask {
            bot: live.bot.id,
            conversation: conversation.id,
            person: conversation.person_id,
            scope: live.spec.memory.scope,
            setting: setting.as_ref(),
            text,
            asker: Some(&actor.person_name),
            limit: LIMIT,
            cooldown: None,
        };
        let recalled = self.engine.memory.recall(actor.account, &ask).await?;
        Ok(evidence_that_fits(recalled.found, budget))
    }
}
