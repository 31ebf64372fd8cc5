//! The index is deleted, cut off and overwritten, while a process has it and while none has: it is built anew by
//! itself, and afterwards nothing is missing.

use std::fs;
use std::path::{Path, PathBuf};

use botwright::memory::Verified;
use serde_json::json;

use super::{Chat, Mind, World, eventually};

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

fn segment_files(folder: &Path) -> Vec<PathBuf> {
    let inner = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
    let files = fs::read_dir(inner.unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let is_segment = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem.len() == 32);
    files.filter(is_segment).collect()
}

/// Opens each file as it stands there and does something to it.
fn to_each_file(folder: &Path, damage: impl Fn(&mut fs::File, u64)) {
    for path in segment_files(folder) {
        let mut file = fs::File::options().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        damage(&mut file, length);
    }
}

/// What may happen to the files of an index.
const DAMAGES: [fn(&Path); 6] = [
    |folder| fs::remove_dir_all(folder).unwrap(),
    |folder| fs::remove_file(&segment_files(folder)[0]).unwrap(),
    // A file that is cut off takes the place of the whole one.
    |folder| {
        for file in segment_files(folder) {
            let bytes = fs::read(&file).unwrap();
            let cut = file.with_extension("cut");
            fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
            fs::rename(cut, file).unwrap();
        }
    },
    // It is cut off under those who have it open.
    |folder| to_each_file(folder, |file, length| file.set_len(length / 2).unwrap()),
    |folder| to_each_file(folder, |file, _| file.set_len(0).unwrap()),
    |folder| {
        to_each_file(folder, |file, length| {
            std::io::Write::write_all(file, &vec![7; usize::try_from(length).unwrap()]).unwrap();
        });
    },
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
