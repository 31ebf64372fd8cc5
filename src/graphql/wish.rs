//! What planning and applying have in common: the uploaded files, what may happen with them, where they come from.

use async_graphql::ID;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
use crate::graphql::scalars::Json;
use crate::graphql::uploads;
use crate::id::AccountId;
use crate::spec::{self, Bundle, Problem, Project};
use crate::store::Store;
use crate::sync::{Missing, Policy};

/// The largest provenance, in bytes: it is shown in lists.
const LARGEST_PROVENANCE: usize = 16 * 1024;

/// What a caller lets an apply do.
pub(super) struct Wanted {
    pub(super) prune: bool,
    pub(super) prune_limit: Option<u32>,
    pub(super) keep: bool,
    pub(super) past_hold: bool,
}

/// Files that were uploaded, and what they say.
pub(super) struct Uploaded {
    pub(super) bundle: Bundle,
    /// None if the files are not valid.
    pub(super) project: Option<Project>,
    pub(super) problems: Vec<Problem>,
}

/// Reads an uploaded project. `NotFound` if there is none under that id.
pub(super) async fn uploaded(store: &Store, account: AccountId, id: &ID) -> Result<Uploaded> {
    let bundle = uploads::bundle(store, account, id).await?;
    let parse = move || {
        let spec::Parsed { project, problems } = spec::parse(&bundle);
        Uploaded { bundle, project, problems }
    };
    spawn_blocking(parse).await.map_err(Error::internal)
}

/// What an apply may do. `Invalid` if it shall both keep and archive.
pub(super) fn policy(wanted: Wanted) -> Result<Policy> {
    let Wanted { prune, prune_limit, keep, past_hold } = wanted;
    let missing = match (prune, keep) {
        (false, false) => Missing::Refuse,
        (true, false) => Missing::Prune,
        (false, true) => Missing::Keep,
        (true, true) => {
            return Err(Error::invalid("bots whose files are gone are kept or archived: say either"));
        }
    };
    let prune_limit = prune_limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Policy { missing, prune_limit, past_hold, rewinds: false })
}

/// Where something comes from, as the caller tells it. `Invalid` if it is no small object.
pub(super) fn checked_provenance(given: Option<Json>) -> Result<Value> {
    let mut members = match given {
        None => Map::new(),
        Some(Json(Value::Object(members))) => members,
        Some(_) => {
            return Err(Error::invalid(
                "a provenance is an object, such as `{\"git\": {\"commit\": \"…\"}}`",
            ));
        }
    };
    members.entry("how").or_insert_with(|| "api".into());
    members.entry("version").or_insert_with(|| env!("CARGO_PKG_VERSION").into());
    let provenance = Value::Object(members);
    if provenance.to_string().len() > LARGEST_PROVENANCE {
        let most = LARGEST_PROVENANCE / 1024;
        return Err(Error::invalid(format!("a provenance has at most {most} KiB")));
    }
    Ok(provenance)
}
