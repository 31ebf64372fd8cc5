//! The change feed misses nothing, whatever the order in which writers commit, and notices a new cluster.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use botwright::store::embedded::Embedded;
use botwright::store::{Change, Cursor, Store, migrate};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::sleep;
use uuid::Uuid;

use crate::harness::cluster::Database;
use crate::harness::scratch::Scratch;
use crate::harness::talk::Talk;

/// Reads on from `cursor` as a reader does; adds what it saw.
async fn read(store: &Store, cursor: &mut Cursor, seen: &mut Vec<Uuid>) {
    let mut tx = store.system().await.unwrap();
    for change in Change::list_after(&mut tx, *cursor, 100).await.unwrap() {
        assert!(change.cursor() > *cursor, "in order");
        *cursor = change.cursor();
        if change.kind == "message" {
            seen.push(change.entity_id);
        }
    }
    tx.commit().await.unwrap();
}

/// Writers that hold their transactions open for different times, so that later numbers commit first.
#[tokio::test(flavor = "multi_thread")]
async fn late_commits_are_not_missed() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let (made, _) =
        talk.chat.create_conversation(&talk.actor, "parrot", None, None, "graphql").await.unwrap();
    let writers = (0..8_u64).map(|writer| {
        let (url, account, conversation) = (database.url().to_owned(), talk.actor.account, made.id);
        tokio::spawn(async move {
            let mut conn = AsyncPgConnection::establish(&url).await.unwrap();
            let mut written = Vec::new();
            for round in 0..25_u64 {
                let id = botwright::id::MessageId::new();
                let ordinal = 1 + writer * 1_000 + round;
                let pause = (writer * 7 + round * 13) % 40;
                conn.batch_execute(&format!(
                    "begin; set local role botwright_app; set local app.account_id = '{account}';
                     insert into messages (account_id, id, conversation_id, ordinal, role, author, text, sent_at)
                     values ('{account}', '{id}', '{conversation}', {ordinal}, 'person', 'x', 'x', now());
                     select pg_sleep({pause} / 1000.0)"
                ))
                .await
                .unwrap();
                // Every fifth is undone: a number that never comes.
                let end = if round % 5 == 4 { "rollback" } else { "commit" };
                conn.batch_execute(end).await.unwrap();
                if end == "commit" {
                    written.push(id.0);
                }
            }
            written
        })
    });
    let writers: Vec<_> = writers.collect();
    let (mut cursor, mut seen) = (Cursor::start_of(1), Vec::new());
    let mut written = BTreeSet::new();
    for writer in writers {
        while !writer.is_finished() {
            read(&talk.store, &mut cursor, &mut seen).await;
            sleep(Duration::from_millis(3)).await;
        }
        written.extend(writer.await.unwrap());
    }
    let began = Instant::now();
    while seen.len() < written.len() && began.elapsed() < Duration::from_secs(20) {
        read(&talk.store, &mut cursor, &mut seen).await;
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(seen.len(), 160, "each once");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), written);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_begins_a_new_epoch() {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    talk.chat.create_conversation(&talk.actor, "parrot", None, None, "graphql").await.unwrap();
    let mut tx = talk.store.system().await.unwrap();
    let before = Cursor::head(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(before.epoch, 1);
    // Connecting again to the same database is no new epoch.
    let again = Store::connect(database.url(), 8).await.unwrap();
    let mut tx = again.system().await.unwrap();
    assert_eq!(Cursor::head(&mut tx).await.unwrap().epoch, 1);
    tx.commit().await.unwrap();

    // As an administrator does it: a dump of everything, restored into a cluster of its own.
    let scratch = Scratch::new();
    let cluster = Embedded::start(&scratch.join("other"), |_| ()).unwrap();
    let as_admin = |url: &str| url.replace("//botwright@", "//postgres@");
    let mut dump = Command::new("pg_dump")
        .args(["--no-owner", "--role=postgres", "--dbname", &as_admin(database.url())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    roles(cluster.url().as_str()).await;
    let restored = Command::new("psql")
        .args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &cluster.url()])
        .stdin(dump.stdout.take().unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(restored.success() && dump.wait().unwrap().success());
    assert_eq!(migrate(&cluster.url()).await.unwrap(), Vec::<String>::new());
    let store = Store::connect(&cluster.url(), 8).await.unwrap();
    let mut tx = store.system().await.unwrap();
    let after = Cursor::head(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(after.epoch, 2);
    assert!(after > before, "every cursor given out before is older");
    drop(store);
    talk.end().await;
    cluster.stop().unwrap();
}

/// A dump of a database holds no roles: they are the cluster's.
async fn roles(url: &str) {
    let mut conn = AsyncPgConnection::establish(url).await.unwrap();
    conn.batch_execute(
        "create role botwright_app nologin; create role botwright_system nologin;
         grant botwright_app, botwright_system to current_user",
    )
    .await
    .unwrap();
}
