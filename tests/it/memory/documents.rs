//! Documents: what became of long messages is found by its passages, by those who may know it, and no fact comes of it.

use botwright::dialog::NoLimits;
use botwright::memory::{Cut, FoundKind, Summarize};
use botwright::providers::scripted::Line;
use botwright::store::{Conversation, Document, Fact, Message, Passage, Summary};
use serde_json::json;

use super::summaries::{begin, providers, summarizer};
use super::{Chat, World, eventually};
use crate::harness::damage;

/// A text of some 120 kB that says where somebody's bees are.
fn letter(place: &str) -> String {
    let filler = "And so the year went by, with little to tell and much to do in house and yard.\n\n";
    let news = format!("The beehives stand behind {place} now.\n\n");
    format!("Dear all!\n\n{}{news}{}Yours.", filler.repeat(700), filler.repeat(800))
}

/// Says something long, as the chat would take it in.
async fn send(world: &World, chat: &Chat, text: &str) -> (Message, Vec<Passage>) {
    let id = world.say(chat, text).await;
    let mut tx = world.tenant(chat.account).await;
    let message = Message::find(&mut tx, id).await.unwrap().unwrap();
    let conversation = Conversation::find(&tx, chat.id).await.unwrap().unwrap();
    let (document, passages) = Cut::of(text).into_document(&conversation, &message);
    Document::put(&mut tx, &document, &passages).await.unwrap();
    tx.commit().await.unwrap();
    (message, passages)
}

#[tokio::test(flavor = "multi_thread")]
async fn passages_are_found_compared_and_indexed_anew() {
    let (world, mind, chat) = begin(json!({})).await;
    world.say(&chat, "Good morning.").await;
    let (message, passages) = send(&world, &chat, &letter("the mill")).await;
    let all = u64::try_from(passages.len()).unwrap() + 2;
    assert!(all > 80, "{all}");
    mind.holds(all).await;
    let about_bees = passages.iter().find(|passage| passage.text.contains("beehives")).unwrap();
    let found = mind.finds(&chat, "Where do the beehives stand?", &about_bees.whole()).await;
    assert_eq!((found.kind, found.ordinal), (FoundKind::Passage, about_bees.ordinal));
    assert_eq!((found.speaker.as_str(), found.sources.as_slice()), ("Dear all!", &[message.id][..]));
    // The message itself is found by how it begins and ends, and told so.
    let said = mind.recall(&chat, "Dear all, yours").await.found;
    let said = said.iter().find(|found| found.id == message.id.0).unwrap();
    assert!(said.text.starts_with("Dear all!") && said.text.ends_with("Yours.") && said.text.len() < 2_000);
    assert!(mind.memory.verify().await.unwrap().is_sound());
    mind.stop().await;

    damage::delete(&world.index_folder());
    let mind = world.mind();
    mind.holds(all).await;
    assert!(mind.memory.verify().await.unwrap().is_sound());
    mind.finds(&chat, "Where do the beehives stand?", &about_bees.whole()).await;

    // What is a document no more is found as a message again, and as no passage.
    let mut tx = world.tenant(chat.account).await;
    Document::delete_of(&mut tx, message.id).await.unwrap();
    tx.commit().await.unwrap();
    mind.holds(2).await;
    assert!(mind.memory.verify().await.unwrap().is_sound());
    mind.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_in_the_documents_of_another() {
    let world = World::new().await;
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let (bot, second) =
        (world.bot(acme, "companion", json!({})).await, world.bot(acme, "second", json!({})).await);
    let foreign = world.bot(other, "companion", json!({})).await;
    let corners = [
        (world.chat(acme, bot, "Olena", "1").await, "the mill"),
        (world.chat(acme, bot, "Petro", "2").await, "the church"),
        (world.chat(acme, second, "Olena", "3").await, "the school"),
        (world.chat(other, foreign, "Olena", "1").await, "the inn"),
        (world.group(acme, bot, &["Olena", "Petro"], "4").await, "the barn"),
    ];
    let mind = world.mind();
    let mut all = 0;
    for (chat, place) in &corners {
        all += 1 + u64::try_from(send(&world, chat, &letter(place)).await.1.len()).unwrap();
    }
    mind.holds(all).await;
    for (chat, place) in &corners {
        let found = mind.recall(chat, "Where do the beehives stand?").await.found;
        let told: Vec<&str> = found.iter().map(|found| found.text.as_str()).collect();
        let told = told.join("\n");
        assert!(told.contains(&format!("stand behind {place} now")), "{place}: {told}");
        for (_, foreign) in corners.iter().filter(|(_, foreign)| foreign != place) {
            assert!(!told.contains(foreign), "{place} reads of {foreign}: {told}");
        }
    }
    // The same person's other conversation with the same bot knows it.
    let again = world.chat(acme, bot, "Olena", "5").await;
    let told = mind.texts(&again, "Where do the beehives stand?").await.join("\n");
    assert!(told.contains("behind the mill now") && !told.contains("the church"), "{told}");
    mind.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fact_is_drawn_from_a_document_and_a_summary_is_told_its_ends() {
    let (world, mind, chat) = begin(json!({"model": "scripted", "summarize": {"everyTurns": 50}})).await;
    world.say(&chat, "I live in Lviv.").await;
    send(&world, &chat, &letter("the mill")).await;
    let providers = providers();
    let fact = |text: &str, message: usize| json!({"text": text, "about": "Olena", "importance": 7, "messages": [message]});
    let reply = json!({"summary": "Olena wrote a letter.",
        "facts": [fact("Olena lives in Lviv.", 1), fact("Olena keeps bees behind the mill.", 2)]});
    providers.scripted().push(Line::say(reply.to_string()));
    let summarizer = summarizer(&world, &providers, NoLimits);
    summarizer.run(chat.account, &Summarize::at_once(chat.id)).await.unwrap();
    let mut tx = world.tenant(chat.account).await;
    let facts = Fact::list_all_after(&mut tx, None, 10).await.unwrap();
    let summary = Summary::find_latest(&mut tx, chat.id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let texts: Vec<&str> = facts.iter().map(|fact| fact.text.as_str()).collect();
    assert_eq!(
        (texts.as_slice(), summary.text.as_str()),
        (&["Olena lives in Lviv."][..], "Olena wrote a letter.")
    );
    let heard = format!("{:?}", providers.scripted().heard().last().unwrap().messages);
    assert!(heard.contains("Dear all!") && !heard.contains("beehives") && heard.len() < 5_000, "{heard}");
    eventually("the index is quiet", async || mind.memory.status().lag == 0).await;
    mind.stop().await;
}
