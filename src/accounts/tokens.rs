//! API tokens: made once, shown once, kept as a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::accounts::{Accounts, Actor, Scope, Scopes};
use crate::error::{Error, Result};
use crate::id::{PersonId, TokenId, random_bytes};
use crate::store::{ApiToken, Audit, Person, Tenant};

/// How tokens begin, so that people and secret scanners recognise them.
const PREFIX: &str = "bw_";
/// The channel of the people who exist only because a token speaks for them.
pub(super) const CHANNEL: &str = "api";
const NAME_CHARACTERS: usize = 64;
const LONGEST_DAYS: i64 = 36_525;

/// What a new token shall be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// By which it is listed and revoked; several may share one.
    pub name: String,
    pub scopes: Scopes,
    /// As whom it acts: a handle such as `telegram:12345` of somebody who is known, or any other name, which
    /// makes that person if there is none. Left out, whoever makes the token.
    pub person: Option<String>,
    /// Left out, it lives until it is revoked.
    pub expires_in: Option<TimeDelta>,
}

impl Accounts {
    /// Makes a token in the actor's account. The value is never shown again.
    ///
    /// `Forbidden` without [`Scope::Admin`]; `Invalid` for an empty or overlong name, no scopes, or an end
    /// that is not in the future; `NotFound` for a handle that nobody has.
    pub async fn create_token(&self, actor: &Actor, new: NewToken) -> Result<SecretString> {
        actor.require(Scope::Admin)?;
        let NewToken { name, scopes, person, expires_in } = new;
        let name = checked_name(&name, "a token")?;
        if scopes.is_empty() {
            return Err(Error::invalid("a token without scopes could do nothing; give it `chat,read`, say"));
        }
        let now = self.clock.now();
        let expires_at = expires_in.map(|length| end(now, length)).transpose()?;
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random_bytes()));

        let mut tx = self.store.tenant(actor.account).await?;
        let person_id = match person {
            Some(person) => find_person(&mut tx, &person, now).await?,
            None => actor.person,
        };
        let row = ApiToken {
            account_id: actor.account,
            id: TokenId::new(),
            name,
            hash: Sha256::digest(&token).to_vec(),
            scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
            person_id,
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        ApiToken::insert(&mut tx, &row).await?;
        let detail = json!({
            "name": row.name, "scopes": row.scopes, "personId": person_id, "expiresAt": expires_at,
        });
        let subject = format!("token:{}", row.id);
        Audit::record(&mut tx, now, &actor.principal, "token.create", &subject, detail).await?;
        tx.commit().await?;
        Ok(SecretString::from(token))
    }

    /// All tokens of the actor's account, revoked and expired ones too, oldest first.
    pub async fn list_tokens(&self, actor: &Actor) -> Result<Vec<ApiToken>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.store.tenant(actor.account).await?;
        let tokens = ApiToken::list(&mut tx).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Ends the tokens of that name, or the one of that id; says how many. `NotFound` if none is alive.
    pub async fn revoke_token(&self, actor: &Actor, name_or_id: &str) -> Result<usize> {
        actor.require(Scope::Admin)?;
        let now = self.clock.now();
        let mut tx = self.store.tenant(actor.account).await?;
        let revoked = ApiToken::revoke(&mut tx, name_or_id, now).await?;
        if revoked.is_empty() {
            return Err(Error::not_found(format!(
                "there is no live token `{name_or_id}` in the account `{}`; `botwright token list` shows them",
                actor.account_name
            )));
        }
        for token in &revoked {
            let (subject, detail) = (format!("token:{}", token.id), json!({ "name": token.name }));
            Audit::record(&mut tx, now, &actor.principal, "token.revoke", &subject, detail).await?;
        }
        tx.commit().await?;
        self.cache().clear();
        Ok(revoked.len())
    }
}

/// What the database knows of a token; `None` for what cannot be one.
pub(super) fn hash(token: &str) -> Option<[u8; 32]> {
    token.starts_with(PREFIX).then(|| Sha256::digest(token).into())
}

fn end(now: DateTime<Utc>, length: TimeDelta) -> Result<DateTime<Utc>> {
    if length <= TimeDelta::zero() {
        return Err(Error::invalid("a token cannot expire before it is made"));
    }
    if length > TimeDelta::days(LONGEST_DAYS) {
        return Err(Error::invalid(
            "a token lives at most 100 years; leave the end out for one that never expires",
        ));
    }
    Ok(now + length)
}

async fn find_person(tx: &mut Tenant, handle: &str, now: DateTime<Utc>) -> Result<PersonId> {
    if let Some((channel, external_id)) = handle.split_once(':') {
        let person = Person::find_by_identity(tx, channel, external_id).await?;
        return person.map(|person| person.id).ok_or_else(|| {
            Error::not_found(format!("nobody is known as `{handle}`; they must have written to a bot once"))
        });
    }
    let name = checked_name(handle, "a person")?;
    Ok(Person::find_or_create(tx, CHANNEL, &name, &name, now).await?.id)
}

pub(super) fn checked_name(name: &str, whose: &str) -> Result<String> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARACTERS || name.chars().any(char::is_control) {
        return Err(Error::invalid(format!(
            "the name of {whose} has 1 to {NAME_CHARACTERS} characters and no control characters"
        )));
    }
    Ok(name.into())
}
