//! Accounts are walls: proved against the tables that the database itself names, so that a new one cannot be
//! forgotten.

use std::collections::BTreeSet;

use botwright::store;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::harness::cluster::Database;

/// Tables that the system role may see whole: queues and logs, and what is read before an account is known.
const SYSTEM_SEES: [&str; 11] = [
    "accounts",
    "api_tokens",
    "changes",
    "config_replicas",
    "config_versions",
    "connections",
    "deliveries",
    "jobs",
    "schedules",
    "turn_events",
    "turns",
];

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn names(conn: &mut AsyncPgConnection, query: &str) -> Vec<String> {
    let names: Vec<Name> = diesel::sql_query(query).load(conn).await.unwrap();
    names.into_iter().map(|row| row.name).collect()
}

async fn count(conn: &mut AsyncPgConnection, query: &str) -> Result<i64, String> {
    let counted = diesel::sql_query(query).get_result::<Count>(conn).await;
    counted.map(|row| row.count).map_err(|error| error.to_string())
}

/// Runs `work` inside a transaction under `role`, for `account` if one is given, and undoes it.
async fn under<T>(
    conn: &mut AsyncPgConnection,
    role: &str,
    account: &str,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> T,
) -> T {
    conn.batch_execute("begin").await.unwrap();
    conn.batch_execute(&format!("set local role {role}; set local app.account_id = '{account}'"))
        .await
        .unwrap();
    let result = work(conn).await;
    conn.batch_execute("rollback").await.unwrap();
    result
}

const ONE: &str = "00000000-0000-7000-8000-000000000001";
const TWO: &str = "00000000-0000-7000-8000-000000000002";

async fn no_superuser(conn: &mut AsyncPgConnection) {
    #[derive(QueryableByName)]
    struct Login {
        #[diesel(sql_type = Bool)]
        superuser: bool,
    }
    let login: Login = diesel::sql_query(
        "select rolsuper or rolbypassrls as superuser from pg_roles where rolname = current_user",
    )
    .get_result(conn)
    .await
    .unwrap();
    assert!(!login.superuser, "a superuser hides mistakes");
}

/// The tables of which the system role sees rows.
async fn seen_by_system(conn: &mut AsyncPgConnection, all: &[String]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for table in all {
        let rows = under(conn, "botwright_system", "", async |conn| {
            count(conn, &format!("select count(*) from {table}")).await
        })
        .await;
        if rows.is_ok_and(|rows| rows > 0) {
            seen.insert(table.clone());
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_crosses_accounts_even_without_a_where() {
    let database = Database::new();
    let mut conn = AsyncPgConnection::establish(database.url()).await.unwrap();
    no_superuser(&mut conn).await;
    conn.batch_execute(&sample()).await.unwrap();

    let all = names(
        &mut conn,
        "select table_name as name from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like '\\_\\_%'
           and table_name <> 'feed_epochs' order by 1",
    )
    .await;
    assert!(all.len() >= 22, "{all:?}");
    let key = |table: &str| if table == "accounts" { "id" } else { "account_id" };
    for table in &all {
        // The owner of the tables sees nothing: row-level security is forced.
        assert_eq!(
            count(&mut conn, &format!("select count(*) from {table}")).await,
            Ok(0),
            "{table}: its owner"
        );
        for (account, other) in [(ONE, TWO), (TWO, ONE)] {
            let (own, foreign) = under(&mut conn, "botwright_app", account, async |conn| {
                let key = key(table);
                let own = count(conn, &format!("select count(*) from {table}")).await.unwrap();
                let foreign = format!("select count(*) from {table} where {key} <> '{account}'");
                (own, count(conn, &foreign).await.unwrap())
            })
            .await;
            assert!(own > 0, "{table}: the sample has no row for {account}, so this proves nothing");
            assert_eq!(foreign, 0, "{table}: {account} sees rows of {other}");
            under(&mut conn, "botwright_app", account, async |conn| {
                let key = key(table);
                let stolen = conn
                    .batch_execute(&format!("update {table} set {key} = '{other}' where {key} = '{account}'"))
                    .await;
                assert!(stolen.is_err(), "{table}: {account} gave a row to {other}");
            })
            .await;
        }
        let nobody = under(&mut conn, "botwright_app", "", async |conn| {
            count(conn, &format!("select count(*) from {table}")).await.unwrap()
        })
        .await;
        assert_eq!(nobody, 0, "{table}: without an account everything is hidden");
    }

    let seen = seen_by_system(&mut conn, &all).await;
    assert_eq!(seen, SYSTEM_SEES.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tenant_table_leads_its_keys_with_the_account() {
    let database = Database::new();
    let mut conn = AsyncPgConnection::establish(database.url()).await.unwrap();
    let wrong = names(
        &mut conn,
        "select conrelid::regclass || '.' || conname as name from pg_constraint c
         where connamespace = 'public'::regnamespace and contype in ('p', 'f', 'u')
           and conrelid::regclass::text not in ('accounts', 'feed_epochs', '__diesel_schema_migrations')
           and (select attname from pg_attribute where attrelid = conrelid and attnum = conkey[1]) <> 'account_id'",
    )
    .await;
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_what_the_code_believes() {
    let database = Database::new();
    let mut conn = AsyncPgConnection::establish(database.url()).await.unwrap();
    let there = names(
        &mut conn,
        "select table_name || ' ' || column_name || ' ' || udt_name
            || case is_nullable when 'YES' then ' null' else '' end as name
         from information_schema.columns where table_schema = 'public' and table_name not like '\\_\\_%'
           and table_name not in ('feed_epochs', 'message_versions') order by 1",
    )
    .await;
    assert_eq!(believed(include_str!("../../src/store/schema.rs")), there);
}

/// `table column type [null]` for every column of `schema.rs`, sorted.
fn believed(source: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut table = String::new();
    for line in source.lines().map(str::trim) {
        if let Some((column, kind)) = line.split_once(" -> ") {
            let kind = kind.trim_end_matches(',');
            let (kind, null) = match kind.strip_prefix("Nullable<") {
                Some(inner) => (inner.trim_end_matches('>'), " null"),
                None => (kind, ""),
            };
            let kind = match kind {
                "Array<Text>" => "_text".to_owned(),
                "Array<Uuid>" => "_uuid".to_owned(),
                kind => kind.to_lowercase(),
            };
            lines.push(format!("{table} {column} {kind}{null}"));
        } else if let Some((name, rest)) = line.split_once(" (")
            && rest.ends_with(") {")
        {
            name.clone_into(&mut table);
        }
    }
    lines.retain(|line| !line.starts_with("feed_epochs ") && !line.starts_with("message_versions "));
    lines.sort();
    lines
}

/// The migrations' sample rows, once for each of two accounts. Inserted under the application role, as the
/// application would; accounts are the system's to make.
fn sample() -> String {
    let rows = concat!(
        include_str!("../../migrations/2026-11-20-000000_foundation/sample.sql"),
        include_str!("../../migrations/2026-11-21-000000_bots_as_code/sample.sql"),
        include_str!("../../migrations/2026-11-22-000002_up/sample.sql"),
        include_str!("../../migrations/2026-11-23-000001_imports/sample.sql"),
        include_str!("../../migrations/2026-11-23-000002_facts/sample.sql"),
        include_str!("../../migrations/2026-11-23-000003_people/sample.sql"),
        include_str!("../../migrations/2026-11-24-000001_documents/sample.sql"),
        include_str!("../../migrations/2026-11-24-000002_telegram/sample.sql"),
    );
    [ONE, TWO]
        .map(|account| {
            format!(
                "begin; set local role botwright_system;
                 insert into accounts values ('{account}', 'a{}', now());
                 set local role botwright_app; set local app.account_id = '{account}';\n{rows}\ncommit;",
                &account[35..]
            )
        })
        .join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_is_nothing() {
    let database = Database::new();
    assert_eq!(store::migrate(database.url()).await.unwrap(), Vec::<String>::new());
}
