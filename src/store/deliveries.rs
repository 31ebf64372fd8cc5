//! The outbox: what is to leave through a channel, in order, each part at most once where the channel cannot
//! tell a repetition.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{AccountId, ConversationId, DeliveryId, MessageId, ReplicaId, TurnId};
use crate::store::columns::words;
use crate::store::replicas;
use crate::store::schema::deliveries;
use crate::store::sql::sql;
use crate::store::tx::{System, Tenant};
use crate::store::wake::Hint;

words! {
    /// Where a delivery stands.
    DeliveryState {
        Queued = "queued",
        /// The request may have been written.
        Sending = "sending",
        Sent = "sent",
        /// Written, and no answer came: it is not repeated by itself.
        Ambiguous = "ambiguous",
        /// The channel refuses it for good.
        Failed = "failed",
    }
}

/// How long a send may take before its fate counts as unknown, in seconds.
const LEASE_SECONDS: f64 = 60.0;
/// How long a send goes on whose replica shows no life, in seconds: it may be about to show it again.
const LIFELESS_SECONDS: f64 = 5.0;

/// One outbound part of a message.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = deliveries, check_for_backend(diesel::pg::Pg))]
pub struct Delivery {
    pub account_id: AccountId,
    pub id: DeliveryId,
    pub conversation_id: ConversationId,
    pub turn_id: Option<TurnId>,
    /// None for what the system says beside messages.
    pub message_id: Option<MessageId>,
    pub channel: String,
    /// Its place among the parts of its message, from 1.
    pub part: i32,
    pub text: String,
    pub state: DeliveryState,
    /// The channel's name for what was sent.
    pub external_id: Option<String>,
    pub attempts: i32,
    /// Not before then.
    pub run_at: DateTime<Utc>,
    pub leased_by: Option<ReplicaId>,
    pub lease_until: Option<DateTime<Utc>>,
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    /// Choices that are offered with it, as the channel knows them.
    pub buttons: Option<Value>,
    /// The channel's name for what it answers; none where the place says nothing of that kind.
    pub reply_to: Option<String>,
}

/// How a send ended.
#[derive(Debug, Clone)]
pub struct Settled {
    pub state: DeliveryState,
    /// The channel's name for what was sent.
    pub external_id: Option<String>,
    pub error: Option<String>,
    /// How long one that is queued again waits.
    pub retry_after: Option<Duration>,
    /// It was not tried after all.
    pub untried: bool,
}

impl Delivery {
    pub async fn insert(tx: &mut Tenant, deliveries: &[Self]) -> Result<()> {
        if deliveries.is_empty() {
            return Ok(());
        }
        diesel::insert_into(deliveries::table).values(deliveries).execute(tx.conn()).await?;
        tx.wake(Hint::Outbox);
        Ok(())
    }

    /// Claims up to `limit` deliveries that are due, at most the first unsent one of each conversation. They
    /// count as being sent from here on.
    pub async fn claim(tx: &mut System, replica: ReplicaId, limit: i64) -> Result<Vec<Self>> {
        let claimed = sql("update deliveries set state = 'sending', attempts = attempts + 1, leased_by = ?,
                 lease_until = now() + make_interval(secs => ?)
             where (account_id, id) in (
                 select account_id, id from deliveries d where state = 'queued' and run_at <= now()
                   and not exists (
                     select from deliveries earlier
                     where earlier.account_id = d.account_id and earlier.conversation_id = d.conversation_id
                       and earlier.state in ('queued', 'sending')
                       and (earlier.created_at, earlier.message_id, earlier.part) < (d.created_at, d.message_id, d.part))
                 order by run_at limit ? for update skip locked)
               and state = 'queued'
             returning *")
            .bind::<SqlUuid, _>(replica)
            .bind::<Double, _>(LEASE_SECONDS)
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(claimed)
    }

    /// Deliveries whose sender died in the middle, or takes too long: their fate is unknown, so they become ambiguous.
    /// A sender that lives after all can still settle them.
    pub async fn give_up_dead(tx: &mut System) -> Result<usize> {
        let count = sql("update deliveries set state = 'ambiguous', lease_until = null,
                 error = 'the sender died before the channel answered'
             where state = 'sending' and (lease_until < now()
                 or (lease_until < now() + make_interval(secs => ?) and not exists (
                     select from pg_locks where locktype = 'advisory' and classid = ? and objsubid = 2 and granted
                       and database = (select oid from pg_database where datname = current_database())
                       and objid::bigint::bit(32) = ('x' || right(leased_by::text, 8))::bit(32))))")
        .bind::<Double, _>(LEASE_SECONDS - LIFELESS_SECONDS)
        .bind::<Integer, _>(replicas::CLASS)
        .execute(tx.conn())
        .await?;
        Ok(count)
    }

    /// Notes how a send that this claim made ended.
    pub async fn settle(tx: &mut System, delivery: &Self, settled: Settled) -> Result<bool> {
        let Settled { state, external_id, error, retry_after, untried } = settled;
        let count = sql("update deliveries set state = ?, external_id = coalesce(?, external_id), error = ?,
                 text = case when ? and message_id is null then '' else text end,
                 attempts = attempts - case when ? then 1 else 0 end,
                 run_at = coalesce(now() + make_interval(secs => ?), run_at), leased_by = null, lease_until = null
             where account_id = ? and id = ? and state in ('sending', 'ambiguous') and leased_by is not distinct from ?")
        .bind::<Text, _>(state)
        .bind::<Nullable<Text>, _>(external_id)
        .bind::<Nullable<Text>, _>(error)
        .bind::<Bool, _>(state == DeliveryState::Sent)
        .bind::<Bool, _>(untried)
        .bind::<Nullable<Double>, _>(retry_after.map(|pause| pause.as_secs_f64()))
        .bind::<SqlUuid, _>(delivery.account_id)
        .bind::<SqlUuid, _>(delivery.id)
        .bind::<Nullable<SqlUuid>, _>(delivery.leased_by)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Outbox);
        Ok(count == 1)
    }

    /// The deliveries of a message, in order.
    pub async fn list_of_message(tx: &mut Tenant, message: MessageId) -> Result<Vec<Self>> {
        let found = deliveries::table
            .filter(deliveries::account_id.eq(tx.account()))
            .filter(deliveries::message_id.eq(message))
            .order(deliveries::part)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// Those that may not have arrived, ambiguous or failed, the newest first.
    pub async fn list_unsettled(tx: &mut Tenant, limit: i64) -> Result<Vec<Self>> {
        let found = sql("select * from deliveries where account_id = current_account()
               and state in ('failed', 'ambiguous')
             order by created_at desc, id desc limit ?")
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    pub async fn find(tx: &mut Tenant, id: DeliveryId) -> Result<Option<Self>> {
        let found = deliveries::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// Whether it can be sent again: it may not have arrived, and there is something to send.
    #[must_use]
    pub fn is_resendable(&self) -> bool {
        matches!(self.state, DeliveryState::Ambiguous | DeliveryState::Failed) && !self.text.is_empty()
    }

    /// Sends an ambiguous or failed delivery again, by hand; whether there was one.
    pub async fn resend(tx: &mut Tenant, id: DeliveryId) -> Result<bool> {
        let count = sql("update deliveries set state = 'queued', error = null, run_at = now(), leased_by = null
             where account_id = current_account() and id = ? and state in ('ambiguous', 'failed') and text <> ''")
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Outbox);
        Ok(count == 1)
    }
}
