//! A client of the API, as an app would write it: GraphQL over HTTP, and `graphql-transport-ws`.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;

/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody with a token.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    pub(crate) token: String,
    client: reqwest::Client,
}

/// All that there is to know of an event.
const EVENTS: &str = "subscription($turn: ID!, $after: Int!) { turnEvents(turnId: $turn, after: $after) {
    __typename seq at
    ... on TurnTextDelta { fromSeq text }
    ... on TurnToolCalled { name arguments }
    ... on TurnToolReturned { name isError }
    ... on TurnRestarted { attempt }
    ... on TurnCompleted { message { text } }
    ... on TurnFailed { code message retryable }
} }";

impl Api {
    pub(crate) fn new(url: String, token: String) -> Self {
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { url, token, client }
    }

    /// The whole answer to a query or mutation, `errors` and all.
    pub(crate) async fn answer(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let request = self.client.post(format!("{}/graphql", self.url)).bearer_auth(&self.token).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The `data` of an answer that has no errors.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.answer(query, variables).await;
        assert_eq!(answer.get("errors"), None, "{query}");
        answer["data"].take()
    }

    /// Waits until a search for `words` finds something of that kind, such as `PASSAGE`.
    pub(crate) async fn finds(&self, kind: &str, words: &str) {
        let query = "query($text: String!) { search(text: $text, first: 20) { nodes { kind } } }";
        let since = Instant::now();
        loop {
            let found = self.ask(query, json!({ "text": words })).await["search"]["nodes"].take();
            if found.as_array().unwrap().iter().any(|hit| hit["kind"] == kind) {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "`{words}` finds no {kind}: {found}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the server says at a path: its status and its text.
    pub(crate) async fn get(&self, path: &str, accept: &str) -> (u16, String) {
        let request = self.client.get(format!("{}{path}", self.url)).header("accept", accept);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Says something; the ids of the turn and of the conversation.
    pub(crate) async fn send(&self, bot: &str, text: &str) -> (String, String) {
        let key =
            blake3::hash(format!("{bot} {text} {:?}", std::time::Instant::now()).as_bytes()).to_string();
        let input = json!({ "idempotencyKey": key, "bot": bot, "text": text });
        let sent = self
            .ask(
                "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
                    turn { id } conversation { id } userErrors { ... on UserError { message } } } }",
                json!({ "input": input }),
            )
            .await;
        assert_eq!(sent["sendMessage"]["userErrors"], json!([]), "{text}");
        let id = |what: &str| sent["sendMessage"][what]["id"].as_str().unwrap().to_owned();
        (id("turn"), id("conversation"))
    }

    /// The events of a turn after `after`, to its end. Their numbers are contiguous and the last one is the
    /// only end.
    pub(crate) async fn follow(&self, turn: &str, after: i64) -> Vec<Value> {
        let following = self.subscribe(EVENTS, json!({ "turn": turn, "after": after }));
        let events = tokio::time::timeout(PATIENCE, following).await.unwrap();
        let events: Vec<Value> = events.into_iter().map(|mut event| event["turnEvents"].take()).collect();
        let mut next = after + 1;
        for event in &events {
            let from = event["fromSeq"].as_i64().unwrap_or_else(|| event["seq"].as_i64().unwrap());
            assert_eq!(from, next, "a gap in {events:?}");
            next = event["seq"].as_i64().unwrap() + 1;
        }
        let is_end = |event: &&Value| {
            matches!(event["__typename"].as_str(), Some("TurnCompleted" | "TurnFailed" | "TurnCancelled"))
        };
        let ends = events.iter().filter(is_end).count();
        assert!(ends == 1 && events.last().is_some_and(|last| is_end(&last)), "one end: {events:?}");
        events
    }

    /// The `data` of everything that a subscription sends until it is complete.
    pub(crate) async fn subscribe(&self, query: &str, variables: Value) -> Vec<Value> {
        let url = format!("ws{}/graphql/ws", self.url.trim_start_matches("http"));
        let request =
            ClientRequestBuilder::new(url.parse().unwrap()).with_sub_protocol("graphql-transport-ws");
        let (mut socket, _) = connect_async(request).await.unwrap();
        let bearer = format!("Bearer {}", self.token);
        let init = json!({ "type": "connection_init", "payload": { "authorization": bearer } });
        let payload = json!({ "query": query, "variables": variables });
        let subscribe = json!({ "type": "subscribe", "id": "a", "payload": payload });
        socket.send(Message::text(init.to_string())).await.unwrap();
        socket.send(Message::text(subscribe.to_string())).await.unwrap();
        let mut sent = Vec::new();
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message.unwrap() else { continue };
            let mut message: Value = serde_json::from_str(&text).unwrap();
            match message["type"].as_str().unwrap() {
                "next" => {
                    let mut payload = message["payload"].take();
                    assert_eq!(payload.get("errors"), None, "{query}");
                    sent.push(payload["data"].take());
                }
                "complete" => return sent,
                "error" => panic!("{query}: {message}"),
                _ => {}
            }
        }
        panic!("the socket closed before {query} was complete");
    }
}

/// What a screen shows at the end of these events.
pub(crate) fn shown(events: &[Value]) -> String {
    events.iter().fold(String::new(), |text, event| match event["__typename"].as_str() {
        Some("TurnTextDelta") => text + event["text"].as_str().unwrap(),
        Some("TurnRestarted") => String::new(),
        _ => text,
    })
}
