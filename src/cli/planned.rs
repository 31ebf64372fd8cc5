//! What `plan` and `apply` share: the files, where they come from, and what stands in their way.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::app::provenance;
use crate::cli::Here;
use crate::cli::ancestry::{Ancestry, ancestry};
use crate::cli::exit::{Exit, Failure};
use crate::cli::site::{Site, Wish};
use crate::error::{Error, Result};
use crate::spec::Bundle;
use crate::sync::{Held, Missing, Plan, Policy};

/// What a plan or an apply may do.
#[derive(Debug, Args)]
pub(super) struct Limits {
    /// Archive bots whose files are gone; their history stays
    #[arg(long)]
    pub(super) prune: bool,
    /// Archive at most so many bots; a fifth of them if left out
    #[arg(long, value_name = "N", requires = "prune")]
    prune_limit: Option<usize>,
    /// Let an older commit, or one of another branch, take the place of the active one
    #[arg(long)]
    pub(super) allow_rewind: bool,
}

impl Limits {
    pub(super) fn policy(&self) -> Policy {
        Policy {
            missing: if self.prune { Missing::Prune } else { Missing::Refuse },
            prune_limit: self.prune_limit,
            ..Policy::default()
        }
    }
}

/// Files that are valid, and what applying them would do.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) bundle: Bundle,
    pub(super) policy: Policy,
    pub(super) provenance: Value,
    pub(super) plan: Plan,
}

impl Planned {
    pub(super) fn wish(&self) -> Wish<'_> {
        Wish { bundle: &self.bundle, policy: self.policy, provenance: &self.provenance }
    }
}

/// Plans the files of `dir`.
pub(super) async fn planned(
    site: &Site,
    dir: &Path,
    bundle: Bundle,
    limits: &Limits,
    how: &str,
) -> Result<Planned> {
    let provenance = provenance(dir, how).await;
    let mut policy = limits.policy();
    let wish = |policy| Wish { bundle: &bundle, policy, provenance: &provenance };
    let mut plan = site.plan(&wish(policy)).await?;
    let head = provenance.pointer("/git/commit").and_then(Value::as_str).map(str::to_owned);
    if let (Some(held), Some(head)) = (&plan.held, &head)
        && is_past(dir, held, head).await
    {
        policy.past_hold = true;
        plan = site.plan(&wish(policy)).await?;
    }
    if let (Some(active), Some(head)) = (&plan.base.commit, &head)
        && !limits.allow_rewind
        && let Some(conflict) = rewinds(dir, active, head).await
    {
        plan.conflicts.push(conflict);
    }
    Ok(Planned { bundle, policy, provenance, plan })
}

/// Whether `head` came after what the source was rolled back from.
async fn is_past(dir: &Path, held: &Held, head: &str) -> bool {
    match &held.commit {
        Some(commit) => commit != head && ancestry(dir, commit, head).await == Ancestry::Before,
        None => false,
    }
}

/// Why `head` must not take the place of `active`, if so.
async fn rewinds(dir: &Path, active: &str, head: &str) -> Option<String> {
    let cut = |commit: &str| commit.chars().take(9).collect::<String>();
    let (shown, new) = (cut(active), cut(head));
    Some(match ancestry(dir, active, head).await {
        Ancestry::Before => return None,
        Ancestry::Beside { missing } => {
            let commits = if missing == 1 { "1 commit".into() } else { format!("{missing} commits") };
            format!(
                "commit {shown} is active, and {new} is older or of another branch: this would take back {commits} (--allow-rewind does it all the same)"
            )
        }
        Ancestry::Unknown { shallow: true } => format!(
            "commit {shown} is active, and this clone is too shallow to tell whether {new} comes after it: fetch the history (`git fetch --unshallow`; for actions/checkout, `fetch-depth: 0`)"
        ),
        Ancestry::Unknown { shallow: false } => format!(
            "commit {shown} is active, and this repository does not know it: fetch it, or apply with --allow-rewind"
        ),
    })
}

/// How a plan that cannot be applied ends.
pub(super) fn refused(plan: &Plan) -> Option<Failure> {
    let error = if !plan.conflicts.is_empty() {
        Error::conflict(plan.conflicts.join("; "))
    } else if !plan.blocked.is_empty() {
        Error::forbidden(plan.blocked.join("; "))
    } else {
        return None;
    };
    Some(Failure::of_config(error))
}

/// What a plan ends with.
pub(super) fn exit(plan: &Plan, detailed: bool) -> Exit {
    if !plan.conflicts.is_empty() {
        Exit::Conflict
    } else if !plan.blocked.is_empty() {
        Exit::Blocked
    } else if detailed && (plan.summary.effective_changes || plan.summary.rename > 0) {
        Exit::Changes
    } else {
        Exit::Ok
    }
}

/// The folder that is meant.
pub(super) fn folder(here: &Here, dir: Option<PathBuf>) -> PathBuf {
    dir.unwrap_or_else(|| here.config.bots_dir_or_default())
}
