//! The index follows Postgres: through restarts, losses, other lives of the database and late commits.

use std::time::Duration;

use botwright::store::{Message, MessageRole, Store};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Chat, World, eventually};
use crate::harness::damage;

/// A conversation in which so much was said.
async fn talk(world: &World, messages: usize) -> Chat {
    let account = world.account("acme").await;
    let bot = world.bot(account, "companion", json!({})).await;
    let chat = world.chat(account, bot, "Olena", "1").await;
    world.say_all(&chat, (1..=messages).map(|n| format!("Remark number {n} about penguins."))).await;
    chat
}

/// Changes what the first remark says behind the feed's back: only who reads all messages notices.
async fn whisper(world: &World, chat: &Chat, text: &str) {
    world.meddle("alter table messages disable trigger record_change").await;
    let change = format!("update messages set text = '{text}' where ordinal = 1");
    world.meddle_as(chat.account, &change).await;
    world.meddle("alter table messages enable trigger record_change").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_stopped() {
    let world = World::new().await;
    let chat = talk(&world, 30).await;
    let mind = world.mind();
    mind.holds(30).await;
    mind.stop().await;

    whisper(&world, &chat, "A walrus sings.").await;
    world.say_all(&chat, (0..20).map(|n| format!("Said while nobody listened ({n})."))).await;
    let mind = world.mind();
    assert_eq!(mind.memory.status().documents, 30);
    mind.holds(50).await;
    assert_eq!(mind.texts(&chat, "Which walrus sings?").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_whose_place_another_took_is_not_recalled() {
    let world = World::new().await;
    let chat = talk(&world, 3).await;
    let mind = world.mind();
    let mut tx = world.tenant(chat.account).await;
    let first = world.say_in(&mut tx, &chat, MessageRole::Bot, "The walrus sings.").await;
    let second = world.say_in(&mut tx, &chat, MessageRole::Bot, "The walrus whistles.").await;
    tx.commit().await.unwrap();
    mind.finds(&chat, "What does the walrus do?", "The walrus sings.").await;
    let mut tx = world.tenant(chat.account).await;
    Message::supersede(&mut tx, &[first], second).await.unwrap();
    tx.commit().await.unwrap();
    // At once, although the index hears of it a moment later.
    let texts = mind.texts(&chat, "What does the walrus do?").await;
    assert!(!texts.contains(&"The walrus sings.".to_owned()), "{texts:?}");
    assert!(texts.contains(&"The walrus whistles.".to_owned()), "{texts:?}");
    mind.holds(4).await;
    // Nor does it stand in the context of its neighbours.
    assert_eq!(mind.texts(&chat, "Who sings?").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_index_is_built_anew() {
    let world = World::new().await;
    let chat = talk(&world, 3_000).await;
    let mind = world.mind();
    mind.holds(3_000).await;
    mind.stop().await;

    whisper(&world, &chat, "A walrus sings.").await;
    damage::delete(&world.index_folder());
    let mind = world.mind();
    assert!(!mind.recall(&chat, "Who sings?").await.complete);
    mind.holds(3_000).await;
    eventually("recall is complete", async || mind.recall(&chat, "Which walrus?").await.complete).await;
    assert_eq!(mind.finds(&chat, "Which walrus?", "A walrus sings.").await.ordinal, 1);
    // Built page by page, a message still knows its neighbours: the walrus stands in their context.
    assert_eq!(mind.recall(&chat, "walrus").await.found.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_lost_under_way_is_built_anew() {
    let world = World::new().await;
    let chat = talk(&world, 30).await;
    let mind = world.mind();
    mind.holds(30).await;
    damage::delete(&world.index_folder());
    world.say(&chat, "A walrus sings.").await;
    mind.holds(31).await;
    mind.finds(&chat, "Which walrus?", "A walrus sings.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_builds_the_index_anew() {
    let world = World::new().await;
    let chat = talk(&world, 30).await;
    let mind = world.mind();
    mind.holds(30).await;
    whisper(&world, &chat, "A walrus sings.").await;
    // As after a restore into another cluster.
    world.meddle("update feed_epochs set system_identifier = 'elsewhere'").await;
    let _restored = Store::connect(world.database.url(), 1).await.unwrap();
    mind.finds(&chat, "Which walrus?", "A walrus sings.").await;
    world.say(&chat, "A narwhal answers.").await;
    mind.finds(&chat, "Which narwhal?", "A narwhal answers.").await;
    mind.holds(31).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_is_not_missed() {
    let world = World::new().await;
    let first = talk(&world, 1).await;
    let late = world.chat(first.account, first.bot, "Petro", "2").await;
    let mind = world.mind();
    mind.holds(1).await;
    let mut tx = world.tenant(late.account).await;
    world.say_in(&mut tx, &late, MessageRole::Person, "The walrus came late.").await;
    // This one has the higher number and is committed before.
    world.say(&first, "The narwhal was early.").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    tx.commit().await.unwrap();
    mind.finds(&late, "Who came late?", "The walrus came late.").await;
    mind.finds(&first, "Who was early?", "The narwhal was early.").await;
    mind.holds(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_with_late_commits_lose_nothing() {
    let world = std::sync::Arc::new(World::new().await);
    let first = talk(&world, 1).await;
    let mind = world.mind();
    let mut writers = JoinSet::new();
    for writer in 0..8_u64 {
        let key = format!("writer {writer}");
        let chat = world.chat(first.account, first.bot, "Petro", &key).await;
        let world = world.clone();
        writers.spawn(async move {
            for round in 0..12_u64 {
                let mut tx = world.tenant(chat.account).await;
                for n in 0..3 {
                    let text = format!("Writer {writer} in round {round} says {n}.");
                    world.say_in(&mut tx, &chat, MessageRole::Person, &text).await;
                    tokio::time::sleep(Duration::from_millis((writer * 7 + round * 3) % 25)).await;
                }
                // One in six is never said.
                if round % 6 == 5 { drop(tx) } else { tx.commit().await.unwrap() }
            }
        });
    }
    writers.join_all().await;
    mind.holds(1 + 8 * 10 * 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_writes_and_another_takes_over() {
    let world = World::new().await;
    let chat = talk(&world, 5).await;
    let first = world.mind();
    first.holds(5).await;
    let second = world.mind();
    assert!(first.memory.status().writer);
    assert!(!second.memory.status().writer);
    // The one that only reads finds what the other indexed.
    world.say(&chat, "A walrus sings.").await;
    second.finds(&chat, "Which walrus?", "A walrus sings.").await;
    eventually("the reader knows that nothing is missing", async || {
        second.recall(&chat, "Which walrus?").await.complete
    })
    .await;

    first.stop().await;
    world.say(&chat, "A narwhal answers.").await;
    second.finds(&chat, "Which narwhal?", "A narwhal answers.").await;
    assert!(second.memory.status().writer);
}
