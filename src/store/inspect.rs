//! Looking at a database without touching it, for `doctor`.

use diesel::QueryableByName;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Integer, Text};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};

use crate::error::{Error, Result};
use crate::store::connect::MIGRATIONS;
use crate::store::sql::sql;

/// What a database says about itself.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// As people write it: `15.18`.
    pub version: String,
    /// Whether this version is old enough to be refused.
    pub is_too_old: bool,
    /// The login.
    pub login: String,
    /// Whether the two roles are there and the login may become them, or may make them.
    pub has_roles: bool,
    /// Migrations that have not run yet; all of them in an empty database.
    pub pending: usize,
    /// Migrations that ran and that this program does not know: a newer one was here.
    pub unknown: usize,
}

#[derive(QueryableByName)]
struct About {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    login: String,
    #[diesel(sql_type = Bool)]
    has_roles: bool,
    #[diesel(sql_type = Bool)]
    has_migrations: bool,
}

#[derive(QueryableByName)]
struct Ran {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Looks at the database at `url`; changes nothing.
pub async fn inspect(url: &str) -> Result<Inspection> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    let about: About = sql("select current_setting('server_version') as version,
            current_setting('server_version_num')::int as number,
            current_user::text as login,
            coalesce((select rolsuper or rolcreaterole from pg_roles where rolname = current_user), false)
                or (select count(*) = 2 and bool_and(pg_has_role(current_user, oid, 'member')) from pg_roles
                    where rolname in ('botwright_app', 'botwright_system')) as has_roles,
            to_regclass('__diesel_schema_migrations') is not null as has_migrations")
    .get_result(&mut conn)
    .await?;
    let ran: Vec<Ran> = if about.has_migrations {
        sql("select version::text as version from __diesel_schema_migrations").load(&mut conn).await?
    } else {
        Vec::new()
    };
    let known: Vec<String> = MigrationSource::<Pg>::migrations(&MIGRATIONS)
        .map_err(Error::internal)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    Ok(Inspection {
        version: about.version,
        is_too_old: about.number < 140_000,
        login: about.login,
        has_roles: about.has_roles,
        pending: known.iter().filter(|version| !ran.iter().any(|ran| ran.version == **version)).count(),
        unknown: ran.iter().filter(|ran| !known.contains(&ran.version)).count(),
    })
}
