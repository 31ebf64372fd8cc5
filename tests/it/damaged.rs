//! A server whose index is destroyed, under it or while it is away: people are answered all the while, and soon
//! everything can be remembered again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use botwright::search::Index;
use serde_json::json;

use crate::harness::world::World;

/// Nothing in the background takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Opens whatever is there and does something to it; a file that goes meanwhile is gone anyway.
fn to_each_file(index: &Path, damage: impl Fn(&mut fs::File, u64)) {
    for path in files(index) {
        if let Ok(mut file) = fs::File::options().write(true).open(&path) {
            let length = file.metadata().map_or(0, |file| file.len());
            damage(&mut file, length);
        }
    }
}

fn scribble(index: &Path) {
    to_each_file(index, |file, length| {
        std::io::Write::write_all(file, &vec![7; usize::try_from(length).unwrap()]).unwrap();
    });
}

/// Under those who have it open.
fn cut_off(index: &Path) {
    to_each_file(index, |file, length| file.set_len(length / 2).unwrap());
}

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

    scribble(&index);
    remembers(&world, &said).await;
    said.push("A comet passed over the harbour.");
    tell(&world, said[3]).await;
    remembers(&world, &said).await;
    healed(&world).await;

    cut_off(&index);
    remembers(&world, &said).await;
    said.push("The lighthouse has a new keeper.");
    tell(&world, said[4]).await;
    remembers(&world, &said).await;
    healed(&world).await;

    fs::remove_dir_all(&index).unwrap();
    said.push("The miller's daughter plays chess.");
    tell(&world, said[5]).await;
    remembers(&world, &said).await;

    world.stop_for(|| scribble(&index)).await;
    said.push("My grandmother collects stamps.");
    tell(&world, said[6]).await;
    remembers(&world, &said).await;

    world.stop_for(|| fs::remove_dir_all(&index).unwrap()).await;
    tell(&world, "Good evening.").await;
    remembers(&world, &said).await;
    world.end().await;
}
