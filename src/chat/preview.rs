//! What a bot would hear, without sending anything.

use std::sync::Arc;

use crate::accounts::{Actor, Scope};
use crate::chat::inbound::new_conversation;
use crate::chat::{Assembled, Chat, LiveBot, Report, assemble};
use crate::dialog::Request;
use crate::error::{Error, Result};
use crate::id::{ConversationId, MessageId};
use crate::providers::Route;
use crate::store::{Conversation, Message, MessageRole, Tenant};

/// A prompt and the account of it.
pub struct Preview {
    pub request: Request,
    pub report: Report,
    /// Which models would be asked, in order, and why some cannot be.
    pub routes: Vec<(String, Option<String>)>,
}

impl Chat {
    /// The prompt that `text` would make in the caller's own conversation with `bot` on `channel`.
    pub async fn preview(
        &self,
        actor: &Actor,
        bot: &str,
        text: &str,
        channel: &'static str,
    ) -> Result<Preview> {
        actor.require(Scope::Read)?;
        let live = self
            .bots()
            .find(actor.account, bot)
            .await?
            .ok_or_else(|| Error::not_found(format!("there is no bot called `{bot}`")))?;
        let now = self.engine.clock.now();
        let key = format!("person:{}", actor.person);
        let mut tx = self.engine.store.reading(actor.account).await?;
        let found = Conversation::find_by_key(&mut tx, live.bot.id, channel, &key).await?;
        let conversation = found.unwrap_or_else(|| {
            new_conversation(actor, &live, channel, &key, ConversationId::new(), None, now)
        });
        let (Assembled { request, report }, routes) =
            self.would_hear(tx, actor, live, conversation, text).await?;
        let routes = routes
            .iter()
            .map(|route| (route.name(), route.missing.as_ref().map(ToString::to_string)))
            .collect();
        Ok(Preview { request, report, routes })
    }

    /// What an empty message would add itself to, in a conversation.
    pub(super) async fn report_of_nothing(
        &self,
        actor: &Actor,
        conversation: &Conversation,
    ) -> Result<Report> {
        let mut tx = self.engine.store.reading(actor.account).await?;
        let live = self.bots().find_by_id(&mut tx, conversation.bot_id).await?;
        let live = live.ok_or_else(|| Error::internal("a conversation without its bot"))?;
        let (assembled, _) = self.would_hear(tx, actor, live, conversation.clone(), "").await?;
        Ok(assembled.report)
    }

    async fn would_hear(
        &self,
        tx: Tenant,
        actor: &Actor,
        live: Arc<LiveBot>,
        conversation: Conversation,
        text: &str,
    ) -> Result<(Assembled, Vec<Route>)> {
        let message = Message {
            account_id: actor.account,
            id: MessageId::new(),
            conversation_id: conversation.id,
            ordinal: conversation.last_ordinal + 1,
            role: MessageRole::Person,
            person_id: Some(actor.person),
            author: actor.person_name.clone(),
            text: text.to_owned(),
            version: 1,
            turn_id: None,
            sent_at: self.engine.clock.now(),
            edited_at: None,
            erased_at: None,
            superseded_by: None,
        };
        let mut loaded = self.engine.load(tx, live.clone(), conversation, vec![message], &[], 0).await?;
        loaded.name = actor.person_name.clone();
        let (routes, tools) = self.engine.mind_of(actor.account, &live.spec).await?;
        let specs = tools.iter().map(|tool| tool.spec()).collect();
        self.engine.look_at(&mut loaded, &routes).await?;
        let ratio = self.engine.ratio_of(&routes);
        Ok((assemble(loaded.input(specs, ratio)), routes))
    }
}
