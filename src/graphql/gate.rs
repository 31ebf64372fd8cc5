//! Who is asking: the bearer of a token.

use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::SecretString;

use crate::accounts::Accounts;
use crate::clock::SharedClock;
use crate::error::Result;
use crate::graphql::transport::{Gate, Visitor};

/// Recognises API tokens.
pub(super) struct Tokens {
    pub(super) accounts: Accounts,
    pub(super) clock: SharedClock,
}

#[async_trait]
impl Gate for Tokens {
    async fn admit(&self, bearer: &SecretString) -> Result<Visitor> {
        let actor = self.accounts.authenticate(bearer).await?;
        let left = actor.expires_at.map(|end| (end - self.clock.now()).max(TimeDelta::zero()));
        let ends_in = left.and_then(|left| left.to_std().ok());
        let (accounts, counted) = (self.accounts.clone(), actor.clone());
        Ok(Visitor::new(actor, ends_in).counted(move || accounts.count(&counted)))
    }
}
