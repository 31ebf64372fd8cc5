//! What changed since a client last asked.

use async_graphql::{Context, Object, Result};

use crate::chat::{Kinds, Since};
use crate::error::Error;
use crate::graphql::context::{reader, rooms};
use crate::graphql::cursors::{at_most, sync_token};
use crate::graphql::types::{ChangeConnection, ChangeType};

/// The most on one page.
const MOST: usize = 1_000;
/// What stands for the present moment.
const NOW: &str = "now";

/// What changed since a client last asked.
#[derive(Default)]
pub(super) struct ChangeQueries;

#[Object]
impl ChangeQueries {
    /// What changed of what the caller may see, for a client that keeps a copy and was away. One loop does it:
    ///
    /// ```text
    /// token = saved or null
    /// do { page = changes(since: token, first: 1000)
    ///      if page.resetRequired: forget everything
    ///      apply page.nodes; save token = page.token        (in one transaction)
    /// } while page.pageInfo.hasNextPage
    /// ```
    ///
    /// A client that has read to the end has exactly what the server has, deletions included.
    async fn changes(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The `token` of the last page. Left out: everything that there is comes first, page by page, and then what changed meanwhile. `\"now\"`: nothing comes but a token for this moment; take it first, in a request of its own, and then load what you want by the other fields: whatever changes from then on will come."
        )]
        since: Option<String>,
        #[graphql(desc = "So many, 1 to 1,000. A page may hold fewer although there are more.")] first: i32,
        #[graphql(desc = "Only things of these types; of all types if left out.")] types: Option<
            Vec<ChangeType>,
        >,
    ) -> Result<Option<ChangeConnection>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let first = at_most(first, "first", MOST)?;
        let kinds = match types {
            None => Kinds::all(),
            Some(types) => types.into_iter().map(Into::into).collect(),
        };
        if kinds.is_empty() {
            return Err(Error::invalid("`types` is empty: name one, or leave it out for all").into());
        }
        let since = match since.as_deref() {
            None => Since::Beginning,
            Some(NOW) => Since::Now,
            Some(token) => Since::Token(sync_token(token)?),
        };
        Ok(Some(rooms.chat.changes(actor, since, kinds, first).await?.into()))
    }
}
