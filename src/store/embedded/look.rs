//! Looking at what is there without touching it, for `doctor`.

use std::path::{Path, PathBuf};

use super::owner::Owner;
use super::place::{self, Place};
use super::programs::Programs;
use super::server::Server;
use super::{cluster_version, url_of};
use crate::error::Result;

/// What a start would find.
#[derive(Debug)]
pub struct Look {
    /// The major version of the programs that would be run.
    pub major: u32,
    /// The user that the server runs as.
    pub user: String,
    /// Where the data lies; `None` before the first start.
    pub cluster: Option<PathBuf>,
    /// Where the server is reached, if it runs.
    pub url: Option<String>,
}

/// What [`super::Embedded::start`] would find in `data_dir`.
///
/// # Errors
/// What it would fail with, as far as that can be known beforehand.
pub fn look(data_dir: &Path) -> Result<Look> {
    let link = data_dir.join("postgres");
    match place::look(&link)? {
        Place::Cluster(cluster) => {
            let owner = Owner::of(&cluster)?;
            let programs = Programs::find(Some(cluster_version(&cluster)?), &cluster)?;
            let url = Server::running_on(&cluster).map(|server| url_of(&server));
            Ok(Look { major: programs.major, user: owner.name, cluster: Some(cluster), url })
        }
        Place::Free(wanted) => {
            let owner = Owner::of(&wanted)?;
            let programs = Programs::find(None, &wanted)?;
            Ok(Look { major: programs.major, user: owner.name, cluster: None, url: None })
        }
    }
}
