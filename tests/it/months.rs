//! A memory over months, through the front door: what is corrected, taken back and said twice, what days, weeks and
//! months become, and how far back a session hears. The clock is moved; everything else is the real server.

use std::time::{Duration, Instant};

use botwright::clock::ManualClock;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::world::{Bots, Plan, World};

/// Nothing in the background takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";

struct Story {
    world: World,
    clock: std::sync::Arc<ManualClock>,
}

impl Story {
    async fn begin(memory: &str) -> Self {
        let clock = ManualClock::at("2026-03-01T09:00:00Z".parse().unwrap());
        let bots = Bots::Written(vec![("parrot".into(), format!("{BOT}memory: {memory}\n"))]);
        let world = World::with(Plan { bots, clock: Some(clock.clone()), ..Plan::default() }).await;
        Self { world, clock }
    }

    fn pass(&self, days: i64) {
        self.clock.advance(TimeDelta::days(days));
    }

    /// Says something; the memory's model answers `kept` when it is asked what to keep of it.
    async fn tell(&self, text: &str, reply: &str, kept: Option<Value>) {
        self.world.model_will_say(reply);
        if let Some(kept) = &kept {
            self.world.model_will_say(&kept.to_string());
        }
        assert_eq!(self.world.say("parrot", text).await, reply);
        self.world.idle().await;
        self.world.indexed().await;
    }

    /// The prompt of the newest reply.
    fn prompt(&self) -> String {
        let heard = self.world.model_heard();
        let reply = heard.iter().rev().find(|request| request.system.starts_with("You are Parrot")).unwrap();
        format!("{}\n{:?}", reply.system, reply.messages)
    }

    async fn conversation(&self, fields: &str) -> Value {
        let query = format!("{{ conversations(first: 1) {{ nodes {{ {fields} }} }} }}");
        self.world.api.ask(&query, json!({})).await["conversations"]["nodes"][0].take()
    }

    /// What is known, the newest first.
    async fn facts(&self, state: &str) -> Vec<String> {
        let id = self.conversation("id").await["id"].take();
        let query =
            "query($id: ID!, $state: FactState) { facts(conversationId: $id, first: 20, state: $state) {
            nodes { text } } }";
        let found = self.world.api.ask(query, json!({ "id": id, "state": state })).await;
        let facts = found["facts"]["nodes"].as_array().unwrap();
        facts.iter().map(|fact| fact["text"].as_str().unwrap().to_owned()).collect()
    }

    /// The summaries of a kind, the newest first.
    async fn summaries(&self, kind: &str) -> Vec<String> {
        let found = self.conversation("summaries { kind text }").await;
        let all = found["summaries"].as_array().unwrap();
        let told = all.iter().filter(|summary| summary["kind"] == kind);
        told.map(|summary| summary["text"].as_str().unwrap().to_owned()).collect()
    }

    async fn run(&self, command: &str) -> String {
        let id = self.conversation("id").await["id"].take();
        let query = "mutation($input: RunCommandInput!) { runCommand(input: $input) {
            answer { text } userErrors { ... on UserError { message } } } }";
        let input = json!({ "input": { "conversationId": id, "text": command } });
        let ran = self.world.api.ask(query, input).await["runCommand"].take();
        assert_eq!(ran["userErrors"], json!([]));
        ran["answer"]["text"].as_str().unwrap().to_owned()
    }
}

fn fact(text: &str) -> Value {
    json!({ "text": text, "about": "the operator", "importance": 6, "messages": [1] })
}

const TWELFTH: &str = "The operator sees the dentist on 12 April 2026.";
const FOURTEENTH: &str = "The operator sees the dentist on 14 April 2026.";
const ACCORDION: &str = "The operator plays the accordion.";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_follows_what_people_say_over_months() {
    let story = Story::begin("{model: scripted, summarize: {everyTurns: 1}}").await;
    let kept = json!({ "summary": "A dentist in April.", "facts": [fact(TWELFTH)] });
    story.tell("My dentist sees me on the 12th of April.", "Noted.", Some(kept)).await;
    assert_eq!(story.facts("ACTIVE").await, [TWELFTH]);

    // Corrected: the new one stands in its place, the old one is kept and shown nowhere.
    story.pass(2);
    let correction = json!({ "fact": 1, "text": FOURTEENTH, "messages": [1] });
    let kept = json!({ "summary": "A dentist in April.", "corrections": [correction] });
    story.tell("No, the dentist moved me to the 14th.", "The 14th, then.", Some(kept)).await;
    assert_eq!(story.facts("ACTIVE").await, [FOURTEENTH]);
    assert_eq!(story.facts("SUPERSEDED").await, [TWELFTH]);

    // Said twice, known once.
    story.pass(1);
    let kept = json!({ "summary": "A dentist in April.", "facts": [fact(FOURTEENTH)] });
    story.tell("So the dentist sees me on the 14th of April.", "Yes.", Some(kept)).await;
    assert_eq!(story.facts("ACTIVE").await, [FOURTEENTH]);

    story.pass(20);
    let kept = json!({ "summary": "A dentist in April, an accordion.", "facts": [fact(ACCORDION)] });
    story.tell("I have taken up the accordion.", "Lovely.", Some(kept)).await;
    assert_eq!(story.facts("ACTIVE").await, [ACCORDION, FOURTEENTH]);

    // Two months later it is found with its day, and the report says what was found and what was left out.
    story.pass(60);
    let kept = json!({ "summary": "They spoke of the dentist again." });
    story.tell("What did I say about the dentist?", "The 14th of April.", Some(kept)).await;
    let prompt = story.prompt();
    assert!(prompt.contains(FOURTEENTH) && !prompt.contains(TWELFTH), "{prompt}");
    assert!(prompt.contains("[2026-03-03]\n") && prompt.contains("moved me to the 14th"), "{prompt}");
    let query = "messages(last: 1) { nodes { turn { context { total recallComplete sections { name items {
        kind included tokens reason score message { text } } } } } } }";
    let report = story.conversation(query).await["messages"]["nodes"][0]["turn"]["context"].take();
    assert_eq!(report["recallComplete"], true);
    let sections = report["sections"].as_array().unwrap();
    let recalled = sections.iter().find(|section| section["name"] == "recalled").unwrap();
    let items = recalled["items"].as_array().unwrap();
    let moved = items.iter().find(|item| item["message"]["text"] == "No, the dentist moved me to the 14th.");
    let moved = moved.unwrap();
    assert!(moved["included"] == true && moved["score"].as_f64().unwrap() > 0.0, "{moved}");
    assert!(moved["tokens"].as_u64().unwrap() > 5, "{moved}");

    // Taken back: it is in no prompt any more.
    story.pass(30);
    let retraction = json!({ "fact": 1, "messages": [1] });
    let kept = json!({ "summary": "They spoke of the dentist.", "retractions": [retraction] });
    story.tell("Forget what you know of my accordion: it is sold.", "Gone.", Some(kept)).await;
    assert_eq!(story.facts("ACTIVE").await, [FOURTEENTH]);
    story.pass(1);
    story
        .tell("How is the weather?", "Fine.", Some(json!({ "summary": "They spoke of the weather." })))
        .await;
    assert!(!story.prompt().contains(ACCORDION));
    let shown = story.run("/memory").await;
    assert!(shown.contains(FOURTEENTH) && !shown.contains(TWELFTH) && !shown.contains(ACCORDION), "{shown}");
    story.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_become_weeks_and_months_and_downtime_is_made_up_for() {
    let memory = "{summarize: {everyTurns: 1000}, digest: {cron: \"0 4 * * *\", timezone: Europe/Kyiv}}";
    let mut story = Story::begin(memory).await;
    story.pass(13);
    for (text, days) in [
        ("We painted the fence green.", 1),
        ("The neighbour's goat ate the paint.", 7),
        ("We baked a honey cake.", 0),
    ] {
        story.tell(text, "I see.", None).await;
        story.pass(days);
    }
    // Nobody runs for twelve days, until April.
    story.world.stop_for(|| story.clock.advance(TimeDelta::days(12))).await;
    let since = Instant::now();
    while story.summaries("MONTH").await.is_empty() {
        assert!(since.elapsed() < PATIENCE, "{:?}", story.conversation("summaries { kind text }").await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    story.world.idle().await;
    story.world.indexed().await;
    let days = story.summaries("DAY").await;
    let tells = |text: &str, words: &str| text.contains(words);
    assert_eq!(days.len(), 3, "{days:?}");
    assert!(tells(&days[0], "honey cake") && tells(&days[2], "fence"), "{days:?}");
    assert_eq!(story.summaries("WEEK").await.len(), 2, "the first two days were one weekend");
    let months = story.summaries("MONTH").await;
    assert!(months.len() == 1 && tells(&months[0], "fence") && tells(&months[0], "goat"), "{months:?}");

    // What the window does not hold is found with its day.
    story.tell("When did we paint the fence?", "On 14 March 2026.", None).await;
    assert!(story.prompt().contains("[2026-03-14]\n"), "{}", story.prompt());
    story.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_hears_as_far_back_as_somebody_chose() {
    let story = Story::begin("{summarize: {everyTurns: 1000}, recall: {budget: 0}}").await;
    for number in 1..=4 {
        story.tell(&format!("This is tale number {number}."), "I see.", None).await;
    }
    let heard = async |command: &str| {
        let answered = story.run(command).await;
        story.tell("And now?", "Yes.", None).await;
        (story.prompt().contains("tale number 1"), answered)
    };
    story.clock.advance(TimeDelta::hours(4));
    assert!(heard("/session medium").await.0, "six hours");
    assert!(!heard("/session short").await.0, "three hours");
    story.clock.advance(TimeDelta::hours(4));
    assert!(!heard("/session medium").await.0, "the tale is eight hours old");
    assert!(heard("/session long").await.0, "twelve hours");
    assert!(!heard("/clear").await.0, "a fresh start");
    story.world.end().await;
}
