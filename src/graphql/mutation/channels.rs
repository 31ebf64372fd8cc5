//! Letting bots stand on channels, and people talk to them there.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use secrecy::SecretString;

use crate::chat::{Change, NewConnection};
use crate::graphql::context::{actor, rooms};
use crate::graphql::ids;
use crate::graphql::mutation::checked_key;
use crate::graphql::mutation::user_error::{Mendable, VersionConflict, user_errors};
use crate::graphql::types::{AccessRequest, ChannelConnection, ChannelMode, Delivery, Node};
use crate::id::{ConnectionId, DeliveryId};

/// Letting bots stand on channels.
#[derive(Default)]
pub(super) struct ChannelMutations;

#[Object]
impl ChannelMutations {
    /// Lets a bot stand on Telegram with a token of BotFather's. It begins within seconds: watch
    /// `ChannelConnection.state`. A token that another bot or account holds is refused. Needs the scope `admin`.
    async fn add_connection(
        &self,
        context: &Context<'_>,
        input: AddConnectionInput,
    ) -> Result<Option<AddConnectionPayload>> {
        let AddConnectionInput { idempotency_key, bot, token, mode } = input;
        let key = match checked_key(idempotency_key) {
            Ok(key) => key,
            Err(mendable) => return Ok(Some(AddConnectionPayload::refused(mendable))),
        };
        let new = NewConnection { bot, token: SecretString::from(token.trim()), mode: mode.into() };
        let added = rooms(context)?.chat.add_connection(actor(context)?, new, &key).await;
        Ok(Some(match added {
            Ok((row, replayed)) => AddConnectionPayload {
                connection: Some(ChannelConnection(row)),
                replayed,
                user_errors: Vec::new(),
            },
            Err(error) => {
                let path = if error.kind() == crate::error::Kind::NotFound { "bot" } else { "token" };
                AddConnectionPayload::refused(Mendable::of(error, path)?)
            }
        }))
    }

    /// Switches a connection between polling and webhook, or gives it another token. What a bot's file says is
    /// changed there. Needs the scope `admin`.
    async fn update_connection(
        &self,
        context: &Context<'_>,
        input: UpdateConnectionInput,
    ) -> Result<Option<UpdateConnectionPayload>> {
        let UpdateConnectionInput { id, mode, token, expected_version } = input;
        let token = token.map(|token| SecretString::from(token.trim()));
        let updated = async {
            let id = ids::read::<ConnectionId>(&id)?;
            let chat = &rooms(context)?.chat;
            chat.change_connection(actor(context)?, id, mode.map(Into::into), token, expected_version).await
        };
        let (connection, user_errors) = match updated.await {
            Ok(Change::Made(row)) => (Some(ChannelConnection(row)), Vec::new()),
            Ok(Change::Stale(row)) => {
                let current = Node::ChannelConnection(ChannelConnection(row));
                (None, vec![VersionConflict::new(current).into()])
            }
            Err(error) => {
                let path = if error.kind() == crate::error::Kind::NotFound { "id" } else { "token" };
                (None, vec![Mendable::of(error, path)?.into()])
            }
        };
        Ok(Some(UpdateConnectionPayload { connection, user_errors }))
    }

    /// Takes a connection away, with its token. Conversations that were held by it stay. Needs the scope `admin`.
    async fn remove_connection(
        &self,
        context: &Context<'_>,
        input: RemoveConnectionInput,
    ) -> Result<Option<RemoveConnectionPayload>> {
        let removed = async {
            let id = ids::read::<ConnectionId>(&input.id)?;
            rooms(context)?.chat.remove_connection(actor(context)?, id).await
        };
        let (connection, user_errors) = match removed.await {
            Ok(row) => (Some(ChannelConnection(row)), Vec::new()),
            Err(error) => (None, vec![Mendable::of(error, "id")?.into()]),
        };
        Ok(Some(RemoveConnectionPayload { connection, user_errors }))
    }

    /// Lets in whoever shows a code that a bot gave them. Needs the scope `admin`.
    async fn approve_access(
        &self,
        context: &Context<'_>,
        input: ApproveAccessInput,
    ) -> Result<Option<ApproveAccessPayload>> {
        let approved = rooms(context)?.chat.approve_access(actor(context)?, &input.code).await;
        let (request, user_errors) = match approved {
            Ok(grant) => (Some(grant.into()), Vec::new()),
            Err(error) => (None, vec![Mendable::of(error, "code")?.into()]),
        };
        Ok(Some(ApproveAccessPayload { request, user_errors }))
    }

    /// Sends once more what failed, or what nobody knows the fate of: then it may be seen twice. Needs the scope
    /// `admin`.
    async fn resend_delivery(
        &self,
        context: &Context<'_>,
        input: ResendDeliveryInput,
    ) -> Result<Option<ResendDeliveryPayload>> {
        let resent = async {
            let id = ids::read::<DeliveryId>(&input.id)?;
            rooms(context)?.chat.resend(actor(context)?, id).await
        };
        let (delivery, user_errors) = match resent.await {
            Ok(row) => (Some(Delivery(row)), Vec::new()),
            Err(error) => (None, vec![Mendable::of(error, "id")?.into()]),
        };
        Ok(Some(ResendDeliveryPayload { delivery, user_errors }))
    }
}

/// A token for a bot.
#[derive(InputObject)]
struct AddConnectionInput {
    /// Chosen by the client, a UUID say: the same key with the same input again has the first one's effect
    /// and answer, for 24 hours.
    idempotency_key: ID,
    /// The name of the bot that is to stand there.
    bot: String,
    /// As BotFather gave it. It is sealed at once and never shown again.
    token: String,
    /// How what people write is to arrive.
    #[graphql(default_with = "ChannelMode::Auto")]
    mode: ChannelMode,
}

/// What `addConnection` did.
#[derive(SimpleObject)]
struct AddConnectionPayload {
    /// The connection; null if there are `userErrors`.
    connection: Option<ChannelConnection>,
    /// Whether this is the answer to an earlier request with the same key.
    replayed: bool,
    /// What is to be mended.
    user_errors: Vec<AddConnectionError>,
}

impl AddConnectionPayload {
    fn refused(mendable: Mendable) -> Self {
        Self { connection: None, replayed: false, user_errors: vec![mendable.into()] }
    }
}

/// What a connection is to be.
#[derive(InputObject)]
struct UpdateConnectionInput {
    /// Which.
    id: ID,
    /// How what people write is to arrive; as it is, if left out.
    mode: Option<ChannelMode>,
    /// Another token of BotFather's; the one that it has, if left out.
    token: Option<String>,
    /// The version that the caller saw.
    expected_version: i32,
}

/// What `updateConnection` did.
#[derive(SimpleObject)]
struct UpdateConnectionPayload {
    /// The connection as it is now; null if there are `userErrors`.
    connection: Option<ChannelConnection>,
    /// What is to be mended.
    user_errors: Vec<UpdateConnectionError>,
}

/// Which connection to take away.
#[derive(InputObject)]
struct RemoveConnectionInput {
    /// Which.
    id: ID,
}

/// What `removeConnection` did.
#[derive(SimpleObject)]
struct RemoveConnectionPayload {
    /// The connection as it was; null if there are `userErrors`.
    connection: Option<ChannelConnection>,
    /// What is to be mended.
    user_errors: Vec<RemoveConnectionError>,
}

/// A code that somebody showed.
#[derive(InputObject)]
struct ApproveAccessInput {
    /// `ABCD-EFGH`, as the bot told them.
    code: String,
}

/// What `approveAccess` did.
#[derive(SimpleObject)]
struct ApproveAccessPayload {
    /// Who was let in; null if there are `userErrors`.
    request: Option<AccessRequest>,
    /// What is to be mended.
    user_errors: Vec<ApproveAccessError>,
}

/// What to send again.
#[derive(InputObject)]
struct ResendDeliveryInput {
    /// Which.
    id: ID,
}

/// What `resendDelivery` did.
#[derive(SimpleObject)]
struct ResendDeliveryPayload {
    /// It, on its way again; null if there are `userErrors`.
    delivery: Option<Delivery>,
    /// What is to be mended.
    user_errors: Vec<ResendDeliveryError>,
}

user_errors! {
    /// What can be wrong with `addConnection`. All implement `UserError`; clients must expect others.
    AddConnectionError,
    /// What can be wrong with `updateConnection`. All implement `UserError`; clients must expect others.
    UpdateConnectionError + VersionConflict,
    /// What can be wrong with `removeConnection`. All implement `UserError`; clients must expect others.
    RemoveConnectionError,
    /// What can be wrong with `approveAccess`. All implement `UserError`; clients must expect others.
    ApproveAccessError,
    /// What can be wrong with `resendDelivery`. All implement `UserError`; clients must expect others.
    ResendDeliveryError,
}
