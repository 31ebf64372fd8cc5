//! What people think of a bot's messages: one opinion each.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, MessageId, PersonId};
use crate::store::columns::words;
use crate::store::schema::message_ratings;
use crate::store::tx::Tenant;

words! {
    /// What somebody thinks of a message.
    Opinion {
        Up = "up",
        Down = "down",
        /// It was taken back.
        None = "none",
    }
}

/// One person's rating of one message.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = message_ratings, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub struct Rating {
    pub account_id: AccountId,
    pub message_id: MessageId,
    pub person_id: PersonId,
    pub rating: Opinion,
    pub comment: Option<String>,
    /// Counts how often it was given or changed, from 1.
    pub version: i32,
    pub rated_at: DateTime<Utc>,
}

impl Rating {
    /// What the person thinks of the message, if they said so.
    pub async fn find(tx: &mut Tenant, message: MessageId, person: PersonId) -> Result<Option<Self>> {
        let rating = message_ratings::table
            .find((tx.account(), message, person))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(rating)
    }

    /// What the person thinks of these messages, in no particular order.
    pub async fn list(tx: &mut Tenant, messages: &[MessageId], person: PersonId) -> Result<Vec<Self>> {
        let ratings = message_ratings::table
            .filter(message_ratings::account_id.eq(tx.account()))
            .filter(message_ratings::message_id.eq_any(messages))
            .filter(message_ratings::person_id.eq(person))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(ratings)
    }

    /// Keeps the rating in place of the one before it. The conversation must be locked.
    pub async fn put(tx: &mut Tenant, rating: &Self) -> Result<()> {
        diesel::insert_into(message_ratings::table)
            .values(rating)
            .on_conflict((
                message_ratings::account_id,
                message_ratings::message_id,
                message_ratings::person_id,
            ))
            .do_update()
            .set(rating)
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}
