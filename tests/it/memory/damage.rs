//! The index is deleted, cut off and overwritten, while a process has it and while none has: it is built anew by
//! itself, and afterwards nothing is missing.

use std::path::Path;

use botwright::memory::Verified;
use serde_json::json;

use super::{Chat, Mind, World, eventually};
use crate::harness::damage;

async fn talk(world: &World, messages: usize) -> Chat {
    let account = world.account("acme").await;
    let bot = world.bot(account, "companion", json!({})).await;
    let chat = world.chat(account, bot, "Olena", "1").await;
    world.say_all(&chat, (1..=messages).map(|n| format!("Remark number {n} about penguins."))).await;
    chat
}

/// Runs `sql` on the account's rows, and nobody hears of it.
async fn behind_the_feed(world: &World, chat: &Chat, sql: &str) {
    world.meddle("alter table messages disable trigger record_change").await;
    world.meddle_as(chat.account, sql).await;
    world.meddle("alter table messages enable trigger record_change").await;
}

fn counts(found: &Verified) -> [usize; 4] {
    [found.expected, found.missing.len(), found.outdated.len(), found.strange.len()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_tells_what_is_missing_outdated_and_strange() {
    let world = World::new().await;
    let chat = talk(&world, 30).await;
    let mind = world.mind();
    mind.holds(30).await;
    let sound = mind.memory.verify().await.unwrap();
    assert!(sound.is_sound() && sound.expected == 30, "{sound:?}");
    behind_the_feed(&world, &chat, "update messages set text = 'A walrus sings.' where ordinal = 1").await;
    // It stands in the context of the five after it, too.
    assert_eq!(counts(&mind.memory.verify().await.unwrap()), [30, 0, 6, 0]);
    behind_the_feed(&world, &chat, "delete from messages where ordinal = 30").await;
    assert_eq!(counts(&mind.memory.verify().await.unwrap()), [29, 0, 11, 1]);
    let copy = "insert into messages (account_id, id, conversation_id, ordinal, role, author, text, sent_at)
        select account_id, gen_random_uuid(), conversation_id, 90, role, author, text, sent_at + interval '9 hours'
        from messages where ordinal = 29";
    behind_the_feed(&world, &chat, copy).await;
    assert_eq!(counts(&mind.memory.verify().await.unwrap()), [30, 1, 11, 1]);
}

/// What may happen to the files of an index.
const DAMAGES: [fn(&Path); 6] = [
    damage::delete,
    damage::delete_one,
    damage::replace_by_halves,
    damage::cut_off,
    damage::empty,
    damage::overwrite,
];

/// Waits until the index is whole again.
async fn healed(mind: &Mind, messages: usize) {
    eventually("the index is whole", async || {
        let found = mind.memory.verify().await.unwrap();
        found.is_sound() && found.expected == messages
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_damaged_while_nobody_had_it_is_built_anew() {
    for damage in DAMAGES {
        let world = World::new().await;
        let chat = talk(&world, 40).await;
        let mind = world.mind();
        mind.holds(40).await;
        mind.stop().await;
        damage(&world.index_folder());
        world.say(&chat, "A walrus sings.").await;
        let mind = world.mind();
        mind.finds(&chat, "Which walrus?", "A walrus sings.").await;
        healed(&mind, 41).await;
        mind.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_damaged_in_use_is_built_anew_while_talk_goes_on() {
    for damage in DAMAGES {
        let world = World::new().await;
        let chat = talk(&world, 40).await;
        let mind = world.mind();
        mind.holds(40).await;
        damage(&world.index_folder());
        // What was read before is there all the while.
        mind.finds(&chat, "What about remark number 7?", "Remark number 7 about penguins.").await;
        world.say(&chat, "A walrus sings.").await;
        healed(&mind, 41).await;
        mind.finds(&chat, "Which walrus?", "A walrus sings.").await;
        mind.stop().await;
    }
}
