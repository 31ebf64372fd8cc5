//! A server whose index is destroyed, under it or while it is away: people are answered all the while, and soon
//! everything can be remembered again.

use std::time::{Duration, Instant};

use botwright::search::Index;
use serde_json::json;

use crate::harness::damage;
use crate::harness::world::World;

/// Nothing in the background takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the index is written again, so that the next damage meets a whole one.
async fn healed(world: &World) {
    let since = Instant::now();
    let is_whole = || {
        let index = Index::open_reader(&world.home.join("data").join("index"));
        index.documents() > 0 && index.verify()
    };
    while !is_whole() {
        assert!(since.elapsed() < PATIENCE, "the index is still broken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.indexed().await;
}

async fn tell(world: &World, text: &str) {
    world.model_will_say("I see.");
    assert_eq!(world.say("parrot", text).await, "I see.");
}

/// Waits until all of `said` is recalled.
async fn remembers(world: &World, said: &[&str]) {
    let query = "query($text: String!) { recall(bot: \"parrot\", text: $text) { evidence { text } } }";
    let since = Instant::now();
    for text in said {
        loop {
            let answer = world.api.answer(query, json!({ "text": text })).await;
            let evidence = answer["data"]["recall"]["evidence"].as_array();
            if evidence.is_some_and(|found| found.iter().any(|found| found["text"] == *text)) {
                break;
            }
            assert!(since.elapsed() < PATIENCE, "`{text}` is not found again: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_answered_while_a_destroyed_index_is_built_anew() {
    let mut world = World::begin().await;
    let index = world.home.join("data").join("index");
    let mut said =
        vec!["The walrus sings in the cellar.", "Anna repairs violins.", "We sold the old tractor."];
    for text in &said {
        tell(&world, text).await;
    }
    world.indexed().await;

    damage::overwrite(&index);
    remembers(&world, &said).await;
    said.push("A comet passed over the harbour.");
    tell(&world, said[3]).await;
    remembers(&world, &said).await;
    healed(&world).await;

    damage::cut_off(&index);
    remembers(&world, &said).await;
    said.push("The lighthouse has a new keeper.");
    tell(&world, said[4]).await;
    remembers(&world, &said).await;
    healed(&world).await;

    damage::delete(&index);
    said.push("The miller's daughter plays chess.");
    tell(&world, said[5]).await;
    remembers(&world, &said).await;

    world.stop_for(|| damage::overwrite(&index)).await;
    said.push("My grandmother collects stamps.");
    tell(&world, said[6]).await;
    remembers(&world, &said).await;

    world.stop_for(|| damage::delete(&index)).await;
    tell(&world, "Good evening.").await;
    remembers(&world, &said).await;
    world.end().await;
}
