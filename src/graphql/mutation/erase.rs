//! Erasing what was said.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::chat::About;
use crate::error;
use crate::graphql::context::{actor, rooms};
use crate::graphql::ids;
use crate::graphql::mutation::user_error::{Mendable, user_errors};
use crate::graphql::types::{Conversation, Message, Person};
use crate::id::{ConversationId, MessageId, PersonId};

/// Erasing what was said.
#[derive(Default)]
pub(super) struct EraseMutations;

#[Object]
impl EraseMutations {
    /// Erases messages for good: the caller's own, and any in a conversation of theirs. The replies that answer
    /// or repeat them go too. The words leave everything that they went to: earlier versions, files, comments,
    /// events of turns, facts, summaries (which are made anew from what is left) and, within minutes, the files
    /// of the search index. What stays of each is its place, who said it and when. Erasing twice is no error.
    async fn erase_messages(
        &self,
        context: &Context<'_>,
        input: EraseMessagesInput,
    ) -> Result<Option<EraseMessagesPayload>> {
        let erased = async {
            let ids: Vec<MessageId> =
                input.message_ids.iter().map(ids::read).collect::<error::Result<_>>()?;
            rooms(context)?.chat.erase_messages(actor(context)?, &ids).await
        };
        let (messages, user_errors) = match erased.await {
            Ok(rows) => (rows.into_iter().map(Message).collect(), Vec::new()),
            Err(error) => (Vec::new(), vec![Mendable::of(error, "messageIds")?.into()]),
        };
        Ok(Some(EraseMessagesPayload { messages, user_errors }))
    }

    /// Erases everything that was said in a conversation, as `eraseMessages` does, with its title and what was
    /// learned in it. The conversation itself stays, empty.
    async fn erase_conversation(
        &self,
        context: &Context<'_>,
        input: EraseConversationInput,
    ) -> Result<Option<EraseConversationPayload>> {
        let erased = async {
            let id = ids::read::<ConversationId>(&input.conversation_id)?;
            rooms(context)?.chat.erase_conversation(actor(context)?, id).await
        };
        let (conversation, erased, user_errors) = match erased.await {
            Ok((row, count)) => (Some(Conversation(row)), counted(count), Vec::new()),
            Err(error) => (None, 0, vec![Mendable::of(error, "conversationId")?.into()]),
        };
        Ok(Some(EraseConversationPayload { conversation, erased, user_errors }))
    }

    /// Erases everything of a person with one bot, as `eraseMessages` does: their own conversations with it, and
    /// what they said to it in groups. Without `bot` it is every bot, and the person's name, handles, files and
    /// tokens too; what is left of them is an id.
    async fn erase_person(
        &self,
        context: &Context<'_>,
        input: ErasePersonInput,
    ) -> Result<Option<ErasePersonPayload>> {
        let ErasePersonInput { person_id, bot } = input;
        let erased = async {
            let actor = actor(context)?;
            let person = person_id.as_ref().map(ids::read::<PersonId>).transpose()?;
            let chat = &rooms(context)?.chat;
            chat.erase_person(actor, person.unwrap_or(actor.person), bot.as_deref()).await
        };
        let (person, erased, user_errors) = match erased.await {
            Ok((row, count)) => (Some(Person::from(row)), counted(count), Vec::new()),
            Err(error) => {
                let path = About::of(&error).unwrap_or("personId");
                (None, 0, vec![Mendable::of(error, path)?.into()])
            }
        };
        Ok(Some(ErasePersonPayload { person, erased, user_errors }))
    }
}

fn counted(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Messages to erase.
#[derive(InputObject)]
struct EraseMessagesInput {
    /// 1 to 100 of them.
    message_ids: Vec<ID>,
}

/// What `eraseMessages` did.
#[derive(SimpleObject)]
struct EraseMessagesPayload {
    /// What is left of them, and of the replies that went with them, in their order. Empty if there are
    /// `userErrors`.
    messages: Vec<Message>,
    /// What is to be mended.
    user_errors: Vec<EraseMessagesError>,
}

/// A conversation to erase.
#[derive(InputObject)]
struct EraseConversationInput {
    /// The conversation.
    conversation_id: ID,
}

/// What `eraseConversation` did.
#[derive(SimpleObject)]
struct EraseConversationPayload {
    /// The conversation as it stands now; null if there are `userErrors`.
    conversation: Option<Conversation>,
    /// How many messages were erased by this, the replies elsewhere that repeated them among them.
    erased: i32,
    /// What is to be mended.
    user_errors: Vec<EraseConversationError>,
}

/// A person to erase.
#[derive(InputObject)]
struct ErasePersonInput {
    /// Who it is: the caller, unless it is said. Anybody else needs the scope `admin`.
    person_id: Option<ID>,
    /// The name of the one bot whose conversations with them are meant.
    bot: Option<String>,
}

/// What `erasePerson` did.
#[derive(SimpleObject)]
struct ErasePersonPayload {
    /// What is left of the person; null if there are `userErrors`.
    person: Option<Person>,
    /// How many messages were erased by this.
    erased: i32,
    /// What is to be mended.
    user_errors: Vec<ErasePersonError>,
}

user_errors! {
    /// What can be wrong with `eraseMessages`. All implement `UserError`; clients must expect others.
    EraseMessagesError,
    /// What can be wrong with `eraseConversation`. All implement `UserError`; clients must expect others.
    EraseConversationError,
    /// What can be wrong with `erasePerson`. All implement `UserError`; clients must expect others.
    ErasePersonError,
}
