//! The database: the programs that we would start, or the one that is given.

use secrecy::ExposeSecret as _;
use tokio::task::spawn_blocking;

use super::Finding;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::embedded::{Look, look as look_at};
use crate::store::{Inspection, inspect};

/// What an administrator runs where our login may not.
const ROLES: &str = "as an administrator: CREATE ROLE botwright_app NOLOGIN; CREATE ROLE botwright_system NOLOGIN; \
                     GRANT botwright_app, botwright_system TO";

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    if let Some(url) = &config.database_url {
        let found = inspect(url.expose_secret()).await;
        return vec![database(found, "DATABASE_URL")];
    }
    let data_dir = config.data_dir.clone();
    let found: Result<Look> =
        spawn_blocking(move || look_at(&data_dir)).await.map_err(Error::internal).and_then(|found| found);
    let Look { major, user, cluster, url } = match found {
        Ok(look) => look,
        Err(error) => return vec![Finding::error("PostgreSQL", &error)],
    };
    let state = match (&cluster, &url) {
        (None, _) => "nothing is stored yet".to_owned(),
        (Some(cluster), None) => format!("the data in `{}` is not served now", cluster.display()),
        (Some(cluster), Some(_)) => format!("serving `{}`", cluster.display()),
    };
    let mut findings = vec![Finding::ok("PostgreSQL", format!("version {major}, run as `{user}`; {state}"))];
    if let Some(url) = url {
        findings.push(database(inspect(&url).await, "the embedded one"));
    }
    findings
}

fn database(found: Result<Inspection>, which: &str) -> Finding {
    let name = "database";
    let Inspection { version, is_too_old, login, has_roles, pending, unknown } = match found {
        Ok(found) => found,
        Err(error) => {
            let hint = "is the address right, the server up, and does it let this login in?";
            return Finding::wrong(name, format!("{which}: {}", error.chain()), hint);
        }
    };
    let text = format!("{which}: PostgreSQL {version}, as `{login}`");
    if is_too_old {
        return Finding::wrong(name, text, "PostgreSQL 14 or newer is needed");
    }
    if !has_roles {
        return Finding::wrong(
            name,
            format!("{text}, which may not create the roles that Botwright needs"),
            format!("{ROLES} \"{login}\";"),
        );
    }
    if unknown > 0 {
        let hint = "run the newer Botwright that was here, or restore the database from before it";
        return Finding::wrong(
            name,
            format!("{text}; it knows {unknown} migrations that this version does not"),
            hint,
        );
    }
    let state = match pending {
        0 => "up to date".to_owned(),
        _ => format!("{pending} migrations to run at the next start"),
    };
    Finding::ok(name, format!("{text}; {state}"))
}
