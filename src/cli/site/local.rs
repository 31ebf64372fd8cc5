//! The database of this machine, as the operator.

use std::time::Duration;

use super::{Done, Which, Wish};
use crate::accounts::Actor;
use crate::app::Base;
use crate::cli::Here;
use crate::cli::exit::Failure;
use crate::error::{Error, Result};
use crate::graphql;
use crate::spec;
use crate::sync::{self, Applied, Back, Desired, Entry, Exported, Options, Plan, Readiness, Shown, Spoken};

pub(in crate::cli) struct Local {
    base: Base,
    actor: Actor,
}

impl Local {
    pub(super) async fn open(here: &Here, account: &str) -> Result<Self, Failure> {
        let base = here.base().await?;
        match base.accounts.operator(account).await {
            Ok(actor) => Ok(Self { base, actor }),
            Err(error) => {
                base.close().await?;
                Err(error.into())
            }
        }
    }

    pub(super) async fn plan(&self, wish: &Wish<'_>) -> Result<Plan> {
        let project = project(wish)?;
        let desired = Desired::of(&project, Some(wish.bundle));
        sync::plan_now(&self.base.store, self.actor.account, &desired, wish.policy, wish.provenance.clone())
            .await
    }

    pub(super) async fn apply(&self, wish: &Wish<'_>, planned: &Plan, allow_rewind: bool) -> Result<Done> {
        let project = project(wish)?;
        let options = Options {
            policy: wish.policy,
            planned: Some(planned),
            allow_rewind,
            keeps_commit: false,
            actor: self.actor.principal.clone(),
            provenance: wish.provenance.clone(),
        };
        let desired = Desired::of(&project, Some(wish.bundle));
        let Base { store, clock, .. } = &self.base;
        Ok(done(sync::apply(store, clock, self.actor.account, &desired, &options).await?))
    }

    pub(super) async fn wait(&self, version: i64, patience: Duration) -> Result<Readiness> {
        sync::wait_until_ready(&self.base.store, self.actor.account, version, patience).await
    }

    pub(super) async fn history(&self, source: Option<&str>, limit: i64) -> Result<Vec<Entry>> {
        sync::history(&self.base.store, self.actor.account, source, limit).await
    }

    pub(super) async fn only_source(&self) -> Result<String> {
        sync::only_source(&self.base.store, self.actor.account).await
    }

    pub(super) async fn show(&self, source: &str, number: i32) -> Result<Shown> {
        sync::show(&self.base.store, self.actor.account, source, number).await
    }

    pub(super) async fn spoken(&self, which: Which) -> Result<Spoken> {
        match which {
            Which::Message(id) => {
                let id = id.parse().or_else(|_| graphql::message_id(&id))?;
                sync::spoken(&self.base.store, self.actor.account, id).await
            }
            Which::Bot { name, revision } => {
                sync::show_bot(&self.base.store, self.actor.account, &name, revision).await
            }
        }
    }

    pub(super) async fn drift(&self, source: &str) -> Result<Plan> {
        sync::drift(&self.base.store, self.actor.account, source).await
    }

    pub(super) async fn export(&self, source: Option<&str>, names: &[String]) -> Result<Vec<Exported>> {
        sync::export(&self.base.store, self.actor.account, source, names).await
    }

    pub(super) async fn plan_rollback(&self, source: &str, number: i32) -> Result<Plan> {
        sync::plan_rollback(&self.base.store, self.actor.account, source, number).await
    }

    pub(super) async fn rollback(&self, back: Back) -> Result<Done> {
        let back = Back { actor: self.actor.principal.clone(), ..back };
        let Base { store, clock, .. } = &self.base;
        Ok(done(sync::rollback(store, clock, self.actor.account, back).await?))
    }

    pub(super) async fn resume(&self, source: &str) -> Result<bool> {
        let Base { store, clock, .. } = &self.base;
        sync::resume(store, clock, self.actor.account, source, &self.actor.principal).await
    }

    pub(super) async fn close(self) -> Result<()> {
        self.base.close().await
    }
}

/// The files as a project. Whoever wishes has told what is wrong with them; here that is only refused.
fn project(wish: &Wish<'_>) -> Result<spec::Project> {
    let parsed = spec::parse(wish.bundle);
    parsed.project.ok_or_else(|| Error::invalid(spec::summary(&parsed.problems)))
}

fn done(applied: Applied) -> Done {
    let Applied { plan, generation, version } = applied;
    Done { plan, generation, version }
}
