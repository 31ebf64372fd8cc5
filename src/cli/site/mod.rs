//! Where a command's bots live: on this machine's database, or on a server behind its API. The same answers
//! either way.

mod local;
mod remote;

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::accounts::OPERATORS_ACCOUNT;
use crate::cli::Here;
use crate::cli::exit::Failure;
use crate::cli::server::Server;
use crate::error::Result;
use crate::spec::Bundle;
use crate::sync::{Back, Entry, Exported, Plan, Policy, Readiness, Shown, Spoken};
use local::Local;
use remote::Remote;

/// Where the bots live. Close it.
pub(super) enum Site {
    Local(Box<Local>),
    Remote(Box<Remote>),
}

/// Which site a command acts on.
#[derive(Debug, Args)]
pub(super) struct Place {
    #[command(flatten)]
    server: Server,
    /// Whose bots, on this machine; on a server the token says whose
    #[arg(long, default_value = OPERATORS_ACCOUNT, conflicts_with = "url")]
    account: String,
}

/// Which bot spoke: by a message, or by name and revision.
#[derive(Debug, Clone)]
pub(super) enum Which {
    Message(String),
    Bot { name: String, revision: Option<i32> },
}

/// What an apply did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) plan: Plan,
    pub(super) generation: i32,
    /// What replicas should run now.
    pub(super) version: i64,
}

/// What to apply, and how.
#[derive(Debug)]
pub(super) struct Wish<'w> {
    pub(super) bundle: &'w Bundle,
    pub(super) policy: Policy,
    pub(super) provenance: &'w Value,
}

impl Site {
    /// The server that is named, else the database of this machine.
    pub(super) async fn open(here: &Here, place: &Place) -> Result<Self, Failure> {
        if let Some(address) = place.server.address(&here.config)? {
            return Ok(Self::Remote(Box::new(Remote::new(address)?)));
        }
        let local = Local::open(here, &place.account).await?;
        Ok(Self::Local(Box::new(local)))
    }

    /// What an apply would do.
    pub(super) async fn plan(&self, wish: &Wish<'_>) -> Result<Plan> {
        match self {
            Self::Local(local) => local.plan(wish).await,
            Self::Remote(remote) => remote.plan(wish).await,
        }
    }

    /// Exactly what was planned, or nothing.
    pub(super) async fn apply(&self, wish: &Wish<'_>, planned: &Plan, allow_rewind: bool) -> Result<Done> {
        match self {
            Self::Local(local) => local.apply(wish, planned, allow_rewind).await,
            Self::Remote(remote) => remote.apply(wish, planned, allow_rewind).await,
        }
    }

    /// Waits until every replica runs `version`.
    pub(super) async fn wait(&self, version: i64, patience: Duration) -> Result<Readiness> {
        match self {
            Self::Local(local) => local.wait(version, patience).await,
            Self::Remote(remote) => remote.wait(version, patience).await,
        }
    }

    /// Generations, newest first.
    pub(super) async fn history(&self, source: Option<&str>, limit: i64) -> Result<Vec<Entry>> {
        match self {
            Self::Local(local) => local.history(source, limit).await,
            Self::Remote(remote) => remote.history(source, limit).await,
        }
    }

    /// The source that is meant where none is named.
    pub(super) async fn source(&self, named: Option<String>) -> Result<String> {
        match (named, self) {
            (Some(named), _) => Ok(named),
            (None, Self::Local(local)) => local.only_source().await,
            (None, Self::Remote(remote)) => remote.only_source().await,
        }
    }

    pub(super) async fn show(&self, source: &str, number: i32) -> Result<Shown> {
        match self {
            Self::Local(local) => local.show(source, number).await,
            Self::Remote(remote) => remote.show(source, number).await,
        }
    }

    pub(super) async fn spoken(&self, which: Which) -> Result<Spoken> {
        match self {
            Self::Local(local) => local.spoken(which).await,
            Self::Remote(remote) => remote.spoken(which).await,
        }
    }

    pub(super) async fn drift(&self, source: &str) -> Result<Plan> {
        match self {
            Self::Local(local) => local.drift(source).await,
            Self::Remote(remote) => remote.drift(source).await,
        }
    }

    /// Bots as they are written down.
    pub(super) async fn export(&self, source: Option<&str>, names: &[String]) -> Result<Vec<Exported>> {
        match self {
            Self::Local(local) => local.export(source, names).await,
            Self::Remote(remote) => remote.export(source, names).await,
        }
    }

    pub(super) async fn plan_rollback(&self, source: &str, number: i32) -> Result<Plan> {
        match self {
            Self::Local(local) => local.plan_rollback(source, number).await,
            Self::Remote(remote) => remote.plan_rollback(source, number).await,
        }
    }

    pub(super) async fn rollback(&self, back: Back) -> Result<Done> {
        match self {
            Self::Local(local) => local.rollback(back).await,
            Self::Remote(remote) => remote.rollback(back).await,
        }
    }

    /// `false` if the source was not held.
    pub(super) async fn resume(&self, source: &str) -> Result<bool> {
        match self {
            Self::Local(local) => local.resume(source).await,
            Self::Remote(remote) => remote.resume(source).await,
        }
    }

    pub(super) async fn close(self) -> Result<()> {
        match self {
            Self::Local(local) => local.close().await,
            Self::Remote(_) => Ok(()),
        }
    }
}
