//! Pictures in memory: no look of them is kept, and it is known that they were sent.

use botwright::dialog::NoLimits;
use botwright::id::{MessageId, UploadId};
use botwright::memory::Summarize;
use botwright::providers::scripted::Line;
use botwright::store::{Message, MessageRole, Upload};
use serde_json::json;

use super::summaries::{begin, providers, summarizer};
use super::{Chat, World};
use crate::harness::damage;

/// Sends a picture of that name with these words.
async fn send(world: &World, chat: &Chat, name: &str, words: &str) -> MessageId {
    let mut tx = world.tenant(chat.account).await;
    let message = world.say_in(&mut tx, chat, MessageRole::Person, words).await;
    let upload = Upload {
        account_id: chat.account,
        id: UploadId::new(),
        person_id: chat.person.unwrap(),
        filename: name.into(),
        content_type: "image/png".into(),
        size: 8,
        sha256: vec![7; 32],
        created_at: world.now(),
        completed_at: Some(world.now()),
        message_id: Some(message),
        position: Some(1),
    };
    Upload::insert(&mut tx, &upload).await.unwrap();
    Upload::insert_content(&mut tx, upload.id, b"\x89PNG\r\n\x1a\n".to_vec()).await.unwrap();
    tx.commit().await.unwrap();
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_found_by_its_name_and_told_beside_its_words() {
    let (world, mind, chat) = begin(json!({})).await;
    world.say(&chat, "Good morning.").await;
    send(&world, &chat, "beehives.png", "").await;
    let second = send(&world, &chat, "b.png", "Our whiteboard").await;
    mind.holds(3).await;
    mind.finds(&chat, "Where is the picture of the beehives?", "[a picture: beehives.png]").await;
    mind.finds(&chat, "What stood on the whiteboard?", "Our whiteboard [a picture: b.png]").await;
    let mut tx = world.tenant(chat.account).await;
    Message::edit(&mut tx, second, "Our blackboard", world.now()).await.unwrap();
    tx.commit().await.unwrap();
    mind.finds(&chat, "What stood on the blackboard?", "Our blackboard [a picture: b.png]").await;
    assert!(mind.memory.verify().await.unwrap().is_sound());
    mind.stop().await;
    damage::delete(&world.index_folder());
    let mind = world.mind();
    mind.finds(&chat, "Where is the picture of the beehives?", "[a picture: beehives.png]").await;
    mind.holds(3).await;
    assert!(mind.memory.verify().await.unwrap().is_sound());
    mind.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_is_told_of_pictures() {
    let (world, mind, chat) = begin(json!({"model": "scripted", "summarize": {"everyTurns": 50}})).await;
    send(&world, &chat, "flat.png", "").await;
    send(&world, &chat, "plan.png", "And the plan").await;
    let providers = providers();
    let reply = json!({"summary": "Olena sent pictures of her flat.", "facts": []});
    providers.scripted().push(Line::say(reply.to_string()));
    let summarizer = summarizer(&world, &providers, NoLimits);
    summarizer.run(chat.account, &Summarize::at_once(chat.id)).await.unwrap();
    let heard = format!("{:?}", providers.scripted().heard().last().unwrap().messages);
    assert!(heard.contains("Olena: [a picture: flat.png]"), "{heard}");
    assert!(heard.contains("Olena: And the plan [a picture: plan.png]"), "{heard}");
    mind.stop().await;
}
