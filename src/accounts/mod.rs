//! Who is asking, and what they may do: tokens, the operator, and the [`Actor`] that both become.
//!
//! Knows: `store`. Never: a header, a cookie, a status code (doors read and write those).

mod actor;
mod arriving;
mod behalf;
mod rate;
mod scopes;
mod tokens;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::AccountId;
use crate::store::{Account, ApiToken, Person, Store};
pub use actor::Actor;
pub use arriving::Newcomer;
pub use rate::Rate;
pub use scopes::{Scope, Scopes};
pub use tokens::NewToken;

/// The account that the operator's commands act on unless they name another.
pub const OPERATORS_ACCOUNT: &str = "default";

/// For how long a token counts as looked up. A revocation by another process takes as long to be felt.
const FRESH: Duration = Duration::from_secs(2);
/// More tokens than this within [`FRESH`] are looked up every time.
const CACHED: usize = 10_000;

/// Finds out who is asking. Cheap to clone; clones share their cache.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    clock: SharedClock,
    cache: Arc<Mutex<HashMap<TokenHash, Cached>>>,
    rates: Option<Arc<Rates>>,
    arriving: Arc<Mutex<HashMap<(AccountId, String), arriving::Known>>>,
}

/// How fast callers may ask, by account and principal.
struct Rates {
    everybody: Rate<(AccountId, String)>,
    /// Whoever runs the place has scripts and dashboards at work.
    admins: Rate<(AccountId, String)>,
}

/// A token that may do everything may also ask so many times as fast.
const ADMINS_FACTOR: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

type TokenHash = [u8; 32];

struct Cached {
    actor: Actor,
    since: Instant,
}

impl Accounts {
    pub fn new(store: Store, clock: SharedClock) -> Self {
        Self { store, clock, cache: Arc::default(), rates: None, arriving: Arc::default() }
    }

    /// The same, with so many requests a second for each token, and ten times as many for an admin's.
    #[must_use]
    pub fn with_rate(mut self, per_second: Option<NonZeroU32>) -> Self {
        self.rates = per_second.map(|per_second| {
            let admins = Rate::new(per_second.saturating_mul(ADMINS_FACTOR));
            Arc::new(Rates { everybody: Rate::new(per_second), admins })
        });
        self
    }

    /// Counts a request of theirs. `RateLimited` if it came too soon.
    pub fn count(&self, actor: &Actor) -> Result<()> {
        let Some(rates) = &self.rates else { return Ok(()) };
        let admin = actor.scopes.allow(Scope::Admin);
        let rate = if admin { &rates.admins } else { &rates.everybody };
        rate.count(&(actor.account, actor.principal.clone()), "this token")
    }

    /// Whoever holds the token `bearer`.
    ///
    /// `Unauthenticated` if it is unknown, revoked (in the same words) or expired. A revoked token may be
    /// honoured for up to two seconds where another process revoked it; an expired one never is.
    pub async fn authenticate(&self, bearer: &SecretString) -> Result<Actor> {
        let Some(hash) = tokens::hash(bearer.expose_secret()) else {
            return Err(Error::unauthenticated(
                "that is no Botwright token: they begin with `bw_`; make one with `botwright token create`",
            ));
        };
        let actor = match self.cached(&hash) {
            Some(actor) => actor,
            None => self.look_up(hash).await?,
        };
        match actor.expires_at {
            Some(end) if end <= self.clock.now() => Err(expired(end)),
            _ => Ok(actor),
        }
    }

    /// The operator, acting on the account of that name, which is made if there is none: for whoever holds
    /// the database there is nothing to prove.
    pub async fn operator(&self, account_name: &str) -> Result<Actor> {
        let now = self.clock.now();
        let mut tx = self.store.system().await?;
        let account = Account::find_or_create(&mut tx, account_name, now).await?;
        tx.commit().await?;
        let mut tx = self.store.tenant(account.id).await?;
        let person = Person::find_or_create(&mut tx, "operator", "operator", "Operator", now).await?;
        tx.commit().await?;
        Ok(Actor::new(account, person, Scopes::all(), "operator".into(), None))
    }

    async fn look_up(&self, hash: TokenHash) -> Result<Actor> {
        let since = Instant::now();
        let mut tx = self.store.system().await?;
        let token = ApiToken::find_by_hash(&mut tx, &hash).await?;
        tx.commit().await?;
        let Some(token) = token.filter(|token| token.revoked_at.is_none()) else {
            return Err(Error::unauthenticated(
                "this token is not known here, or it was revoked; make a new one with `botwright token create`",
            ));
        };
        let mut tx = self.store.tenant(token.account_id).await?;
        let account = Account::current(&mut tx).await?;
        let person = Person::find(&tx, token.person_id)
            .await?
            .ok_or_else(|| Error::internal("a token acts as nobody"))?;
        tx.commit().await?;
        let scopes = Scopes::from_stored(&token.scopes);
        let actor = Actor::new(account, person, scopes, format!("token:{}", token.id), token.expires_at);
        self.remember(hash, &actor, since);
        Ok(actor)
    }

    fn cached(&self, hash: &TokenHash) -> Option<Actor> {
        let cache = self.cache();
        let found = cache.get(hash)?;
        (found.since.elapsed() < FRESH).then(|| found.actor.clone())
    }

    fn remember(&self, hash: TokenHash, actor: &Actor, since: Instant) {
        let mut cache = self.cache();
        if cache.len() >= CACHED {
            cache.retain(|_, entry| entry.since.elapsed() < FRESH);
        }
        if cache.len() < CACHED {
            cache.insert(hash, Cached { actor: actor.clone(), since });
        }
    }

    fn cache(&self) -> MutexGuard<'_, HashMap<TokenHash, Cached>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn expired(end: DateTime<Utc>) -> Error {
    Error::unauthenticated(format!(
        "this token expired on {}; make a new one with `botwright token create`",
        end.format("%Y-%m-%d at %H:%M UTC")
    ))
}
