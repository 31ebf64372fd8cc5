//! Messages that are too long to be read at once: they are kept whole, read by passages, found later, and nobody is
//! left in the dark about it.

use botwright::accounts::Actor;
use botwright::chat::{Channels, Destination, Inbound, Past, Target, Whose};
use botwright::id::MessageId;
use botwright::providers::scripted::Line;
use botwright::store::{Document, Message, Passage};
use botwright::tokens;
use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use crate::harness::cluster::Database;
use crate::harness::talk::Talk;
use crate::harness::world::{Bots, Plan, World};

const BUDGET: usize = 4_000;
const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\n\
                   model: {use: scripted, contextBudget: 4000}\nmemory: {recall: {when: both}}\n";

/// A lease of about so many bytes, in which one clause is about bees and another about chimneys.
fn lease(bytes: usize) -> String {
    let mut text = String::from("# Lease of the mill\n");
    let mut number = 0;
    while text.len() < bytes {
        number += 1;
        text.push_str(&format!("\n## Clause {number}\n\n"));
        text.push_str(match number {
            70 => "Behind the barn the tenant may keep nine hives of bees, and no more.\n",
            130 => "A sweep shall clean the chimney every October, and the owner pays for it.\n",
            _ => "The parties agree that what is due shall be paid in time and in full, as is customary.\n",
        });
        text.push_str(&"Nothing in this clause takes away what the law gives to either of them. ".repeat(6));
        text.push('\n');
    }
    text
}

async fn world() -> World {
    let bots = Bots::Written(vec![("parrot".into(), BOT.into())]);
    World::with(Plan { bots, ..Plan::default() }).await
}

/// What the model was asked last, and what of it takes tokens.
fn heard(world: &World) -> (String, usize) {
    let request = world.model_heard().last().unwrap().clone();
    let texts = request.messages.iter().flat_map(|message| &message.parts).map(|part| match part {
        botwright::dialog::Part::Text(text) => text.clone(),
        other => format!("{other:?}"),
    });
    let all = texts.fold(request.system.clone(), |all, text| all + "\n" + &text);
    let tools: usize = request.tools.iter().map(|tool| tokens::count(&tool.parameters.to_string())).sum();
    let sum = tokens::count(&all) + tools;
    (all, sum)
}

const TALK: &str = "{ conversations(first: 1) { nodes { messages(last: 20) { nodes {
    text role document { title passages tokens }
    turn { context { budget total sections { name items {
        kind included reason message { document { title } } } } } } } } } } }";

/// The messages of the newest conversation.
async fn messages(world: &World) -> Vec<Value> {
    let found = world.api.ask(TALK, json!({})).await;
    found["conversations"]["nodes"][0]["messages"]["nodes"].as_array().unwrap().clone()
}

fn items(message: &Value, kind: &str) -> Vec<Value> {
    let sections = message["turn"]["context"]["sections"].as_array().unwrap();
    let items = sections.iter().flat_map(|section| section["items"].as_array().unwrap());
    items.filter(|item| item["kind"] == kind && item["included"] == true).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_two_hundred_kilobytes_is_answered_within_a_small_budget() {
    let world = world().await;
    let text = format!("How many hives may the tenant keep?\n\n{}", lease(200_000));
    world.model_will_say("Nine hives.");
    let reply = world.say("parrot", &text).await;
    assert!(reply.starts_with("(What you sent is too long for me to read at once."), "{reply}");
    assert!(reply.ends_with("\n\nNine hives."), "{reply}");
    let (prompt, sum) = heard(&world);
    assert!(prompt.contains("nine hives of bees") && prompt.contains("number=\""), "{prompt}");
    assert!(prompt.contains("\nHow many hives may the tenant keep?"), "the beginning stands in it");
    assert!(sum < BUDGET && sum > BUDGET / 5, "{sum}");

    let said = messages(&world).await;
    assert_eq!(said[0]["text"], json!(text), "nothing of it is lost");
    let document = &said[0]["document"];
    assert_eq!(document["title"], "How many hives may the tenant keep?");
    assert!(document["passages"].as_i64().unwrap() > 100, "{document}");
    assert!(document["tokens"].as_i64().unwrap() > 30_000, "{document}");
    let context = &said[0]["turn"]["context"];
    assert!(context["total"].as_i64() <= context["budget"].as_i64());
    assert!(items(&said[0], "passage")[0]["reason"].as_str().unwrap().starts_with("passage "));
    assert_eq!(items(&said[0], "document")[0]["message"]["document"]["title"], document["title"]);

    // Later turns hear it in short, and what they ask for by recall.
    world.api.finds("PASSAGE", "chimney sweep October").await;
    world.model_will_say("Every October.");
    assert_eq!(world.say("parrot", "Who pays for cleaning the chimney, and when?").await, "Every October.");
    let (prompt, sum) = heard(&world);
    assert!(prompt.contains("A sweep shall clean the chimney") && prompt.contains("It became the document"));
    assert!(sum < 2_500, "{sum}");
    let said = messages(&world).await;
    assert!(!items(&said[2], "passage").is_empty());

    // So does the model when it looks for itself, and whoever searches.
    world.model_will(Line::call("memory_search", json!({ "query": "bees behind the barn" })));
    world.model_will_say("I looked it up.");
    assert_eq!(world.say("parrot", "Look it up once more, please.").await, "I looked it up.");
    assert!(heard(&world).0.contains("<passage of="), "{}", heard(&world).0);
    assert!(heard(&world).0.contains("nine hives of bees"));
    let search = "{ search(text: \"chimney sweep October\", first: 5) { nodes { kind text message { document { title } } } } }";
    let found = world.api.ask(search, json!({})).await["search"]["nodes"].take();
    assert_eq!(found[0]["kind"], "PASSAGE", "{found}");
    assert_eq!(found[0]["message"]["document"]["title"], document["title"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_languages_are_read_by_passages_too() {
    let world = world().await;
    let filler =
        "Сторони домовилися, що все належне буде сплачено вчасно й повністю, як заведено. ".repeat(500);
    let clause = "Орендареві дозволено тримати за стодолою дев'ять вуликів.";
    let text = format!("Скільки вуликів може тримати орендар?\n\n{filler}\n\n{clause}\n\n{filler}");
    world.model_will_say("Дев'ять.");
    let reply = world.say("parrot", &text).await;
    assert!(reply.starts_with("(Надіслане задовге"), "{reply}");
    let (prompt, sum) = heard(&world);
    assert!(prompt.contains(clause) && sum < BUDGET, "{sum}: {prompt}");

    let filler = "双方同意按照惯例及时足额支付所有到期款项。".repeat(900);
    let clause = "房客可以在谷仓后面养九箱蜜蜂。";
    let text = format!("{filler}{clause}{filler}\n房客可以养多少蜜蜂？");
    world.model_will_say("九箱。");
    let reply = world.say("parrot", &text).await;
    assert!(reply.ends_with("九箱。") && reply.len() > 100, "{reply}");
    let (prompt, sum) = heard(&world);
    assert!(prompt.contains(clause) && sum < BUDGET, "{sum}: {prompt}");
    world.api.finds("PASSAGE", "谷仓").await;
    world.model_will_say("蜜蜂。");
    world.say("parrot", "谷仓后面养什么？").await;
    let (prompt, _) = heard(&world);
    assert!(prompt.contains(clause), "{prompt}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_line_of_a_megabyte_is_taken_and_answered() {
    let world = world().await;
    let filler = "lorem ipsum dolor sit amet consectetur adipiscing elit ";
    let mut text = String::from("Where is the platypus? ");
    text.push_str(&filler.repeat(9_000));
    text.push_str("amen. The platypus sleeps under the old bridge. ");
    while text.len() < 999_900 {
        text.push_str(filler);
    }
    text.truncate(999_999);
    assert!(!text.contains('\n'));
    world.model_will_say("Under the bridge.");
    let reply = world.say("parrot", &text).await;
    assert!(reply.ends_with("\n\nUnder the bridge."), "{reply}");
    let (prompt, sum) = heard(&world);
    assert!(prompt.contains("The platypus sleeps under the old bridge.") && sum < BUDGET, "{sum}");
    let send = "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
        userErrors { ... on UserError { code message } } } }";
    let input = json!({ "idempotencyKey": "2", "bot": "parrot", "text": "x".repeat(1_000_001) });
    let refused = world.api.ask(send, json!({ "input": input })).await["sendMessage"].take();
    let message = refused["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("1000 kB is the most"), "{message}");
    world.end().await;
}

async fn talk(database: &Database) -> Talk {
    Talk::with(database, Channels::new(), Vec::new(), BOT).await
}

async fn say(talk: &Talk, actor: &Actor, text: &str) -> MessageId {
    talk.model_will([Line::say("I see.")]);
    let inbound = Inbound {
        target: Target::Bot("parrot".into()),
        text: text.into(),
        idempotency_key: None,
        channel: "graphql",
        wishes: None,
        uploads: Vec::new(),
    };
    let accepted = talk.chat.send(actor, inbound).await.unwrap();
    let end = talk.chat.turn_events(actor, accepted.turn.id, 0).await.unwrap();
    let updates: Vec<_> = futures_util::StreamExt::collect(end).await;
    assert!(updates.last().unwrap().as_ref().unwrap().what.is_terminal());
    accepted.message.id
}

/// What a message became.
async fn document(talk: &Talk, message: MessageId) -> Option<(Document, Vec<Passage>)> {
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    let found = Document::list_of_messages(&mut tx, &[message]).await.unwrap().pop()?;
    let passages = Document::list_passages(&mut tx, found.id).await.unwrap();
    tx.commit().await.unwrap();
    Some((found, passages))
}

async fn version(talk: &Talk, message: MessageId) -> i32 {
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    let found = Message::find(&mut tx, message).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    found.version
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_and_a_rebuild_leave_what_the_message_says_now() {
    let database = Database::new();
    let talk = talk(&database).await;
    let (short, long) = ("A short word about bees.", lease(40_000));
    let message = say(&talk, &talk.actor, short).await;
    assert!(document(&talk, message).await.is_none());
    talk.chat.edit(&talk.actor, message, &long, 1).await.unwrap();
    let (first, passages) = document(&talk, message).await.unwrap();
    assert_eq!((first.title.as_str(), first.passages as usize), ("Lease of the mill", passages.len()));
    assert!(passages.iter().any(|passage| passage.text.contains("nine hives")));
    assert!(passages[3].heading.starts_with("Lease of the mill › Clause"), "{}", passages[3].heading);

    // Nothing changed, so nothing is made anew; what is lost is.
    let bot = first.bot_id;
    talk.chat.rebuild_memory(&talk.actor, bot).await.unwrap();
    assert_eq!(document(&talk, message).await.unwrap(), (first, passages.clone()));
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    Document::delete_of(&mut tx, message).await.unwrap();
    tx.commit().await.unwrap();
    talk.chat.rebuild_memory(&talk.actor, bot).await.unwrap();
    let (_, again) = document(&talk, message).await.unwrap();
    let texts = |some: &[Passage]| some.iter().map(Passage::whole).collect::<Vec<_>>();
    assert_eq!(texts(&again), texts(&passages));

    let version = version(&talk, message).await;
    talk.chat.edit(&talk.actor, message, short, version).await.unwrap();
    assert!(document(&talk, message).await.is_none());
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_brought_along_becomes_documents_too() {
    let database = Database::new();
    let talk = talk(&database).await;
    let past = |minute: i64, text: String| Past {
        id: Some(minute.to_string()),
        at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
        by_bot: false,
        speaker: None,
        text,
        twin: 0,
    };
    let all = [past(1, "Hello there.".into()), past(2, lease(60_000)), past(3, "That was it.".into())];
    let into = (&Destination::Own, &Whose::Told);
    let imported = talk.chat.import(&talk.actor, "parrot", into, &all, &[], |_| {}).await.unwrap();
    assert_eq!(imported.added, 3);
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    let rows = Message::list_oldest(&mut tx, imported.conversation, 1, 9, 9).await.unwrap();
    tx.commit().await.unwrap();
    assert!(document(&talk, rows[0].id).await.is_none() && document(&talk, rows[2].id).await.is_none());
    let (made, passages) = document(&talk, rows[1].id).await.unwrap();
    assert_eq!((made.sent_at, made.person_id), (rows[1].sent_at, Some(talk.actor.person)));
    assert!(passages.len() > 30);
    // What is handed over is the whole message.
    let lines = talk.chat.export_own(&talk.actor, imported.conversation).await.unwrap();
    let line: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!(line["text"], json!(all[1].text));
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_messages_that_do_not_fit_together_are_both_read() {
    let database = Database::new();
    let talk = talk(&database).await;
    let part = |what: &str| format!("{what} {}", "and so the story goes on for long. ".repeat(250));
    // Each fits alone; the first answer is slow to come, so the second message joins it.
    talk.model_will([Line { first_ms: 1_500, ..Line::say("Which of them?") }, Line::say("Both.")]);
    let first = talk.say(&part("The fox lives in Lviv.")).await;
    let second = talk.say(&part("The wolf lives in Kyiv.")).await;
    assert_eq!(first.turn.id, second.turn.id);
    let updates = talk.follow(first.turn.id).await;
    assert!(Talk::shown(&updates).starts_with("(What you sent is too long"), "{updates:?}");
    let heard = talk.providers.scripted().heard().last().unwrap().clone();
    let prompt = format!("{:?}", heard.messages);
    assert!(prompt.contains("The fox lives in Lviv.") && prompt.contains("The wolf lives in Kyiv."));
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_reads_by_passages_and_keeps_nothing() {
    let database = Database::new();
    let talk = talk(&database).await;
    let text = format!("{}\n\nHow many hives may there be?", lease(60_000));
    let preview = talk.chat.preview(&talk.actor, "parrot", &text, "graphql").await.unwrap();
    assert!(preview.request.system.contains("nine hives of bees"), "{}", preview.request.system);
    assert_eq!(preview.request.question, "How many hives may there be?");
    let documents = preview.report.sections.iter().find(|section| section.name == "documents").unwrap();
    assert!(documents.tokens > 100 && preview.report.total <= preview.report.budget, "{documents:?}");
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    assert!(Message::list_backwards(&mut tx, None, 10).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    talk.end().await;
}
