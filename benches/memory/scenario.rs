//! What a talk costs that goes on from a long history: the tokens that the model hears, background work included,
//! against a window of ten exchanges with a summary of 300 tokens; and whether what answers the questions stood in the
//! prompt.

use std::fs;
use std::path::Path;

use botwright::tokens::count;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::corpus::Conversation;
use crate::model::{Model, OVERHEAD, SUMMARY};
use crate::place::Place;

/// The bot that talks.
pub(crate) const BOT: &str = "talker";
/// Exchanges that the baseline shows in full, and after how many it summarises.
const WINDOW: usize = 10;

#[derive(Deserialize)]
struct Said {
    measured: bool,
    text: String,
    reply: String,
    #[serde(default)]
    question_id: Option<String>,
    #[serde(default)]
    evidence: Vec<String>,
}

#[derive(Default)]
struct Sum {
    replies: usize,
    background: usize,
    tools: usize,
    baseline: usize,
    /// Questions, and those all of whose evidence stood in the prompt.
    questions: usize,
    answered: usize,
}

pub(crate) async fn measure(place: &Place, model: &Model, conversations: &[Conversation], folder: &Path) {
    println!("\nthe ten-message scenario: input tokens of messages 11 to 20 of each talk");
    let system = system_tokens(place);
    let mut all = Sum::default();
    for conversation in conversations {
        let path = folder.join(format!("{}.jsonl", conversation.id));
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let said: Vec<Said> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let sum = talk(place, model, conversation, &said).await;
        let sum = Sum { baseline: baseline(&said, system), ..sum };
        line(&conversation.id, &sum);
        all.replies += sum.replies;
        all.background += sum.background;
        all.tools += sum.tools;
        all.baseline += sum.baseline;
        all.questions += sum.questions;
        all.answered += sum.answered;
    }
    line("all", &all);
}

fn line(name: &str, sum: &Sum) {
    let Sum { replies, background, tools, baseline, questions, answered } = sum;
    let ours = replies + background;
    println!(
        "{name:12}{ours:7} (replies {replies}, of them tools {tools}; background {background}) of {baseline:6} = {:5.1} % | \
         evidence of {answered} of {questions} questions in the prompt",
        100.0 * ours as f64 / (*baseline).max(1) as f64
    );
}

/// What the bot's own words take in every prompt.
fn system_tokens(place: &Place) -> usize {
    let shown = place.run(&["context", BOT, "Hello", "--output", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    count(shown["request"]["system"].as_str().unwrap()) + OVERHEAD
}

/// Ten exchanges in full, a summary, the message; one call per ten exchanges that reads them and the old summary.
fn baseline(said: &[Said], system: usize) -> usize {
    let takes = |said: &Said| count(&said.text) + count(&said.reply) + 2 * OVERHEAD;
    let mut sum = 0;
    for (place, message) in said.iter().enumerate().filter(|(_, said)| said.measured) {
        let shown = &said[place.saturating_sub(WINDOW)..place];
        sum += system + SUMMARY + shown.iter().map(takes).sum::<usize>() + count(&message.text) + OVERHEAD;
        if (place + 1).is_multiple_of(WINDOW) {
            let read = &said[place + 1 - WINDOW..=place];
            sum += SUMMARY + read.iter().map(takes).sum::<usize>();
        }
    }
    sum
}

async fn talk(place: &Place, model: &Model, conversation: &Conversation, said: &[Said]) -> Sum {
    let name = format!("talk-{}", conversation.id);
    let history = place.file(&format!("{}.jsonl", conversation.id));
    fs::write(&history, conversation.lines()).unwrap();
    let imported = place.run(&[
        "import",
        "--bot",
        BOT,
        "--conversation",
        &name,
        "--person",
        &name,
        "--output",
        "json",
        &history,
    ]);
    let imported: Value = serde_json::from_str(&imported).unwrap();
    let id = imported["conversation"].as_str().unwrap();
    let token = place.run(&["token", "create", "--scopes", "chat,read", "--person", &name]);
    place.idle().await;
    let mut sum = Sum::default();
    for (number, message) in said.iter().enumerate() {
        model.will_say(&message.reply, &message.text);
        say(place, token.trim(), id, &message.text, &format!("{name}-{number}")).await;
        place.idle().await;
        let heard = model.take_heard();
        if !message.measured {
            continue;
        }
        for heard in &heard {
            *(if heard.is_reply { &mut sum.replies } else { &mut sum.background }) += heard.tokens;
            sum.tools += if heard.is_reply { heard.tools } else { 0 };
        }
        if message.question_id.is_some() {
            let prompts = heard.iter().filter(|heard| heard.is_reply);
            let prompt: String = prompts.map(|heard| heard.text.as_str()).collect();
            let is_there = |id: &String| {
                let turn = conversation.turns().find(|turn| turn.id == *id);
                turn.is_some_and(|turn| prompt.contains(&turn.text.replace('\n', " ")))
            };
            sum.questions += 1;
            sum.answered += usize::from(message.evidence.iter().all(is_there));
        }
    }
    sum
}

/// Says something and waits for the answer.
async fn say(place: &Place, token: &str, conversation: &str, text: &str, key: &str) {
    let query = "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
        turn { id } userErrors { ... on UserError { message } } } }";
    let input = json!({ "idempotencyKey": key, "conversationId": conversation, "text": text });
    let sent = place.ask(token, query, json!({ "input": input })).await;
    assert_eq!(sent["sendMessage"]["userErrors"], json!([]), "{sent}");
    let turn = sent["sendMessage"]["turn"]["id"].clone();
    let query = "query($id: ID!) { turn(id: $id) { state } }";
    for _ in 0..3_000 {
        let found = place.ask(token, query, json!({ "id": turn })).await;
        match found["turn"]["state"].as_str() {
            Some("COMPLETED") => return,
            Some("FAILED" | "CANCELLED") => panic!("a turn ended badly: see {}", place.file("log")),
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    panic!("no answer came: see {}", place.file("log"));
}
