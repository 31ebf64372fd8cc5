//! A server whose index is destroyed, under it or while it is away: people are answered all the while, and soon
//! everything can be remembered again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::world::World;

/// Nothing in the background takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Overwrites whatever is there; a file that goes meanwhile is gone anyway.
fn scribble(index: &Path) {
    for file in files(index) {
        let length = fs::metadata(&file).map_or(0, |file| file.len());
        if let Ok(mut file) = fs::File::options().write(true).open(&file) {
            std::io::Write::write_all(&mut file, &vec![7; usize::try_from(length).unwrap()]).unwrap();
        }
    }
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

    scribble(&index);
    said.push("A comet passed over the harbour.");
    tell(&world, said[3]).await;
    remembers(&world, &said).await;

    fs::remove_dir_all(&index).unwrap();
    said.push("The lighthouse has a new keeper.");
    tell(&world, said[4]).await;
    remembers(&world, &said).await;

    world.stop_for(|| scribble(&index)).await;
    said.push("My grandmother collects stamps.");
    tell(&world, said[5]).await;
    remembers(&world, &said).await;

    world.stop_for(|| fs::remove_dir_all(&index).unwrap()).await;
    tell(&world, "Good evening.").await;
    remembers(&world, &said).await;
    world.end().await;
}
