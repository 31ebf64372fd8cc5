//! Bots and their revisions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{AccountId, BotId, RevisionId};
use crate::store::schema::{bot_revisions, bots};
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// A bot as it stands now. Its id survives renames and archiving.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = bots, check_for_backend(diesel::pg::Pg))]
pub struct Bot {
    pub account_id: AccountId,
    pub id: BotId,
    pub name: String,
    /// Who owns it: `git:<source id>` or `dashboard`.
    pub source: String,
    pub revision_id: RevisionId,
    pub archived_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Bot {
    pub async fn insert(tx: &mut Tenant, bots: &[Self]) -> Result<()> {
        // Postgres takes 65,535 binds in a statement; eight a row.
        for some in bots.chunks(1_000) {
            diesel::insert_into(bots::table).values(some).execute(tx.conn()).await?;
        }
        Ok(())
    }

    /// All bots with what a plan compares, archived ones too; without their contents.
    pub async fn list_with_hashes(tx: &mut Tenant) -> Result<Vec<Hashed>> {
        let found = sql("select bots.id, bots.name, bots.source, bots.revision_id, bots.archived_at is not null as is_archived,
                 r.number, r.hash, r.overlay,
                 (select max(number) from bot_revisions m where (m.account_id, m.bot_id) = (bots.account_id, bots.id)) as newest
             from bots join bot_revisions r on (r.account_id, r.id) = (bots.account_id, bots.revision_id)
             where bots.account_id = current_account()")
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// Points bots at other revisions; archived ones come back.
    pub async fn set_revisions(
        tx: &mut Tenant,
        moved: &[(BotId, RevisionId)],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (bots, revisions): (Vec<BotId>, Vec<RevisionId>) = moved.iter().copied().unzip();
        sql("update bots set revision_id = moved.revision, archived_at = null, updated_at = ?
             from unnest(?, ?) as moved (bot, revision)
             where (account_id, id) = (current_account(), moved.bot)")
        .bind::<Timestamptz, _>(now)
        .bind::<Array<SqlUuid>, _>(bots)
        .bind::<Array<SqlUuid>, _>(revisions)
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Gives bots other names, all of them at once: two may change places.
    pub async fn rename(tx: &mut Tenant, names: &[(BotId, String)], now: DateTime<Utc>) -> Result<()> {
        // Names are unique at every moment, so they pass through ones that nobody has.
        for (id, _) in names {
            Self::set_name(tx, *id, &format!("~{id}"), now).await?;
        }
        for (id, name) in names {
            Self::set_name(tx, *id, name, now).await?;
        }
        Ok(())
    }

    async fn set_name(tx: &mut Tenant, id: BotId, name: &str, now: DateTime<Utc>) -> Result<()> {
        diesel::update(bots::table.find((tx.account(), id)))
            .set((bots::name.eq(name), bots::updated_at.eq(now)))
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// Takes bots out of service; their history stays.
    pub async fn archive(tx: &mut Tenant, ids: &[BotId], now: DateTime<Utc>) -> Result<()> {
        let of_account = bots::table.filter(bots::account_id.eq(tx.account())).filter(bots::id.eq_any(ids));
        diesel::update(of_account)
            .set((bots::archived_at.eq(now), bots::updated_at.eq(now)))
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, id: BotId) -> Result<Option<Self>> {
        let bot = bots::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(bot)
    }

    /// The bot of that name, archived ones too.
    pub async fn find_by_name(tx: &Tenant, name: &str) -> Result<Option<Self>> {
        // Not to be asked of Postgres, which holds no such name.
        if name.contains('\0') {
            return Ok(None);
        }
        let bot = bots::table
            .filter(bots::account_id.eq(tx.account()))
            .filter(bots::name.eq(name))
            .select(Self::as_select())
            .first(&mut tx.line())
            .await
            .optional()?;
        Ok(bot)
    }

    /// By their ids, in no particular order, archived ones too.
    pub async fn list_by_ids(tx: &mut Tenant, ids: &[BotId]) -> Result<Vec<Self>> {
        let bots = bots::table
            .filter(bots::account_id.eq(tx.account()))
            .filter(bots::id.eq_any(ids))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(bots)
    }

    /// All bots of the account by name, archived ones too.
    pub async fn list(tx: &mut Tenant) -> Result<Vec<Self>> {
        let bots = bots::table
            .filter(bots::account_id.eq(tx.account()))
            .order(bots::name)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(bots)
    }
}

/// A bot without its content: what a plan compares first.
#[derive(Debug, Clone, QueryableByName)]
pub struct Hashed {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub id: BotId,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub name: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub source: String,
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub revision_id: RevisionId,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub is_archived: bool,
    /// The active revision's number.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub number: i32,
    /// The highest number of its revisions.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub newest: i32,
    #[diesel(sql_type = diesel::sql_types::Jsonb)]
    pub overlay: Value,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub hash: String,
}

/// One immutable state of one bot.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = bot_revisions, check_for_backend(diesel::pg::Pg))]
pub struct BotRevision {
    pub account_id: AccountId,
    pub id: RevisionId,
    pub bot_id: BotId,
    /// Counts from 1 within the bot.
    pub number: i32,
    /// Of the authored content.
    pub hash: String,
    /// What the files said, prose included, defaults left out.
    pub content: Value,
    pub created_at: DateTime<Utc>,
    /// What the dashboard holds of the fields that the files delegate: value by JSON pointer.
    pub overlay: Value,
}

impl BotRevision {
    pub async fn insert(tx: &mut Tenant, revisions: &[Self]) -> Result<()> {
        // Postgres takes 65,535 binds in a statement; eight a row.
        for some in revisions.chunks(1_000) {
            diesel::insert_into(bot_revisions::table).values(some).execute(tx.conn()).await?;
        }
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, id: RevisionId) -> Result<Option<Self>> {
        let revision = bot_revisions::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(revision)
    }

    /// The newest ones of a bot first, those below `before`, at most `limit`.
    pub async fn list(tx: &mut Tenant, bot: BotId, before: Option<i32>, limit: i64) -> Result<Vec<Self>> {
        let revisions = bot_revisions::table
            .filter(bot_revisions::account_id.eq(tx.account()))
            .filter(bot_revisions::bot_id.eq(bot))
            .filter(bot_revisions::number.lt(before.unwrap_or(i32::MAX)))
            .order(bot_revisions::number.desc())
            .limit(limit)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(revisions)
    }

    pub async fn list_by_ids(tx: &mut Tenant, ids: &[RevisionId]) -> Result<Vec<Self>> {
        let revisions = bot_revisions::table
            .filter(bot_revisions::account_id.eq(tx.account()))
            .filter(bot_revisions::id.eq_any(ids))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(revisions)
    }
}
