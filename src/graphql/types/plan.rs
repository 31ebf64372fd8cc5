//! What an apply would do, as data.

use async_graphql::{Object, SimpleObject};

use crate::error::{Error, Result};
use crate::graphql::scalars::{DateTime, Json};
use crate::graphql::types::{ConfigProblem, PlannedChange};
use crate::spec::Problem;
use crate::sync::{self, Plan};

/// A project held against what is live.
pub(in crate::graphql) struct ConfigPlan {
    /// None where the files are not valid.
    pub(in crate::graphql) plan: Option<Plan>,
    pub(in crate::graphql) problems: Vec<Problem>,
}

impl From<Plan> for ConfigPlan {
    fn from(plan: Plan) -> Self {
        Self { plan: Some(plan), problems: Vec::new() }
    }
}

impl ConfigPlan {
    /// Some part of the plan, as a list; empty where there is no plan.
    fn each<'p, T, U: From<T>>(&'p self, part: impl FnOnce(&'p Plan) -> &'p [T]) -> Vec<U>
    where
        T: Clone + 'p,
    {
        self.plan.as_ref().map(part).unwrap_or_default().iter().cloned().map(U::from).collect()
    }
}

/// What an apply would do, or did; or what is wrong with the files. Changes nothing by itself.
#[Object]
impl ConfigPlan {
    /// Whether the files are valid. If not, `problems` says why, and there is nothing else.
    async fn is_valid(&self) -> bool {
        self.plan.is_some()
    }
    /// Whether nothing stands in the way of an apply: the files are valid, nothing conflicts or is blocked.
    async fn is_applicable(&self) -> bool {
        self.plan.as_ref().is_some_and(Plan::is_applicable)
    }
    /// What is wrong with the files, and what is worth a look.
    async fn problems(&self) -> Vec<ConfigProblem> {
        self.problems.iter().map(ConfigProblem::from).collect()
    }
    /// Who owns these bots: `git:<source id>` or `dashboard`.
    async fn source(&self) -> Option<&str> {
        self.plan.as_ref().map(|plan| plan.source.as_str())
    }
    /// What this was compared with.
    async fn base(&self) -> Option<PlanBase> {
        self.plan.as_ref().map(|plan| plan.base.clone().into())
    }
    /// The hash of what would be active.
    async fn desired_hash(&self) -> Option<&str> {
        self.plan.as_ref().map(|plan| plan.desired.hash.as_str())
    }
    /// Who holds the source back after a rollback; null if nobody does.
    async fn held(&self) -> Option<ConfigHold> {
        self.plan.as_ref()?.held.clone().map(ConfigHold::from)
    }
    /// The plan in numbers.
    async fn summary(&self) -> Option<PlanSummary> {
        self.plan.as_ref().map(|plan| plan.summary.clone().into())
    }
    /// What would change, by address.
    async fn changes(&self) -> Vec<PlannedChange> {
        self.each(|plan| &plan.changes)
    }
    /// What the dashboard holds of the fields that the files delegate to it. This is no drift.
    async fn delegated(&self) -> Vec<DelegatedValue> {
        self.each(|plan| &plan.delegated)
    }
    /// Bots whose files are gone and that stay all the same.
    async fn kept(&self) -> Vec<String> {
        self.each(|plan| &plan.kept)
    }
    /// Worth a look; nothing is refused for it.
    async fn warnings(&self) -> Vec<String> {
        self.each(|plan| &plan.warnings)
    }
    /// What somebody else owns or changed: an apply refuses.
    async fn conflicts(&self) -> Vec<String> {
        self.each(|plan| &plan.conflicts)
    }
    /// What policy forbids: an apply refuses.
    async fn blocked(&self) -> Vec<String> {
        self.each(|plan| &plan.blocked)
    }
    /// The whole plan as `botwright plan --output json` writes it, for `applyPlan` and for programs that read
    /// that format; null if the files are not valid.
    async fn document(&self) -> Result<Option<Json>> {
        let document = self.plan.as_ref().map(serde_json::to_value).transpose();
        Ok(document.map_err(Error::internal)?.map(Json))
    }
}

/// The active generation of a source.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PlanBase {
    /// Its number; 0 where nothing was ever applied.
    generation: i32,
    /// Of everything that is active.
    hash: String,
    /// The commit that it came from, where it came from one.
    commit: Option<String>,
}

impl From<sync::Base> for PlanBase {
    fn from(base: sync::Base) -> Self {
        let sync::Base { generation, hash, commit } = base;
        Self { generation, hash, commit }
    }
}

/// A source that was rolled back takes nothing until somebody resumes it, or a newer commit comes.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ConfigHold {
    /// The generation that the rollback made.
    generation: i32,
    /// Who rolled back.
    by: String,
    /// Why.
    reason: String,
    /// When.
    at: DateTime,
    /// The commit that was turned away from, where it is known.
    commit: Option<String>,
}

impl From<sync::Held> for ConfigHold {
    fn from(held: sync::Held) -> Self {
        let sync::Held { generation, by, reason, at, commit } = held;
        Self { generation, by, reason, at: at.into(), commit }
    }
}

/// A plan in numbers of bots.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PlanSummary {
    /// New bots.
    create: usize,
    /// Bots that change.
    update: usize,
    /// Archived bots that come back.
    restore: usize,
    /// Bots that are taken out of service.
    archive: usize,
    /// Bots that get another name.
    rename: usize,
    /// Bots that stay as they are.
    unchanged: usize,
    /// Whether anything would change beyond names.
    effective_changes: bool,
    /// How many things need attention.
    attention: usize,
}

impl From<sync::Summary> for PlanSummary {
    fn from(summary: sync::Summary) -> Self {
        let sync::Summary {
            create,
            update,
            restore,
            archive,
            rename,
            unchanged,
            effective_changes,
            attention,
        } = summary;
        Self { create, update, restore, archive, rename, unchanged, effective_changes, attention }
    }
}

/// A value that the dashboard holds of a field that the files delegate to it.
#[derive(SimpleObject)]
pub(in crate::graphql) struct DelegatedValue {
    /// `bot/NAME`
    address: String,
    /// A JSON pointer into the bot's file.
    path: String,
    /// What is in force.
    value: Json,
}

impl From<sync::Delegated> for DelegatedValue {
    fn from(delegated: sync::Delegated) -> Self {
        let sync::Delegated { address, path, value } = delegated;
        Self { address, path, value: Json(value) }
    }
}
