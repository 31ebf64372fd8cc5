//! Guests who were silent for long are forgotten; everybody else stays. What is kept can be taken along.

use std::time::{Duration, Instant};

use botwright::clock::{Clock as _, ManualClock};
use botwright::store::Store;
use botwright::worker::prune;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::process::Place;
use crate::harness::world::{Bots, Plan, World};

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n";
const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";

/// What a client of OpenAI's door says for somebody it calls `user`.
async fn guest_says(world: &World, user: &str, words: &str) {
    world.model_will_say("I see.");
    let body = json!({ "model": "parrot", "user": user, "messages": [{ "role": "user", "content": words }] });
    let request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("{}/v1/chat/completions", world.api.url))
        .bearer_auth(&world.api.token)
        .json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "I see.", "{answer}");
}

/// Every message that stands, oldest first.
async fn standing(store: &Store) -> Vec<String> {
    let mut tx = store.system().await.unwrap();
    let account = botwright::store::Account::list(&mut tx).await.unwrap().remove(0).id;
    tx.commit().await.unwrap();
    let mut tx = store.tenant(account).await.unwrap();
    let mut rows = botwright::store::Message::list_backwards(&mut tx, None, 100).await.unwrap();
    tx.commit().await.unwrap();
    rows.reverse();
    rows.into_iter().filter(|row| row.erased_at.is_none()).map(|row| row.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_guests_are_forgotten_after_so_many_days() {
    let clock = ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap());
    let bot = format!("{PARROT}retention: {{guestsAfterDaysOfSilence: 30}}\n");
    let bots = Bots::Written(vec![("parrot".into(), bot)]);
    let world = World::with(Plan { bots, clock: Some(clock.clone()), ..Plan::default() }).await;
    let store = Store::connect(world.database.url(), 4).await.unwrap();
    guest_says(&world, "early", "I collect thimbles.").await;
    world.model_will_say("Hello.");
    world.say("parrot", "I run this place.").await;
    prune(&store, clock.now()).await.unwrap();
    clock.advance(TimeDelta::days(20));
    guest_says(&world, "late", "I collect stamps.").await;
    clock.advance(TimeDelta::days(11));
    let since = Instant::now();
    while standing(&store).await.contains(&"I collect thimbles.".to_owned()) {
        assert!(since.elapsed() < Duration::from_secs(40), "nobody was forgotten");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left = standing(&store).await;
    assert_eq!(left, ["I run this place.", "Hello.", "I collect stamps.", "I see."]);
    // A summary that was under way while somebody was forgotten is tried again in a while.
    let passing = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.advance(TimeDelta::seconds(10));
        }
    });
    world.end().await;
    passing.abort();
}

fn lines(place: &Place, name: &str) -> Vec<Value> {
    let file = place.write("seen", "").with_file_name(name);
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What was said, without what a server calls it.
fn said(lines: &[Value]) -> Vec<[Value; 4]> {
    let messages = lines.iter().filter(|line| line["role"] == "person" || line["role"] == "bot");
    messages.map(|line| ["at", "speaker", "role", "text"].map(|key| line[key].clone())).collect()
}

#[test]
fn a_memory_is_exported_whole_and_comes_in_elsewhere() {
    let begin = || {
        let place = Place::new();
        place.write("bots/botwright.yaml", PROJECT);
        place.write("bots/parrot/bot.yaml", PARROT);
        assert_eq!(place.run(&["apply"], "").code, 0);
        place
    };
    let run = |place: &Place, line: &str| {
        let ran = place.run(&line.split(' ').collect::<Vec<_>>(), "");
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    };
    let place = begin();
    let line = |at: &str, speaker: &str, role: &str, text: &str| {
        format!("{}\n", json!({ "at": at, "speaker": speaker, "role": role, "text": text }))
    };
    let past =
        line("2025-03-01T10:00:00Z", "Olena", "person", "My bees live behind the \"mill\".\nAll of them.")
            + &line("2025-03-01T10:01:00Z", "Parrot", "bot", "І мої теж. 🐝")
            + &line("2025-03-02T09:00:00Z", "Petro", "person", "Not mine.")
            + &format!("{}\n", json!({ "summary": "They talked about bees.", "at": "2025-03-03T00:00:00Z" }));
    place.write("past.jsonl", &past);
    run(&place, "import --bot parrot --conversation club past.jsonl");
    let told = run(&place, "memory export --bot parrot --output json all.jsonl");
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told, json!({ "conversations": 1, "messages": 3, "summaries": 1, "facts": 0 }));
    let all = lines(&place, "all.jsonl");
    assert_eq!(all.len(), 4);
    assert!(all[3]["summary"].as_str().unwrap().contains("bees"));
    let twice = place.run(&["memory", "export", "all.jsonl"], "");
    assert!(twice.code == 1 && twice.talk.contains("all.jsonl"), "{twice:?}");

    let other = begin();
    other.write(
        "all.jsonl",
        &std::fs::read_to_string(place.write("seen", "").with_file_name("all.jsonl")).unwrap(),
    );
    run(&other, "import --bot parrot --conversation club all.jsonl");
    run(&other, "memory export again.jsonl");
    let again = lines(&other, "again.jsonl");
    assert_eq!(said(&all), said(&again));
    assert_eq!(said(&all)[0][3], "My bees live behind the \"mill\".\nAll of them.");
    assert!(again[3]["summary"].as_str().unwrap().contains("bees"), "{again:?}");
}
