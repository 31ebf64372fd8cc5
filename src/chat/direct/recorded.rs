//! An answer in somebody's lasting conversation to a client that has tools of its own. The model hears the
//! bot's memory; nothing is stored while tools are being called; the words and the final reply are stored
//! together, once, as a turn that has ended.

use std::sync::Arc;

use async_stream::stream;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;

use crate::accounts::{Actor, Scope};
use crate::chat::bots::LiveBot;
use crate::chat::context::{Reading, assemble, following_tokens, room_for_message, tools_tokens};
use crate::chat::direct::{Answering, Unanswered, tools_of};
use crate::chat::events::completed;
use crate::chat::inbound::new_conversation;
use crate::chat::repeat::{Receipt, claim_key, idempotency, recall_key, replay};
use crate::chat::uploads::Along;
use crate::chat::words::checked_words;
use crate::chat::{Assembled, Chat, NoRoom, Report};
use crate::dialog::{Message as Heard, Picture, Spend, ToolContext, ToolSpec, Usage, Wishes};
use crate::error::{Error, Result};
use crate::id::{ConversationId, MessageId, TurnId};
use crate::phrases::Language;
use crate::providers::{Event, Finish};
use crate::store::{
    Conversation, ConversationEvent, Document, EndedTurn, Idempotency, Message, MessageRole, Outcome,
    Participant, Tenant, Turn, TurnEvent, TurnEventKind, TurnState,
};
use crate::tokens;

/// What a client asks for somebody whose conversation lasts.
#[derive(Debug, Clone)]
pub struct AskedIn {
    pub channel: &'static str,
    /// The last words of the person; they may be none where there are pictures.
    pub text: String,
    /// What was sent with them.
    pub pictures: Vec<Picture>,
    /// What followed them: calls of the client's tools, and what these returned.
    pub following: Vec<Heard>,
    /// The client's own.
    pub tools: Vec<ToolSpec>,
    pub wishes: Wishes,
    pub idempotency_key: Option<String>,
}

impl AskedIn {
    /// What tells a repetition of it.
    fn key(&self, actor: &Actor, live: &LiveBot, now: DateTime<Utc>) -> Option<Idempotency> {
        let Self { channel, text, pictures, following, tools: _, wishes, idempotency_key } = self;
        let content = match pictures.as_slice() {
            [] => json!([following, wishes]).to_string(),
            pictures => json!([following, wishes, pictures]).to_string(),
        };
        let key = idempotency_key.as_ref()?;
        Some(idempotency(actor, "ask", key, &[*channel, &live.bot.name, text, &content], now))
    }
}

/// The exchange that is to be stored.
struct Exchange {
    chat: Chat,
    actor: Actor,
    live: Arc<LiveBot>,
    conversation: ConversationId,
    message: Message,
    /// What was sent with it.
    along: Along,
    /// What the message became, if it is too long.
    readings: Vec<Reading>,
    /// What the person is told before the model's first words.
    notice: Option<String>,
    turn: TurnId,
    report: Report,
    key: Option<Idempotency>,
}

impl Chat {
    /// Answers a person's words in their own conversation with the bot, with the client's tools beside the
    /// bot's own that read. A repetition with the same key gets the reply that was stored.
    pub async fn ask_in(
        &self,
        actor: &Actor,
        live: &Arc<LiveBot>,
        asked: AskedIn,
    ) -> Result<Answering, Unanswered> {
        actor.require(Scope::Chat)?;
        let engine = &self.engine;
        let now = engine.clock.now();
        let asked = AskedIn { text: checked_words(&asked.text, !asked.pictures.is_empty())?, ..asked };
        let key = asked.key(actor, live, now);
        let AskedIn { channel, text, pictures, following, tools: theirs, wishes, idempotency_key: _ } = asked;
        let own_key = format!("person:{}", actor.person);
        let mut tx = engine.store.tenant(actor.account).await?;
        if let Some(receipt) = recall_key(&tx, key.as_ref()).await? {
            let stored = stored(&mut tx, &receipt).await?;
            tx.commit().await?;
            return Ok(stream::iter(stored.into_iter().map(Ok)).boxed());
        }
        let new = new_conversation(actor, live, channel, &own_key, ConversationId::new(), None, now);
        let conversation = Conversation::find_or_insert_locked(&mut tx, &new).await?;
        let message = words(actor, &conversation, text, now);
        let along = self.take_along(&mut tx, actor, pictures, message.id, now).await?;
        tx.commit().await?;
        let (routes, own) = tools_of(engine, actor, live, &theirs).await?;
        let theirs_take = tools_tokens(theirs.iter().cloned());
        let specs: Vec<ToolSpec> = own.iter().map(|tool| tool.spec()).chain(theirs).collect();
        let tx = engine.store.reading(actor.account).await?;
        let beside = tokens::count(&wishes.instructions) + following_tokens(&following) + theirs_take;
        let mut loaded =
            engine.load(tx, live.clone(), conversation.clone(), vec![message.clone()], &[], beside).await?;
        loaded.name.clone_from(&actor.person_name);
        loaded.pictures.extend(along.heard(message.id));
        engine.look_at(&mut loaded, &routes).await?;
        let ratio = engine.ratio_of(&routes);
        let mut input = loaded.input(specs, ratio);
        let takes = words_of(&loaded.inbound) + input.wanted(&wishes, &following);
        let room = room_for_message(&live.spec, ratio);
        if takes > room {
            return Err(Unanswered::NoRoom(NoRoom { takes, room }));
        }
        input.wishes = Some(&wishes);
        input.reserved = following_tokens(&following);
        let Assembled { mut request, report } = assemble(input);
        request.messages.extend(following);
        let notice = loaded.notice(Language::of(&request.question));
        let turn = TurnId::new();
        let context = tool_context(actor, live, conversation.id, turn);
        let spend = Spend { account: actor.account, bot: live.bot.id, person: Some(actor.person) };
        let answer = self.rounds(routes, own, context, spend).answer(request);
        let exchange = Exchange {
            chat: self.clone(),
            actor: actor.clone(),
            live: live.clone(),
            conversation: conversation.id,
            message,
            along,
            readings: std::mem::take(&mut loaded.readings),
            notice,
            turn,
            report,
            key,
        };
        Ok(exchange.following(answer).boxed())
    }
}

impl Exchange {
    /// The same answer; its end is told once the exchange is stored.
    fn following(
        mut self,
        answer: impl Stream<Item = Result<Event, Unanswered>> + Send + 'static,
    ) -> impl Stream<Item = Result<Event, Unanswered>> + Send {
        stream! {
            let mut answer = std::pin::pin!(answer);
            let (mut text, mut is_final) = (String::new(), true);
            while let Some(mut event) = answer.next().await {
                if let Ok(Event::Text(more)) = &mut event
                    && let Some(notice) = self.notice.take()
                {
                    more.insert_str(0, &format!("{notice}\n\n"));
                }
                match &event {
                    Ok(Event::Text(more)) => text.push_str(more),
                    // The client goes on with this exchange.
                    Ok(Event::ToolCall(_)) => is_final = false,
                    Ok(Event::Done { finish, usage, model }) if is_final && !text.trim().is_empty() => {
                        if let Err(error) = self.store(&text, *finish, usage, model).await {
                            yield Err(Unanswered::Other(error));
                            return;
                        }
                    }
                    Ok(Event::Done { .. }) | Err(_) => {}
                }
                yield event;
            }
        }
    }

    /// Stores the words, the reply and their turn, unless a repetition of this request did.
    async fn store(&self, text: &str, finish: Finish, usage: &Usage, model: &str) -> Result<()> {
        let engine = &self.chat.engine;
        let now = engine.clock.now();
        let mut tx = engine.store.tenant(self.actor.account).await?;
        let gone = || Error::not_found("the conversation was removed meanwhile");
        let conversation = Conversation::find_locked(&tx, self.conversation).await?.ok_or_else(gone)?;
        if claim_key(&tx, self.key.as_ref()).await?.is_some() {
            return tx.commit().await;
        }
        if conversation.last_ordinal == 0 {
            let participant = Participant {
                account_id: self.actor.account,
                conversation_id: conversation.id,
                person_id: self.actor.person,
                name: self.actor.person_name.clone(),
            };
            Participant::put(&mut tx, &participant).await?;
        }
        self.insert(&mut tx, text, finish, usage, model).await?;
        engine.memory.after_turn(&mut tx, &self.live.spec, &conversation, false, now).await?;
        if let Some(key) = &self.key {
            let receipt = Receipt {
                conversation: conversation.id,
                message: Some(self.message.id),
                turn: Some(self.turn),
            };
            let result = serde_json::to_value(receipt).map_err(Error::internal)?;
            Idempotency::answer(&mut tx, key, &result).await?;
        }
        tx.commit().await
    }

    /// The rows of the exchange. The conversation must be locked.
    async fn insert(
        &self,
        tx: &mut Tenant,
        text: &str,
        finish: Finish,
        usage: &Usage,
        model: &str,
    ) -> Result<()> {
        let (conversation_id, now) = (self.conversation, self.chat.engine.clock.now());
        let (last, event) = Conversation::advance(tx, conversation_id, 2, 3, now).await?;
        let (first, reply) = (last - 1, MessageId::new());
        let ended = EndedTurn {
            id: self.turn,
            conversation_id,
            bot_id: self.live.bot.id,
            revision_id: self.live.revision,
            first_ordinal: first,
            at: now,
        };
        Turn::insert_ended(tx, ended).await?;
        let said = Message { ordinal: first, turn_id: Some(self.turn), ..self.message.clone() };
        let replied = Message {
            id: reply,
            ordinal: last,
            role: MessageRole::Bot,
            person_id: None,
            author: self.live.spec.display_name.clone(),
            text: text.trim_end().to_owned(),
            sent_at: now,
            ..said.clone()
        };
        Message::insert(tx, &[said, replied]).await?;
        self.along.insert(tx).await?;
        for Reading { document, passages, .. } in &self.readings {
            Document::put(tx, document, passages).await?;
        }
        let place = (self.actor.account, conversation_id);
        let lines = [
            ConversationEvent::about_message("message", place, event, self.message.id, now),
            ConversationEvent::about_message("message", place, event + 1, reply, now),
            ConversationEvent::about_turn(place, event + 2, self.turn, TurnState::Completed, now),
        ];
        ConversationEvent::insert(tx, &lines).await?;
        let events = [
            (1, TurnEventKind::Text, json!({ "text": text })),
            (2, TurnEventKind::Completed, completed(reply, finish)),
        ];
        TurnEvent::insert(tx, self.turn, &events).await?;
        let outcome = Outcome {
            state: TurnState::Completed,
            reply_id: Some(reply),
            model: Some(model.to_owned()),
            usage: Some(serde_json::to_value(usage).map_err(Error::internal)?),
            failure: None,
            report: Some(serde_json::to_value(&self.report).map_err(Error::internal)?),
            last_seq: 2,
        };
        Turn::finish(tx, self.turn, outcome, now).await
    }
}

/// The reply that an earlier request with the same key stored.
async fn stored(tx: &mut Tenant, receipt: &Receipt) -> Result<Vec<Event>> {
    let vanished = || Error::internal("a remembered reply vanished");
    let turn = replay(tx, receipt).await?.turn;
    let reply = turn.reply_id.ok_or_else(vanished)?;
    let reply = Message::find(tx, reply).await?.ok_or_else(vanished)?;
    let usage = turn.usage.and_then(|usage| serde_json::from_value(usage).ok()).unwrap_or_default();
    let model = turn.model.unwrap_or_default();
    Ok(vec![Event::Text(reply.text), Event::Done { finish: Finish::Stop, usage, model }])
}

fn tool_context(actor: &Actor, live: &LiveBot, conversation: ConversationId, turn: TurnId) -> ToolContext {
    ToolContext {
        account: actor.account,
        bot: live.bot.id,
        conversation: Some(conversation),
        person: Some(actor.person),
        turn,
        ordinal: 0,
    }
}

/// What messages take, in tokens.
fn words_of(messages: &[Message]) -> usize {
    messages.iter().map(|message| tokens::count(&message.text)).sum()
}

fn words(actor: &Actor, conversation: &Conversation, text: String, now: DateTime<Utc>) -> Message {
    Message {
        account_id: actor.account,
        id: MessageId::new(),
        conversation_id: conversation.id,
        ordinal: conversation.last_ordinal + 1,
        role: MessageRole::Person,
        person_id: Some(actor.person),
        author: actor.person_name.clone(),
        text,
        version: 1,
        turn_id: None,
        sent_at: now,
        edited_at: None,
        erased_at: None,
        superseded_by: None,
    }
}
