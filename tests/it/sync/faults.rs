//! What goes wrong on the road from git to a live bot: kills, races, replicas that sleep, commits in the wrong order.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use botwright::store::{Bot, BotRevision, Store};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use serde_json::{Value, json};

use crate::harness::process::{Place, Ran};

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: acme/bots\n";

fn write_bots(place: &Place, folder: &str, count: usize, persona: &str) {
    place.write(&format!("{folder}/botwright.yaml"), PROJECT);
    for index in 0..count {
        let file = format!(
            "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Bot\npersona: {persona}\nmodel: scripted\n"
        );
        place.write(&format!("{folder}/bot-{index}/bot.yaml"), &file);
    }
}

/// The personas that are live.
async fn personas(place: &Place) -> BTreeSet<String> {
    let store = Store::connect(place.database.url(), 5).await.unwrap();
    let accounts =
        botwright::accounts::Accounts::new(store.clone(), std::sync::Arc::new(botwright::clock::SystemClock));
    let account = accounts.operator("default").await.unwrap().account;
    let mut tx = store.tenant(account).await.unwrap();
    let bots = Bot::list(&mut tx).await.unwrap();
    let ids: Vec<_> = bots.iter().map(|bot| bot.revision_id).collect();
    let revisions = BotRevision::list_by_ids(&mut tx, &ids).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(revisions.len(), bots.len());
    revisions.iter().map(|revision| revision.content["bot"]["persona"].as_str().unwrap().to_owned()).collect()
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error} in {ran:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_is_killed_is_whole_or_nothing() {
    let place = Place::new();
    write_bots(&place, "bots", 100, "Round 0.");
    assert_eq!(place.run(&["apply", "bots"], "").code, 0);
    let mut last = "Round 0.".to_owned();
    for round in 1..=8_u64 {
        let persona = format!("Round {round}.");
        write_bots(&place, "bots", 100, &persona);
        let mut apply = place.command(&["apply", "bots"]);
        let mut child = apply.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(40 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let live = personas(&place).await;
        assert_eq!(live.len(), 1, "all of it or nothing: {live:?}");
        let live = live.into_iter().next().unwrap();
        assert!(live == persona || live == last, "{live} after {last}");
        last = live;
    }
    let again = place.run(&["apply", "bots"], "");
    assert_eq!(again.code, 0, "nothing is left locked: {again:?}");
    assert_eq!(personas(&place).await, ["Round 8.".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_whose_connection_drops_is_whole_or_nothing() {
    let place = Place::new();
    write_bots(&place, "bots", 100, "Round 0.");
    assert_eq!(place.run(&["apply", "bots"], "").code, 0);
    let mut last = "Round 0.".to_owned();
    let mut refused = 0;
    for round in 1..=8_u64 {
        let persona = format!("Round {round}.");
        write_bots(&place, "bots", 100, &persona);
        let mut apply = place.command(&["apply", "bots"]);
        let child = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(15 * round)).await;
        let mut conn = AsyncPgConnection::establish(place.database.url()).await.unwrap();
        for _ in 0..10 {
            conn.batch_execute(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()",
            )
            .await
            .unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ended = child.wait_with_output().unwrap();
        let talk = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(matches!(ended.status.code(), Some(0 | 1)), "{ended:?}");
        assert!(ended.status.success() || talk.starts_with("error: "), "it says so: {talk}");
        refused += usize::from(!ended.status.success());
        let live = personas(&place).await;
        assert!(
            live.len() == 1 && (live.contains(&persona) || live.contains(&last)),
            "{live:?} after {last}"
        );
        if ended.status.success() {
            assert!(live.contains(&persona), "what was said to be live is: {live:?}");
        }
        last = live.into_iter().next().unwrap();
    }
    assert!(refused > 0, "a connection was dropped in the middle at least once");
    assert_eq!(place.run(&["apply", "bots"], "").code, 0);
    assert_eq!(personas(&place).await, ["Round 8.".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_applies_at_once_one_wins_and_the_other_hears_of_it() {
    let place = Place::new();
    write_bots(&place, "bots", 30, "Begin.");
    assert_eq!(place.run(&["apply", "bots"], "").code, 0);
    for round in 0..4 {
        let personas_of = [format!("Left {round}."), format!("Right {round}.")];
        write_bots(&place, "left", 30, &personas_of[0]);
        write_bots(&place, "right", 30, &personas_of[1]);
        let (left, right) = std::thread::scope(|scope| {
            let left = scope.spawn(|| place.run(&["apply", "left"], ""));
            let right = scope.spawn(|| place.run(&["apply", "right"], ""));
            (left.join().unwrap(), right.join().unwrap())
        });
        for ran in [&left, &right] {
            assert!(ran.code == 0 || (ran.code == 4 && ran.talk.contains("plan again")), "{ran:?}");
        }
        let live = personas(&place).await;
        assert!(live.len() == 1 && personas_of.contains(live.first().unwrap()), "{live:?}");
        let winner = if live.contains(&personas_of[0]) { &left } else { &right };
        assert_eq!(winner.code, 0, "who is live has won: {winner:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_sleeps_holds_up_nobody_but_who_waits_for_it() {
    let place = Place::new();
    write_bots(&place, "bots", 2, "First.");
    let awake = place.start(&["serve"]).await;
    let asleep = place.beside().start(&["serve"]).await;
    let ready = place.run(&["apply", "bots", "--wait=30", "--output", "json"], "");
    assert_eq!((ready.code, &document(&ready)["readiness"]["ready"]), (0, &json!(2)), "{ready:?}");

    asleep.signal("STOP");
    write_bots(&place, "bots", 2, "Second.");
    let waited = place.run(&["apply", "bots", "--wait=2", "--output", "json"], "");
    let readiness = document(&waited)["readiness"].clone();
    assert_eq!(waited.code, 6, "{waited:?}");
    assert_eq!((&readiness["ready"], readiness["waiting"].as_array().unwrap().len()), (&json!(1), 1));
    let said = place.run(&["show", "bot-0"], "");
    assert!(said.out.contains("Second."), "the others serve it: {said:?}");

    asleep.signal("CONT");
    let caught_up = place.run(&["apply", "bots", "--wait=30", "--output", "json"], "");
    assert_eq!(
        (caught_up.code, &document(&caught_up)["readiness"]["ready"]),
        (0, &json!(2)),
        "{caught_up:?}"
    );
    asleep.kill();
    let alone = place.run(&["apply", "bots", "--wait=30", "--output", "json"], "");
    assert_eq!(
        (alone.code, &document(&alone)["readiness"]["ready"]),
        (0, &json!(1)),
        "the dead are not waited for"
    );
    drop(awake);
}

fn git(place: &Place, folder: &str, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.arg("-C").arg(place.home.join(folder)).args([
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@example.com",
    ]);
    let ran = git.args(arguments).output().unwrap();
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

fn commit(place: &Place, persona: &str) -> String {
    write_bots(place, "repository/bots", 1, persona);
    git(place, "repository", &["add", "-A"]);
    git(place, "repository", &["commit", "-qm", persona]);
    git(place, "repository", &["rev-parse", "HEAD"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_commit_that_comes_last_is_refused() {
    let place = Place::new();
    place.write("repository/README", "bots");
    git(&place, "repository", &["init", "-q"]);
    let (first, second) = (commit(&place, "One."), commit(&place, "Two."));
    let apply = |more: &[&str]| place.run(&[&["apply", "repository/bots"], more].concat(), "");
    assert_eq!(apply(&[]).code, 0);

    git(&place, "repository", &["checkout", "-q", &first]);
    let refused = apply(&[]);
    assert!(refused.code == 4 && refused.talk.contains("would take back 1 commit"), "{refused:?}");
    assert_eq!(personas(&place).await, ["Two.".to_owned()].into());

    let url = format!("file://{}", place.home.join("repository").display());
    git(&place, "repository", &["checkout", "-q", "-B", "main", &second]);
    commit(&place, "Three.");
    git(&place, ".", &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let shallow = place.run(&["apply", "shallow/bots"], "");
    assert!(shallow.code == 4 && shallow.talk.contains("fetch-depth: 0"), "{shallow:?}");
    assert_eq!(apply(&[]).code, 0, "the whole clone knows that it is newer");

    git(&place, "repository", &["checkout", "-q", &first]);
    assert_eq!(apply(&["--allow-rewind"]).code, 0);
    assert_eq!(personas(&place).await, ["One.".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_checkout_takes_nothing_away() {
    let place = Place::new();
    write_bots(&place, "bots", 3, "Here.");
    assert_eq!(place.run(&["apply", "bots"], "").code, 0);
    place.write("empty/botwright.yaml", PROJECT);
    let empty = place.run(&["apply", "empty", "--prune"], "");
    assert!(empty.code == 5 || empty.code == 3, "{empty:?}");
    std::fs::create_dir_all(place.home.join("nothing")).unwrap();
    assert_eq!(place.run(&["apply", "nothing", "--prune"], "").code, 3);
    assert_ne!(place.run(&["apply", "missing", "--prune"], "").code, 0);
    assert_eq!(personas(&place).await.len(), 1);
    let one_bad = place.write("bots/bot-1/bot.yaml", "kind: [");
    let refused = place.run(&["apply", "bots"], "");
    assert!(refused.code == 3 && refused.talk.contains("bots/bot-1/bot.yaml:1"), "{refused:?}");
    std::fs::remove_file(one_bad).unwrap();
    assert_eq!(place.run(&["apply", "bots"], "").code, 5, "one is gone, and --prune was not given");
}
