//! What every command stands on: the database, who is asking, and the secrets.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::accounts::{Accounts, Actor, OPERATORS_ACCOUNT};
use crate::app::database::Database;
use crate::app::{Tell, Told};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::error::Result;
use crate::secrets::{KEY_FILE, MasterKey, Secrets};
use crate::store::Store;

/// How long a command that somebody waits for waits for a database that is still coming up.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);

/// A migrated database and the rooms that need nothing else. Close it.
pub struct Base {
    pub database: Database,
    pub store: Store,
    pub clock: SharedClock,
    pub accounts: Accounts,
    /// The operator, in the account of the operator's own.
    pub operator: Actor,
    /// Migrations that ran just now.
    pub migrated: Vec<String>,
}

impl Base {
    /// Opens the database that `config` means (see [`Database::open`]) and brings it up to date.
    pub async fn open(config: &Config, connections: usize, tell: &Tell) -> Result<Self> {
        Self::open_with(config, connections, SHORT_PATIENCE, Arc::new(SystemClock), tell).await
    }

    /// The same with another clock, and for `patience` with a database that is still coming up.
    pub async fn open_with(
        config: &Config,
        connections: usize,
        patience: Duration,
        clock: SharedClock,
        tell: &Tell,
    ) -> Result<Self> {
        tell(Told::Step("Opening the database"));
        let database = Database::open(config, tell).await?;
        tell(Told::Step("Bringing the database up to date"));
        match Self::stand_on(config, &database, connections, patience, &clock, tell).await {
            Ok((store, accounts, operator, migrated)) => {
                Ok(Self { database, store, clock, accounts, operator, migrated })
            }
            Err(error) => {
                database.close().await?;
                Err(error)
            }
        }
    }

    async fn stand_on(
        config: &Config,
        database: &Database,
        connections: usize,
        patience: Duration,
        clock: &SharedClock,
        tell: &Tell,
    ) -> Result<(Store, Accounts, Actor, Vec<String>)> {
        let migrated = database.migrate(patience, tell).await?;
        let store = database.connect(connections).await?;
        let accounts = Accounts::new(store.clone(), clock.clone()).with_rate(config.rate_per_token);
        let operator = accounts.operator(OPERATORS_ACCOUNT).await?;
        Ok((store, accounts, operator, migrated))
    }

    /// The secrets, under the key of the environment or of the key file. Only with the embedded database is
    /// a missing key made: elsewhere other replicas would not have it.
    pub fn secrets(&self, config: &Config) -> Result<Secrets> {
        let may_create = self.database.is_embedded();
        let key = MasterKey::load(config.master_key.as_ref(), &key_file(&config.data_dir), may_create)?;
        Ok(Secrets::new(self.store.clone(), self.clock.clone(), key))
    }

    /// Lets go of everything.
    pub async fn close(self) -> Result<()> {
        let Self { database, .. } = self;
        database.close().await
    }
}

/// Where the master key lies if the environment does not hold it.
pub fn key_file(data_dir: &Path) -> PathBuf {
    data_dir.join(KEY_FILE)
}
