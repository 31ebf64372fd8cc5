//! The Postgres that Botwright launches itself, with real processes on a real disk.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use botwright::error::Kind;
use botwright::store::embedded::{Claim, Embedded, Options};
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};

use crate::harness::scratch::Scratch;

/// Tells the other half of a test (see [`another_process`]) what to do: `start DIR` or `claim DIR`.
const ROLE_OF_THE_OTHER: &str = "BOTWRIGHT_TEST_OTHER";

/// Quick to make; what is tested here does not depend on the disk.
fn quick(scratch: &Scratch) -> Options {
    Options {
        fallback: scratch.join("elsewhere"),
        settings: vec![("fsync", "off"), ("shared_buffers", "16MB")],
    }
}

fn start(scratch: &Scratch, dir: &str) -> Embedded {
    Embedded::start_with(&scratch.join(dir), &quick(scratch), |line| eprintln!("{line}")).unwrap()
}

fn pid(data: &Path) -> u32 {
    let text = fs::read_to_string(data.join("postgres/postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

fn kill(pid: u32) {
    assert!(Command::new("sh").args(["-c", "kill -9 $0", &pid.to_string()]).status().unwrap().success());
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what} did not come true within a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// This test binary again, as another process that does `task` until it is killed.
fn another_process(task: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded::the_other_process", "--ignored", "--nocapture"])
        .env(ROLE_OF_THE_OTHER, task)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the other half of the tests that need another process"]
#[expect(clippy::disallowed_methods, reason = "how the first half says what to do")]
fn the_other_process() {
    let Ok(task) = std::env::var(ROLE_OF_THE_OTHER) else { return };
    let (what, dir) = task.split_once(' ').unwrap();
    let dir = PathBuf::from(dir);
    let options =
        Options { settings: vec![("fsync", "off"), ("shared_buffers", "16MB")], ..Options::default() };
    match what {
        "start" => std::mem::forget(Embedded::start_with(&dir, &options, |_| ()).unwrap()),
        "claim" => std::mem::forget(Claim::take(&dir).unwrap()),
        other => panic!("`{other}` is no task"),
    }
    fs::write(dir.join("done"), "").unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

async fn ask(url: &str, sql: &str) -> String {
    let mut conn = AsyncPgConnection::establish(url).await.unwrap();
    sql_query(format!("select ({sql})::text as value")).get_result::<Row>(&mut conn).await.unwrap().value
}

async fn run(url: &str, sql: &str) {
    let mut conn = AsyncPgConnection::establish(url).await.unwrap();
    sql_query(sql).execute(&mut conn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_database_of_our_own_is_made_shared_and_stopped_by_the_last() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let heard = std::cell::RefCell::new(Vec::new());
    let first = Embedded::start(&data, |line| heard.borrow_mut().push(line.to_owned())).unwrap();
    let heard = heard.into_inner();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[0].starts_with("making the database in `") && heard[1].starts_with("starting PostgreSQL "));

    let url = first.url();
    assert!(url.starts_with("postgres://botwright@%2F") && url.ends_with("/botwright"), "{url}");
    for (question, answer) in [
        ("current_user", "botwright"),
        ("select rolsuper from pg_roles where rolname = current_user", "false"),
        ("select rolcreaterole and rolcreatedb from pg_roles where rolname = current_user", "true"),
        ("select pg_get_userbyid(datdba) from pg_database where datname = current_database()", "botwright"),
        ("current_setting('fsync') || current_setting('synchronous_commit')", "onon"),
        ("current_setting('listen_addresses')", ""),
        ("current_setting('server_encoding')", "UTF8"),
        ("lower('ПРИВІТ')", "привіт"),
    ] {
        assert_eq!(ask(&url, question).await, answer, "{question}");
    }
    run(&url, "create table kept as select 7 as n").await;

    let second = Embedded::start(&data, |line| eprintln!("{line}")).unwrap();
    assert_eq!(second.url(), url);
    assert!(!first.stop().unwrap(), "somebody still uses it");
    assert_eq!(ask(&url, "select n from kept").await, "7");
    assert!(second.stop().unwrap());
    assert!(!data.join("postgres/postmaster.pid").exists());

    let began = Instant::now();
    let third = Embedded::start(&data, |line| eprintln!("{line}")).unwrap();
    eprintln!("started again in {:?}", began.elapsed());
    assert_eq!(ask(&third.url(), "select n from kept").await, "7");
    assert!(third.stop().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_outlived_its_process_is_adopted() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let mut launcher = another_process(&format!("start {}", data.display()));
    wait_for("the other process's start", || data.join("done").exists());
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    let server = pid(&data);

    let adopted = start(&scratch, "data");
    assert_eq!(pid(&data), server);
    assert_eq!(ask(&adopted.url(), "1").await, "1");
    assert!(adopted.stop().unwrap(), "we are the last, so we stop it");
    assert!(!data.join("postgres/postmaster.pid").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_comes_back_at_the_same_address() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let embedded = start(&scratch, "data");
    let url = embedded.url();
    run(&url, "create table kept as select 7 as n").await;
    assert!(!embedded.revive(|_| ()).unwrap(), "it lives");

    kill(pid(&data));
    wait_for("the server's end", || !embedded.is_running());
    assert!(embedded.revive(|line| eprintln!("{line}")).unwrap());
    assert_eq!(ask(&url, "select n from kept").await, "7");
    assert!(embedded.stop().unwrap());

    // A leftover that names a process which lives, but is another program: ours.
    let leftover = format!("{}\n{}\n1\n5432\n/run/x\n", std::process::id(), data.join("postgres").display());
    fs::write(data.join("postgres/postmaster.pid"), leftover).unwrap();
    assert!(start(&scratch, "data").stop().unwrap());
}

#[test]
fn two_that_start_at_once_share_one_server_and_a_copy_of_it_gets_its_own() {
    let scratch = Scratch::new();
    let both: Vec<Embedded> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| start(&scratch, "data"))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(both[0].url(), both[1].url());

    let copy =
        Command::new("cp").arg("-a").args([scratch.join("data"), scratch.join("copy")]).status().unwrap();
    assert!(copy.success());
    let copied = start(&scratch, "copy");
    assert_ne!(copied.url(), both[0].url());
    assert_ne!(pid(&scratch.join("copy")), pid(&scratch.join("data")));
    assert!(copied.stop().unwrap());
    let stopped: Vec<bool> = both.into_iter().map(|one| one.stop().unwrap()).collect();
    assert_eq!(stopped, [false, true]);
}

#[test]
fn a_cluster_that_was_interrupted_in_the_making_is_made_again() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let mut launcher = another_process(&format!("start {}", data.display()));
    let unfinished = || {
        let entries = fs::read_dir(&data).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("postgres.new-"))
    };
    wait_for("the making", || unfinished().is_some_and(|path| path.join("PG_VERSION").exists()));
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    assert!(unfinished().is_some() && !data.join("postgres").exists());
    assert!(start(&scratch, "data").stop().unwrap());
}

#[test]
fn what_cannot_be_served_is_refused_with_what_to_do() {
    let scratch = Scratch::new();
    assert!(start(&scratch, "data").stop().unwrap());
    fs::write(scratch.join("data/postgres/PG_VERSION"), "13\n").unwrap();
    let error = Embedded::start_with(&scratch.join("data"), &quick(&scratch), |_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    let text = error.message();
    assert!(text.contains("was made by PostgreSQL 13, but only ") && text.contains("pg_dump"), "{text}");

    fs::create_dir_all(scratch.join("full/postgres")).unwrap();
    fs::write(scratch.join("full/postgres/letters.txt"), "").unwrap();
    let error = Embedded::start_with(&scratch.join("full"), &quick(&scratch), |_| ()).unwrap_err();
    assert!(error.message().contains("is not empty and holds no PostgreSQL database"), "{error}");

    fs::create_dir_all(scratch.join("lost")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", scratch.join("lost/postgres")).unwrap();
    let error = Embedded::start_with(&scratch.join("lost"), &quick(&scratch), |_| ()).unwrap_err();
    assert!(error.message().contains("points to `/nowhere/at/all`"), "{error}");

    fs::write(scratch.join("file"), "").unwrap();
    let error = Embedded::start_with(&scratch.join("file"), &quick(&scratch), |_| ()).unwrap_err();
    assert!(error.message().contains("cannot be used"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_postgres_cannot_reach_links_to_one_that_it_can() {
    let scratch = Scratch::new();
    if fs::metadata(scratch.path()).unwrap().uid() != 0 {
        eprintln!("skipped: only root runs PostgreSQL as somebody else");
        return;
    }
    let home = scratch.join("home");
    fs::create_dir_all(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let heard = std::cell::RefCell::new(Vec::new());
    let hear = |line: &str| heard.borrow_mut().push(line.to_owned());
    let embedded = Embedded::start_with(&home.join("data"), &quick(&scratch), hear).unwrap();
    assert!(heard.borrow()[0].contains("cannot reach"), "{heard:?}");
    let link = fs::read_link(home.join("data/postgres")).unwrap();
    assert!(link.starts_with(scratch.join("elsewhere")), "{link:?}");
    run(&embedded.url(), "create table kept as select 7 as n").await;
    assert!(embedded.stop().unwrap());

    let again = start(&scratch, "home/data");
    assert_eq!(ask(&again.url(), "select n from kept").await, "7");
    assert!(again.stop().unwrap());

    // Whoever deletes the data folder wants a fresh start.
    fs::remove_dir_all(home.join("data")).unwrap();
    let fresh = start(&scratch, "home/data");
    assert_eq!(ask(&fresh.url(), "to_regclass('kept') is null").await, "true");
    assert!(fresh.stop().unwrap());
}

#[test]
fn a_second_up_on_one_data_folder_is_refused_until_the_first_is_gone() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let mut first = another_process(&format!("claim {}", data.display()));
    wait_for("the claim", || data.join("done").exists());
    let error = Claim::take(&data).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.message().contains(&format!("(process {})", first.id())), "{error}");
    first.kill().unwrap();
    first.wait().unwrap();
    Claim::take(&data).unwrap();
}
