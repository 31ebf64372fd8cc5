//! The channels that bots stand on, and who asked to talk to them.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use crate::graphql::context::loaders;
use crate::graphql::ids;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::Bot;
use crate::store::{self, ConnectionMode, ConnectionOrigin, ConnectionState, GrantState};

/// How what people write arrives. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "ConnectionMode")]
pub(in crate::graphql) enum ChannelMode {
    /// By webhook where the server is reachable over HTTPS (`PUBLIC_URL`), else by polling.
    Auto,
    /// The server asks for it.
    Polling,
    /// The channel brings it.
    Webhook,
}

/// Who wants a connection. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "ConnectionOrigin")]
pub(in crate::graphql) enum ChannelOrigin {
    /// The bot's file: change it there.
    File,
    /// Somebody, over this API.
    Api,
}

/// How a connection is. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "ConnectionState")]
pub(in crate::graphql) enum ChannelState {
    /// Its secret is not set.
    Waiting,
    /// It says hello.
    Starting,
    /// All is well.
    Running,
    /// The channel does not answer, or answers nonsense: it is tried again.
    Failing,
    /// Somebody else uses the token.
    Conflict,
    /// The token is wrong, or another bot or account holds it.
    Refused,
}

/// One configured channel of one bot.
#[derive(Clone)]
pub(in crate::graphql) struct ChannelConnection(pub(in crate::graphql) store::Connection);

/// One configured channel of one bot. Never shows a token.
#[Object]
impl ChannelConnection {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.id)
    }
    /// The bot that stands there.
    async fn bot(&self, context: &Context<'_>) -> Result<Option<Bot>> {
        Ok(loaders(context)?.load_one(self.0.bot_id).await?.map(Bot))
    }
    /// Which channel it is: `telegram`. Clients must expect others.
    async fn channel(&self) -> &str {
        &self.0.channel
    }
    /// Who wants it.
    async fn origin(&self) -> ChannelOrigin {
        self.0.origin.into()
    }
    /// The name of the secret that holds the token.
    async fn secret(&self) -> &str {
        &self.0.secret
    }
    /// How what people write is to arrive.
    async fn mode(&self) -> ChannelMode {
        self.0.mode.into()
    }
    /// How it is.
    async fn state(&self) -> ChannelState {
        self.0.state.into()
    }
    /// The newest thing that went wrong, also where it is mended; null if nothing did.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }
    /// When that was.
    async fn last_error_at(&self) -> Option<DateTime> {
        self.0.error_at.map(DateTime)
    }
    /// How people find the bot there, without the `@`; null until the channel said it.
    async fn username(&self) -> Option<&str> {
        self.0.username.as_deref()
    }
    /// Whether the bot hears in groups what is not addressed to it; null until the channel said it. On Telegram
    /// that is privacy mode: turn it off with BotFather's `/setprivacy`, then add the bot to the group anew.
    async fn reads_groups(&self) -> Option<bool> {
        self.0.reads_groups
    }
    /// What changes name, so that nobody overwrites what they did not see.
    async fn version(&self) -> i32 {
        self.0.version
    }
    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// What became of somebody's wish to talk to a bot. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "GrantState")]
pub(in crate::graphql) enum AccessState {
    /// Nobody has decided yet.
    Asked,
    /// They may.
    Approved,
    /// They may not.
    Refused,
}

/// Somebody who asked to talk to a bot.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct AccessRequest {
    /// As bot files write it: `telegram:12345`.
    handle: String,
    /// How they were called when they asked.
    name: String,
    /// What became of it.
    state: AccessState,
    /// When they first asked.
    asked_at: DateTime,
    /// Until when the code that they were given is good; null if there is none.
    code_until: Option<DateTime>,
    /// Who decided, as the audit log names them; null if nobody did.
    decided_by: Option<String>,
    #[graphql(skip)]
    bot_id: crate::id::BotId,
}

#[async_graphql::ComplexObject]
impl AccessRequest {
    /// The bot that they want to talk to.
    async fn bot(&self, context: &Context<'_>) -> Result<Option<Bot>> {
        Ok(loaders(context)?.load_one(self.bot_id).await?.map(Bot))
    }
}

impl From<store::Grant> for AccessRequest {
    fn from(grant: store::Grant) -> Self {
        let store::Grant {
            account_id: _,
            bot_id,
            handle,
            name,
            state,
            code: _,
            code_until,
            told_at: _,
            decided_by,
            at,
        } = grant;
        Self {
            handle,
            name,
            state: state.into(),
            asked_at: DateTime(at),
            code_until: code_until.map(DateTime),
            decided_by,
            bot_id,
        }
    }
}
