//! Whoever follows a turn hears all of it: over cut connections, servers that end, and replicas that change.
//!
//! The turn is written as its runner would write it, 2,000 events in a few seconds, with restarts on the way;
//! everything behind that, from the log to the sockets, is the product.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use botwright::id::{MessageId, ReplicaId};
use botwright::store::{Append, Message, MessageRole, Outcome, Turn, TurnEvent, TurnEventKind, TurnState};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;

use crate::harness::cluster::Database;
use crate::harness::dice::Dice;
use crate::harness::door::Door;
use crate::harness::talk::Talk;

const EVENTS: i32 = 2_000;
const CLIENTS: u64 = 16;
const FOLLOW: &str = "subscription($turn: ID!, $after: Int!) { turnEvents(turnId: $turn, after: $after) {
    __typename seq ... on TurnTextDelta { fromSeq text } } }";

/// Two servers on one database, each of which ends and comes back elsewhere.
type Replicas = Arc<[Mutex<Door>; 2]>;

/// What a client has heard so far.
#[derive(Default)]
struct Heard {
    text: String,
    last: i64,
    ended: bool,
}

impl Heard {
    /// The rule of every client: each event follows the one before it, and a restart takes the text back.
    fn hear(&mut self, event: &Value) {
        let seq = event["seq"].as_i64().unwrap();
        let from = event["fromSeq"].as_i64().unwrap_or(seq);
        assert_eq!(from, self.last + 1, "events follow each other: {event}");
        assert!(!self.ended, "nothing follows the end: {event}");
        self.last = seq;
        match event["__typename"].as_str().unwrap() {
            "TurnTextDelta" => self.text.push_str(event["text"].as_str().unwrap()),
            "TurnRestarted" => self.text.clear(),
            "TurnCompleted" => self.ended = true,
            other => panic!("{other}"),
        }
    }
}

/// Follows over a socket for up to `most` events, and then lets it fall.
async fn over_a_socket(url: &str, token: &str, turn: &str, heard: &mut Heard, most: usize, slow: bool) {
    let address = format!("{}/graphql/ws", url.replace("http", "ws")).parse().unwrap();
    let request = ClientRequestBuilder::new(address)
        .with_sub_protocol("graphql-transport-ws")
        .with_header("authorization", format!("Bearer {token}"));
    let Ok((mut socket, _)) = tokio_tungstenite::connect_async(request).await else { return };
    let variables = json!({ "turn": turn, "after": heard.last });
    for message in [
        json!({"type": "connection_init"}),
        json!({"type": "subscribe", "id": "1", "payload": {"query": FOLLOW, "variables": variables}}),
    ] {
        // As the protocol demands, not before the server said yes.
        if socket.send(Frame::text(message.to_string())).await.is_err() {
            return;
        }
        if message["type"] == "connection_init" {
            let Some(Ok(Frame::Text(_))) = socket.next().await else { return };
        }
    }
    let mut count = 0;
    while let Some(Ok(frame)) = socket.next().await {
        let Frame::Text(text) = frame else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        match message["type"].as_str().unwrap() {
            "next" => heard.hear(&message["payload"]["data"]["turnEvents"]),
            "complete" => return,
            other => panic!("{other}: {message}"),
        }
        count += 1;
        if count >= most {
            return;
        }
        if slow {
            sleep(Duration::from_millis(15)).await;
        }
    }
}

/// The same over server-sent events.
async fn over_a_stream(url: &str, token: &str, turn: &str, heard: &mut Heard, most: usize) {
    let body = json!({ "query": FOLLOW, "variables": { "turn": turn, "after": heard.last } });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{url}/graphql/stream")).bearer_auth(token);
    let Ok(answer) = request.header("accept", "text/event-stream").json(&body).send().await else { return };
    let (mut pieces, mut rest, mut count) = (answer.bytes_stream(), Vec::new(), 0);
    while let Some(Ok(piece)) = pieces.next().await {
        rest.extend_from_slice(&piece);
        while let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = rest.drain(..end + 2).collect();
            let block = String::from_utf8(block).unwrap();
            let Some(data) = block.strip_prefix("event: next\ndata: ") else { continue };
            let result: Value = serde_json::from_str(data).unwrap();
            heard.hear(&result["data"]["turnEvents"]);
            count += 1;
            if count >= most {
                return;
            }
        }
    }
}

/// Follows to the end, however often that takes; how often it took.
async fn client(seed: u64, replicas: Replicas, token: String, turn: String) -> (String, usize) {
    let mut dice = Dice::new(seed);
    let mut heard = Heard::default();
    let mut tries = 0;
    let slow = seed.is_multiple_of(4);
    while !heard.ended {
        tries += 1;
        let url = replicas[dice.below(2)].lock().await.url();
        let most = 1 + dice.below(60);
        if dice.once_in(2) {
            over_a_socket(&url, &token, &turn, &mut heard, most, slow).await;
        } else {
            over_a_stream(&url, &token, &turn, &mut heard, most).await;
        }
        sleep(Duration::from_millis(u64::try_from(dice.below(20)).unwrap())).await;
    }
    (heard.text, tries)
}

/// Says 2,000 things as a turn's runner does; the text that is left in the end.
async fn speak(talk: &Talk, turn: &Turn, reply: MessageId, inbound: &Message) -> String {
    let mut dice = Dice::new(7);
    let mut text = String::new();
    let mut seq = 0;
    while seq < EVENTS {
        let mut batch = Vec::new();
        for _ in 0..1 + dice.below(60) {
            seq += 1;
            let (kind, body) = if dice.once_in(400) {
                text.clear();
                (TurnEventKind::Restarted, json!({ "attempt": 1 }))
            } else {
                let word = format!("{seq}-{} ", dice.word(&["їжак", "🦔", "\"\\\n", "plain", "e\u{301}"]));
                text.push_str(&word);
                (TurnEventKind::Text, json!({ "text": word }))
            };
            batch.push(Append {
                account_id: turn.account_id,
                turn_id: turn.id,
                attempt: turn.attempt,
                inputs: turn.inputs,
                seq,
                kind,
                body,
            });
        }
        let mut tx = talk.store.system().await.unwrap();
        assert_eq!(TurnEvent::append(&mut tx, &batch).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        sleep(Duration::from_millis(u64::try_from(dice.below(120)).unwrap())).await;
    }
    let now = inbound.sent_at;
    let message = Message {
        id: reply,
        ordinal: inbound.ordinal + 1,
        role: MessageRole::Bot,
        person_id: None,
        author: "Parrot".into(),
        text: text.clone(),
        turn_id: Some(turn.id),
        ..inbound.clone()
    };
    let tx = talk.store.tenant(turn.account_id).await.unwrap();
    Message::insert(&tx, &[message]).await.unwrap();
    let end = (seq + 1, TurnEventKind::Completed, json!({ "messageId": reply }));
    TurnEvent::insert(&tx, turn.id, &[end]).await.unwrap();
    let outcome = Outcome {
        state: TurnState::Completed,
        reply_id: Some(reply),
        model: None,
        usage: None,
        failure: None,
        report: None,
        last_seq: seq + 1,
    };
    Turn::finish(&tx, turn.id, outcome, now).await.unwrap();
    tx.commit().await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_whole_over_cuts_restarts_and_changes_of_the_replica() {
    let database = Database::new();
    let talks = [Talk::without_engine(&database).await, Talk::without_engine(&database).await];
    let said = talks[0].say("Speak.").await;
    let mut tx = talks[0].store.system().await.unwrap();
    let claimed = Turn::claim(&mut tx, ReplicaId::new(), 1, said.message.sent_at).await.unwrap();
    tx.commit().await.unwrap();
    let turn = claimed.into_iter().next().unwrap().turn;
    let replicas: Replicas =
        Arc::new([Mutex::new(Door::open(&talks[0]).await), Mutex::new(Door::open(&talks[1]).await)]);
    let token = talks[0].token().await;
    let id = format!("turn_{}", URL_SAFE_NO_PAD.encode(turn.id.0.as_bytes()));
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|seed| tokio::spawn(client(seed, replicas.clone(), token.clone(), id.clone())))
        .collect();

    let spoken = AtomicBool::new(false);
    let restarts = AtomicUsize::new(0);
    let restarting = async {
        let mut dice = Dice::new(11);
        while !spoken.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(150 + u64::try_from(dice.below(200)).unwrap())).await;
            let which = dice.below(2);
            let fresh = Door::open(&talks[which]).await;
            *replicas[which].lock().await = fresh;
            restarts.fetch_add(1, Ordering::SeqCst);
        }
    };
    let speaking = async {
        let text = speak(&talks[0], &turn, MessageId::new(), &said.message).await;
        spoken.store(true, Ordering::SeqCst);
        text
    };
    let (text, ()) = tokio::join!(speaking, restarting);
    let mut tries = 0;
    for client in clients {
        let (heard, tried) = timeout(Duration::from_secs(60), client).await.unwrap().unwrap();
        assert_eq!(heard, text);
        tries += tried;
    }
    let restarts = restarts.load(Ordering::SeqCst);
    eprintln!("{CLIENTS} clients connected {tries} times over {restarts} restarts");
    assert!(tries > 100 && restarts > 3, "{tries} tries, {restarts} restarts");
}
