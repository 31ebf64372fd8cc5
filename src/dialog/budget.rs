//! The guard that every model call passes: reserve before, settle after. Implemented in `accounts`, handed
//! in by `app`, so that turns and background summaries obey the same limits.

use async_trait::async_trait;
use thiserror::Error;

use super::Usage;
use crate::id::{AccountId, BotId, PersonId};

/// Who spends.
#[derive(Debug, Clone, Copy)]
pub struct Spend {
    pub account: AccountId,
    pub bot: BotId,
    pub person: Option<PersonId>,
}

/// Room that was set aside for one call, in tokens.
#[derive(Debug)]
pub struct Reservation {
    pub spend: Spend,
    pub tokens: u32,
}

/// The limit is reached. The sentence is for the person.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Denied {
    pub message: String,
}

/// Reserves before a call and settles after it.
#[async_trait]
pub trait Budget: Send + Sync {
    async fn reserve(&self, spend: Spend, tokens: u32) -> Result<Reservation, Denied>;
    async fn settle(&self, reservation: Reservation, used: &Usage);
}

/// No limits: every reservation is granted.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLimits;

#[async_trait]
impl Budget for NoLimits {
    async fn reserve(&self, spend: Spend, tokens: u32) -> Result<Reservation, Denied> {
        Ok(Reservation { spend, tokens })
    }
    async fn settle(&self, _reservation: Reservation, _used: &Usage) {}
}
