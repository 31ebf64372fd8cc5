//! The database of this process: somebody's own (`DATABASE_URL`), or the one that we launch ourselves.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::{Tell, Told};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::store::{self, Embedded, Store};

/// How often the embedded server is looked after.
const LOOK: Duration = Duration::from_secs(1);

/// Where the data is. Let go of it with [`Database::close`].
pub struct Database {
    url: SecretString,
    embedded: Option<Arc<Embedded>>,
}

impl Database {
    /// Finds the database that `config` means, and launches or adopts the embedded one where there is none.
    pub async fn open(config: &Config, tell: &Tell) -> Result<Self> {
        if let Some(url) = &config.database_url {
            return Ok(Self { url: url.clone(), embedded: None });
        }
        let (data_dir, tell) = (config.data_dir.clone(), tell.clone());
        let embedded = blocking(move || Embedded::start(&data_dir, |line| tell(Told::Note(line)))).await?;
        Ok(Self { url: SecretString::from(embedded.url()), embedded: Some(Arc::new(embedded)) })
    }

    /// Whether we launched it or found it launched by another of us.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// The folder of the embedded cluster.
    pub fn cluster(&self) -> Option<PathBuf> {
        self.embedded.as_ref().map(|embedded| embedded.cluster().to_owned())
    }

    /// Brings it up to date, and says which migrations ran. Waits for `patience` for a database that is still
    /// coming up.
    pub async fn migrate(&self, patience: Duration, tell: &Tell) -> Result<Vec<String>> {
        let since = Instant::now();
        let mut told = false;
        loop {
            match store::migrate(self.url.expose_secret()).await {
                Err(error) if error.kind() == Kind::Unavailable && since.elapsed() < patience => {
                    if !told {
                        tell(Told::Note(&format!("the database does not answer yet: {}", error.chain())));
                        told = true;
                    }
                    sleep(Duration::from_millis(500)).await;
                }
                Err(error) if error.kind() == Kind::Unavailable && !self.is_embedded() => {
                    return Err(away(self.url.expose_secret(), &error));
                }
                other => return other,
            }
        }
    }

    /// Connects to it, with at most `connections` at once.
    pub async fn connect(&self, connections: usize) -> Result<Store> {
        Store::connect(self.url.expose_secret(), connections).await
    }

    /// Starts the embedded server again whenever it dies, until `stop`.
    pub fn look_after(&self, stop: CancellationToken) -> impl Future<Output = ()> + use<> {
        look_after(self.embedded.clone(), stop)
    }

    /// Lets go of it. The embedded server stops if nobody else uses it.
    pub async fn close(self) -> Result<()> {
        let Some(embedded) = self.embedded.and_then(Arc::into_inner) else { return Ok(()) };
        blocking(move || embedded.stop()).await.map(|_| ())
    }
}

/// What is said of somebody's own database that does not answer: where it was looked for, and the reason.
fn away(url: &str, error: &Error) -> Error {
    let place = place(url).map(|place| format!(" at `{place}`")).unwrap_or_default();
    let reason = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Error::unavailable(format!("the database of DATABASE_URL does not answer{place}{reason}"))
}

/// Host and port of a database's address, without who asks and the password; `None` where they are not in it.
fn place(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // A password with a slash in it would end up here.
    if path.contains('@') {
        return None;
    }
    authority.rsplit('@').next().filter(|place| !place.is_empty())
}

async fn look_after(embedded: Option<Arc<Embedded>>, stop: CancellationToken) {
    let Some(embedded) = embedded else { return stop.cancelled().await };
    loop {
        tokio::select! {
            () = sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        if embedded.is_running() {
            continue;
        }
        tracing::warn!("PostgreSQL is gone; starting it again");
        let embedded = embedded.clone();
        match blocking(move || embedded.revive(|line| tracing::info!("{line}"))).await {
            Ok(true) => tracing::info!("PostgreSQL runs again"),
            Ok(false) => {}
            Err(error) => tracing::error!(error = error.chain(), "PostgreSQL cannot be started"),
        }
    }
}

/// Runs what blocks beside the runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_place_holds_no_password() {
        for (url, found) in [
            ("postgres://u:pw@db.example:5433/bots", Some("db.example:5433")),
            ("postgres://db.example", Some("db.example")),
            ("postgres://u:p@w@db?sslmode=require", Some("db")),
            ("postgres://u:p/w@db/bots", None),
            ("postgres:///bots?host=/run", None),
        ] {
            assert_eq!(place(url), found, "{url}");
        }
    }
}
