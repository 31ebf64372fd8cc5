//! The same request twice is one change: what it did is remembered in the transaction that did it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::AccountId;
use crate::store::{Idempotency, KEY_REUSED, Remembered, Store, Tenant};
use crate::sync::apply::{Applied, Options, apply_in};
use crate::sync::desired::Desired;

/// A request that may come again.
#[derive(Debug, Clone)]
pub struct Once {
    /// Who asks: keys of different callers never meet.
    pub principal: String,
    /// 1 to 255 bytes, chosen by the caller.
    pub key: String,
    /// Of what is asked: the same key with another one is refused.
    pub fingerprint: String,
}

impl Once {
    /// What an earlier request with this key did. Until the transaction ends, the key is this one's.
    ///
    /// # Errors
    /// `Conflict` if the key came with something else.
    pub(super) async fn claim(self, tx: &mut Tenant, operation: &str, now: DateTime<Utc>) -> Result<Claimed> {
        let Self { principal, key, fingerprint } = self;
        let request = Idempotency {
            account_id: tx.account(),
            principal,
            operation: operation.into(),
            key,
            fingerprint,
            result: Value::Null,
            created_at: now,
        };
        match Idempotency::claim(tx, &request).await? {
            Remembered::New => Ok(Claimed::New(request)),
            Remembered::Same(result) => {
                let applied = serde_json::from_value(result).map_err(Error::internal)?;
                Ok(Claimed::Done(Box::new(applied)))
            }
            Remembered::Other => Err(Error::conflict(KEY_REUSED)),
        }
    }
}

/// Whether a request comes for the first time.
pub(super) enum Claimed {
    New(Idempotency),
    Done(Box<Applied>),
}

/// Keeps what a request did, for when it comes again.
pub(super) async fn remember(tx: &mut Tenant, request: &Idempotency, applied: &Applied) -> Result<()> {
    let result = serde_json::to_value(applied).map_err(Error::internal)?;
    Idempotency::answer(tx, request, &result).await
}

/// [`apply`](crate::sync::apply), once: a repeated request changes nothing and hears what the first one did.
/// True if it is a repetition.
pub async fn apply_once(
    store: &Store,
    clock: &SharedClock,
    account: AccountId,
    desired: &Desired<'_>,
    options: &Options<'_>,
    once: Once,
) -> Result<(Applied, bool)> {
    let now = clock.now();
    let mut tx = store.tenant(account).await?;
    let request = match once.claim(&mut tx, "config.apply", now).await? {
        Claimed::New(request) => request,
        Claimed::Done(applied) => return Ok((*applied, true)),
    };
    let applied = apply_in(&mut tx, now, desired, options).await?;
    remember(&mut tx, &request, &applied).await?;
    tx.commit().await?;
    Ok((applied, false))
}
