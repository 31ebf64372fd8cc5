//! Where a folder of bots comes from: who applied which commit, how.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

/// What the history says about an apply of `dir`. `how` is `start`, `watch` or `apply`. A folder that is in
/// no git repository says so.
pub async fn provenance(dir: &Path, how: &str) -> Value {
    json!({ "how": how, "version": env!("CARGO_PKG_VERSION"), "git": git_of(dir).await })
}

async fn git_of(dir: &Path) -> Value {
    let Some(commit) = git(dir, &["rev-parse", "HEAD"]).await else { return Value::Null };
    let branch = git(dir, &["symbolic-ref", "--short", "-q", "HEAD"]).await;
    let author = git(dir, &["log", "-1", "--format=%an"]).await;
    let subject = git(dir, &["log", "-1", "--format=%s"]).await;
    let status = git(dir, &["status", "--porcelain", "--", "."]).await;
    json!({
        "commit": commit, "branch": branch, "author": author, "subject": subject,
        "dirty": status.is_none_or(|status| !status.is_empty()),
    })
}

/// What git answers about the folder; `None` where there is no git, no repository, or no answer.
async fn git(dir: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir).args(arguments).env("GIT_OPTIONAL_LOCKS", "0").kill_on_drop(true);
    let output =
        tokio::time::timeout(std::time::Duration::from_secs(5), command.output()).await.ok()?.ok()?;
    let answer = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    answer.map(|text| text.chars().take(500).collect())
}
