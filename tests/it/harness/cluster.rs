//! A Postgres for the whole test run, and a migrated database in it for each test.
//!
//! The runner gives every test a process of its own: the first one starts the cluster, the others adopt it, and
//! `make test` stops it in the end. Nothing is ever synced to the disk, which only a test may do.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use botwright::store::embedded::{Embedded, Options};
use diesel::sql_types::{Integer, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};

/// A migrated database of this test's own, owned by a login that is no superuser. Dropped with the value.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
    url: String,
}

impl Database {
    /// Copies the template, after making it if this test is the first to need it. Blocks.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let url = url_of(&name);
        let copy = name.clone();
        apart(async move {
            let mut conn = connect("botwright").await;
            remove_the_dead(&mut conn).await;
            let template = template(&mut conn).await;
            execute(&mut conn, &format!("drop database if exists {copy} with (force)")).await;
            let strategy = strategy(&mut conn).await;
            execute(&mut conn, &format!("create database {copy} template {template}{strategy}")).await;
        });
        Self { name, url }
    }

    /// Where to connect.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("drop database if exists {} with (force)", self.name);
        apart(async move { execute(&mut connect("botwright").await, &drop).await });
    }
}

/// The cluster of this run: in the build folder, or among the temporary files where Postgres cannot reach that.
fn cluster() -> &'static Embedded {
    static CLUSTER: OnceLock<Embedded> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let options = Options {
            fallback: std::env::temp_dir().join("botwright-test-clusters"),
            settings: vec![
                ("fsync", "off"),
                ("full_page_writes", "off"),
                ("synchronous_commit", "off"),
                ("max_connections", "300"),
                ("logging_collector", "off"),
                // Its workers belong to no role, so only a superuser could drop a database that one of them is in.
                ("autovacuum", "off"),
            ],
        };
        Embedded::start_with(&folder(), &options, |line| eprintln!("{line}")).unwrap()
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster")
}

fn url_of(database: &str) -> String {
    let url = cluster().url();
    format!("{}/{database}", url.rsplit_once('/').unwrap().0)
}

/// The name of the migrated template: one per state of the migrations.
async fn template(conn: &mut AsyncPgConnection) -> String {
    let name = format!("template_{}", fingerprint());
    if exists(conn, &name).await {
        return name;
    }
    let turn = File::create(folder().join("template.lock")).unwrap();
    turn.lock().unwrap();
    if exists(conn, &name).await {
        return name;
    }
    for old in names(conn, "template\\_%").await {
        execute(conn, &format!("drop database if exists {old} with (force)")).await;
    }
    // Under another name until it is complete.
    execute(conn, "create database template_unfinished").await;
    botwright::store::migrate(&url_of("template_unfinished")).await.unwrap();
    while sql_query(format!("alter database template_unfinished rename to {name}"))
        .execute(conn)
        .await
        .is_err()
    {
        // The migration's connection is still on its way out.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    name
}

/// Twelve letters that change with any migration.
fn fingerprint() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path().join("up.sql")).collect();
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for file in files {
        hasher.update(file.to_string_lossy().as_bytes());
        hasher.update(&std::fs::read(&file).unwrap());
    }
    hasher.finalize().to_hex()[..12].to_owned()
}

/// Drops the databases of tests that were killed.
async fn remove_the_dead(conn: &mut AsyncPgConnection) {
    for name in names(conn, "test\\_%").await {
        let pid = name.split('_').nth(1).unwrap_or_default();
        if !Path::new("/proc").join(pid).exists() {
            // Another test may be dropping it too.
            let _ = sql_query(format!("drop database if exists {name} with (force)")).execute(conn).await;
        }
    }
}

/// Copying files beats writing a log, which Postgres 15 made the default.
async fn strategy(conn: &mut AsyncPgConnection) -> &'static str {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Integer)]
        number: i32,
    }
    let query = sql_query("select current_setting('server_version_num')::int as number");
    let version: Version = query.get_result(conn).await.unwrap();
    if version.number >= 150_000 { " strategy file_copy" } else { "" }
}

async fn exists(conn: &mut AsyncPgConnection, name: &str) -> bool {
    !names(conn, &name.replace('_', "\\_")).await.is_empty()
}

async fn names(conn: &mut AsyncPgConnection, pattern: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let query = sql_query("select datname::text as name from pg_database where datname like $1")
        .bind::<Text, _>(pattern);
    query.load::<Name>(conn).await.unwrap().into_iter().map(|row| row.name).collect()
}

async fn connect(database: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(&url_of(database)).await.unwrap()
}

async fn execute(conn: &mut AsyncPgConnection, sql: &str) {
    sql_query(sql).execute(conn).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Runs to the end on a thread and a runtime of its own, whatever the test itself runs on.
fn apart(work: impl Future<Output = ()> + Send + 'static) {
    let run = || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(work);
    };
    std::thread::spawn(run).join().unwrap();
}

mod tests {
    use diesel_async::{AsyncConnection as _, AsyncPgConnection};

    use super::{Database, names};

    #[tokio::test]
    async fn every_test_has_a_migrated_database_of_its_own() {
        let (first, second) = (Database::new(), Database::new());
        assert_ne!(first.url(), second.url());
        let mut conn = AsyncPgConnection::establish(first.url()).await.unwrap();
        super::execute(&mut conn, "create table mine ()").await;
        let mut conn = AsyncPgConnection::establish(second.url()).await.unwrap();
        super::execute(&mut conn, "create table mine ()").await;
        super::execute(&mut conn, "alter table accounts add column proof int").await;
        let name = first.name.clone();
        drop(first);
        assert!(names(&mut conn, &name).await.is_empty());
    }
}
