//! Whether the index holds what Postgres holds: everything that should be found, as it stands, and nothing else.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::memory::filling::Filling;
use crate::search::Change;
use crate::store::Account;

/// While people talk the index is always a moment behind: what differs is looked at so many times,
const ROUNDS: usize = 3;
/// so far apart.
const PAUSE: Duration = Duration::from_secs(2);

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many messages, summaries, facts and passages should be found.
    pub expected: usize,
    /// Those that the index does not have.
    pub missing: Vec<Uuid>,
    /// Those that it has in another wording, or with other neighbours.
    pub outdated: Vec<Uuid>,
    /// What it has and should not.
    pub strange: Vec<Uuid>,
    /// Whether a file of it is broken. Then nothing was compared.
    pub broken: bool,
}

impl Verified {
    /// Whether the index is what it should be.
    pub fn is_sound(&self) -> bool {
        !self.broken && self.missing.is_empty() && self.outdated.is_empty() && self.strange.is_empty()
    }

    /// What is wrong in both.
    fn and(self, earlier: &Self) -> Self {
        let kept = |now: Vec<Uuid>, before: &[Uuid]| {
            let before: HashSet<&Uuid> = before.iter().collect();
            now.into_iter().filter(|id| before.contains(id)).collect()
        };
        Self {
            missing: kept(self.missing, &earlier.missing),
            outdated: kept(self.outdated, &earlier.outdated),
            strange: kept(self.strange, &earlier.strange),
            ..self
        }
    }
}

impl Memory {
    /// Compares the index with Postgres, all accounts. What was just said and is on its way is no fault.
    ///
    /// # Errors
    /// `Unavailable` while Postgres is away.
    pub async fn verify(&self) -> Result<Verified> {
        let index = self.index.clone();
        let sound = tokio::task::spawn_blocking(move || index.verify()).await.map_err(Error::internal)?;
        if !sound {
            return Ok(Verified { broken: true, ..Verified::default() });
        }
        let mut found = self.compare().await?;
        for _ in 1..ROUNDS {
            if found.is_sound() {
                break;
            }
            sleep(PAUSE).await;
            found = self.compare().await?.and(&found);
        }
        Ok(found)
    }

    async fn compare(&self) -> Result<Verified> {
        let index = self.index.clone();
        let there = tokio::task::spawn_blocking(move || index.prints()).await.map_err(Error::internal)?;
        let mut there = match there {
            Ok(there) => there,
            Err(_) if self.index.is_damaged() => return Ok(Verified { broken: true, ..Verified::default() }),
            Err(error) => return Err(error),
        };
        let mut tx = self.store.system().await?;
        let accounts = Account::list(&mut tx).await?;
        tx.commit().await?;
        let mut found = Verified::default();
        for account in accounts {
            let mut filling = Filling::of(account.id);
            while let Some(gathered) = filling.next(&self.store).await? {
                found.take(gathered.into_changes(), &mut there);
            }
        }
        found.strange = there.into_keys().collect();
        Ok(found)
    }
}

impl Verified {
    /// Takes what should be there out of what is.
    fn take(&mut self, expected: Vec<Change>, there: &mut HashMap<Uuid, u64>) {
        for change in expected {
            let Change::Put(document) = change else { continue };
            self.expected += 1;
            match there.remove(&document.id) {
                None => self.missing.push(document.id),
                Some(print) if print != document.print() => self.outdated.push(document.id),
                Some(_) => {}
            }
        }
    }
}
