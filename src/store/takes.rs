//! Takes: several turns may answer the same words, the first one and those that somebody asked for after it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{ConversationId, TurnId};
use crate::store::schema::turns;
use crate::store::turns::Turn;
use crate::store::tx::Tenant;

/// One of the answers to the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    /// The first turn that answered them.
    pub first: TurnId,
    /// Which answer it is, from 1.
    pub number: i32,
}

impl Turn {
    /// Which of the answers to the same words it is.
    pub fn as_take(&self) -> Take {
        Take { first: self.again_of.unwrap_or(self.id), number: self.take }
    }

    /// The turn that answers the newest words of a conversation, and of several that do so the newest.
    pub async fn find_newest(tx: &mut Tenant, conversation: ConversationId) -> Result<Option<Self>> {
        let turn = turns::table
            .filter(turns::account_id.eq(tx.account()))
            .filter(turns::conversation_id.eq(conversation))
            .order((turns::first_ordinal.desc(), turns::take.desc()))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(turn)
    }
}
