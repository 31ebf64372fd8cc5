//! Applying: all or nothing, in one transaction, and the same twice is nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::{AccountId, BotId, GenerationId, RevisionId};
use crate::memory;
use crate::spec;
use crate::store::{
    AppliedCommit, Audit, Bot, BotRevision, ConfigVersion, Generation, Hint, Hold, Store, Tenant,
};
use crate::sync::desired::{Desired, Target};
use crate::sync::plan::{
    Action, Base, Change, Current, CurrentBot, Held, Plan, Policy, kept_overlay, plan, to_compare,
};
use crate::sync::stale;

/// How to apply.
#[derive(Debug, Default)]
pub struct Options<'p> {
    pub policy: Policy,
    /// Exactly this is to happen, or nothing.
    pub planned: Option<&'p Plan>,
    /// Apply even if the active commit is no longer the one that was planned on.
    pub allow_rewind: bool,
    /// A change beside the files: the source stays at the commit that it came from.
    pub keeps_commit: bool,
    /// Who applies, for the audit log.
    pub actor: String,
    /// Where it comes from: commit, branch, folder, version.
    pub provenance: Value,
}

/// What an apply did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Applied {
    pub plan: Plan,
    /// The generation that is active now.
    pub generation: i32,
    /// The version of the account's config that replicas should run.
    pub version: i64,
}

/// What is active for the source of `desired`, with the content of the bots that differ.
pub(super) async fn current(tx: &mut Tenant, desired: &Desired<'_>) -> Result<Current> {
    let source = &desired.source;
    let generation = Generation::find_active(tx, source).await?;
    let mut current = Current {
        held: Hold::find(tx, source).await?.map(Held::from),
        protect: generation.as_ref().map(Generation::protected).unwrap_or_default(),
        base: generation.map(base).unwrap_or_default(),
        bots: BTreeMap::new(),
    };
    if let Some(commit) = AppliedCommit::find(tx, source).await? {
        current.base.commit = Some(commit);
    }
    for bot in Bot::list_with_hashes(tx).await? {
        let at = CurrentBot {
            id: bot.id,
            source: bot.source,
            revision: bot.revision_id,
            number: bot.number,
            newest: bot.newest,
            hash: bot.hash,
            archived: bot.is_archived,
            overlay: bot.overlay.as_object().cloned().unwrap_or_default(),
            content: None,
        };
        current.bots.insert(bot.name, at);
    }
    let differing = to_compare(desired, &current);
    let contents: BTreeMap<RevisionId, Value> = BotRevision::list_by_ids(tx, &differing)
        .await?
        .into_iter()
        .map(|revision| (revision.id, revision.content))
        .collect();
    for bot in current.bots.values_mut() {
        bot.content = contents.get(&bot.revision).cloned();
    }
    Ok(current)
}

fn base(generation: Generation) -> Base {
    let commit = generation.provenance.pointer("/git/commit").and_then(Value::as_str).map(str::to_owned);
    Base { generation: generation.number, hash: generation.hash, commit }
}

impl From<Hold> for Held {
    fn from(hold: Hold) -> Self {
        let Hold { account_id: _, source: _, generation, commit, reason, actor, created_at } = hold;
        Self { generation, by: actor, reason, at: created_at, commit }
    }
}

/// What [`apply`] would do now.
pub async fn plan_now(
    store: &Store,
    account: AccountId,
    desired: &Desired<'_>,
    policy: Policy,
    provenance: Value,
) -> Result<Plan> {
    let mut tx = store.reading(account).await?;
    let current = current(&mut tx, desired).await?;
    tx.commit().await?;
    Ok(Plan { provenance, ..plan(desired, &current, policy) })
}

/// Makes `desired` active. Replicas swap to it as they hear of it; running turns end on what they began with.
///
/// # Errors
/// `Conflict` where another source owns a bot or what was planned is no longer what would happen;
/// `Forbidden` where policy forbids it.
pub async fn apply(
    store: &Store,
    clock: &SharedClock,
    account: AccountId,
    desired: &Desired<'_>,
    options: &Options<'_>,
) -> Result<Applied> {
    let mut tx = store.tenant(account).await?;
    let applied = apply_in(&mut tx, clock.now(), desired, options).await?;
    tx.commit().await?;
    Ok(applied)
}

/// The same inside a transaction of the caller.
pub(super) async fn apply_in(
    tx: &mut Tenant,
    now: DateTime<Utc>,
    desired: &Desired<'_>,
    options: &Options<'_>,
) -> Result<Applied> {
    Generation::lock(tx).await?;
    let current = current(tx, desired).await?;
    let plan = Plan { provenance: options.provenance.clone(), ..plan(desired, &current, options.policy) };
    if let Some(planned) = options.planned {
        stale::check(tx, planned, &plan, options.allow_rewind).await?;
    }
    check(&plan)?;
    if plan.held.is_some() && options.policy.past_hold {
        Hold::delete(tx, &plan.source).await?;
    }
    if let Some(commit) = options.provenance.pointer("/git/commit").and_then(Value::as_str)
        && !options.keeps_commit
    {
        AppliedCommit::put(tx, &plan.source, commit, now).await?;
    }
    if plan.is_empty() && plan.desired.hash == plan.base.hash {
        let version = ConfigVersion::find(tx).await?;
        return Ok(Applied { generation: plan.base.generation, version, plan });
    }
    let manifest = write_bots(tx, desired, &current, &plan, now).await?;
    let changes: Vec<Value> = plan
        .changes
        .iter()
        .map(|change| json!({ "address": change.address, "action": change.action }))
        .collect();
    let generation = Generation {
        account_id: tx.account(),
        id: GenerationId::new(),
        source: plan.source.clone(),
        number: plan.base.generation + 1,
        hash: plan.desired.hash.clone(),
        project: json!({ "source": desired.source, "protect": desired.protect }),
        manifest,
        provenance: with_actor(&options.provenance, &options.actor),
        created_at: now,
        changes: changes.into(),
    };
    Generation::insert(tx, &generation).await?;
    let detail = json!({ "generation": generation.number, "changes": generation.changes });
    Audit::record(tx, now, &options.actor, "config.apply", &plan.source, detail).await?;
    let version = ConfigVersion::raise(tx, now).await?;
    tx.wake(Hint::Config);
    Ok(Applied { generation: generation.number, version, plan })
}

fn with_actor(provenance: &Value, actor: &str) -> Value {
    let mut provenance = provenance.as_object().cloned().unwrap_or_default();
    provenance.insert("actor".into(), actor.into());
    provenance.into()
}

fn check(plan: &Plan) -> Result<()> {
    if !plan.conflicts.is_empty() {
        return Err(Error::conflict(format!(
            "another source owns what would change: {}",
            plan.conflicts.join("; ")
        )));
    }
    if !plan.blocked.is_empty() {
        return Err(Error::forbidden(plan.blocked.join("; ")));
    }
    Ok(())
}

/// The rows that an apply writes.
#[derive(Default)]
struct Rows {
    revisions: Vec<BotRevision>,
    created: Vec<Bot>,
    moved: Vec<(BotId, RevisionId)>,
    renamed: Vec<(BotId, String)>,
    archived: Vec<BotId>,
    /// Name → revision.
    manifest: Map<String, Value>,
}

/// Writes revisions and bots; returns the manifest: name → revision.
async fn write_bots(
    tx: &mut Tenant,
    desired: &Desired<'_>,
    current: &Current,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<Value> {
    let mut rows = Rows::default();
    for name in &plan.kept {
        if let Some(bot) = current.bots.get(name) {
            rows.manifest.insert(name.clone(), json!(bot.revision));
        }
    }
    let changes: BTreeMap<&str, &Change> =
        plan.changes.iter().map(|change| (change.name(), change)).collect();
    for target in &desired.bots {
        let change = changes.get(target.name).copied();
        let old_name = change.and_then(|change| change.renamed_from.as_deref()?.strip_prefix("bot/"));
        let existing = current.bots.get(old_name.unwrap_or(target.name));
        rows.add(tx.account(), &plan.source, target, existing, now);
        if let (Some(_), Some(bot)) = (old_name, existing) {
            rows.renamed.push((bot.id, target.name.to_owned()));
        }
    }
    for change in plan.changes.iter().filter(|change| change.action == Action::Archive) {
        rows.archived.extend(current.bots.get(change.name()).map(|bot| bot.id));
    }
    let Rows { revisions, created, moved, renamed, archived, manifest } = rows;
    let mut digests = Vec::with_capacity(revisions.len());
    for revision in &revisions {
        let bot = spec::Bot::from_authored(&revision.content)?;
        digests.push((revision.bot_id, bot.memory.digest));
    }
    memory::schedule(tx, &digests, &archived, now).await?;
    Bot::archive(tx, &archived, now).await?;
    BotRevision::insert(tx, &revisions).await?;
    Bot::rename(tx, &renamed, now).await?;
    Bot::insert(tx, &created).await?;
    Bot::set_revisions(tx, &moved, now).await?;
    Ok(Value::Object(manifest))
}

impl Rows {
    fn add(
        &mut self,
        account_id: AccountId,
        source: &str,
        target: &Target<'_>,
        existing: Option<&CurrentBot>,
        now: DateTime<Utc>,
    ) {
        let overlay = match (target.overlay, existing) {
            (Some(overlay), _) => overlay.clone(),
            (None, Some(bot)) => kept_overlay(target.authored, &bot.overlay),
            (None, None) => Map::new(),
        };
        let kept = existing.filter(|bot| bot.hash == target.hash && bot.overlay == overlay);
        let revision = kept.map_or_else(RevisionId::new, |bot| bot.revision);
        let bot_id = existing.map_or_else(BotId::new, |bot| bot.id);
        self.manifest.insert(target.name.to_owned(), json!(revision));
        if kept.is_none() {
            self.revisions.push(BotRevision {
                account_id,
                id: revision,
                bot_id,
                number: existing.map_or(1, |bot| bot.newest + 1),
                hash: target.hash.to_owned(),
                content: target.authored.clone(),
                created_at: now,
                overlay: overlay.into(),
            });
        }
        match existing {
            None => self.created.push(Bot {
                account_id,
                id: bot_id,
                name: target.name.to_owned(),
                source: source.to_owned(),
                revision_id: revision,
                archived_at: None,
                created_at: now,
                updated_at: now,
            }),
            Some(bot) if bot.archived || kept.is_none() => self.moved.push((bot_id, revision)),
            Some(_) => {}
        }
    }
}
