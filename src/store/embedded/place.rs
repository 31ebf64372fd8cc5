//! Where the cluster and its socket lie.
//!
//! The cluster is `postgres` in the data folder. Where the server's user cannot reach that (a folder below
//! `/root`, say), `postgres` is a symbolic link to a folder elsewhere: whoever looks finds it, and deleting
//! the data folder means a fresh start.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::owner::Owner;
use crate::error::{Error, Result};

/// The file that PostgreSQL makes in its socket folder.
pub(super) fn socket_in(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

/// What stands at the cluster's place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A cluster, at its real path.
    Cluster(PathBuf),
    /// Nothing yet; a cluster may be made at this path.
    Free(PathBuf),
}

/// Looks at `link`, the cluster's place in the data folder.
pub(super) fn look(link: &Path) -> Result<Place> {
    let shown = link.display();
    match fs::canonicalize(link) {
        Ok(real) => match fs::read_dir(&real).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(Place::Free(real)),
            Ok(false) if real.join("PG_VERSION").exists() => Ok(Place::Cluster(real)),
            Ok(false) => Err(Error::conflict(format!(
                "`{shown}` is not empty and holds no PostgreSQL database; move it away, or set DATA_DIR to another \
                 folder"
            ))),
            // Somebody else's private folder: `Owner` says whose.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(Place::Cluster(real)),
            Err(error) => Err(Error::unavailable(format!("`{shown}` cannot be read: {error}"))),
        },
        Err(_) => match fs::read_link(link) {
            Ok(target) => Err(Error::unavailable(format!(
                "`{shown}` points to `{}`, which does not exist; bring that folder back, or delete the link to start \
                 with an empty database",
                target.display()
            ))),
            Err(_) => Ok(Place::Free(link.to_path_buf())),
        },
    }
}

/// Chooses where a new cluster shall lie: at `wanted`, or below `fallback` where the server's user cannot
/// reach that. The folder that will hold it exists afterwards.
pub(super) fn choose(wanted: &Path, owner: &Owner, fallback: &Path) -> Result<PathBuf> {
    let parent = wanted.parent().unwrap_or(wanted);
    if owner.can_enter(parent) {
        return Ok(wanted.to_path_buf());
    }
    let cannot = |error: std::io::Error| {
        Error::unavailable(format!(
            "the user `{}`, who runs PostgreSQL, cannot reach `{}`, and `{}` cannot be used instead: {error}; set \
             DATA_DIR to a folder that everybody may enter",
            owner.name,
            parent.display(),
            fallback.display()
        ))
    };
    fs::create_dir_all(fallback).map_err(cannot)?;
    let name = fingerprint(wanted);
    let mut folder = fallback.join(&name);
    // A folder of that name is what a deleted data folder left behind. It is not ours to delete or revive.
    for number in 2.. {
        match owner.create_private_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                folder = fallback.join(format!("{name}-{number}"));
            }
            other => {
                other.map_err(cannot)?;
                break;
            }
        }
    }
    if owner.can_enter(&folder) {
        return Ok(folder.join("postgres"));
    }
    let _ = fs::remove_dir(&folder);
    Err(cannot(std::io::ErrorKind::PermissionDenied.into()))
}

/// Leaves a link to a cluster that lies elsewhere.
pub(super) fn link(link: &Path, cluster: &Path) -> Result<()> {
    if fs::canonicalize(link).is_ok_and(|real| real == cluster) {
        return Ok(());
    }
    let _ = fs::remove_dir(link);
    symlink(cluster, link).map_err(|error| {
        Error::unavailable(format!("`{}` cannot be made", link.display())).with_source(error)
    })
}

/// Finds or makes a private folder for the socket. A socket's path may take 107 bytes (103 on some systems),
/// which a data folder's own path easily passes: so it lies on a short one.
pub(super) fn socket_dir(cluster: &Path, owner: &Owner) -> Result<PathBuf> {
    let parents: &[&str] = if owner.switches() { &["/run", "/tmp"] } else { &["/tmp", "/var/tmp"] };
    let name = format!("botwright-{}", fingerprint(cluster));
    for parent in parents {
        let folder = Path::new(parent).join(&name);
        // In a folder that all may write to, the name could be somebody else's trap: then the next one is taken.
        let usable = owner.create_private_dir(&folder).is_ok() || owner.owns_privately(&folder);
        if usable && owner.can_enter(&folder) {
            return Ok(folder);
        }
    }
    Err(Error::unavailable(format!(
        "no folder for PostgreSQL's socket can be made: neither {} is writable, or `{name}` there belongs to \
         somebody else",
        parents.join(" nor ")
    )))
}

/// Twelve letters that stand for a path.
fn fingerprint(path: &Path) -> String {
    let mut hex = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex().to_string();
    hex.truncate(12);
    hex
}
