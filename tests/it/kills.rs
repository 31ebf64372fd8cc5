//! Killing the real server at random instants under load: whatever was accepted is answered, once, in order.
//!
//! `make test` kills ten times, `make soak` two hundred.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use botwright::id::ConversationId;
use botwright::store::{Conversation, Message, MessageRole, Turn, TurnEvent, TurnEventKind, TurnState};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::cluster::Database;
use crate::harness::scratch::Scratch;
use crate::harness::talk::Talk;

/// Conversations at once.
const CONVERSATIONS: usize = 20;

/// A server process of its own, on a port that stays its own over restarts.
struct Server {
    port: u16,
    home: PathBuf,
    url: String,
    child: Option<Child>,
}

impl Server {
    fn new(database: &Database, home: PathBuf) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, home, url: database.url().to_owned(), child: None }
    }

    fn start(&mut self) {
        std::fs::create_dir_all(&self.home).unwrap();
        // Long enough that many a kill strikes in the middle of a reply.
        let line = r#"{"say": "a reply of several words that takes a while", "delay_ms": 40, "keep": true}"#;
        std::fs::write(self.home.join("script.jsonl"), line).unwrap();
        let log = std::fs::File::options().create(true).append(true).open(self.home.join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_botwright"))
            .arg("serve")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DATABASE_URL", &self.url)
            .env("BOTWRIGHT_MASTER_KEY", "11".repeat(32))
            .env("DATA_DIR", &self.home)
            .env("BIND", "127.0.0.1")
            .env("PORT", self.port.to_string())
            .env("SCRIPTED_FILE", self.home.join("script.jsonl"))
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the talkers share.
struct Load {
    client: reqwest::Client,
    ports: Vec<u16>,
    token: String,
    stop: AtomicBool,
    sent: AtomicUsize,
}

impl Load {
    /// Asks until somebody who is alive answers. `input` holds an idempotency key, so that asking twice is
    /// asking once.
    async fn ask(&self, mutation: &str, input: Value, first: usize) -> Value {
        let name = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
        let fields = match mutation {
            "sendMessage" => "message { ordinal }",
            _ => "conversation { id }",
        };
        let query = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {fields} userErrors {{ ... on UserError {{ message }} }} }} }}"
        );
        let body = json!({ "query": query, "variables": { "input": input } });
        let began = Instant::now();
        let mut last;
        for attempt in first.. {
            let port = self.ports[attempt % self.ports.len()];
            let request = self
                .client
                .post(format!("http://127.0.0.1:{port}/graphql"))
                .bearer_auth(&self.token)
                .header("accept", "application/json")
                .timeout(Duration::from_secs(10))
                .json(&body);
            match request.send().await {
                Err(error) => last = error.to_string(),
                Ok(answer) => {
                    let answer: Value = answer.json().await.unwrap_or_default();
                    last = answer.to_string();
                    if let Some(payload) = answer.pointer(&format!("/data/{mutation}"))
                        && payload["userErrors"] == json!([])
                    {
                        return payload.clone();
                    }
                }
            }
            assert!(began.elapsed() < Duration::from_secs(120), "nobody accepts anything any more: {last}");
            sleep(Duration::from_millis(50)).await;
        }
        unreachable!()
    }
}

#[expect(clippy::disallowed_methods, reason = "the length of a test run is the runner's to choose")]
fn kills() -> usize {
    std::env::var("BOTWRIGHT_SOAK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_answered_once_whatever_is_killed() {
    let total = kills();
    // Half of the kills strike one replica of two, the other half a server that is alone.
    for (replicas, kills, seed) in [(2, total.div_ceil(2), 7_u64), (1, total / 2, 11)] {
        kill_under_load(replicas, kills, seed).await;
    }
}

async fn kill_under_load(replicas: usize, kills: usize, seed: u64) {
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    talk.apply_bot(
        "quiet",
        "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Quiet\nmodel: {use: offline}\n",
    )
    .await;
    let token = talk.token().await;
    let scratch = Scratch::new();
    let mut servers: Vec<Server> =
        (0..replicas).map(|index| Server::new(&database, scratch.join(&format!("server-{index}")))).collect();
    servers.iter_mut().for_each(Server::start);
    let load = Arc::new(Load {
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
        ports: servers.iter().map(|server| server.port).collect(),
        token,
        stop: AtomicBool::new(false),
        sent: AtomicUsize::new(0),
    });
    let mut global = Vec::new();
    for index in 0..CONVERSATIONS {
        let bot = if index % 2 == 0 { "parrot" } else { "quiet" };
        let input = json!({ "idempotencyKey": format!("c{index}"), "bot": bot, "title": index.to_string() });
        let made = load.ask("createConversation", input, index).await;
        global.push(made["conversation"]["id"].as_str().unwrap().to_owned());
    }
    let conversations = by_title(&talk).await;
    let talk = Arc::new(talk);
    let talkers: Vec<_> = std::iter::zip(global, &conversations)
        .enumerate()
        .map(|(index, (global, id))| tokio::spawn(talker(load.clone(), talk.clone(), index, global, *id)))
        .collect();
    // A small generator of our own: the instants differ from run to run anyway, by the machine's mood.
    let mut chance = seed;
    for kill in 0..kills {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sleep(Duration::from_millis(200 + (chance >> 33) % 1_500)).await;
        let victim = &mut servers[kill % replicas];
        victim.kill();
        sleep(Duration::from_millis((chance >> 40) % 300)).await;
        victim.start();
    }
    load.stop.store(true, Ordering::Relaxed);
    for talker in talkers {
        talker.await.unwrap();
    }
    for conversation in conversations {
        check(&talk, conversation).await;
    }
    let sent = load.sent.load(Ordering::Relaxed);
    eprintln!("{replicas} replica(s): {kills} kills, {sent} messages accepted and answered once");
    assert!(sent >= CONVERSATIONS);
}

/// The conversations in the order of their titles, which are numbers.
async fn by_title(talk: &Talk) -> Vec<ConversationId> {
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    let mut found = Conversation::list_recent(&mut tx, talk.actor.person, None, None, 100).await.unwrap();
    tx.commit().await.unwrap();
    found.sort_by_key(|conversation| conversation.title.as_ref().unwrap().parse::<usize>().unwrap());
    found.into_iter().map(|conversation| conversation.id).collect()
}

async fn talker(load: Arc<Load>, talk: Arc<Talk>, index: usize, global: String, id: ConversationId) {
    let mut round = 0;
    while !load.stop.load(Ordering::Relaxed) || round == 0 {
        let text = format!("message {round}");
        let input =
            json!({ "idempotencyKey": format!("{index}-{round}"), "conversationId": global, "text": text });
        let payload = load.ask("sendMessage", input, index).await;
        load.sent.fetch_add(1, Ordering::Relaxed);
        let ordinal = i32::try_from(payload["message"]["ordinal"].as_i64().unwrap()).unwrap();
        let began = Instant::now();
        loop {
            let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
            let said = Message::list_oldest(&mut tx, id, ordinal, ordinal, 1).await.unwrap();
            let turn = Turn::find(&mut tx, said[0].turn_id.unwrap()).await.unwrap().unwrap();
            tx.commit().await.unwrap();
            if turn.state.is_terminal() {
                assert_eq!(turn.state, TurnState::Completed, "{text}: {:?}", turn.failure);
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "`{text}` waits for ever");
            sleep(Duration::from_millis(30)).await;
        }
        round += 1;
    }
}

/// Every message has its reply, one each, in order; every log is contiguous with one end.
async fn check(talk: &Talk, conversation: ConversationId) {
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    let messages = Message::list_oldest(&mut tx, conversation, 1, i32::MAX, 1_000_000).await.unwrap();
    for (place, pair) in messages.chunks(2).enumerate() {
        let [said, reply] = pair else { panic!("a message without its reply: {pair:?}") };
        assert_eq!((said.role, reply.role), (MessageRole::Person, MessageRole::Bot));
        assert_eq!(said.text, format!("message {place}"), "in order, once");
        assert_eq!(said.turn_id, reply.turn_id, "the reply is to this message");
        assert_eq!(said.ordinal, i32::try_from(place * 2 + 1).unwrap());
        let turn = said.turn_id.unwrap();
        let (events, _) = TurnEvent::page_after(&mut tx, turn, 0).await.unwrap();
        let numbers: Vec<i32> = events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, (1..=i32::try_from(events.len()).unwrap()).collect::<Vec<_>>());
        let ends = events.iter().filter(|event| event.kind.is_terminal()).count();
        assert!(ends == 1 && events.last().unwrap().kind == TurnEventKind::Completed);
        let shown = events.iter().fold(String::new(), |text, event| match event.kind {
            TurnEventKind::Text => text + event.body["text"].as_str().unwrap(),
            TurnEventKind::Restarted => String::new(),
            _ => text,
        });
        assert_eq!(shown.trim_end(), reply.text, "what was streamed is what was said");
    }
    tx.commit().await.unwrap();
}
