//! How an account is doing, what it uses, who changed what, and what its bots remember.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, ID, Object, Result};
use chrono::TimeDelta;

use crate::accounts::{Actor, Scope};
use crate::error::Error;
use crate::graphql::context::{Rooms, admin, overseer, reader, rooms};
use crate::graphql::cursors::{Place, first as at_most, place};
use crate::graphql::ids;
use crate::graphql::mutation::CHANNEL;
use crate::graphql::query::config::config_source;
use crate::graphql::query::found;
use crate::graphql::scalars::{DateTime, plain};
use crate::graphql::types::{
    AuditEntry, RecentError, Recollection, ReplicaStatus, Status, UsageGroup, UsageReport,
};
use crate::store::{
    Audit, Bot, ConfigVersion, Generation, QueueCounts, ReplicaConfig, Trouble, UsageGroups, UsageRange,
    UsageSum,
};
use crate::sync;

/// The longest stretch of time that is added up, and the most sums that come at once.
const LONGEST_DAYS: i64 = 366;
const MOST_SUMS: i64 = 2_000;
/// What counts as lately, and how much of it is shown.
const LATELY: TimeDelta = TimeDelta::hours(24);
const MOST_ERRORS: i64 = 20;

/// How an account is doing.
#[derive(Default)]
pub(super) struct OversightQueries;

#[Object]
impl OversightQueries {
    /// How the account is doing now: providers, queues, index, configuration, replicas, recent errors. Needs the
    /// scope `read`. Never shows a secret.
    async fn status(&self, context: &Context<'_>) -> Result<Option<Status>> {
        let (actor, rooms) = (overseer(context)?, rooms(context)?);
        Ok(Some(status(actor, rooms).await?))
    }

    /// What models took: of the whole account with the scope `admin`, otherwise what the caller caused.
    async fn usage(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "From this moment.")] from: DateTime,
        #[graphql(desc = "Before this moment; now if left out. At most 366 days after `from`.")] to: Option<
            DateTime,
        >,
        #[graphql(
            desc = "By what it is added up. Empty: one sum of everything.",
            default_with = "vec![UsageGroup::Day, UsageGroup::Bot, UsageGroup::Model]"
        )]
        group_by: Vec<UsageGroup>,
        #[graphql(desc = "Only of the bot of this name, archived or not.")] bot: Option<String>,
    ) -> Result<Option<UsageReport>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let to = to.unwrap_or_else(|| DateTime(rooms.clock.now()));
        if to.0 < from.0 || to.0 - from.0 > TimeDelta::days(LONGEST_DAYS) {
            return Err(Error::invalid(format!("`to` is at most {LONGEST_DAYS} days after `from`")).into());
        }
        let has = |group| group_by.contains(&group);
        let groups = UsageGroups {
            bot: has(UsageGroup::Bot),
            model: has(UsageGroup::Model),
            purpose: has(UsageGroup::Purpose),
            day: has(UsageGroup::Day),
        };
        let whole_account = actor.scopes.allow(Scope::Admin);
        let mut tx = rooms.store.reading(actor.account).await?;
        let bot = match bot {
            None => None,
            Some(name) => match Bot::find_by_name(&tx, &name).await? {
                Some(bot) => Some(bot.id),
                None => return Ok(None),
            },
        };
        let person = (!whole_account).then_some(actor.person);
        let range = UsageRange { person, bot, from: from.0, to: to.0 };
        let sums = UsageSum::list(&mut tx, range, groups, MOST_SUMS + 1).await?;
        tx.commit().await?;
        if i64::try_from(sums.len()).is_ok_and(|count| count > MOST_SUMS) {
            let told =
                format!("that is more than {MOST_SUMS} sums: ask for less time, one `bot`, or fewer groups");
            return Err(Error::invalid(told).into());
        }
        let sums = sums.into_iter().map(Into::into).collect();
        Ok(Some(UsageReport { from, to, whole_account, sums }))
    }

    /// Who changed what in the account, the newest first. Needs the scope `admin`.
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "So many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "Only this: `config.apply`, say.")] action: Option<String>,
    ) -> Result<Option<Connection<Place, AuditEntry>>> {
        let (actor, rooms) = (admin(context)?, rooms(context)?);
        let size = at_most(first)?;
        let audited = |place| if let Place::Audited(at, id) = place { Some((at, id)) } else { None };
        let after = place(after.as_deref(), audited)?;
        let action = action.as_deref().map(plain);
        let mut tx = rooms.store.reading(actor.account).await?;
        // One more than asked for tells whether there are more.
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let rows = Audit::list(&mut tx, action.as_deref(), after, limit).await?;
        tx.commit().await?;
        let mut connection = Connection::new(after.is_some(), rows.len() > size);
        connection.edges.extend(rows.into_iter().take(size).map(|row| {
            let place = Place::Audited(row.at, row.id);
            Edge::new(place, AuditEntry::from(row))
        }));
        Ok(Some(connection))
    }

    /// What a bot would remember if somebody said this, as it would stand in the prompt; no model is asked. It
    /// reaches exactly as far as an answer in that conversation would. Null if there is no such bot or
    /// conversation.
    async fn recall(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The bot's name.")] bot: String,
        #[graphql(desc = "Where it would be said; the caller's own conversation with the bot if left out.")]
        conversation_id: Option<ID>,
        #[graphql(desc = "What would be said.")] text: String,
        #[graphql(
            desc = "How many tokens it may take, 1 to 32,000; as many as the bot's configuration allows if left out."
        )]
        budget: Option<u32>,
    ) -> Result<Option<Recollection>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let conversation = match conversation_id.as_ref().map(ids::read).transpose() {
            Ok(conversation) => conversation,
            Err(error) => return Ok(found(Err(error))?),
        };
        let (bot, text) = (plain(&bot), plain(&text));
        let recalled = rooms.chat.recall(actor, &bot, conversation, CHANNEL, &text, budget).await;
        Ok(found(recalled)?.map(Into::into))
    }
}

async fn status(actor: &Actor, rooms: &Rooms) -> Result<Status, Error> {
    let now = rooms.clock.now();
    let providers = rooms.chat.providers(actor).await?;
    let mut tx = rooms.store.reading(actor.account).await?;
    let queue = QueueCounts::find(&mut tx, now).await?;
    let mut troubles = Trouble::list(&mut tx, now - LATELY, MOST_ERRORS).await?;
    let version = ConfigVersion::find(&mut tx).await?;
    let replicas = ReplicaConfig::list(&mut tx).await?;
    let mut sources = Vec::new();
    for source in Generation::list_sources(&mut tx).await? {
        sources.push(config_source(&mut tx, source).await?);
    }
    tx.commit().await?;
    // What a job failed of is told to whoever runs the server.
    troubles.retain(|trouble| trouble.kind != "job" || actor.scopes.allow(Scope::Admin));
    let readiness = sync::readiness(&rooms.store, actor.account, version).await?;
    Ok(Status {
        at: DateTime(now),
        providers: providers.into_iter().map(Into::into).collect(),
        queue: queue.into(),
        index: rooms.memory.status().into(),
        sources,
        config: (&readiness).into(),
        replicas: replicas.into_iter().map(|replica| ReplicaStatus::of(replica, version)).collect(),
        recent_errors: troubles.into_iter().filter_map(RecentError::of).collect(),
    })
}
