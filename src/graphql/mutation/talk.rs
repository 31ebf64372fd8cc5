//! Talking to bots.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::chat::{About, Accepted, Inbound, Target};
use crate::error;
use crate::graphql::context::{actor, rooms};
use crate::graphql::ids;
use crate::graphql::mutation::checked_key;
use crate::graphql::mutation::user_error::{Mendable, user_errors};
use crate::graphql::types::{Conversation, Message, Turn};
use crate::id::{ConversationId, TurnId, UploadId};

/// The channel of what comes in here.
pub(in crate::graphql) const CHANNEL: &str = "graphql";

/// Talking to bots.
#[derive(Default)]
pub(super) struct TalkMutations;

#[Object]
impl TalkMutations {
    /// Begins a conversation with a bot; with its greeting in it, if it has one.
    async fn create_conversation(
        &self,
        context: &Context<'_>,
        input: CreateConversationInput,
    ) -> Result<Option<CreateConversationPayload>> {
        let CreateConversationInput { idempotency_key, bot, title } = input;
        let key = match checked_key(idempotency_key) {
            Ok(key) => key,
            Err(mendable) => return Ok(Some(CreateConversationPayload::refused(mendable))),
        };
        let chat = &rooms(context)?.chat;
        let made = chat.create_conversation(actor(context)?, &bot, title, Some(key), CHANNEL).await;
        Ok(Some(match made {
            Ok((conversation, replayed)) => CreateConversationPayload {
                conversation: Some(Conversation(conversation)),
                replayed,
                user_errors: Vec::new(),
            },
            Err(error) => {
                let path = if error.kind() == error::Kind::NotFound { "bot" } else { "title" };
                CreateConversationPayload::refused(Mendable::of(error, path)?)
            }
        }))
    }

    /// Says something to a bot. It is kept before this returns, and the answer will come whatever crashes:
    /// follow `turn` with `turnEvents`.
    async fn send_message(
        &self,
        context: &Context<'_>,
        input: SendMessageInput,
    ) -> Result<Option<SendMessagePayload>> {
        let (inbound, path) = match inbound(input) {
            Ok(inbound) => inbound,
            Err(mendable) => return Ok(Some(SendMessagePayload::refused(mendable))),
        };
        Ok(Some(match rooms(context)?.chat.send(actor(context)?, inbound).await {
            Ok(accepted) => accepted.into(),
            Err(error) => {
                let otherwise = if error.kind() == error::Kind::Invalid { "text" } else { path };
                let path = About::of(&error).unwrap_or(otherwise);
                SendMessagePayload::refused(Mendable::of(error, path)?)
            }
        }))
    }

    /// Stops a turn: a queued one at once, a running one as soon as its runner hears of it. One that has
    /// ended stays as it is.
    async fn cancel_turn(
        &self,
        context: &Context<'_>,
        input: CancelTurnInput,
    ) -> Result<Option<CancelTurnPayload>> {
        let cancelled = async {
            let turn = ids::read::<TurnId>(&input.turn_id)?;
            rooms(context)?.chat.cancel(actor(context)?, turn).await
        };
        Ok(Some(match cancelled.await {
            Ok(turn) => CancelTurnPayload { turn: Some(Turn(turn)), user_errors: Vec::new() },
            Err(error) => {
                let mendable = Mendable::of(error, "turnId")?;
                CancelTurnPayload { turn: None, user_errors: vec![mendable.into()] }
            }
        }))
    }
}

/// A conversation to begin.
#[derive(InputObject)]
struct CreateConversationInput {
    /// Chosen by the client, a UUID say: the same key with the same input again has the first one's effect
    /// and answer, for 24 hours.
    idempotency_key: ID,
    /// The name of the bot.
    bot: String,
    /// What to call it, at most 200 characters.
    title: Option<String>,
}

/// What `createConversation` did.
#[derive(SimpleObject)]
struct CreateConversationPayload {
    /// The new conversation; null if there are `userErrors`.
    conversation: Option<Conversation>,
    /// Whether this is the answer to an earlier request with the same key.
    replayed: bool,
    /// What is to be mended.
    user_errors: Vec<CreateConversationError>,
}

/// A message to a bot: its words, and either the bot or the conversation that it goes to.
#[derive(InputObject)]
struct SendMessageInput {
    /// Chosen by the client, a UUID say: the same key with the same input again has the first one's effect
    /// and answer, for 24 hours.
    idempotency_key: ID,
    /// The name of a bot: the caller's own conversation with it, begun if there is none. Either this or
    /// `conversationId`.
    bot: Option<String>,
    /// Either this or `bot`.
    conversation_id: Option<ID>,
    /// The words, at most 1 MB; none where files come with it. What the bot cannot read at once becomes a document that
    /// it reads by passages.
    text: String,
    /// Files that belong to it, at most 10, in this order: uploads of the caller's whose content has arrived and
    /// that no other message has.
    upload_ids: Option<Vec<ID>>,
}

/// What `sendMessage` did.
#[derive(SimpleObject)]
struct SendMessagePayload {
    /// Where it was said.
    conversation: Option<Conversation>,
    /// What was said; null if there are `userErrors`.
    message: Option<Message>,
    /// The turn that answers it, perhaps together with others.
    turn: Option<Turn>,
    /// Whether this is the answer to an earlier request with the same key.
    replayed: bool,
    /// What is to be mended.
    user_errors: Vec<SendMessageError>,
}

impl CreateConversationPayload {
    fn refused(mendable: Mendable) -> Self {
        Self { conversation: None, replayed: false, user_errors: vec![mendable.into()] }
    }
}

impl SendMessagePayload {
    fn refused(mendable: Mendable) -> Self {
        let user_errors = vec![mendable.into()];
        Self { conversation: None, message: None, turn: None, replayed: false, user_errors }
    }
}

impl From<Accepted> for SendMessagePayload {
    fn from(accepted: Accepted) -> Self {
        let Accepted { conversation, message, turn, replayed } = accepted;
        Self {
            conversation: Some(Conversation(conversation)),
            message: Some(Message(message)),
            turn: Some(Turn(turn)),
            replayed,
            user_errors: Vec::new(),
        }
    }
}

/// The message and the part of the input that names its target.
fn inbound(input: SendMessageInput) -> Result<(Inbound, &'static str), Mendable> {
    let SendMessageInput { idempotency_key, bot, conversation_id, text, upload_ids } = input;
    let uploads: error::Result<Vec<UploadId>> =
        upload_ids.iter().flatten().map(ids::read::<UploadId>).collect();
    let uploads = uploads.map_err(|error| Mendable::told(&error, "uploadIds"))?;
    let (target, path) = match (bot, conversation_id) {
        (Some(bot), None) => (Target::Bot(bot), "bot"),
        (None, Some(id)) => {
            let id = ids::read::<ConversationId>(&id);
            let id = id.map_err(|error| Mendable::told(&error, "conversationId"))?;
            (Target::Conversation(id), "conversationId")
        }
        _ => return Err(Mendable::invalid("say either `bot` or `conversationId`", "bot")),
    };
    let idempotency_key = Some(checked_key(idempotency_key)?);
    Ok((Inbound { target, text, idempotency_key, channel: CHANNEL, wishes: None, uploads }, path))
}

/// A turn to stop.
#[derive(InputObject)]
struct CancelTurnInput {
    /// The turn to stop.
    turn_id: ID,
}

/// What `cancelTurn` did.
#[derive(SimpleObject)]
struct CancelTurnPayload {
    /// The turn as it stands now; a running one may still be running.
    turn: Option<Turn>,
    /// What is to be mended.
    user_errors: Vec<CancelTurnError>,
}

user_errors! {
    /// What can be wrong with `createConversation`. All implement `UserError`; clients must expect others.
    CreateConversationError,
    /// What can be wrong with `sendMessage`. All implement `UserError`; clients must expect others.
    SendMessageError,
    /// What can be wrong with `cancelTurn`. All implement `UserError`; clients must expect others.
    CancelTurnError,
}
