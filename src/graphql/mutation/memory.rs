//! Changing what a bot remembers and how it listens; typing commands.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use crate::chat::{self, Change};
use crate::error;
use crate::graphql::context::{actor, rooms};
use crate::graphql::ids;
use crate::graphql::mutation::user_error::{Mendable, VersionConflict, user_errors};
use crate::graphql::types::{Conversation, Fact, Node};
use crate::id::{ConversationId, FactId};
use crate::store;

/// Changing what a bot remembers.
#[derive(Default)]
pub(super) struct MemoryMutations;

#[Object]
impl MemoryMutations {
    /// Runs what a person typed after a slash, `/memory fix 3 My sister lives in Lviv`, and answers in words. No
    /// model is asked, and nothing is added to the conversation. `commands` lists what there is.
    async fn run_command(
        &self,
        context: &Context<'_>,
        input: RunCommandInput,
    ) -> Result<Option<RunCommandPayload>> {
        let answered = async {
            let id = ids::read::<ConversationId>(&input.conversation_id)?;
            rooms(context)?.chat.run_command(actor(context)?, id, &input.text).await
        };
        Ok(Some(match answered.await {
            Ok(chat::Answer { command, text, export, yes: _ }) => {
                let answer = CommandAnswer { command, text, export };
                RunCommandPayload { answer: Some(answer), user_errors: Vec::new() }
            }
            Err(error) => {
                let mendable = Mendable::of(error, "conversationId")?;
                RunCommandPayload { answer: None, user_errors: vec![mendable.into()] }
            }
        }))
    }

    /// Chooses how far back a conversation is heard word for word.
    async fn set_session(
        &self,
        context: &Context<'_>,
        input: SetSessionInput,
    ) -> Result<Option<SetSessionPayload>> {
        let session = input.session.map(chat::Session::from);
        let set = async {
            let id = ids::read::<ConversationId>(&input.conversation_id)?;
            rooms(context)?.chat.set_session(actor(context)?, id, session).await
        };
        let (conversation, user_errors) = conversation(set.await)?;
        let user_errors = user_errors.into_iter().map(Into::into).collect();
        Ok(Some(SetSessionPayload { conversation, user_errors }))
    }

    /// Begins a conversation afresh: what was said before is not heard word for word any more. Nothing is
    /// erased, and it can still be recalled.
    async fn clear_window(
        &self,
        context: &Context<'_>,
        input: ClearWindowInput,
    ) -> Result<Option<ClearWindowPayload>> {
        let cleared = async {
            let id = ids::read::<ConversationId>(&input.conversation_id)?;
            rooms(context)?.chat.clear_window(actor(context)?, id).await
        };
        let (conversation, user_errors) = conversation(cleared.await)?;
        let user_errors = user_errors.into_iter().map(Into::into).collect();
        Ok(Some(ClearWindowPayload { conversation, user_errors }))
    }

    /// Sums up soon what was not summed up yet, however little that is. `Conversation.summaries` shows it then.
    async fn analyze(&self, context: &Context<'_>, input: AnalyzeInput) -> Result<Option<AnalyzePayload>> {
        let begun = async {
            let id = ids::read::<ConversationId>(&input.conversation_id)?;
            rooms(context)?.chat.analyze(actor(context)?, id).await
        };
        let (conversation, user_errors) = conversation(begun.await)?;
        let user_errors = user_errors.into_iter().map(Into::into).collect();
        Ok(Some(AnalyzePayload { conversation, user_errors }))
    }

    /// Gives a fact other words; the old ones stay in its history.
    async fn correct_fact(
        &self,
        context: &Context<'_>,
        input: CorrectFactInput,
    ) -> Result<Option<CorrectFactPayload>> {
        let CorrectFactInput { id, text, expected_version } = input;
        let changed = async {
            let fact = ids::read::<FactId>(&id)?;
            rooms(context)?.chat.correct_fact(actor(context)?, fact, &text, expected_version).await
        };
        let (fact, user_errors) = match changed.await {
            Ok(Change::Made(row)) => (Some(Fact(row)), Vec::new()),
            Ok(Change::Stale(row)) => (None, vec![VersionConflict::new(Node::Fact(Fact(row))).into()]),
            Err(error) => {
                let is_text = error.kind() == error::Kind::Invalid && ids::split(&id).is_ok();
                (None, vec![Mendable::of(error, if is_text { "text" } else { "id" })?.into()])
            }
        };
        Ok(Some(CorrectFactPayload { fact, user_errors }))
    }

    /// Lets a fact be remembered no more. `restoreFact` takes it back; to take its words away for good, erase the
    /// messages that it was drawn from.
    async fn forget_fact(
        &self,
        context: &Context<'_>,
        input: ForgetFactInput,
    ) -> Result<Option<ForgetFactPayload>> {
        let ForgetFactInput { id, expected_version } = input;
        let changed = async {
            let fact = ids::read::<FactId>(&id)?;
            rooms(context)?.chat.forget_fact(actor(context)?, fact, expected_version).await
        };
        let (fact, user_errors) = match changed.await {
            Ok(Change::Made(row)) => (Some(Fact(row)), Vec::new()),
            Ok(Change::Stale(row)) => (None, vec![VersionConflict::new(Node::Fact(Fact(row))).into()]),
            Err(error) => (None, vec![Mendable::of(error, "id")?.into()]),
        };
        Ok(Some(ForgetFactPayload { fact, user_errors }))
    }

    /// Lets a fact be remembered again, whatever became of it.
    async fn restore_fact(
        &self,
        context: &Context<'_>,
        input: RestoreFactInput,
    ) -> Result<Option<RestoreFactPayload>> {
        let RestoreFactInput { id, expected_version } = input;
        let changed = async {
            let fact = ids::read::<FactId>(&id)?;
            rooms(context)?.chat.restore_fact(actor(context)?, fact, expected_version).await
        };
        let (fact, user_errors) = match changed.await {
            Ok(Change::Made(row)) => (Some(Fact(row)), Vec::new()),
            Ok(Change::Stale(row)) => (None, vec![VersionConflict::new(Node::Fact(Fact(row))).into()]),
            Err(error) => (None, vec![Mendable::of(error, "id")?.into()]),
        };
        Ok(Some(RestoreFactPayload { fact, user_errors }))
    }
}

/// The conversation, or what is to be mended about its id.
fn conversation(
    done: error::Result<store::Conversation>,
) -> error::Result<(Option<Conversation>, Option<Mendable>)> {
    match done {
        Ok(row) => Ok((Some(Conversation(row)), None)),
        Err(error) => Ok((None, Some(Mendable::of(error, "conversationId")?))),
    }
}

/// How far back a conversation is heard word for word.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "chat::Session")]
pub(in crate::graphql) enum Session {
    /// 3 hours.
    Short,
    /// 6 hours.
    Medium,
    /// 12 hours.
    Long,
}

/// What a person typed.
#[derive(InputObject)]
struct RunCommandInput {
    /// Where.
    conversation_id: ID,
    /// The command and what follows it, with or without the slash.
    text: String,
}

/// What a command answers.
#[derive(SimpleObject)]
struct CommandAnswer {
    /// Which one it was; null where there is no such command, which the text says.
    command: Option<&'static str>,
    /// For the person.
    text: String,
    /// Whether the query `export` is to be handed to them as a file.
    export: bool,
}

/// What `runCommand` did.
#[derive(SimpleObject)]
struct RunCommandPayload {
    /// The answer; null if there are `userErrors`.
    answer: Option<CommandAnswer>,
    /// What is to be mended.
    user_errors: Vec<RunCommandError>,
}

/// How a conversation is to be heard.
#[derive(InputObject)]
struct SetSessionInput {
    /// The conversation.
    conversation_id: ID,
    /// How far back; as the bot's file says if left out.
    session: Option<Session>,
}

/// What `setSession` did.
#[derive(SimpleObject)]
struct SetSessionPayload {
    /// The conversation as it stands now; null if there are `userErrors`.
    conversation: Option<Conversation>,
    /// What is to be mended.
    user_errors: Vec<SetSessionError>,
}

/// A conversation to begin afresh.
#[derive(InputObject)]
struct ClearWindowInput {
    /// The conversation.
    conversation_id: ID,
}

/// What `clearWindow` did.
#[derive(SimpleObject)]
struct ClearWindowPayload {
    /// The conversation as it stands now; null if there are `userErrors`.
    conversation: Option<Conversation>,
    /// What is to be mended.
    user_errors: Vec<ClearWindowError>,
}

/// A conversation to sum up.
#[derive(InputObject)]
struct AnalyzeInput {
    /// The conversation.
    conversation_id: ID,
}

/// What `analyze` did.
#[derive(SimpleObject)]
struct AnalyzePayload {
    /// The conversation; null if there are `userErrors`.
    conversation: Option<Conversation>,
    /// What is to be mended.
    user_errors: Vec<AnalyzeError>,
}

/// A fact and its new words.
#[derive(InputObject)]
struct CorrectFactInput {
    /// The fact.
    id: ID,
    /// The new words, at most 400 characters.
    text: String,
    /// The `version` of the fact that is changed: if it has another by now, nothing is done.
    expected_version: i32,
}

/// What `correctFact` did.
#[derive(SimpleObject)]
struct CorrectFactPayload {
    /// The fact as it stands now; null if there are `userErrors`.
    fact: Option<Fact>,
    /// What is to be mended.
    user_errors: Vec<CorrectFactError>,
}

/// A fact to forget.
#[derive(InputObject)]
struct ForgetFactInput {
    /// The fact.
    id: ID,
    /// The `version` of the fact that is changed: if it has another by now, nothing is done.
    expected_version: i32,
}

/// What `forgetFact` did.
#[derive(SimpleObject)]
struct ForgetFactPayload {
    /// The fact as it stands now; null if there are `userErrors`.
    fact: Option<Fact>,
    /// What is to be mended.
    user_errors: Vec<ForgetFactError>,
}

/// A fact to remember again.
#[derive(InputObject)]
struct RestoreFactInput {
    /// The fact.
    id: ID,
    /// The `version` of the fact that is changed: if it has another by now, nothing is done.
    expected_version: i32,
}

/// What `restoreFact` did.
#[derive(SimpleObject)]
struct RestoreFactPayload {
    /// The fact as it stands now; null if there are `userErrors`.
    fact: Option<Fact>,
    /// What is to be mended.
    user_errors: Vec<RestoreFactError>,
}

user_errors! {
    /// What can be wrong with `runCommand`. All implement `UserError`; clients must expect others.
    RunCommandError,
    /// What can be wrong with `setSession`. All implement `UserError`; clients must expect others.
    SetSessionError,
    /// What can be wrong with `clearWindow`. All implement `UserError`; clients must expect others.
    ClearWindowError,
    /// What can be wrong with `analyze`. All implement `UserError`; clients must expect others.
    AnalyzeError,
    /// What can be wrong with `correctFact`. All implement `UserError`; clients must expect others.
    CorrectFactError + VersionConflict,
    /// What can be wrong with `forgetFact`. All implement `UserError`; clients must expect others.
    ForgetFactError + VersionConflict,
    /// What can be wrong with `restoreFact`. All implement `UserError`; clients must expect others.
    RestoreFactError + VersionConflict,
}
