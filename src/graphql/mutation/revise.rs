//! Changing what was said: other answers, edits, ratings, titles.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use crate::chat::{Again, Change, Regenerated};
use crate::error::{self, Error, Kind};
use crate::graphql::context::{actor, loaders, rooms};
use crate::graphql::ids;
use crate::graphql::loaders::RatingOf;
use crate::graphql::mutation::checked_key;
use crate::graphql::mutation::user_error::{Mendable, VersionConflict, user_errors};
use crate::graphql::types::{Conversation, Message, Node, Opinion, Turn};
use crate::id::{ConversationId, MessageId};

/// Changing what was said.
#[derive(Default)]
pub(super) struct ReviseMutations;

#[Object]
impl ReviseMutations {
    /// Answers the words of a conversation's newest turn again, with the bot as it is now: another answer to
    /// a completed turn, another try of one that failed or was cancelled. It is a turn of its own: follow it
    /// with `turnEvents`. When it is completed its reply takes the place of the earlier one, which is kept
    /// (`Message.supersededBy`, `Message.alternatives`) and which no model hears any more; until then, and if
    /// it fails, the earlier one stands.
    async fn regenerate(
        &self,
        context: &Context<'_>,
        input: RegenerateInput,
    ) -> Result<Option<RegeneratePayload>> {
        let (again, key, path) = match again(input) {
            Ok(read) => read,
            Err(mendable) => return Ok(Some(RegeneratePayload::refused(mendable))),
        };
        Ok(Some(match rooms(context)?.chat.regenerate(actor(context)?, again, Some(key)).await {
            Ok(Regenerated { conversation, turn, replayed }) => RegeneratePayload {
                conversation: Some(Conversation(conversation)),
                turn: Some(Turn(turn)),
                replayed,
                user_errors: Vec::new(),
            },
            Err(error) => RegeneratePayload::refused(Mendable::of(error, path)?),
        }))
    }

    /// Replaces what the caller said; the old words are kept as a version. If nothing of the answer was seen
    /// yet, the answer is to the new words. A message that was answered is corrected in memory, and nobody is
    /// answered again.
    async fn edit_message(
        &self,
        context: &Context<'_>,
        input: EditMessageInput,
    ) -> Result<Option<EditMessagePayload>> {
        let EditMessageInput { message_id, text, expected_version } = input;
        let edited = async {
            let id = ids::read::<MessageId>(&message_id)?;
            rooms(context)?.chat.edit(actor(context)?, id, &text, expected_version).await
        };
        let (message, user_errors) = match edited.await {
            Ok(Change::Made(row)) => (Some(Message(row)), Vec::new()),
            Ok(Change::Stale(row)) => (None, vec![VersionConflict::new(Node::Message(Message(row))).into()]),
            Err(error) => (None, vec![mendable(error, (&message_id, "messageId"), "text")?.into()]),
        };
        Ok(Some(EditMessagePayload { message, user_errors }))
    }

    /// Says what the caller thinks of a bot's message, in place of what they thought before. Everybody has a
    /// rating of their own and sees no other.
    async fn rate_message(
        &self,
        context: &Context<'_>,
        input: RateMessageInput,
    ) -> Result<Option<RateMessagePayload>> {
        let RateMessageInput { message_id, rating, comment, expected_version } = input;
        let rated = async {
            let id = ids::read::<MessageId>(&message_id)?;
            let chat = &rooms(context)?.chat;
            chat.rate(actor(context)?, id, rating.into(), comment, expected_version).await
        };
        let rated = rated.await;
        // What another field of this request read is read again.
        loaders(context)?.clear::<RatingOf>();
        let (message, user_errors) = match rated {
            Ok(Change::Made(row)) => (Some(Message(row)), Vec::new()),
            Ok(Change::Stale(row)) => (None, vec![VersionConflict::new(Node::Message(Message(row))).into()]),
            Err(error) => (None, vec![mendable(error, (&message_id, "messageId"), "comment")?.into()]),
        };
        Ok(Some(RateMessagePayload { message, user_errors }))
    }

    /// Changes a conversation: its title.
    async fn update_conversation(
        &self,
        context: &Context<'_>,
        input: UpdateConversationInput,
    ) -> Result<Option<UpdateConversationPayload>> {
        let UpdateConversationInput { id: given, title, expected_version } = input;
        let updated = async {
            let id = ids::read::<ConversationId>(&given)?;
            let title = match title {
                MaybeUndefined::Value(title) => Some(title),
                MaybeUndefined::Null => None,
                MaybeUndefined::Undefined => {
                    let message = "say what to change: `title`, or `title: null` to take it away";
                    return Err(Error::invalid(message));
                }
            };
            rooms(context)?.chat.retitle(actor(context)?, id, title, expected_version).await
        };
        let (conversation, user_errors) = match updated.await {
            Ok(Change::Made(row)) => (Some(Conversation(row)), Vec::new()),
            Ok(Change::Stale(row)) => {
                (None, vec![VersionConflict::new(Node::Conversation(Conversation(row))).into()])
            }
            Err(error) => (None, vec![mendable(error, (&given, "id"), "title")?.into()]),
        };
        Ok(Some(UpdateConversationPayload { conversation, user_errors }))
    }
}

/// What a person can mend: what is invalid about a readable id's thing is about the part called `other`.
fn mendable(error: Error, id: (&ID, &str), other: &str) -> error::Result<Mendable> {
    let is_about_other = error.kind() == Kind::Invalid && ids::split(id.0).is_ok();
    Mendable::of(error, if is_about_other { other } else { id.1 })
}

/// What to answer again, the key, and the part of the input that names it.
fn again(input: RegenerateInput) -> Result<(Again, String, &'static str), Mendable> {
    let RegenerateInput { idempotency_key, turn_id, message_id } = input;
    let (again, path) = match (turn_id, message_id) {
        (Some(id), None) => (ids::read(&id).map(Again::Turn), "turnId"),
        (None, Some(id)) => (ids::read(&id).map(Again::Message), "messageId"),
        _ => return Err(Mendable::invalid("say either `turnId` or `messageId`", "turnId")),
    };
    let again = again.map_err(|error| Mendable::told(&error, path))?;
    Ok((again, checked_key(idempotency_key)?, path))
}

/// What to answer again: a turn, or a message that it answered or wrote.
#[derive(InputObject)]
struct RegenerateInput {
    /// Chosen by the client, a UUID say: the same key with the same input again has the first one's effect
    /// and answer, for 24 hours.
    idempotency_key: ID,
    /// The newest turn of its conversation, which must have ended. Either this or `messageId`.
    turn_id: Option<ID>,
    /// A message of that turn: its reply, or what it answered. Either this or `turnId`.
    message_id: Option<ID>,
}

/// What `regenerate` did.
#[derive(SimpleObject)]
struct RegeneratePayload {
    /// Where it takes place.
    conversation: Option<Conversation>,
    /// The new turn; null if there are `userErrors`.
    turn: Option<Turn>,
    /// Whether this is the answer to an earlier request with the same key.
    replayed: bool,
    /// What is to be mended.
    user_errors: Vec<RegenerateError>,
}

impl RegeneratePayload {
    fn refused(mendable: Mendable) -> Self {
        Self { conversation: None, turn: None, replayed: false, user_errors: vec![mendable.into()] }
    }
}

/// An edit of a message.
#[derive(InputObject)]
struct EditMessageInput {
    /// The message, which the caller wrote.
    message_id: ID,
    /// The new words, at most 1 MB.
    text: String,
    /// The `version` of the message that is edited: if it has another by now, nothing is done.
    expected_version: i32,
}

/// What `editMessage` did.
#[derive(SimpleObject)]
struct EditMessagePayload {
    /// The message as it stands now; null if there are `userErrors`.
    message: Option<Message>,
    /// What is to be mended.
    user_errors: Vec<EditMessageError>,
}

/// A rating of a message.
#[derive(InputObject)]
struct RateMessageInput {
    /// The message, which a bot wrote.
    message_id: ID,
    /// What the caller thinks of it; `NONE` takes an earlier rating back, with its comment.
    rating: Opinion,
    /// Why, at most 2,000 characters.
    comment: Option<String>,
    /// The `version` of the caller's rating that is changed, 0 if there is none yet: if it has another by now,
    /// nothing is done. Without it the last one to speak is right.
    expected_version: Option<i32>,
}

/// What `rateMessage` did.
#[derive(SimpleObject)]
struct RateMessagePayload {
    /// The message with the caller's rating; null if there are `userErrors`.
    message: Option<Message>,
    /// What is to be mended.
    user_errors: Vec<RateMessageError>,
}

/// A change of a conversation. What is left out stays as it is.
#[derive(InputObject)]
struct UpdateConversationInput {
    /// The conversation.
    id: ID,
    /// What to call it, at most 200 characters; null takes the title away.
    title: MaybeUndefined<String>,
    /// The `version` of the conversation that is changed: if it has another by now, nothing is done.
    expected_version: i32,
}

/// What `updateConversation` did.
#[derive(SimpleObject)]
struct UpdateConversationPayload {
    /// The conversation as it stands now; null if there are `userErrors`.
    conversation: Option<Conversation>,
    /// What is to be mended.
    user_errors: Vec<UpdateConversationError>,
}

user_errors! {
    /// What can be wrong with `regenerate`. All implement `UserError`; clients must expect others.
    RegenerateError,
    /// What can be wrong with `editMessage`. All implement `UserError`; clients must expect others.
    EditMessageError + VersionConflict,
    /// What can be wrong with `rateMessage`. All implement `UserError`; clients must expect others.
    RateMessageError + VersionConflict,
    /// What can be wrong with `updateConversation`. All implement `UserError`; clients must expect others.
    UpdateConversationError + VersionConflict,
}
