//! Whether one commit comes before another, as the repository on this machine knows it: an apply never takes a
//! source back to an older commit by accident.

use std::path::Path;

use tokio::process::Command;

/// How two commits stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ancestry {
    /// The first comes before the second, or is it.
    Before,
    /// It does not: the second is older, or on another branch. So many commits of the first are not in it.
    Beside { missing: usize },
    /// The repository does not know one of them.
    Unknown { shallow: bool },
}

/// How `old` stands to `new` in the repository of `dir`.
pub(super) async fn ancestry(dir: &Path, old: &str, new: &str) -> Ancestry {
    if old == new {
        return Ancestry::Before;
    }
    let (code, _) = git(dir, &["merge-base", "--is-ancestor", old, new]).await;
    match code {
        Some(0) => Ancestry::Before,
        Some(1) => {
            // In a shallow clone the way between them may be cut off.
            let shallow = is_shallow(dir).await;
            if shallow {
                return Ancestry::Unknown { shallow };
            }
            let (_, count) = git(dir, &["rev-list", "--count", &format!("{new}..{old}")]).await;
            Ancestry::Beside { missing: count.trim().parse().unwrap_or(0) }
        }
        _ => Ancestry::Unknown { shallow: is_shallow(dir).await },
    }
}

async fn is_shallow(dir: &Path) -> bool {
    git(dir, &["rev-parse", "--is-shallow-repository"]).await.1.trim() == "true"
}

async fn git(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir).args(arguments).env("GIT_OPTIONAL_LOCKS", "0").kill_on_drop(true);
    match tokio::time::timeout(std::time::Duration::from_secs(10), command.output()).await {
        Ok(Ok(output)) => (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => (None, String::new()),
    }
}
