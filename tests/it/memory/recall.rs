//! What is recalled, and by whom.

use std::time::{Duration, Instant};

use botwright::memory::Memory;
use botwright::store::Message;
use serde_json::json;

use super::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_said_is_found_within_a_second() {
    let world = World::new().await;
    let account = world.account("acme").await;
    let bot = world.bot(account, "companion", json!({})).await;
    let chat = world.chat(account, bot, "Olena", "1").await;
    let mind = world.mind();
    let mut waits = Vec::new();
    for animal in ["otter", "badger", "heron", "lynx", "marmot"] {
        let text = format!("My favourite animal is the {animal}.");
        world.say(&chat, &text).await;
        let said = Instant::now();
        mind.finds(&chat, &format!("Who mentioned the {animal}?"), &text).await;
        waits.push(said.elapsed());
    }
    waits.sort();
    // The middle one: other tests share the machine, and a transaction of theirs holds up the feed.
    assert!(waits[2] < Duration::from_secs(1), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_messages_later_the_sister_is_remembered() {
    let world = World::new().await;
    let account = world.account("acme").await;
    let bot = world.bot(account, "companion", json!({})).await;
    let chat = world.chat(account, bot, "Olena", "1").await;
    let mind = world.mind();
    world.say(&chat, "My sister Anna lives in Lviv.").await;
    let chatter = [
        "The weather is grey again today.",
        "I would like to live somewhere with a garden.",
        "Where did I put my keys?",
        "My brother Petro works in Odesa.",
        "Let us talk about the book I am reading.",
        "Can you live without coffee? I cannot.",
    ];
    world.say_all(&chat, (0..60).map(|n| format!("{} ({n})", chatter[n % chatter.len()]))).await;
    mind.holds(61).await;
    eventually("recall is complete", async || mind.recall(&chat, "Anna").await.complete).await;
    let recalled = mind.recall(&chat, "Where does Anna live?").await;
    let best = &recalled.found[0];
    assert_eq!(best.text, "My sister Anna lives in Lviv.");
    assert_eq!((best.ordinal, best.speaker.as_str(), best.is_bot), (1, "Olena", false));
    assert!(best.coverage > 0.99, "{}", best.coverage);
    assert!(recalled.found.iter().all(|found| found.score <= best.score));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_what_was_told_to_another() {
    let world = World::new().await;
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let bot = world.bot(acme, "companion", json!({})).await;
    let friend = world.bot(acme, "friend", json!({})).await;
    let foreign = world.bot(other, "companion", json!({})).await;
    let olena = world.chat(acme, bot, "Olena", "1").await;
    let chats = [
        olena.clone(),
        world.chat(acme, bot, "Olena", "2").await,
        world.chat(acme, bot, "Petro", "3").await,
        world.chat(acme, friend, "Olena", "4").await,
        world.group(acme, bot, &["Olena", "Petro"], "5").await,
        world.chat(other, foreign, "Olena", "6").await,
    ];
    let mind = world.mind();
    for (number, chat) in (1..).zip(&chats) {
        world.say(chat, &format!("The password of the vault is number {number}.")).await;
    }
    mind.holds(6).await;
    let question = "What is the password of the vault?";
    let password = |number: usize| format!("The password of the vault is number {number}.");
    // By conversation: her two private ones with this bot know of each other, and that is all.
    let known: [&[usize]; 6] = [&[1, 2], &[1, 2], &[3], &[4], &[5], &[6]];
    for (chat, known) in chats.iter().zip(known) {
        let mut texts = mind.texts(chat, question).await;
        texts.sort();
        let expected: Vec<_> = known.iter().map(|number| password(*number)).collect();
        assert_eq!(texts, expected);
    }
    // The search of the API: a person sees their private conversations, the account sees itself.
    let search = async |account, person, bot| {
        let found = mind.memory.search(account, person, bot, "vault password", 0, 10).await.unwrap();
        let mut texts: Vec<_> = found.matches.into_iter().map(|found| found.found.text).collect();
        texts.sort();
        texts
    };
    let numbers = |numbers: &[usize]| numbers.iter().map(|number| password(*number)).collect::<Vec<_>>();
    assert_eq!(search(acme, olena.person, None).await, numbers(&[1, 2, 4]));
    assert_eq!(search(acme, olena.person, Some(friend)).await, numbers(&[4]));
    assert_eq!(search(acme, None, None).await, numbers(&[1, 2, 3, 4, 5]));
    assert_eq!(search(other, None, None).await, numbers(&[6]));
    assert_eq!(search(other, olena.person, None).await, numbers(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_goes_on_where_it_stopped() {
    let world = World::new().await;
    let account = world.account("acme").await;
    let bot = world.bot(account, "companion", json!({})).await;
    let chat = world.chat(account, bot, "Olena", "1").await;
    let mind = world.mind();
    world.say_all(&chat, (1..=25).map(|n| format!("Budget meeting number {n}."))).await;
    mind.holds(25).await;
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page =
            mind.memory.search(account, chat.person, None, "budget meetings", after, 10).await.unwrap();
        after = page.matches.last().unwrap().rank;
        seen.extend(page.matches.into_iter().map(|found| found.found.ordinal));
        if !page.has_next {
            break;
        }
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_found_by_its_new_words_and_an_erased_message_by_none() {
    let world = World::new().await;
    let account = world.account("acme").await;
    let bot = world.bot(account, "companion", json!({})).await;
    let chat = world.chat(account, bot, "Olena", "1").await;
    let mind = world.mind();
    world.say(&chat, "Hello there, Companion.").await;
    let edited = world.say(&chat, "The dentist is on Tuesday.").await;
    let erased = world.say(&chat, "My diagnosis is hypertension.").await;
    world.say(&chat, "Good night then.").await;
    mind.holds(4).await;

    let mut tx = world.tenant(account).await;
    Message::edit(&mut tx, edited, "The orthodontist is on Friday.", world.now()).await.unwrap();
    tx.commit().await.unwrap();
    mind.finds(&chat, "When is the orthodontist?", "The orthodontist is on Friday.").await;
    assert_eq!(mind.texts(&chat, "dentist Tuesday").await, Vec::<String>::new());

    let erase = format!("update messages set text = '', erased_at = now() where id = '{erased}'");
    world.meddle_as(account, &erase).await;
    // Not even its neighbours are found by its words any more.
    eventually("the erased words find nothing", async || mind.texts(&chat, "hypertension").await.is_empty())
        .await;
    mind.holds(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_hit_of_an_erased_message_yields_nothing() {
    let world = World::new().await;
    let account = world.account("acme").await;
    let bot = world.bot(account, "companion", json!({})).await;
    let chat = world.chat(account, bot, "Olena", "1").await;
    let mind = world.mind();
    let erased = world.say(&chat, "My diagnosis is hypertension.").await;
    mind.holds(1).await;
    let memory: Memory = mind.memory.clone();
    mind.stop().await;
    let erase = format!("update messages set text = '', erased_at = now() where id = '{erased}'");
    world.meddle_as(account, &erase).await;
    let found = memory.search(account, None, None, "hypertension", 0, 10).await.unwrap();
    assert!(found.matches.is_empty());
}
