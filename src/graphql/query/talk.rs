//! Bots, conversations and what was said in them.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, ID, Object, Result};

use crate::accounts::Scope;
use crate::error::Error;
use crate::graphql::context::{actor, loaders, reader, rooms};
use crate::graphql::cursors::{Place, first as at_most, place};
use crate::graphql::ids;
use crate::graphql::loaders::CompiledBot;
use crate::graphql::query::found;
use crate::graphql::types::{
    Bot, Conversation, Node, SearchHit, SearchPage, ServerInfo, Turn, Viewer, find_node, find_turn,
};
use crate::id::ConversationId;
use crate::memory::Matches;
use crate::store;

/// The longest text that can be searched for, in bytes.
const LONGEST_SEARCH: usize = 1_000;

/// Bots, conversations and what was said in them.
#[derive(Default)]
pub(super) struct TalkQueries;

#[Object]
impl TalkQueries {
    /// Whoever is asking.
    async fn viewer(&self, context: &Context<'_>) -> Result<Viewer> {
        Ok(actor(context)?.into())
    }

    /// What this server is.
    async fn server_info(&self) -> ServerInfo {
        ServerInfo::of_this()
    }

    /// The bots that are in service, by name.
    async fn bots(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "So many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
    ) -> Result<Option<Connection<Place, Bot>>> {
        let (account, rooms) = (reader(context)?.account, rooms(context)?);
        let size = at_most(first)?;
        let after =
            place(after.as_deref(), |place| if let Place::Name(name) = place { Some(name) } else { None })?;
        let mut tx = rooms.store.reading(account).await?;
        let mut rows = store::Bot::list(&mut tx).await?;
        rows.retain(|row| row.archived_at.is_none() && after.as_ref().is_none_or(|after| row.name > *after));
        // The database's order may be another alphabet's.
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        let mut connection = Connection::new(after.is_some(), rows.len() > size);
        rows.truncate(size);
        let bots = rooms.chat.bots().of_rows(&mut tx, rows).await?;
        tx.commit().await?;
        connection.edges.extend(
            bots.into_iter()
                .map(|(row, live)| Edge::new(Place::Name(row.name.clone()), Bot(CompiledBot { row, live }))),
        );
        Ok(Some(connection))
    }

    /// The bot of that name; null if there is none in service.
    async fn bot(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "As its files call it.")] name: String,
    ) -> Result<Option<Bot>> {
        let account = reader(context)?.account;
        let live = rooms(context)?.chat.bots().find(account, &name).await?;
        Ok(live.map(|live| Bot(CompiledBot { row: live.bot.clone(), live })))
    }

    /// The caller's conversations, most recent first; null if there is no bot of that name.
    async fn conversations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those with the bot of this name.")] bot: Option<String>,
        #[graphql(desc = "So many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
    ) -> Result<Option<Connection<Place, Conversation>>> {
        let actor = reader(context)?;
        let size = at_most(first)?;
        let recent = |place| if let Place::Recent(at, id) = place { Some((at, id)) } else { None };
        let after = place(after.as_deref(), recent)?;
        let has_previous = after.is_some();
        let mut tx = rooms(context)?.store.reading(actor.account).await?;
        let bot = match &bot {
            Some(name) => match store::Bot::find_by_name(&tx, name).await? {
                // Archived or not: its conversations stay.
                Some(bot) => Some(bot.id),
                None => return Ok(None),
            },
            None => None,
        };
        // One more than asked for tells whether there are more.
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let rows = store::Conversation::list_recent(&mut tx, actor.person, bot, after, limit).await?;
        tx.commit().await?;
        let mut connection = Connection::new(has_previous, rows.len() > size);
        connection.edges.extend(rows.into_iter().take(size).map(|row| {
            let place = Place::Recent(row.updated_at, row.id);
            Edge::new(place, Conversation(row))
        }));
        Ok(Some(connection))
    }

    /// The conversation of that id; null if there is none that the caller may see.
    async fn conversation(&self, context: &Context<'_>, id: ID) -> Result<Option<Conversation>> {
        reader(context)?;
        let Some(id) = known::<ConversationId>(&id)? else { return Ok(None) };
        Ok(loaders(context)?.load_one(id).await?.map(Conversation))
    }

    /// The turn of that id; null if there is none that the caller may see.
    async fn turn(&self, context: &Context<'_>, id: ID) -> Result<Option<Turn>> {
        reader(context)?;
        let Some(id) = known(&id)? else { return Ok(None) };
        find_turn(context, id).await
    }

    /// Anything by its id; null if there is nothing that the caller may see.
    async fn node(&self, context: &Context<'_>, id: ID) -> Result<Option<Node>> {
        find_node(context, &id).await
    }

    /// Several things by their ids, at most 100, in the same order.
    async fn nodes(&self, context: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > 100 {
            return Err(Error::invalid(format!("at most 100 ids at once, not {}", ids.len())).into());
        }
        futures_util::future::try_join_all(ids.iter().map(|id| find_node(context, id))).await
    }

    /// What was said about something, best first: in the caller's conversations, or, with the scope `ADMIN`,
    /// in all of the account.
    async fn search(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to look for, in words.")] text: String,
        #[graphql(desc = "Only in conversations with the bot of this name.")] bot: Option<String>,
        #[graphql(desc = "So many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
    ) -> Result<Option<Connection<Place, SearchHit, SearchPage>>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let size = at_most(first)?;
        let known =
            place(after.as_deref(), |place| if let Place::Rank(rank) = place { Some(rank) } else { None })?;
        if text.trim().is_empty() || text.len() > LONGEST_SEARCH {
            return Err(Error::invalid(format!("search for 1 to {LONGEST_SEARCH} bytes of text")).into());
        }
        let bot = match &bot {
            Some(name) => {
                let tx = rooms.store.reading(actor.account).await?;
                let bot = store::Bot::find_by_name(&tx, name).await?;
                tx.commit().await?;
                let Some(bot) = bot else { return Ok(None) };
                Some(bot.id)
            }
            None => None,
        };
        let person = (!actor.scopes.allow(Scope::Admin)).then_some(actor.person);
        let rank = known.unwrap_or(0);
        let found = rooms.memory.search(actor.account, person, bot, &text, rank, size).await?;
        let Matches { matches, has_next, complete } = found;
        let mut connection = Connection::with_additional_fields(rank > 0, has_next, SearchPage { complete });
        connection.edges.extend(
            matches.into_iter().map(|hit| Edge::new(Place::Rank(hit.rank), SearchHit::from(hit.found))),
        );
        Ok(Some(connection))
    }
}

/// The id of one kind of thing; `None` if it is the id of something else, which is then not found.
fn known<T: ids::Global>(id: &ID) -> Result<Option<T>, Error> {
    found(ids::read(id))
}
