//! Importing conversations and asking a memory about them, by the commands that people have.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use botwright::clock::{Clock, SystemClock};
use botwright::id::{AccountId, ConversationId, FactId, MessageId};
use botwright::store::{Fact, FactAuthor, FactState, Store};
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::corpus::Conversation;
use crate::place::Place;
use crate::score::{self, Item};

/// The bot whose memory is asked.
pub(crate) const BOT: &str = "bench";
/// What is asked for, in tokens: enough for every column of the table, and as much as a prompt takes.
const DEEP: u32 = 3_000;
const PROMPT: u32 = 1_000;

pub(crate) fn import(place: &Place, conversations: &[Conversation]) {
    for conversation in conversations {
        let id = &conversation.id;
        let file = place.file(&format!("{id}.jsonl"));
        fs::write(&file, conversation.lines()).unwrap();
        place.run(&["import", "--bot", BOT, "--conversation", id, &file]);
    }
}

/// Asks every question, twice, and prints what came of it.
pub(crate) fn measure(place: &Place, conversations: &[Conversation], data: &Path, beside: &str) {
    let (deep, mut times, _) = ask(place, conversations, DEEP);
    let (brought, _, tokens) = ask(place, conversations, PROMPT);
    println!("\nrecall, all conversations in one index{beside}");
    match std::env::var("SCORER").ok().filter(|scorer| !scorer.is_empty()) {
        Some(scorer) => call(&scorer, place, data, &deep),
        None => score::print(conversations, &deep),
    }
    println!(
        "evidence in the {PROMPT} tokens that a prompt would give it: {:.1} %, of {tokens:.0} tokens taken",
        100.0 * score::share(conversations, &brought)
    );
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    println!("a question takes {:.1} ms (p50), {:.1} ms (p95)", at(50).unwrap(), at(95).unwrap());
}

type Brought = HashMap<(String, String), Vec<Item>>;

/// What comes to each question within `budget` tokens; how long each took, and the mean of the tokens taken.
fn ask(place: &Place, conversations: &[Conversation], budget: u32) -> (Brought, Vec<f64>, f64) {
    let (mut brought, mut times, mut tokens) = (HashMap::new(), Vec::new(), Vec::new());
    for conversation in conversations {
        let line = |question: &crate::corpus::Question| {
            format!("{}\n", json!({ "id": question.id, "question": question.question }))
        };
        let (questions, answers) = (place.file("questions.jsonl"), place.file("answers.jsonl"));
        fs::write(&questions, conversation.questions.iter().map(line).collect::<String>()).unwrap();
        let (budget, id) = (budget.to_string(), &conversation.id);
        place.run(&[
            "recall",
            "--bot",
            BOT,
            "--conversation",
            id,
            "--budget",
            &budget,
            "--questions",
            &questions,
            "--out",
            &answers,
        ]);
        for line in fs::read_to_string(&answers).unwrap().lines() {
            let answer: Value = serde_json::from_str(line).unwrap();
            let items = answer["ranked"].as_array().unwrap().iter().map(item).collect();
            brought.insert((id.clone(), answer["id"].as_str().unwrap().to_owned()), items);
            times.push(answer["ms"].as_f64().unwrap());
            tokens.push(answer["tokens"].as_f64().unwrap());
        }
    }
    let mean = tokens.iter().sum::<f64>() / tokens.len().max(1) as f64;
    (brought, times, mean)
}

fn item(ranked: &Value) -> Item {
    if let Some(id) = ranked.as_str() {
        return Item { ids: vec![id.to_owned()], tokens: None };
    }
    let ids = ranked["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    let tokens = ranked["tokens"].as_u64().unwrap();
    Item { ids, tokens: Some(usize::try_from(tokens).unwrap()) }
}

/// Lets another scorer print.
fn call(scorer: &str, place: &Place, data: &Path, brought: &Brought) {
    let line = |((conversation, question), items): (&(String, String), &Vec<Item>)| {
        let ranked: Vec<Value> = items
            .iter()
            .map(|item| match item.tokens {
                None => json!(item.ids[0]),
                Some(tokens) => json!({ "ids": item.ids, "tokens": tokens }),
            })
            .collect();
        format!("{}\n", json!({ "conversation": conversation, "question_id": question, "ranked": ranked }))
    };
    let results = place.file("results.jsonl");
    fs::write(&results, brought.iter().map(line).collect::<String>()).unwrap();
    let done = Command::new(scorer).arg("--corpus").arg(data).arg(&results).status().unwrap();
    assert!(done.success(), "{scorer} ended with {done}");
}

#[derive(Deserialize)]
struct Drawn {
    id: String,
    facts: Vec<DrawnFact>,
}

#[derive(Deserialize)]
struct DrawnFact {
    speaker: String,
    text: String,
    /// The turns that it was drawn from.
    ids: Vec<String>,
}

#[derive(QueryableByName)]
struct Source {
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    bot_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    person_id: Option<Uuid>,
    #[diesel(sql_type = SqlUuid)]
    message_id: Uuid,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Timestamptz)]
    sent_at: chrono::DateTime<chrono::Utc>,
}

/// Writes the facts of every `.json` file of the folder beside the messages that they were drawn from.
pub(crate) async fn add_facts(place: &Place, folder: &Path) {
    let store = Store::connect(&place.database(), 2).await.unwrap();
    let mut db = AsyncPgConnection::establish(&place.database()).await.unwrap();
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let Drawn { id, facts } = serde_json::from_str(&text).unwrap();
        let sources = sources(place, &mut db, &id).await;
        for fact in facts {
            let from: Vec<&Source> =
                fact.ids.iter().filter_map(|id| sources.get(&format!("id:{id}"))).collect();
            count += usize::from(add(&store, &fact, &from).await);
        }
    }
    println!("\n{count} facts added");
}

async fn sources(place: &Place, db: &mut AsyncPgConnection, conversation: &str) -> HashMap<String, Source> {
    place.confine(db).await;
    let found: Vec<Source> = sql_query(
        "select i.account_id, c.bot_id, i.conversation_id, c.person_id, i.message_id, i.external_id, m.sent_at
         from conversations c
         join imports i on (i.account_id, i.conversation_id) = (c.account_id, c.id)
         join messages m on (m.account_id, m.id) = (i.account_id, i.message_id)
         join bots b on (b.account_id, b.id) = (c.account_id, c.bot_id)
         where c.channel = 'import' and c.key = $1 and b.name = $2",
    )
    .bind::<Text, _>(conversation)
    .bind::<Text, _>(BOT)
    .load(db)
    .await
    .unwrap();
    db.batch_execute("commit").await.unwrap();
    found.into_iter().map(|source| (source.external_id.clone(), source)).collect()
}

/// Adds one, unless none of its turns is known.
async fn add(store: &Store, drawn: &DrawnFact, from: &[&Source]) -> bool {
    let Some(first) = from.first() else { return false };
    let now = SystemClock.now();
    let fact = Fact {
        account_id: AccountId(first.account_id),
        id: FactId::new(),
        bot_id: first.bot_id.into(),
        conversation_id: ConversationId(first.conversation_id),
        person_id: first.person_id.map(Into::into),
        about: drawn.speaker.clone(),
        text: drawn.text.clone(),
        importance: 5,
        state: FactState::Active,
        superseded_by: None,
        version: 1,
        said_at: from.iter().map(|source| source.sent_at).max().unwrap_or(now),
        use_count: 0,
        last_used_at: None,
        last_used_in: None,
        last_used_ordinal: None,
        created_at: now,
        updated_at: now,
    };
    let messages: Vec<MessageId> = from.iter().map(|source| MessageId(source.message_id)).collect();
    let mut tx = store.tenant(fact.account_id).await.unwrap();
    Fact::insert(&mut tx, &fact, &messages, FactAuthor::Import).await.unwrap();
    tx.commit().await.unwrap();
    true
}
