//! `make bench-memory`: how well a memory finds what was said, and what it costs, on conversations that somebody hands
//! in: the real program on its own Postgres, all conversations in one index. Prints tables; judges nothing.
//!
//! - `DATA`: a folder of conversations with questions and the turns that hold the answers
//! - `FACTS`: a folder of facts drawn from them, which then stand beside the messages
//! - `SCENARIO`: a folder of talks that go on from those conversations, for what they cost in tokens
//! - `SCORER`: a program that is called with `--corpus DATA RESULTS` in place of our own scorer

#![expect(clippy::unwrap_used, reason = "a measurement that meets the unexpected shall stop and say where")]
#![expect(clippy::print_stdout, reason = "the report is printed")]
#![expect(clippy::disallowed_methods, reason = "a bench asks for the time itself")]

#[path = "memory/corpus.rs"]
mod corpus;
#[path = "memory/model.rs"]
mod model;
#[path = "memory/place.rs"]
mod place;
#[path = "memory/recall.rs"]
mod recall;
#[path = "memory/scenario.rs"]
mod scenario;
#[path = "memory/score.rs"]
mod score;

use std::path::PathBuf;

use place::Place;

#[tokio::main]
async fn main() {
    let folder = |name: &str| std::env::var(name).ok().filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(data) = folder("DATA") else {
        println!("make bench-memory DATA=folder [FACTS=folder] [SCENARIO=folder] [SCORER=program]");
        return;
    };
    let conversations = corpus::load(&data);
    println!(
        "{} conversations, {} turns, {} questions",
        conversations.len(),
        conversations.iter().map(|conversation| conversation.turns().count()).sum::<usize>(),
        conversations.iter().map(|conversation| conversation.questions.len()).sum::<usize>()
    );
    let model = model::Model::start().await;
    let place = Place::start(model.port).await;
    recall::import(&place, &conversations);
    recall::measure(&place, &conversations, &data, "");
    if let Some(facts) = folder("FACTS") {
        recall::add_facts(&place, &facts).await;
        recall::measure(&place, &conversations, &data, ", facts beside them");
    }
    if let Some(talks) = folder("SCENARIO") {
        scenario::measure(&place, &model, &conversations, &talks).await;
    }
    place.stop().await;
}
