//! Conversations and their pages of messages.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, ID, Object, Result};

use crate::chat;
use crate::graphql::context::loaders;
use crate::graphql::cursors::{Page, Place, page, place};
use crate::graphql::ids;
use crate::graphql::loaders::Span;
use crate::graphql::mutation::Session;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::{Bot, Message, Person, Summary, summaries_of};
use crate::store;

/// One thread of messages.
#[derive(Clone)]
pub(in crate::graphql) struct Conversation(pub(in crate::graphql) store::Conversation);

/// One thread of messages between people and a bot.
#[Object]
impl Conversation {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.id)
    }
    /// With whom.
    async fn bot(&self, context: &Context<'_>) -> Result<Option<Bot>> {
        Ok(loaders(context)?.load_one(self.0.bot_id).await?.map(Bot))
    }
    /// Whose it is; null for a group.
    async fn person(&self, context: &Context<'_>) -> Result<Option<Person>> {
        let Some(id) = self.0.person_id else { return Ok(None) };
        Ok(loaders(context)?.load_one(id).await?.map(Person::from))
    }
    /// The door that it came in by: `graphql`, `terminal`, `telegram`, … Clients must expect others.
    async fn channel(&self) -> &str {
        &self.0.channel
    }
    /// As whoever began it called it.
    async fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }
    /// Counts the changes that people made to it (its title), from 1; not what is said in it.
    async fn version(&self) -> i32 {
        self.0.version
    }
    /// How far back it is heard word for word, as somebody chose; null: as the bot's file says.
    async fn session(&self) -> Option<Session> {
        let hours = self.0.session_hours?;
        let chosen =
            chat::Session::ALL.into_iter().find(|session| i64::from(session.hours()) == i64::from(hours));
        chosen.map(Session::from)
    }
    /// The ordinal of the first message that may be heard word for word: what stands before was cleared away.
    async fn window_from(&self) -> i32 {
        self.0.window_from
    }
    /// What was said, in fewer words: the rolling summary and the digests, the newest first.
    async fn summaries(&self, context: &Context<'_>) -> Result<Vec<Summary>> {
        Ok(summaries_of(context, self.0.id).await?)
    }
    /// When it was begun.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
    /// When something was last said.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
    /// The number of the newest line of its log: what `conversationEvents(after:)` goes on from.
    async fn last_event_seq(&self) -> i32 {
        self.0.last_event
    }
    /// What was said, oldest first, with the replies whose place another took (`supersededBy`). The newest messages are `last: 20`, those before them
    /// `last: 20, before: <startCursor>`.
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "So many from the front, 1 to 100. Either this or `last`.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 1 to 100. Either this or `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Place, Message>>> {
        let ordinal = |place| if let Place::Ordinal(ordinal) = place { Some(ordinal) } else { None };
        let after = place(after.as_deref(), ordinal)?.unwrap_or(0);
        let before = place(before.as_deref(), ordinal)?.unwrap_or(i32::MAX);
        let newest = self.0.last_ordinal;
        let (low, high) = range(page(first, last)?, after, before, newest);
        let mut connection = Connection::new(low > 1, high < newest);
        if low <= high {
            let rows = loaders(context)?.load_one(Span(self.0.id, low, high)).await?.unwrap_or_default();
            connection
                .edges
                .extend(rows.into_iter().map(|row| Edge::new(Place::Ordinal(row.ordinal), Message(row))));
        }
        Ok(Some(connection))
    }
}

/// The ordinals of a page: they have no gaps, so a page is a range. Empty if the first is above the second.
fn range(page: Page, after: i32, before: i32, newest: i32) -> (i32, i32) {
    let low = after.clamp(0, newest) + 1;
    let high = before.clamp(1, newest.saturating_add(1)) - 1;
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    match page {
        Page::First(size) => (low, high.min((low - 1).saturating_add(count(size)))),
        Page::Last(size) => (low.max((high + 1).saturating_sub(count(size))), high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_ranges_of_ordinals() {
        let all = i32::MAX;
        let table = [
            (Page::First(3), 0, all, 10, (1, 3)),
            (Page::First(3), 3, all, 10, (4, 6)),
            (Page::First(3), 9, all, 10, (10, 10)),
            (Page::First(3), 0, 3, 10, (1, 2)),
            (Page::Last(3), 0, all, 10, (8, 10)),
            (Page::Last(3), 0, 8, 10, (5, 7)),
            (Page::Last(3), 0, 2, 10, (1, 1)),
            (Page::Last(3), 8, all, 10, (9, 10)),
            (Page::Last(100), 0, all, 2, (1, 2)),
        ];
        for (page, after, before, newest, expected) in table {
            assert_eq!(range(page, after, before, newest), expected, "{page:?} {after} {before} {newest}");
        }
        for (page, after, before, newest) in [
            (Page::First(3), 10, all, 10),
            (Page::First(3), 0, all, 0),
            (Page::Last(3), 0, all, 0),
            (Page::Last(3), 0, 1, 10),
            (Page::First(3), i32::MAX, i32::MIN, 10),
            (Page::Last(3), i32::MIN, 0, 10),
        ] {
            let (low, high) = range(page, after, before, newest);
            assert!(low > high, "{page:?} {after} {before} {newest}: {low} to {high}");
        }
    }
}
