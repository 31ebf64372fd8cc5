//! Who may talk to a bot beside those whom its file lists, and who asked.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, BotId};
use crate::store::columns::words;
use crate::store::schema::access_grants;
use crate::store::sql::sql;
use crate::store::tx::Tenant;

words! {
    /// What became of a question.
    GrantState {
        Asked = "asked",
        Approved = "approved",
        Refused = "refused",
    }
}

/// Somebody who asked to talk to a bot.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = access_grants, check_for_backend(diesel::pg::Pg))]
pub struct Grant {
    pub account_id: AccountId,
    pub bot_id: BotId,
    /// As bot files write it: `telegram:12345`.
    pub handle: String,
    /// How they were called when they asked.
    pub name: String,
    pub state: GrantState,
    /// What they show to whoever may approve them.
    pub code: Option<String>,
    pub code_until: Option<DateTime<Utc>>,
    /// When they were last told how it stands.
    pub told_at: Option<DateTime<Utc>>,
    /// Whom the audit log names.
    pub decided_by: Option<String>,
    pub at: DateTime<Utc>,
}

impl Grant {
    pub async fn find(tx: &mut Tenant, bot: BotId, handle: &str) -> Result<Option<Self>> {
        let found = access_grants::table
            .find((tx.account(), bot, handle))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// The newest first.
    pub async fn list(tx: &mut Tenant, bot: Option<BotId>) -> Result<Vec<Self>> {
        let found = sql("select * from access_grants
             where account_id = current_account() and bot_id = coalesce(?, bot_id)
             order by at desc, handle limit 1000")
        .bind::<Nullable<SqlUuid>, _>(bot)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// Notes that somebody asked, with a new code, and that they were told; whoever was approved stays so.
    pub async fn ask(tx: &mut Tenant, new: &Self) -> Result<()> {
        sql("insert into access_grants (account_id, bot_id, handle, name, state, code, code_until, told_at, at)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?)
             on conflict (account_id, bot_id, handle) do update
                 set name = excluded.name, code = excluded.code, code_until = excluded.code_until,
                     told_at = excluded.told_at
             where access_grants.state <> 'approved'")
        .bind::<SqlUuid, _>(new.account_id)
        .bind::<SqlUuid, _>(new.bot_id)
        .bind::<Text, _>(new.handle.clone())
        .bind::<Text, _>(new.name.clone())
        .bind::<Text, _>(new.state)
        .bind::<Nullable<Text>, _>(new.code.clone())
        .bind::<Nullable<Timestamptz>, _>(new.code_until)
        .bind::<Nullable<Timestamptz>, _>(new.told_at)
        .bind::<Timestamptz, _>(new.at)
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Lets in whoever shows `code`, if it is still good.
    pub async fn approve(tx: &mut Tenant, code: &str, by: &str, now: DateTime<Utc>) -> Result<Option<Self>> {
        let found =
            sql("update access_grants set state = 'approved', code = null, code_until = null, decided_by = ?
             where account_id = current_account() and code = ? and code_until > ? returning *")
            .bind::<Text, _>(by.to_owned())
            .bind::<Text, _>(code.to_owned())
            .bind::<Timestamptz, _>(now)
            .get_result(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// Lets somebody in no more; whether they were there.
    pub async fn revoke(tx: &mut Tenant, bot: BotId, handle: &str, by: &str) -> Result<bool> {
        let count =
            sql("update access_grants set state = 'refused', code = null, code_until = null, decided_by = ?
             where account_id = current_account() and bot_id = ? and handle = ?")
            .bind::<Text, _>(by.to_owned())
            .bind::<SqlUuid, _>(bot)
            .bind::<Text, _>(handle.to_owned())
            .execute(tx.conn())
            .await?;
        Ok(count == 1)
    }
}
