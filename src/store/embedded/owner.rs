//! The user that the server runs as. PostgreSQL refuses to run as root, so root lets go of its rights.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Who runs the server.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) name: String,
    uid: u32,
    gid: u32,
    /// Whether we are root and become this user to run the server's programs.
    switches: bool,
}

impl Owner {
    /// The owner of the database in `cluster`; where there is none yet, the user who shall own it: ourselves,
    /// or `postgres` where we are root.
    pub(super) fn of(cluster: &Path) -> Result<Self> {
        let me = current_user()?;
        let existing = fs::metadata(cluster).ok().map(|metadata| metadata.uid());
        match existing {
            Some(uid) if uid == me.uid && me.uid != 0 => Ok(me),
            Some(uid) if me.uid == 0 && uid != 0 => Ok(Self { switches: true, ..user(&uid.to_string())? }),
            Some(uid) if me.uid != 0 => Err(Error::forbidden(format!(
                "the database in `{}` belongs to the user `{}`; run this command as that user or as root",
                cluster.display(),
                user(&uid.to_string()).map_or_else(|_| uid.to_string(), |owner| owner.name)
            ))),
            None if me.uid != 0 => Ok(me),
            _ => Ok(Self {
                switches: true,
                ..user("postgres").map_err(|_| {
                    Error::unavailable(
                        "PostgreSQL does not run as root and there is no user `postgres` to run it as; make one \
                         with `useradd --system postgres`, or start Botwright as another user",
                    )
                })?
            }),
        }
    }

    /// A command that runs as this user, from `/`, in English, and undisturbed by our terminal: Ctrl+C
    /// must reach us alone.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null()).process_group(0);
        for variable in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "LANGUAGE"] {
            command.env_remove(variable);
        }
        if self.switches {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Whether this user can enter `folder`, asked of the system itself: modes, lists and mounts all count.
    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        let mut command = self.command(Path::new("sh"));
        command.args(["-c", "cd -- \"$1\"", "sh"]).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Makes a folder that only this user (and root) can enter.
    pub(super) fn create_private_dir(&self, folder: &Path) -> std::io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(folder)?;
        self.take(folder)
    }

    /// Makes this user the owner of a file or folder that we made.
    pub(super) fn take(&self, path: &Path) -> std::io::Result<()> {
        if self.switches { chown(path, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// Whether `folder` is a real folder that this user owns and nobody else can enter.
    pub(super) fn owns_privately(&self, folder: &Path) -> bool {
        fs::symlink_metadata(folder).is_ok_and(|metadata| {
            metadata.is_dir() && metadata.uid() == self.uid && metadata.permissions().mode() & 0o077 == 0
        })
    }

    /// The name of the user that this process runs as.
    pub(super) fn current_name() -> Result<String> {
        current_user().map(|user| user.name)
    }

    /// Whether we run as root and the server does not.
    pub(super) fn switches(&self) -> bool {
        self.switches
    }
}

fn current_user() -> Result<Owner> {
    user(run("id", "-u")?.trim())
}

/// The user of this name or number.
fn user(key: &str) -> Result<Owner> {
    let from_file = fs::read_to_string("/etc/passwd")
        .ok()
        .and_then(|passwd| passwd.lines().find_map(|line| entry(line, key)));
    if let Some(owner) = from_file {
        return Ok(owner);
    }
    // Users may also live in a directory service.
    let line = Command::new("getent").args(["passwd", key]).output().ok();
    line.and_then(|output| entry(String::from_utf8_lossy(&output.stdout).trim(), key)).ok_or_else(|| {
        Error::unavailable(format!(
            "there is no user `{key}` on this system, and PostgreSQL runs only as a named user"
        ))
    })
}

/// One line of the user database, if it is about `key`.
fn entry(line: &str, key: &str) -> Option<Owner> {
    let mut fields = line.split(':');
    let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let matches = name == key || uid == key;
    let owner =
        Owner { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, switches: false };
    matches.then_some(owner)
}

fn run(program: &str, argument: &str) -> Result<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().map_err(|error| {
        Error::unavailable(format!("`{program} {argument}` cannot be run")).with_source(error)
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let line = "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        assert_eq!(entry(line, "postgres").unwrap().uid, 101);
        assert_eq!(entry(line, "101").unwrap().gid, 104);
        assert!(entry(line, "104").is_none());
        assert!(entry("broken", "broken").is_none());
    }
}
