//! Changes of the configuration: plans that are applied, rollbacks, bots without files.

mod shapes;

use async_graphql::{Context, ID, Object, Result};
use serde_json::{Value, json};

use crate::accounts::Actor;
use crate::error::{self, Error};
use crate::graphql::context::{Rooms, applier, rooms};
use crate::graphql::loaders::CompiledBot;
use crate::graphql::mutation::checked_key;
use crate::graphql::mutation::config_error::ConfigMendable;
use crate::graphql::mutation::user_error::Mendable;
use crate::graphql::query::config_source;
use crate::graphql::scalars::{Json, plain};
use crate::graphql::types::{Bot, Generation};
use crate::graphql::uploads;
use crate::graphql::wish::{Uploaded, Wanted, checked_provenance, policy, uploaded};
use crate::spec;
use crate::store::Generation as Row;
use crate::sync::{self, Applied, Back, Desired, Edit, Edited, Once, Plan, Set};
use shapes::{
    ApplyPlanInput, ApplyPlanPayload, CreateBotInput, CreateBotPayload, ResumeSourceInput,
    ResumeSourcePayload, RollbackInput, RollbackPayload, SetFieldInput, UpdateBotInput, UpdateBotPayload,
};

/// The longest reason or message, in characters: the history shows it in a list.
const LONGEST_REASON: usize = 500;

/// Changes of the configuration.
#[derive(Default)]
pub(super) struct ConfigMutations;

/// What came of a change: it, or what a person can mend.
type Mended<T> = error::Result<Result<T, ConfigMendable>>;

#[Object]
impl ConfigMutations {
    /// Applies exactly what was planned, or nothing: if something else would happen by now, a `ConflictError`
    /// says what intervened. All of it happens in one transaction. Needs the scope `config:apply`, as all
    /// changes of the configuration do.
    async fn apply_plan(
        &self,
        context: &Context<'_>,
        input: ApplyPlanInput,
    ) -> Result<Option<ApplyPlanPayload>> {
        let (actor, rooms) = (applier(context)?, rooms(context)?);
        Ok(Some(match applied(rooms, actor, input).await? {
            Ok((done, replayed)) => ApplyPlanPayload {
                config_version: Some(done.version),
                generation: generation(rooms, actor, &done).await?,
                plan: Some(done.plan.into()),
                replayed,
                user_errors: Vec::new(),
            },
            Err(mendable) => ApplyPlanPayload {
                config_version: None,
                generation: None,
                plan: None,
                replayed: false,
                user_errors: vec![mendable.into()],
            },
        }))
    }

    /// Makes the bots of an older generation active again, as a new generation, and holds the source: it takes
    /// no apply until `resumeSource`, or a newer commit. Other sources stay as they are.
    async fn rollback(&self, context: &Context<'_>, input: RollbackInput) -> Result<Option<RollbackPayload>> {
        let (actor, rooms) = (applier(context)?, rooms(context)?);
        Ok(Some(match rolled_back(rooms, actor, input).await? {
            Ok(done) => RollbackPayload {
                config_version: Some(done.version),
                generation: generation(rooms, actor, &done).await?,
                plan: Some(done.plan.into()),
                user_errors: Vec::new(),
            },
            Err(mendable) => RollbackPayload {
                config_version: None,
                generation: None,
                plan: None,
                user_errors: vec![mendable.into()],
            },
        }))
    }

    /// Lets a source go on that a rollback holds.
    async fn resume_source(
        &self,
        context: &Context<'_>,
        input: ResumeSourceInput,
    ) -> Result<Option<ResumeSourcePayload>> {
        let (actor, rooms) = (applier(context)?, rooms(context)?);
        let source = plain(&input.source);
        let mut tx = rooms.store.tenant(actor.account).await?;
        let is_known = Row::list_sources(&mut tx).await?.contains(&source);
        tx.commit().await?;
        if !is_known {
            let error = Error::not_found(format!("`{source}` was never applied"));
            let mendable = ConfigMendable::of(error, "source")?;
            let user_errors = vec![mendable.into()];
            return Ok(Some(ResumeSourcePayload { source: None, was_held: false, user_errors }));
        }
        let was_held =
            sync::resume(&rooms.store, &rooms.clock, actor.account, &source, &actor.principal).await?;
        let mut tx = rooms.store.tenant(actor.account).await?;
        let source = Some(config_source(&mut tx, source).await?);
        tx.commit().await?;
        Ok(Some(ResumeSourcePayload { source, was_held, user_errors: Vec::new() }))
    }

    /// Makes a bot that no files own. It is versioned all the same, and can be exported.
    async fn create_bot(
        &self,
        context: &Context<'_>,
        input: CreateBotInput,
    ) -> Result<Option<CreateBotPayload>> {
        let (actor, rooms) = (applier(context)?, rooms(context)?);
        let name = input.name.clone();
        Ok(Some(match created(rooms, actor, input).await? {
            Ok((done, replayed)) => CreateBotPayload {
                bot: live(rooms, actor, &name).await?,
                config_version: Some(done.version),
                generation: generation(rooms, actor, &done).await?,
                replayed,
                user_errors: Vec::new(),
            },
            Err(mendable) => CreateBotPayload {
                bot: None,
                config_version: None,
                generation: None,
                replayed: false,
                user_errors: vec![mendable.into()],
            },
        }))
    }

    /// Changes fields of a bot: any of a bot that no files own, else only those that its files delegate. What
    /// files own is refused with the change to make there.
    async fn update_bot(
        &self,
        context: &Context<'_>,
        input: UpdateBotInput,
    ) -> Result<Option<UpdateBotPayload>> {
        let (actor, rooms) = (applier(context)?, rooms(context)?);
        let name = input.name.clone();
        Ok(Some(match updated(rooms, actor, input).await? {
            Ok(done) => UpdateBotPayload {
                bot: live(rooms, actor, &name).await?,
                config_version: Some(done.version),
                generation: generation(rooms, actor, &done).await?,
                user_errors: Vec::new(),
            },
            Err(mendable) => UpdateBotPayload {
                bot: None,
                config_version: None,
                generation: None,
                user_errors: vec![mendable.into()],
            },
        }))
    }
}

async fn applied(rooms: &Rooms, actor: &Actor, input: ApplyPlanInput) -> Mended<(Applied, bool)> {
    let ApplyPlanInput {
        idempotency_key,
        bundle_id,
        planned,
        planned_id,
        prune,
        prune_limit,
        keep,
        past_hold,
        allow_rewind,
        message,
        provenance,
    } = input;
    let key = match checked_key(idempotency_key) {
        Ok(key) => key,
        Err(mendable) => return Ok(Err(mendable.into())),
    };
    let mut provenance = match checked_provenance(provenance) {
        Ok(provenance) => provenance,
        Err(error) => return ConfigMendable::of(error, "provenance").map(Err),
    };
    if let Some(message) = &message {
        match reason(message, "message") {
            Ok(message) => provenance["message"] = message.into(),
            Err(mendable) => return Ok(Err(mendable.into())),
        }
    }
    let policy = match policy(Wanted { prune, prune_limit, keep, past_hold }) {
        Ok(policy) => policy,
        Err(error) => return ConfigMendable::of(error, "prune").map(Err),
    };
    let planned = match plan_of(rooms, actor, planned, planned_id).await? {
        Ok(planned) => planned,
        Err(mendable) => return Ok(Err(mendable)),
    };
    let Uploaded { bundle, project, problems } = match uploaded(&rooms.store, actor.account, &bundle_id).await
    {
        Ok(uploaded) => uploaded,
        Err(error) => return ConfigMendable::of(error, "bundleId").map(Err),
    };
    let Some(project) = project else { return Ok(Err(ConfigMendable::problems(&problems, "bundleId"))) };
    let asked = json!([bundle_id.0, planned, prune, prune_limit, keep, past_hold, allow_rewind, provenance]);
    let options = sync::Options {
        policy,
        planned: Some(&planned),
        allow_rewind,
        keeps_commit: false,
        actor: actor.principal.clone(),
        provenance,
    };
    let desired = Desired::of(&project, Some(&bundle));
    let once = once(actor, key, &asked);
    let done = sync::apply_once(&rooms.store, &rooms.clock, actor.account, &desired, &options, once).await;
    Ok(match done {
        Ok(done) => Ok(done),
        Err(error) => Err(ConfigMendable::of(error, "planned")?),
    })
}

/// The plan that is meant, given as it is or uploaded before.
async fn plan_of(rooms: &Rooms, actor: &Actor, planned: Option<Json>, id: Option<ID>) -> Mended<Plan> {
    match (planned, id) {
        (Some(Json(planned)), None) => Ok(serde_json::from_value(planned)
            .map_err(|error| Mendable::invalid(&format!("this is no plan: {error}"), "planned").into())),
        (None, Some(id)) => match uploads::plan(&rooms.store, actor.account, &id).await {
            Ok(planned) => Ok(Ok(planned)),
            Err(error) => ConfigMendable::of(error, "plannedId").map(Err),
        },
        _ => Ok(Err(Mendable::invalid("say either `planned` or `plannedId`", "planned").into())),
    }
}

async fn rolled_back(rooms: &Rooms, actor: &Actor, input: RollbackInput) -> Mended<Applied> {
    let RollbackInput { source, number, reason: why, provenance } = input;
    let why = match reason(&why, "reason") {
        Ok(why) => why,
        Err(mendable) => return Ok(Err(mendable.into())),
    };
    let provenance = match checked_provenance(provenance) {
        Ok(provenance) => provenance,
        Err(error) => return ConfigMendable::of(error, "provenance").map(Err),
    };
    let back =
        Back { source: plain(&source), number, reason: why, actor: actor.principal.clone(), provenance };
    Ok(match sync::rollback(&rooms.store, &rooms.clock, actor.account, back).await {
        Ok(done) => Ok(done),
        Err(error) => Err(ConfigMendable::of(error, "number")?),
    })
}

async fn created(rooms: &Rooms, actor: &Actor, input: CreateBotInput) -> Mended<(Applied, bool)> {
    let CreateBotInput { idempotency_key, name, config: Json(config) } = input;
    let key = match checked_key(idempotency_key) {
        Ok(key) => key,
        Err(mendable) => return Ok(Err(mendable.into())),
    };
    if !spec::is_name(&name) {
        let message = "a bot's name is 1 to 63 of `a` to `z`, `0` to `9` and `-`, with no `-` at its ends";
        return Ok(Err(Mendable::invalid(message, "name").into()));
    }
    if !config.is_object() {
        let message = "the config is an object, as a `bot.yaml` says it: `{\"displayName\": \"Chef\"}`";
        return Ok(Err(Mendable::invalid(message, "config").into()));
    }
    let once = once(actor, key, &json!([name, config]));
    let made =
        sync::create_bot(&rooms.store, &rooms.clock, actor.account, &name, &config, &actor.principal, once);
    Ok(match made.await {
        Ok((edited, replayed)) => of_edited(edited, "config").map(|done| (done, replayed)),
        Err(error) => Err(ConfigMendable::of(error, "name")?),
    })
}

async fn updated(rooms: &Rooms, actor: &Actor, input: UpdateBotInput) -> Mended<Applied> {
    let UpdateBotInput { name, expected_version, set } = input;
    let set: Vec<Set> = set
        .into_iter()
        .map(|SetFieldInput { path, value }| Set {
            path: plain(&path),
            value: value.map(|Json(value)| value),
        })
        .collect();
    let edit = Edit { name: &plain(&name), revision: expected_version, set: &set, actor: &actor.principal };
    Ok(match sync::update_bot(&rooms.store, &rooms.clock, actor.account, edit).await {
        Ok(edited) => of_edited(edited, "set"),
        Err(error) => {
            let path = match error.kind() {
                error::Kind::NotFound => "name",
                error::Kind::Conflict => "expectedVersion",
                _ => "set",
            };
            Err(ConfigMendable::of(error, path)?)
        }
    })
}

fn of_edited(edited: Edited, path: &str) -> Result<Applied, ConfigMendable> {
    match edited {
        Edited::Done(applied) => Ok(*applied),
        Edited::Invalid(problems) => Err(ConfigMendable::problems(&problems, path)),
        Edited::Owned { source, paths, patch } => Err(ConfigMendable::owned(source, paths, patch)),
    }
}

fn once(actor: &Actor, key: String, asked: &Value) -> Once {
    Once {
        // Tokens of one person are one caller: a renewed token may repeat what the old one began.
        principal: actor.person.to_string(),
        key: plain(&key),
        fingerprint: spec::content_hash(asked),
    }
}

/// Words for the history.
fn reason(text: &str, path: &str) -> Result<String, Mendable> {
    let text = plain(text.trim());
    if text.is_empty() || text.chars().count() > LONGEST_REASON {
        let message = format!("say why in 1 to {LONGEST_REASON} characters");
        return Err(Mendable::invalid(&message, path));
    }
    Ok(text)
}

/// The generation that a change left active; none where nothing was ever applied.
async fn generation(rooms: &Rooms, actor: &Actor, done: &Applied) -> error::Result<Option<Generation>> {
    let source = &done.plan.source;
    let mut tx = rooms.store.tenant(actor.account).await?;
    let row = Row::find(&mut tx, source, done.generation).await?;
    let active = Row::find_active(&mut tx, source).await?.map(|active| active.number);
    tx.commit().await?;
    Ok(row.map(|row| {
        let is_active = active == Some(row.number);
        Generation(sync::entry(row, is_active))
    }))
}

/// The bot as it stands.
async fn live(rooms: &Rooms, actor: &Actor, name: &str) -> error::Result<Option<Bot>> {
    let live = rooms.chat.bots().find(actor.account, name).await?;
    Ok(live.map(|live| Bot(CompiledBot { row: live.bot.clone(), live })))
}
