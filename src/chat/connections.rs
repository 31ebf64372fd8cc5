//! The channels that an account's bots stand on, as whoever runs the account sees and changes them.

use secrecy::SecretString;
use serde_json::json;

use crate::accounts::{Actor, Scope};
use crate::chat::inbound::unknown_bot;
use crate::chat::repeat::{claim, idempotency};
use crate::chat::{Change, Chat};
use crate::error::{Error, Result};
use crate::id::ConnectionId;
use crate::store::{
    Audit, Bot, Connection, ConnectionMode, ConnectionOrigin, ConnectionState, Grant, Idempotency,
};

/// The channel that tokens are brought for.
const TELEGRAM: &str = "telegram";

/// A token that somebody brings.
#[derive(Debug)]
pub struct NewConnection {
    /// The name of the bot that is to stand there.
    pub bot: String,
    pub token: SecretString,
    pub mode: ConnectionMode,
}

impl Chat {
    /// The connections of the account, in the order in which they were made.
    pub async fn connections(&self, actor: &Actor) -> Result<Vec<Connection>> {
        actor.require(Scope::Read)?;
        let mut tx = self.engine.store.reading(actor.account).await?;
        let found = Connection::list(&mut tx).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Lets a bot stand on Telegram with a token of its own; it begins within seconds. Says whether this is a
    /// repetition.
    ///
    /// # Errors
    /// `NotFound` for a bot that does not exist; `Invalid` for what is no token; `Conflict` for a token that
    /// another bot or account holds, or an idempotency key that was used for something else.
    pub async fn add_connection(
        &self,
        actor: &Actor,
        new: NewConnection,
        idempotency_key: &str,
    ) -> Result<(Connection, bool)> {
        actor.require(Scope::Admin)?;
        let NewConnection { bot, token, mode } = new;
        check_token(&token)?;
        let (engine, now) = (&self.engine, self.engine.clock.now());
        let fingerprint = engine.secrets.fingerprint(&token);
        let hash: String = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = ConnectionId::new();
        let request =
            idempotency(actor, "addConnection", idempotency_key, &[&bot, &hash, mode.as_str()], now);
        let secret = secret_name(id);
        let mut tx = engine.store.tenant(actor.account).await?;
        if let Some(answer) = claim(&tx, &request).await? {
            let id = serde_json::from_value(answer["connection"].clone()).map_err(Error::internal)?;
            let found = Connection::find(&mut tx, id).await?;
            tx.commit().await?;
            return Ok((found.ok_or_else(|| Error::not_found("this connection was removed since"))?, true));
        }
        let found = Bot::find_by_name(&tx, &bot).await?.filter(|bot| bot.archived_at.is_none());
        let found = found.ok_or_else(|| unknown_bot(&bot))?;
        let mut connection =
            Connection::new(actor.account, found.id, TELEGRAM, ConnectionOrigin::Api, &secret, mode, now);
        connection.id = id;
        Connection::insert(&mut tx, &connection).await?;
        Connection::hold_token(&mut tx, id, Some(&fingerprint)).await?;
        engine.secrets.put_within(&mut tx, &actor.principal, &secret, token).await?;
        Idempotency::answer(&mut tx, &request, &json!({ "connection": id })).await?;
        let detail = json!({ "channel": TELEGRAM, "bot": bot });
        Audit::record(&mut tx, now, &actor.principal, "connection.add", &id.to_string(), detail).await?;
        tx.commit().await?;
        connection.state = ConnectionState::Starting;
        connection.fingerprint = Some(fingerprint);
        Ok((connection, false))
    }

    /// Gives a connection another mode, or another token of the same or another bot of BotFather's.
    ///
    /// # Errors
    /// `NotFound` unless there is such a connection; `Conflict` for one that a bot's file owns, or a token that
    /// another bot or account holds; `Invalid` for what is no token.
    pub async fn change_connection(
        &self,
        actor: &Actor,
        id: ConnectionId,
        mode: Option<ConnectionMode>,
        token: Option<SecretString>,
        expected_version: i32,
    ) -> Result<Change<Connection>> {
        actor.require(Scope::Admin)?;
        token.as_ref().map_or(Ok(()), check_token)?;
        let (engine, now) = (&self.engine, self.engine.clock.now());
        let mut tx = engine.store.tenant(actor.account).await?;
        let found = Connection::find(&mut tx, id).await?.ok_or_else(unknown)?;
        if found.version != expected_version {
            return Ok(Change::Stale(found));
        }
        if found.origin == ConnectionOrigin::File {
            return Err(owned_by_files());
        }
        let mode = mode.unwrap_or(found.mode);
        Connection::change(&mut tx, id, expected_version, &found.secret, mode, now).await?;
        if let Some(token) = token {
            let fingerprint = engine.secrets.fingerprint(&token);
            Connection::hold_token(&mut tx, id, Some(&fingerprint)).await?;
            engine.secrets.put_within(&mut tx, &actor.principal, &found.secret, token).await?;
        }
        let detail = json!({ "mode": mode.as_str() });
        Audit::record(&mut tx, now, &actor.principal, "connection.change", &id.to_string(), detail).await?;
        let changed = Connection::find(&mut tx, id).await?.ok_or_else(unknown)?;
        tx.commit().await?;
        Ok(Change::Made(changed))
    }

    /// Takes a connection away, with its token. Conversations that were held by it stay.
    ///
    /// # Errors
    /// `NotFound` unless there is such a connection; `Conflict` for one that a bot's file owns.
    pub async fn remove_connection(&self, actor: &Actor, id: ConnectionId) -> Result<Connection> {
        actor.require(Scope::Admin)?;
        let (engine, now) = (&self.engine, self.engine.clock.now());
        let mut tx = engine.store.tenant(actor.account).await?;
        let found = Connection::find(&mut tx, id).await?.ok_or_else(unknown)?;
        if found.origin == ConnectionOrigin::File {
            return Err(owned_by_files());
        }
        Connection::remove(&mut tx, id, now).await?;
        let principal = &actor.principal;
        Audit::record(&mut tx, now, principal, "connection.remove", &id.to_string(), json!({})).await?;
        engine.secrets.delete_within(&mut tx, principal, &found.secret).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Who asked to talk to the account's bots, and who was let in; the newest first, at most 1,000.
    pub async fn access_grants(&self, actor: &Actor) -> Result<Vec<Grant>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.engine.store.reading(actor.account).await?;
        let found = Grant::list(&mut tx, None).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Lets in whoever was given `code`.
    ///
    /// # Errors
    /// `NotFound` for a code that was given to nobody, was used, or is older than an hour.
    pub async fn approve_access(&self, actor: &Actor, code: &str) -> Result<Grant> {
        actor.require(Scope::Admin)?;
        let now = self.engine.clock.now();
        let code = code.trim().to_uppercase();
        let mut tx = self.engine.store.tenant(actor.account).await?;
        let approved = Grant::approve(&mut tx, &code, &actor.principal, now).await?;
        let Some(grant) = approved else {
            let shown: String = code.chars().take(20).collect();
            return Err(Error::not_found(format!(
                "nobody has the code `{shown}` now: codes are good for an hour, and each is used once; \
                 let them write to the bot again for a new one"
            )));
        };
        let detail = json!({ "bot": grant.bot_id, "name": grant.name });
        Audit::record(&mut tx, now, &actor.principal, "access.approve", &grant.handle, detail).await?;
        tx.commit().await?;
        Ok(grant)
    }
}

/// What the token of a connection that came over the API is called among the account's secrets.
fn secret_name(id: ConnectionId) -> String {
    format!("TELEGRAM_{}", id.0.simple()).to_uppercase()
}

fn check_token(token: &SecretString) -> Result<()> {
    use secrecy::ExposeSecret as _;
    let is_key = |key: &str| {
        (6..=100).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    let is_number =
        |number: &str| (1..=15).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    match token.expose_secret().split_once(':') {
        Some((number, key)) if is_number(number) && is_key(key) => Ok(()),
        _ => Err(Error::invalid(
            "this is no token of BotFather's: they look like `123456789:` and 35 letters, digits, `_` or `-`",
        )),
    }
}

fn unknown() -> Error {
    Error::not_found("no such connection")
}

fn owned_by_files() -> Error {
    Error::conflict("the bot's file owns this connection: change `channels.telegram` there and apply it")
}
