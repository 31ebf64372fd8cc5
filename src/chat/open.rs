//! Taking up a conversation without saying anything yet.

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::chat::inbound::{greet, new_conversation, unknown_bot};
use crate::error::Result;
use crate::id::ConversationId;
use crate::store::Conversation;

impl Chat {
    /// The caller's own conversation with `bot` on `channel`, the one that [`Target::Bot`] means. If there is
    /// none it is begun, with the bot's greeting if it has one.
    ///
    /// [`Target::Bot`]: crate::chat::Target::Bot
    pub async fn open(&self, actor: &Actor, bot: &str, channel: &'static str) -> Result<Conversation> {
        actor.require(Scope::Chat)?;
        let now = self.engine.clock.now();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let live = self.bots().find_in(&mut tx, bot).await?.ok_or_else(|| unknown_bot(bot))?;
        let key = format!("person:{}", actor.person);
        let new = new_conversation(actor, &live, channel, &key, ConversationId::new(), None, now);
        let mut conversation = Conversation::find_or_insert_locked(&mut tx, &new).await?;
        if let Some(greeting) = live.spec.greeting.as_ref().filter(|_| conversation.last_ordinal == 0) {
            greet(&mut tx, actor, &live, &mut conversation, greeting, now).await?;
        }
        tx.commit().await?;
        Ok(conversation)
    }
}
