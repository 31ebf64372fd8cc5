//! Who this process is among the replicas, and what became of the one before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Kind, Result};
use crate::id::ReplicaId;
use crate::store::embedded::Claim;
use crate::store::{Connection, Store, Turn};

/// How long a process that is being cleared away may still hold the data folder.
const PATIENCE: Duration = Duration::from_secs(2);

/// This process. While it holds its data folder, the leases of the process that held it before are nobody's.
pub(super) struct Replica {
    pub(super) id: ReplicaId,
    /// The lock proves that `predecessor` is dead: it ends only with its process.
    held: Option<Held>,
}

struct Held {
    _claim: Claim,
    file: PathBuf,
    predecessor: Option<ReplicaId>,
}

impl Replica {
    /// A replica that keeps nothing.
    pub(super) fn passing() -> Self {
        Self { id: ReplicaId::new(), held: None }
    }

    /// The replica that holds `data_dir`; `Conflict` if another process does.
    pub(super) fn of(data_dir: &Path) -> Result<Self> {
        let claim = Claim::take(data_dir)?;
        let file = data_dir.join("replica");
        let predecessor = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        Ok(Self { id: ReplicaId::new(), held: Some(Held { _claim: claim, file, predecessor }) })
    }

    /// [`Replica::of`], with a moment's patience: a process that was killed holds its lock until the system has
    /// cleared it away.
    pub(super) async fn succeeding(data_dir: &Path) -> Result<Self> {
        let since = Instant::now();
        loop {
            match Self::of(data_dir) {
                Err(error) if error.kind() == Kind::Conflict && since.elapsed() < PATIENCE => {
                    sleep(Duration::from_millis(50)).await;
                }
                claimed => return claimed,
            }
        }
    }

    /// Hands back at once what the dead process before this one was at, instead of waiting for its leases to
    /// run out, and leaves our own name for the next.
    pub(super) async fn succeed(&self, store: &Store) -> Result<()> {
        let Some(Held { file, predecessor, .. }) = &self.held else { return Ok(()) };
        if let Some(predecessor) = *predecessor {
            let mut tx = store.system().await?;
            let turns = Turn::hand_back(&mut tx, predecessor).await?;
            Connection::release_all(&mut tx, predecessor).await?;
            tx.commit().await?;
            if turns > 0 {
                tracing::info!(turns, "took over the turns of the process before this one");
            }
        }
        if let Err(error) = fs::write(file, self.id.to_string()) {
            // Only haste is lost: leases run out by themselves.
            tracing::warn!(%error, file = %file.display(), "the replica's name cannot be written");
        }
        Ok(())
    }
}
