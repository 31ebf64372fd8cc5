//! Applying: all or nothing, in one transaction, and the same twice is nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::{AccountId, BotId, GenerationId, RevisionId};
use crate::spec;
use crate::store::{Audit, Bot, BotRevision, Generation, Hint, Store, Tenant};
use crate::sync::plan::{Action, Current, CurrentBot, Missing, Plan, plan, source_of, to_compare};

/// How to apply.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What happens with bots whose files are gone.
    pub missing: Missing,
    /// Apply only on top of this generation (0: of none): what was planned is what happens.
    pub base_generation: Option<i32>,
    /// Who applies, for the audit log.
    pub actor: String,
    /// Where it comes from: commit, branch, folder, version.
    pub provenance: Value,
}

/// What an apply did.
#[derive(Debug, Clone)]
pub struct Applied {
    pub plan: Plan,
    /// The generation that is active now.
    pub generation: i32,
}

/// What is active for a project's source, with the content of the bots that differ.
pub async fn current(tx: &mut Tenant, project: &spec::Project) -> Result<Current> {
    let source = source_of(project);
    let generation = Generation::find_active(tx, &source).await?;
    let mut current = Current {
        generation: generation.map(|generation| (generation.number, generation.hash)),
        bots: Bot::list_with_hashes(tx)
            .await?
            .into_iter()
            .map(|bot| {
                let at = CurrentBot {
                    id: bot.id,
                    source: bot.source,
                    revision: bot.revision_id,
                    number: bot.number,
                    hash: bot.hash,
                    archived: bot.is_archived,
                    content: None,
                };
                (bot.name, at)
            })
            .collect(),
    };
    let differing: Vec<RevisionId> = to_compare(project, &current).map(|bot| bot.revision).collect();
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

/// What [`apply`] would do now.
pub async fn plan_now(
    store: &Store,
    account: AccountId,
    project: &spec::Project,
    missing: Missing,
) -> Result<Plan> {
    let mut tx = store.tenant(account).await?;
    let current = current(&mut tx, project).await?;
    tx.commit().await?;
    Ok(plan(project, &current, missing))
}

/// Makes `project` active. Replicas swap to it as they hear of it; running turns end on what they began with.
///
/// # Errors
/// `Conflict` where another source owns a bot or the base moved on; `Forbidden` where policy forbids it.
pub async fn apply(
    store: &Store,
    clock: &SharedClock,
    account: AccountId,
    project: &spec::Project,
    options: &Options,
) -> Result<Applied> {
    let now = clock.now();
    let mut tx = store.tenant(account).await?;
    Generation::lock(&mut tx).await?;
    let current = current(&mut tx, project).await?;
    let plan = plan(project, &current, options.missing);
    check(&plan, options)?;
    let same = current.generation.as_ref().is_some_and(|(_, hash)| *hash == plan.desired_hash);
    if plan.is_empty() && same {
        tx.commit().await?;
        return Ok(Applied { generation: plan.base_generation, plan });
    }
    let manifest = write_bots(&mut tx, project, &current, &plan, now).await?;
    let generation = Generation {
        account_id: account,
        id: GenerationId::new(),
        source: plan.source.clone(),
        number: plan.base_generation + 1,
        hash: plan.desired_hash.clone(),
        project: json!({ "source": project.source, "protect": project.protect }),
        manifest,
        provenance: options.provenance.clone(),
        created_at: now,
    };
    Generation::insert(&mut tx, &generation).await?;
    let detail = json!({
        "generation": generation.number,
        "changes": plan.changes.iter().map(|change| json!([change.address, change.action])).collect::<Vec<_>>(),
    });
    Audit::record(&mut tx, now, &options.actor, "config.apply", &plan.source, detail).await?;
    tx.wake(Hint::Config(account));
    tx.commit().await?;
    Ok(Applied { generation: generation.number, plan })
}

fn check(plan: &Plan, options: &Options) -> Result<()> {
    if let Some(base) = options.base_generation
        && base != plan.base_generation
    {
        return Err(Error::conflict(format!(
            "the plan was made on generation {base} and {} is active now: plan again",
            plan.base_generation
        )));
    }
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

/// Writes revisions and bots; returns the manifest: name → revision.
async fn write_bots(
    tx: &mut Tenant,
    project: &spec::Project,
    current: &Current,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<Value> {
    let account_id = tx.account();
    let mut revisions = Vec::new();
    let mut created = Vec::new();
    let mut moved: Vec<(BotId, RevisionId)> = Vec::new();
    let mut manifest = serde_json::Map::new();
    for written in &project.bots {
        let name = &written.bot.name;
        let existing = current.bots.get(name);
        let revision = match existing {
            Some(bot) if bot.hash == written.hash => bot.revision,
            _ => RevisionId::new(),
        };
        manifest.insert(name.clone(), json!(revision));
        let bot_id = existing.map_or_else(BotId::new, |bot| bot.id);
        if existing.is_none_or(|bot| bot.revision != revision) {
            revisions.push(BotRevision {
                account_id,
                id: revision,
                bot_id,
                number: existing.map_or(1, |bot| bot.number + 1),
                hash: written.hash.clone(),
                content: written.authored.clone(),
                created_at: now,
            });
        }
        match existing {
            None => created.push(Bot {
                account_id,
                id: bot_id,
                name: name.clone(),
                source: plan.source.clone(),
                revision_id: revision,
                archived_at: None,
                created_at: now,
                updated_at: now,
            }),
            Some(bot) if bot.archived || bot.revision != revision => moved.push((bot_id, revision)),
            Some(_) => {}
        }
    }
    BotRevision::insert(tx, &revisions).await?;
    Bot::insert(tx, &created).await?;
    for (bot, revision) in moved {
        Bot::set_revision(tx, bot, revision, now).await?;
    }
    for change in plan.changes.iter().filter(|change| change.action == Action::Archive) {
        if let Some(bot) = current.bots.get(change.name()) {
            Bot::archive(tx, bot.id, now).await?;
        }
    }
    Ok(Value::Object(manifest))
}
