//! Whether this process can serve, as `/readyz` tells it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use crate::app::bots::First;
use crate::http::{Check, Readiness, Ready};
use crate::memory::Memory;
use crate::store::Store;

/// A database that takes longer is away.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Looks at everything that must be there. `first` is there where a folder of bots is applied.
pub(super) fn readiness(store: Store, memory: Memory, first: Option<First>) -> Readiness {
    Arc::new(move || {
        let (store, memory, first) = (store.clone(), memory.clone(), first.clone());
        async move {
            let checks = vec![database(&store).await, migrations(), apply(first.as_ref()), index(&memory)];
            Ready::from_checks(checks)
        }
        .boxed()
    })
}

async fn database(store: &Store) -> Check {
    let (ok, detail) = match timeout(ANSWERS_WITHIN, store.ping()).await {
        Ok(Ok(())) => (true, "answers".to_owned()),
        Ok(Err(error)) => (false, error.message().to_owned()),
        Err(_) => (false, "does not answer".to_owned()),
    };
    Check { name: "database", ok, optional: false, detail }
}

/// Nothing is served before they ran.
fn migrations() -> Check {
    Check { name: "migrations", ok: true, optional: false, detail: "up to date".into() }
}

fn apply(first: Option<&First>) -> Check {
    let (ok, detail) = match first.map(First::outcome) {
        None => (true, "no folder is applied at the start".to_owned()),
        Some(Some(outcome)) => (true, outcome),
        Some(None) => (false, "the folder of bots is not applied yet".to_owned()),
    };
    Check { name: "apply", ok, optional: false, detail }
}

/// Recall works on what is there, so an index that is behind does not count.
fn index(memory: &Memory) -> Check {
    let status = memory.status();
    let detail = if status.rebuilding {
        format!("being built, {} documents so far", status.documents)
    } else {
        format!("{} documents, {} changes behind", status.documents, status.lag)
    };
    Check { name: "index", ok: !status.rebuilding && status.lag == 0, optional: true, detail }
}
