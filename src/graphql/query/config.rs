//! Bots as code: what would change, what was applied, what is live.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, ID, Object, Result};
use serde_json::Value;
use uuid::Uuid;

use crate::error::Error;
use crate::graphql::context::{historian, planner, rooms};
use crate::graphql::cursors::{Place, first as at_most, place};
use crate::graphql::ids;
use crate::graphql::query::found;
use crate::graphql::scalars::plain;
use crate::graphql::types::{
    ConfigHold, ConfigPlan, ConfigReadiness, ConfigSource, ExportedBot, Generation, GenerationDetails,
    WrittenRevision,
};
use crate::graphql::wish::{Uploaded, Wanted, policy, uploaded};
use crate::id::MessageId;
use crate::store::{ConfigVersion, Generation as Row, Hold, Tenant};
use crate::sync::{self, Desired, Held};

/// Bots as code.
#[derive(Default)]
pub(super) struct ConfigQueries;

#[Object]
impl ConfigQueries {
    /// What applying an uploaded project would do. Needs the scope `config:plan`, as all of this does unless it
    /// says otherwise.
    async fn plan(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What `POST /config/bundles` answered.")] bundle_id: ID,
        #[graphql(desc = "Archive bots whose files are gone; their history stays.", default)] prune: bool,
        #[graphql(desc = "Archive at most so many; a fifth of the source's bots if left out.")]
        prune_limit: Option<u32>,
        #[graphql(desc = "Leave bots whose files are gone as they are, and plan the rest.", default)]
        keep: bool,
        #[graphql(
            desc = "The source may be held: the files are newer than what it was rolled back from.",
            default
        )]
        past_hold: bool,
    ) -> Result<Option<ConfigPlan>> {
        let (actor, rooms) = (planner(context)?, rooms(context)?);
        let policy = policy(Wanted { prune, prune_limit, keep, past_hold })?;
        let Some(kept) = found(uploaded(&rooms.store, actor.account, &bundle_id).await)? else {
            return Ok(None);
        };
        let Uploaded { project, problems, bundle } = kept;
        let Some(project) = project else { return Ok(Some(ConfigPlan { plan: None, problems })) };
        let desired = Desired::of(&project, Some(&bundle));
        let plan = sync::plan_now(&rooms.store, actor.account, &desired, policy, Value::Null).await?;
        Ok(Some(ConfigPlan { plan: Some(plan), problems }))
    }

    /// What `rollback` to that generation would do; null if the source has no such generation.
    async fn rollback_plan(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose generation.")] source: String,
        #[graphql(desc = "Which one.")] number: i32,
    ) -> Result<Option<ConfigPlan>> {
        let (actor, rooms) = (planner(context)?, rooms(context)?);
        let plan = sync::plan_rollback(&rooms.store, actor.account, &plain(&source), number).await;
        Ok(found(plan)?.map(Into::into))
    }

    /// What was applied, newest first. The scope `read` is enough.
    async fn generations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only of this source: `git:<source id>` or `dashboard`.")] source: Option<String>,
        #[graphql(desc = "So many, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
    ) -> Result<Option<Connection<Place, Generation>>> {
        let (actor, rooms) = (historian(context)?, rooms(context)?);
        let size = at_most(first)?;
        let applied = |place| if let Place::Applied(at, id) = place { Some((at, id)) } else { None };
        let after = place(after.as_deref(), applied)?;
        let source = source.as_deref().map(plain);
        let mut tx = rooms.store.reading(actor.account).await?;
        // One more than asked for tells whether there are more.
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let rows = Row::list(&mut tx, source.as_deref(), after, limit).await?;
        let has_next = rows.len() > size;
        let mut connection = Connection::new(after.is_some(), has_next);
        let mut active = std::collections::HashMap::new();
        for row in rows.into_iter().take(size) {
            if !active.contains_key(&row.source) {
                let number = Row::find_active(&mut tx, &row.source).await?.map(|active| active.number);
                active.insert(row.source.clone(), number);
            }
            let is_active = active.get(&row.source).copied().flatten() == Some(row.number);
            let place = Place::Applied(row.created_at, row.id);
            connection.edges.push(Edge::new(place, Generation(sync::entry(row, is_active))));
        }
        tx.commit().await?;
        Ok(Some(connection))
    }

    /// One generation, with its bots and what it changed; null if there is none.
    async fn generation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose: `git:<source id>` or `dashboard`.")] source: String,
        #[graphql(desc = "Its number, which counts from 1 within the source.")] number: i32,
    ) -> Result<Option<GenerationDetails>> {
        let (actor, rooms) = (planner(context)?, rooms(context)?);
        let shown = sync::show(&rooms.store, actor.account, &plain(&source), number).await;
        let Some(shown) = found(shown)? else { return Ok(None) };
        let readiness = if shown.entry.is_active { Some(readiness(context, None).await?) } else { None };
        Ok(Some(GenerationDetails { shown, readiness }))
    }

    /// Whether every replica runs what is active, or a version of the configuration that a mutation returned.
    async fn config_readiness(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The version; the newest if left out.")] version: Option<i64>,
    ) -> Result<Option<ConfigReadiness>> {
        Ok(Some((&readiness(context, version).await?).into()))
    }

    /// Whose bots there are, by name. The scope `read` is enough.
    async fn config_sources(&self, context: &Context<'_>) -> Result<Option<Vec<ConfigSource>>> {
        let (actor, rooms) = (historian(context)?, rooms(context)?);
        let mut tx = rooms.store.reading(actor.account).await?;
        let mut sources = Vec::new();
        for source in Row::list_sources(&mut tx).await? {
            sources.push(config_source(&mut tx, source).await?);
        }
        tx.commit().await?;
        Ok(Some(sources))
    }

    /// What is live otherwise than the source's active generation says, and what the dashboard holds; null if
    /// nothing of the source was ever applied.
    async fn drift(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose bots: `git:<source id>` or `dashboard`.")] source: String,
    ) -> Result<Option<ConfigPlan>> {
        let (actor, rooms) = (planner(context)?, rooms(context)?);
        Ok(found(sync::drift(&rooms.store, actor.account, &plain(&source)).await)?.map(Into::into))
    }

    /// Bots that are in service, as they are written down, by name; null if one of `names` is not in service.
    async fn export_bots(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only of this source: `git:<source id>` or `dashboard`.")] source: Option<String>,
        #[graphql(desc = "Only these; all if left out.", default)] names: Vec<String>,
    ) -> Result<Option<Vec<ExportedBot>>> {
        let (actor, rooms) = (planner(context)?, rooms(context)?);
        let source = source.as_deref().map(plain);
        let bots = found(sync::export(&rooms.store, actor.account, source.as_deref(), &names).await)?;
        Ok(bots.map(|bots| bots.into_iter().map(ExportedBot::from).collect()))
    }

    /// By which words a bot speaks, or spoke: of a bot, at its active revision or another one; or by a message.
    /// Null if there is no such bot, revision or message.
    async fn written_revision(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The bot's name. Either this or `messageId`.")] bot: Option<String>,
        #[graphql(desc = "The bot's revision; the active one if left out.")] number: Option<i32>,
        #[graphql(desc = "A message of a bot, by its id or by the UUID that commands show.")]
        message_id: Option<ID>,
    ) -> Result<Option<WrittenRevision>> {
        let (actor, rooms) = (planner(context)?, rooms(context)?);
        let spoken = match (bot, message_id) {
            (Some(bot), None) => sync::show_bot(&rooms.store, actor.account, &plain(&bot), number).await,
            (None, Some(id)) => {
                let id = match id.parse::<Uuid>() {
                    Ok(uuid) => MessageId(uuid),
                    Err(_) => ids::read(&id)?,
                };
                sync::spoken(&rooms.store, actor.account, id).await
            }
            _ => return Err(Error::invalid("say either `bot` or `messageId`").into()),
        };
        Ok(found(spoken)?.map(WrittenRevision))
    }
}

/// How the replicas stand to a version; to the newest if none is named.
async fn readiness(context: &Context<'_>, version: Option<i64>) -> Result<sync::Readiness, Error> {
    let (actor, rooms) = (planner(context)?, rooms(context)?);
    let version = match version {
        Some(version) => version,
        None => {
            let mut tx = rooms.store.reading(actor.account).await?;
            let version = ConfigVersion::find(&mut tx).await?;
            tx.commit().await?;
            version
        }
    };
    sync::readiness(&rooms.store, actor.account, version).await
}

/// A source as it stands.
pub(in crate::graphql) async fn config_source(
    tx: &mut Tenant,
    source: String,
) -> Result<ConfigSource, Error> {
    let active = Row::find_active(tx, &source).await?;
    let held = Hold::find(tx, &source).await?;
    Ok(ConfigSource {
        active: active.map(|row| Generation(sync::entry(row, true))),
        held: held.map(Held::from).map(ConfigHold::from),
        source,
    })
}
