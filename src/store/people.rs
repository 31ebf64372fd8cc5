//! People, and their handles on channels.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, PersonId};
use crate::store::schema::{identities, people};
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// Somebody a bot talks to.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = people, check_for_backend(diesel::pg::Pg))]
pub struct Person {
    pub account_id: AccountId,
    pub id: PersonId,
    pub name: String,
    /// `en`, `uk`, … as the channel tells it.
    pub language: Option<String>,
    pub created_at: DateTime<Utc>,
}

impl Person {
    pub async fn find(tx: &Tenant, id: PersonId) -> Result<Option<Self>> {
        let person = people::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(&mut tx.line())
            .await
            .optional()?;
        Ok(person)
    }

    pub async fn list_by_ids(tx: &mut Tenant, ids: &[PersonId]) -> Result<Vec<Self>> {
        let people = people::table
            .filter(people::account_id.eq(tx.account()))
            .filter(people::id.eq_any(ids))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(people)
    }

    /// Whoever has the handle `external_id` on `channel`; a new person called `name` if nobody has.
    pub async fn find_or_create(
        tx: &mut Tenant,
        channel: &str,
        external_id: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        if let Some(person) = Self::find_by_identity(tx, channel, external_id).await? {
            return Ok(person);
        }
        let account_id = tx.account();
        let new =
            Self { account_id, id: PersonId::new(), name: name.into(), language: None, created_at: now };
        diesel::insert_into(people::table).values(&new).execute(tx.conn()).await?;
        let identity = (
            identities::account_id.eq(account_id),
            identities::channel.eq(channel),
            identities::external_id.eq(external_id),
            identities::person_id.eq(new.id),
        );
        let claimed = diesel::insert_into(identities::table)
            .values(identity)
            .on_conflict_do_nothing()
            .execute(tx.conn())
            .await?;
        if claimed == 1 {
            return Ok(new);
        }
        // Somebody else was faster with the handle: theirs is the person.
        diesel::delete(people::table.find((account_id, new.id))).execute(tx.conn()).await?;
        Ok(Self::find_by_identity(tx, channel, external_id).await?.unwrap_or(new))
    }

    /// Whoever has the handle `external_id` on `channel`, by the name and the language that the channel tells now.
    pub async fn arrive(
        tx: &mut Tenant,
        channel: &str,
        external_id: &str,
        name: &str,
        language: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let person = Self::find_or_create(tx, channel, external_id, name, now).await?;
        // What the channel does not tell is kept.
        let language = language.map(str::to_owned).or_else(|| person.language.clone());
        if person.name == name && person.language == language {
            return Ok(person);
        }
        diesel::update(people::table.find((person.account_id, person.id)))
            .set((people::name.eq(name), people::language.eq(&language)))
            .execute(tx.conn())
            .await?;
        Ok(Self { name: name.into(), language, ..person })
    }

    /// Whoever has the handle `external_id` on `channel`.
    pub async fn find_by_identity(tx: &mut Tenant, channel: &str, external_id: &str) -> Result<Option<Self>> {
        let person = sql("select people.* from identities
             join people on (people.account_id, people.id) = (identities.account_id, identities.person_id)
             where identities.account_id = current_account() and channel = ? and external_id = ?")
        .bind::<Text, _>(channel.to_owned())
        .bind::<Text, _>(external_id.to_owned())
        .get_result(tx.conn())
        .await
        .optional()?;
        Ok(person)
    }
}
