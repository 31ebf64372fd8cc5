//! The channels that bots stand on.

use async_graphql::{Context, Object, Result};

use crate::graphql::context::{admin, overseer, rooms};
use crate::graphql::types::{AccessRequest, ChannelConnection, Delivery};

/// The channels that bots stand on.
#[derive(Default)]
pub(super) struct ChannelQueries;

#[Object]
impl ChannelQueries {
    /// The channels that the account's bots stand on, with how each is. Needs the scope `read`.
    async fn connections(&self, context: &Context<'_>) -> Result<Option<Vec<ChannelConnection>>> {
        let found = rooms(context)?.chat.connections(overseer(context)?).await?;
        Ok(Some(found.into_iter().map(ChannelConnection).collect()))
    }

    /// Who asked to talk to the account's bots, and who was let in; the newest first, at most 1,000. Needs the
    /// scope `admin`.
    async fn access_requests(&self, context: &Context<'_>) -> Result<Option<Vec<AccessRequest>>> {
        let found = rooms(context)?.chat.access_grants(admin(context)?).await?;
        Ok(Some(found.into_iter().map(Into::into).collect()))
    }

    /// What may not have arrived over a channel: what failed, and what was sent and never answered for; the newest
    /// first, at most 200. `resendDelivery` sends it again. Needs the scope `admin`.
    async fn undelivered(&self, context: &Context<'_>) -> Result<Option<Vec<Delivery>>> {
        let found = rooms(context)?.chat.undelivered(admin(context)?).await?;
        Ok(Some(found.into_iter().map(Delivery).collect()))
    }
}
