//! Uploads: files on their way to a message, and those that belong to one.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bytea, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, MessageId, PersonId, UploadId};
use crate::store::schema::{upload_contents, uploads};
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// What is known of a file; its content stands apart.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = uploads, check_for_backend(diesel::pg::Pg))]
pub struct Upload {
    pub account_id: AccountId,
    pub id: UploadId,
    /// Whose it is.
    pub person_id: PersonId,
    pub filename: String,
    /// As it was announced and found to be: `text/plain`.
    pub content_type: String,
    /// In bytes.
    pub size: i32,
    /// Of the content; 32 bytes.
    pub sha256: Vec<u8>,
    pub created_at: DateTime<Utc>,
    /// When its content arrived; none while it is awaited.
    pub completed_at: Option<DateTime<Utc>>,
    /// The message that it belongs to, once it does.
    pub message_id: Option<MessageId>,
    /// Its place there, from 1.
    pub position: Option<i32>,
}

/// How much somebody uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Uploaded {
    #[diesel(sql_type = BigInt)]
    pub files: i64,
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
}

impl Upload {
    /// Whether a model is to be shown it, rather than to read it.
    pub fn is_picture(&self) -> bool {
        self.content_type.starts_with("image/")
    }

    pub async fn insert(tx: &mut Tenant, upload: &Self) -> Result<()> {
        diesel::insert_into(uploads::table).values(upload).execute(tx.conn()).await?;
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, id: UploadId) -> Result<Option<Self>> {
        let upload = uploads::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(upload)
    }

    /// By their ids, in no particular order.
    pub async fn list_by_ids(tx: &mut Tenant, ids: &[UploadId]) -> Result<Vec<Self>> {
        let uploads = uploads::table
            .filter(uploads::account_id.eq(tx.account()))
            .filter(uploads::id.eq_any(ids))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(uploads)
    }

    /// Those that belong to these messages, each message's in their order.
    pub async fn list_of_messages(tx: &mut Tenant, messages: &[MessageId]) -> Result<Vec<Self>> {
        let uploads = uploads::table
            .filter(uploads::account_id.eq(tx.account()))
            .filter(uploads::message_id.eq_any(messages))
            .order(uploads::position)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(uploads)
    }

    /// The names of the pictures that belong to these messages, each message's in their order.
    pub async fn list_pictures_of(tx: &Tenant, messages: &[MessageId]) -> Result<Vec<(MessageId, String)>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let named = uploads::table
            .filter(uploads::account_id.eq(tx.account()))
            .filter(uploads::message_id.eq_any(messages))
            .filter(uploads::content_type.like("image/%"))
            .order(uploads::position)
            .select((uploads::message_id.assume_not_null(), uploads::filename))
            .load(&mut tx.line())
            .await?;
        Ok(named)
    }

    /// What somebody announced since `since`. Until the transaction ends, nobody else counts for the same person.
    pub async fn count_since_locked(
        tx: &mut Tenant,
        person: PersonId,
        since: DateTime<Utc>,
    ) -> Result<Uploaded> {
        sql("select 1 from people where account_id = current_account() and id = ? for no key update")
            .bind::<SqlUuid, _>(person)
            .execute(tx.conn())
            .await?;
        let uploaded = sql("select count(*) as files, coalesce(sum(size), 0)::bigint as bytes from uploads
             where account_id = current_account() and person_id = ? and created_at > ?")
        .bind::<SqlUuid, _>(person)
        .bind::<Timestamptz, _>(since)
        .get_result(tx.conn())
        .await?;
        Ok(uploaded)
    }

    /// Keeps the content that arrived. False if it, or another, arrived before, or the upload is gone.
    pub async fn complete(
        tx: &mut Tenant,
        id: UploadId,
        content: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let marked = sql("update uploads set completed_at = ?
             where account_id = current_account() and id = ? and completed_at is null")
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn())
        .await?;
        if marked == 0 {
            return Ok(false);
        }
        Self::insert_content(tx, id, content).await?;
        Ok(true)
    }

    /// Keeps the content of an upload that says of itself that it arrived.
    pub async fn insert_content(tx: &mut Tenant, id: UploadId, content: Vec<u8>) -> Result<()> {
        sql("insert into upload_contents (account_id, upload_id, content) values (current_account(), ?, ?)")
            .bind::<SqlUuid, _>(id)
            .bind::<Bytea, _>(content)
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    pub async fn content(tx: &mut Tenant, id: UploadId) -> Result<Option<Vec<u8>>> {
        let content = upload_contents::table
            .find((tx.account(), id))
            .select(upload_contents::content)
            .first(tx.conn())
            .await
            .optional()?;
        Ok(content)
    }

    /// The contents of these, in no particular order.
    pub async fn list_contents(tx: &mut Tenant, ids: &[UploadId]) -> Result<Vec<(UploadId, Vec<u8>)>> {
        let contents = upload_contents::table
            .filter(upload_contents::account_id.eq(tx.account()))
            .filter(upload_contents::upload_id.eq_any(ids))
            .select((upload_contents::upload_id, upload_contents::content))
            .load(tx.conn())
            .await?;
        Ok(contents)
    }

    /// The first `bytes` of these, in no particular order.
    pub async fn list_starts(
        tx: &mut Tenant,
        ids: &[UploadId],
        bytes: i32,
    ) -> Result<Vec<(UploadId, Vec<u8>)>> {
        #[derive(QueryableByName)]
        struct Start {
            #[diesel(sql_type = SqlUuid)]
            upload_id: UploadId,
            #[diesel(sql_type = Bytea)]
            start: Vec<u8>,
        }
        let starts: Vec<Start> = sql("select upload_id, substring(content from 1 for ?) as start
             from upload_contents where account_id = current_account() and upload_id = any(?)")
        .bind::<Integer, _>(bytes)
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .load(tx.conn())
        .await?;
        Ok(starts.into_iter().map(|start| (start.upload_id, start.start)).collect())
    }

    /// Makes those of `ids` that are `person`'s, complete and free belong to a message, in this order; says how
    /// many they were.
    pub async fn attach(
        tx: &mut Tenant,
        ids: &[UploadId],
        person: PersonId,
        message: MessageId,
    ) -> Result<usize> {
        let count = sql("update uploads set message_id = ?, position = wanted.position::integer
             from unnest(?) with ordinality as wanted (id, position)
             where account_id = current_account() and uploads.id = wanted.id and person_id = ?
               and message_id is null and completed_at is not null")
        .bind::<SqlUuid, _>(message)
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .bind::<SqlUuid, _>(person)
        .execute(tx.conn())
        .await?;
        Ok(count)
    }

    /// Forgets those of before `before` that belong to no message; says how many.
    pub async fn delete_unused_before(tx: &mut Tenant, before: DateTime<Utc>) -> Result<usize> {
        let count = diesel::delete(
            uploads::table
                .filter(uploads::account_id.eq(tx.account()))
                .filter(uploads::message_id.is_null())
                .filter(uploads::created_at.lt(before)),
        )
        .execute(tx.conn())
        .await?;
        Ok(count)
    }
}
