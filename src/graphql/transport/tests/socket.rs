//! The protocol of the socket, frame by frame.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::world::World;

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl World {
    fn socket_request(&self) -> Request<()> {
        let mut request = format!("ws://{}/graphql/ws", self.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        request
    }

    async fn connect(&self) -> Client {
        Client(connect_async(self.socket_request()).await.unwrap().0)
    }

    /// A socket that was let in.
    async fn socket(&self) -> Client {
        let mut client = self.connect().await;
        client.say(json!({"type": "connection_init", "payload": {"authorization": "Bearer ann"}})).await;
        assert_eq!(client.hear().await, json!({"type": "connection_ack"}));
        client
    }

    async fn wait_until_alive(&self, expected: usize) {
        for _ in 0..200 {
            if self.alive() == expected {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{} streams are alive instead of {expected}", self.alive());
    }

    async fn refusal(&self, change: impl FnOnce(&mut Request<()>)) -> u16 {
        let mut request = self.socket_request();
        change(&mut request);
        match connect_async(request).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
            Ok(_) => 101,
        }
    }
}

impl Client {
    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({"id": id, "type": "subscribe", "payload": {"query": query}})).await;
    }

    /// The next message; a close is `{"close": [code, reason]}`.
    async fn hear(&mut self) -> Value {
        timeout(Duration::from_secs(10), self.next()).await.expect("the server says nothing")
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return json!({"close": [u16::from(frame.code), frame.reason.as_str()]});
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn closes(&mut self) -> (u64, String) {
        let heard = self.hear().await;
        let code = heard["close"][0].as_u64().unwrap_or_else(|| panic!("not closed: {heard}"));
        (code, heard["close"][1].as_str().unwrap().to_owned())
    }
}

fn count(id: &str, number: u32) -> Value {
    json!({"type": "next", "id": id, "payload": {"data": {"count": number}}})
}

fn complete(id: &str) -> Value {
    json!({"type": "complete", "id": id})
}

#[tokio::test]
async fn a_subscription_streams_and_completes() {
    let world = World::new().await;
    let mut client = world.socket().await;
    client.subscribe("a", "subscription { count(to: 3) }").await;
    for expected in [count("a", 1), count("a", 2), count("a", 3), complete("a")] {
        assert_eq!(client.hear().await, expected);
    }
    world.wait_until_alive(0).await;
    // The name is free again.
    client.subscribe("a", "subscription { count(to: 1) }").await;
    assert_eq!(client.hear().await, count("a", 1));
}

#[tokio::test]
async fn queries_and_mutations_travel_too() {
    let world = World::new().await;
    let mut client = world.socket().await;
    client.subscribe("q", "{ me }").await;
    assert_eq!(client.hear().await, json!({"type": "next", "id": "q", "payload": {"data": {"me": "ann"}}}));
    assert_eq!(client.hear().await, complete("q"));
    client.subscribe("m", "mutation { bump }").await;
    assert_eq!(client.hear().await["payload"]["data"]["bump"], 1);
    assert_eq!(client.hear().await, complete("m"));
    client.subscribe("n", "{ thing(id: 3) }").await;
    let partial = client.hear().await;
    assert_eq!((&partial["type"], &partial["payload"]["data"]), (&json!("next"), &json!({"thing": null})));
    assert_eq!(partial["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn what_cannot_be_executed_is_an_error_of_its_operation() {
    let world = World::new().await;
    let mut client = world.socket().await;
    let table = [
        ("{ nosuch }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nosuch }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("query Q($id: ID!) { thing(id: $id) }", "BAD_USER_INPUT"),
        ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { refused }", "FORBIDDEN"),
    ];
    for (query, code) in table {
        client.subscribe("x", query).await;
        let heard = client.hear().await;
        assert_eq!((&heard["type"], &heard["id"]), (&json!("error"), &json!("x")), "{query}");
        assert_eq!(heard["payload"][0]["extensions"]["code"], code, "{query}: {heard}");
        assert!(heard["payload"][0]["extensions"]["requestId"].is_string());
    }
    // The socket is none the worse.
    client.subscribe("x", "{ hello }").await;
    assert_eq!(client.hear().await["type"], "next");
}

#[tokio::test]
async fn a_source_that_fails_ends_its_operation_alone() {
    let world = World::new().await;
    let mut client = world.socket().await;
    client.subscribe("f", "subscription { fails }").await;
    assert_eq!(client.hear().await["payload"]["data"]["fails"], 1);
    let failed = client.hear().await;
    assert_eq!(
        (&failed["type"], &failed["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("UNAVAILABLE"))
    );
    client.subscribe("p", "subscription { panics }").await;
    assert_eq!(client.hear().await["payload"]["data"]["panics"], 1);
    let failed = client.hear().await;
    assert_eq!(
        (&failed["type"], &failed["payload"][0]["message"]),
        (&json!("error"), &json!("internal error"))
    );
    client.subscribe("q", "{ panics }").await;
    assert_eq!(client.hear().await["type"], "error");
    client.subscribe("s", "{ slow(milliseconds: 60000) }").await;
    assert_eq!(client.hear().await["payload"][0]["extensions"]["code"], "UNAVAILABLE");
}

#[tokio::test]
async fn pings_are_answered_before_and_after_the_introduction() {
    let world = World::new().await;
    let mut client = world.connect().await;
    client.say(json!({"type": "ping"})).await;
    assert_eq!(client.hear().await, json!({"type": "pong"}));
    client.say(json!({"type": "connection_init", "payload": {"Authorization": "bearer ann"}})).await;
    assert_eq!(client.hear().await, json!({"type": "connection_ack"}));
    client.say(json!({"type": "pong"})).await;
    client.say(json!({"type": "ping", "payload": {"n": 1}})).await;
    assert_eq!(client.hear().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_how() {
    let world = World::new().await;
    let introduced = [
        (json!({"type": "connection_init"}), 4429),
        (json!({"type": "nonsense"}), 4400),
        (json!({"kind": "ping"}), 4400),
        (json!(["ping"]), 4400),
        (json!({"type": "subscribe", "payload": {"query": "{ hello }"}}), 4400),
        (json!({"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}), 4400),
        (json!({"type": "subscribe", "id": "x".repeat(200), "payload": {"query": "{ hello }"}}), 4400),
        (json!({"type": "subscribe", "id": "x"}), 4400),
        (json!({"type": "subscribe", "id": "x", "payload": {"query": 7}}), 4400),
        (json!({"type": "subscribe", "id": "x", "payload": {"query": "{ hello }", "variables": []}}), 4400),
        (json!({"type": "complete"}), 4400),
    ];
    for (message, code) in introduced {
        let mut client = world.socket().await;
        client.say(message.clone()).await;
        let (found, reason) = client.closes().await;
        assert_eq!(found, code, "{message}");
        assert!(!reason.is_empty() && reason.len() <= 123, "{reason}");
    }
    let mut client = world.socket().await;
    client.0.send(Message::text("{ not JSON")).await.unwrap();
    assert_eq!(client.closes().await.0, 4400);
    let mut client = world.socket().await;
    client.0.send(Message::binary(b"{}".to_vec())).await.unwrap();
    assert_eq!(client.closes().await.0, 4400);
    let mut client = world.socket().await;
    client.subscribe("a", "subscription { silence }").await;
    client.subscribe("a", "subscription { silence }").await;
    assert_eq!(client.closes().await.0, 4409);
    world.wait_until_alive(0).await;
}

#[tokio::test]
async fn nobody_gets_in_without_an_introduction() {
    let world = World::with(|settings| settings.introduction = Duration::from_millis(200)).await;
    let mut early = world.connect().await;
    early.subscribe("a", "{ hello }").await;
    assert_eq!(early.closes().await.0, 4401);
    let mut silent = world.connect().await;
    assert_eq!(silent.closes().await.0, 4408);
    for payload in [
        json!({}),
        json!({"authorization": "Bearer nobody"}),
        json!({"authorization": "ann"}),
        json!({"authorization": 7}),
    ] {
        let mut stranger = world.connect().await;
        stranger.say(json!({"type": "connection_init", "payload": payload})).await;
        let (code, reason) = stranger.closes().await;
        assert_eq!(code, 4403, "{payload}");
        assert!(reason.len() <= 123, "{reason}");
    }
    let mut bare = world.connect().await;
    bare.say(json!({"type": "connection_init", "payload": "x"})).await;
    assert_eq!(bare.closes().await.0, 4400);
    // A gate that cannot look is no verdict: the client may come again.
    let mut unlucky = world.connect().await;
    unlucky.say(json!({"type": "connection_init", "payload": {"authorization": "Bearer away"}})).await;
    assert_eq!(unlucky.closes().await.0, 1013);
}

#[tokio::test]
async fn a_token_may_stand_in_the_headers_of_the_upgrade() {
    let world = World::new().await;
    let mut request = world.socket_request();
    request.headers_mut().insert("authorization", "Bearer ann".parse().unwrap());
    let mut client = Client(connect_async(request).await.unwrap().0);
    client.say(json!({"type": "connection_init"})).await;
    assert_eq!(client.hear().await, json!({"type": "connection_ack"}));
}

#[tokio::test]
async fn the_upgrade_is_refused_to_what_is_not_ours() {
    let world = World::with(|settings| settings.origins = vec!["https://app.example/".into()]).await;
    let own = format!("http://{}", world.address);
    let table = [
        (Some(own.as_str()), 101),
        (Some("https://app.example"), 101),
        (None, 101),
        (Some("https://evil.example"), 403),
        (Some("null"), 403),
        (Some("http://127.0.0.1:1"), 403),
    ];
    for (origin, expected) in table {
        let status = world
            .refusal(|request| {
                if let Some(origin) = origin {
                    request.headers_mut().insert("origin", origin.parse().unwrap());
                }
            })
            .await;
        assert_eq!(status, expected, "{origin:?}");
    }
    let legacy = world.refusal(|request| {
        request.headers_mut().insert("sec-websocket-protocol", "graphql-ws".parse().unwrap());
    });
    assert_eq!(legacy.await, 400);
    let none = world.refusal(|request| {
        request.headers_mut().remove("sec-websocket-protocol");
    });
    assert_eq!(none.await, 400);
}

#[tokio::test]
async fn operations_and_sockets_are_bounded() {
    let world = World::with(|settings| (settings.operations, settings.sockets) = (3, 2)).await;
    let mut client = world.socket().await;
    for id in ["a", "b", "c"] {
        client.subscribe(id, "subscription { silence }").await;
    }
    world.wait_until_alive(3).await;
    // One that ends makes room.
    client.say(json!({"type": "complete", "id": "b"})).await;
    world.wait_until_alive(2).await;
    client.subscribe("d", "subscription { silence }").await;
    world.wait_until_alive(3).await;
    let _second = world.socket().await;
    assert_eq!(world.refusal(|_| {}).await, 503);
    client.subscribe("e", "subscription { silence }").await;
    assert_eq!(client.closes().await.0, 4429);
    world.wait_until_alive(0).await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_told() {
    let world = World::with(|settings| settings.message_bytes = 4096).await;
    let mut client = world.socket().await;
    client.subscribe("a", &format!("{{ hello }} # {}", "x".repeat(5000))).await;
    assert_eq!(client.closes().await, (1009, "a message holds at most 4 KiB".into()));
}

#[tokio::test]
async fn a_busy_stream_does_not_starve_the_others() {
    let world = World::new().await;
    let mut client = world.socket().await;
    client.subscribe("busy", "subscription { count(to: 100000) }").await;
    assert_eq!(client.hear().await["id"], "busy");
    client.subscribe("late", "subscription { count(to: 50) }").await;
    let (mut late, mut busy_meanwhile) = (0, 0);
    while late < 50 {
        match client.hear().await["id"].as_str().unwrap() {
            "late" => late += 1,
            _ if late > 0 => busy_meanwhile += 1,
            _ => {}
        }
    }
    assert!(busy_meanwhile <= 60, "{busy_meanwhile} came between 50");
    client.say(json!({"type": "complete", "id": "busy"})).await;
    world.wait_until_alive(0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let world = World::with(|settings| settings.patience = Duration::from_millis(200)).await;
    let mut client = world.socket().await;
    client.subscribe("flood", "subscription { flood }").await;
    world.wait_until_alive(1).await;
    world.wait_until_alive(0).await;
}

#[tokio::test]
async fn a_silent_client_is_asked_and_then_closed() {
    let world = World::with(|settings| settings.heartbeat = Duration::from_millis(60)).await;
    // This client answers pings, because it reads.
    let mut awake = world.socket().await;
    awake.subscribe("a", "subscription { silence }").await;
    let listened = timeout(Duration::from_millis(400), awake.hear()).await;
    assert!(listened.is_err(), "{listened:?}");
    // This one does not read, so it does not answer.
    let mut asleep = world.socket().await;
    sleep(Duration::from_millis(400)).await;
    assert_eq!(asleep.closes().await, (1001, "no sign of life".into()));
}

#[tokio::test]
async fn a_token_that_ends_closes_the_socket() {
    let world = World::with(|settings| settings.heartbeat = Duration::from_millis(100)).await;
    for token in ["brief", "revoked"] {
        let mut client = world.connect().await;
        client
            .say(json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}}))
            .await;
        assert_eq!(client.hear().await, json!({"type": "connection_ack"}));
        client.subscribe("a", "subscription { silence }").await;
        assert_eq!(client.closes().await.0, 4403, "{token}");
        world.wait_until_alive(0).await;
    }
}

#[tokio::test]
async fn the_end_of_the_server_is_told() {
    let world = World::new().await;
    let mut client = world.socket().await;
    client.subscribe("a", "subscription { silence }").await;
    let mut stranger = world.connect().await;
    world.wait_until_alive(1).await;
    world.stop.cancel();
    assert_eq!(client.closes().await.0, 1012);
    assert_eq!(stranger.closes().await.0, 1012);
}

#[tokio::test]
async fn sockets_that_vanish_leave_nothing_behind() {
    let world = World::new().await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = world.socket().await;
        client.subscribe("a", "subscription { silence }").await;
        clients.push(client);
    }
    world.wait_until_alive(50).await;
    drop(clients);
    world.wait_until_alive(0).await;
}
