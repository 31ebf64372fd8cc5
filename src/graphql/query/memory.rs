//! What bots know, and what people can type.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use crate::chat::COMMANDS;
use crate::graphql::context::{reader, rooms};
use crate::graphql::cursors::{Place, first as at_most, place};
use crate::graphql::ids;
use crate::graphql::query::found;
use crate::graphql::types::{Fact, FactState};
use crate::id::ConversationId;
use crate::phrases::Language;

/// What bots know.
#[derive(Default)]
pub(super) struct MemoryQueries;

#[Object]
impl MemoryQueries {
    /// The commands that people can type in a chat, and `runCommand` runs.
    async fn commands(
        &self,
        #[graphql(desc = "The language of what is said about them.", default_with = "PhraseLanguage::En")]
        language: PhraseLanguage,
    ) -> Option<Vec<Command>> {
        let shown = |command: &crate::chat::Command| Command {
            name: command.name,
            arguments: command.arguments,
            about: command.about(language.into()),
        };
        Some(COMMANDS.iter().map(shown).collect())
    }

    /// The facts that are known in a conversation, the newest first: in a private one those of its person with
    /// this bot, in a group the group's. Null if there is no such conversation.
    async fn facts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation.")] conversation_id: ID,
        #[graphql(desc = "Only those that stand so; all if left out.")] state: Option<FactState>,
        #[graphql(desc = "So many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
    ) -> Result<Option<Connection<Place, Fact>>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let size = at_most(first)?;
        let fact = |place| if let Place::Fact(id) = place { Some(id) } else { None };
        let after = place(after.as_deref(), fact)?;
        let Some(id) = found(ids::read::<ConversationId>(&conversation_id))? else { return Ok(None) };
        let Some(numbered) = found(rooms.chat.numbered_facts(actor, id, true).await)? else {
            return Ok(None);
        };
        let state = state.map(crate::store::FactState::from);
        let rows = numbered.into_iter().rev().map(|(_, fact)| fact);
        let mut rows: Vec<_> = rows
            .filter(|fact| state.is_none_or(|state| fact.state == state))
            .filter(|fact| after.is_none_or(|after| fact.id < after))
            .collect();
        let mut connection = Connection::new(after.is_some(), rows.len() > size);
        rows.truncate(size);
        connection.edges.extend(rows.into_iter().map(|row| Edge::new(Place::Fact(row.id), Fact(row))));
        Ok(Some(connection))
    }

    /// Everything that the caller said to the bot of a conversation and it to them, in all their private
    /// conversations, and what it knows of them: a line of JSON each, as `botwright import` reads it. Of a group
    /// it is the group. Null if there is no such conversation.
    async fn export(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation.")] conversation_id: ID,
    ) -> Result<Option<String>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let Some(id) = found(ids::read::<ConversationId>(&conversation_id))? else { return Ok(None) };
        Ok(found(rooms.chat.export_own(actor, id).await)?)
    }
}

/// A command that people can type.
#[derive(SimpleObject)]
struct Command {
    /// Without the slash.
    name: &'static str,
    /// What may follow it; empty if nothing.
    arguments: &'static str,
    /// What it does, in one line.
    about: &'static str,
}

/// A language that the system itself speaks.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Language", name = "Language")]
pub(in crate::graphql) enum PhraseLanguage {
    /// English.
    En,
    /// Ukrainian.
    Uk,
    /// Russian.
    Ru,
}
