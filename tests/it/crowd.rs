//! Many at once: sockets that vanish leave nothing behind, and whoever reads slowly costs nothing but their place.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::harness::api::Api;
use crate::harness::process::{Place, Server};

struct World {
    place: Place,
    server: Server,
    api: Api,
}

impl World {
    async fn new(line: Value) -> Self {
        let mut place = Place::new();
        place.write("bots/botwright.yaml", "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n");
        place.write(
            "bots/parrot/bot.yaml",
            "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n",
        );
        let script = place.write("script.jsonl", &line.to_string());
        place.variables.push(("SCRIPTED_FILE".into(), script.to_string_lossy().into_owned()));
        place.variables.push(("RATE_PER_TOKEN".into(), "0".into()));
        let server = place.start(&["up"]).await;
        let token = place.run(&["token", "create", "--scopes", "chat,read"], "").out.trim().to_owned();
        let api = Api::new(place.url(), token);
        Self { place, server, api }
    }

    /// One of the figures of `/metrics`.
    async fn figure(&self, name: &str) -> f64 {
        let (_, text) = self.api.get("/metrics", "text/plain").await;
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    async fn subscribe(&self, turn: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        let address = format!("ws://127.0.0.1:{}/graphql/ws", self.place.port).parse().unwrap();
        let request = ClientRequestBuilder::new(address)
            .with_sub_protocol("graphql-transport-ws")
            .with_header("authorization", format!("Bearer {}", self.api.token));
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        socket.send(Frame::text(r#"{"type": "connection_init"}"#)).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("connection_ack"));
        let query =
            "subscription($turn: ID!) { turnEvents(turnId: $turn) { seq ... on TurnTextDelta { text } } }";
        let payload = json!({ "query": query, "variables": { "turn": turn } });
        let message = json!({ "id": "1", "type": "subscribe", "payload": payload });
        socket.send(Frame::text(message.to_string())).await.unwrap();
        socket
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sockets_that_vanish_leave_nothing_behind() {
    let line = json!({ "say": "late", "first_ms": 600_000, "keep": true });
    let world = World::new(line).await;
    let (turn, _) = world.api.send("parrot", "Wait.").await;
    let mut memory = Vec::new();
    // The first round makes room that the second one uses again.
    for _ in 0..2 {
        let mut open = Vec::new();
        while open.len() < 1_000 {
            open.extend(join_all((0..50).map(|_| world.subscribe(&turn))).await);
        }
        let since = Instant::now();
        while world.figure("botwright_operations_open").await < 1_000.0 {
            assert!(since.elapsed() < Duration::from_secs(20), "not all of them are followed");
            sleep(Duration::from_millis(20)).await;
        }
        // Without a word of farewell.
        drop(open);
        let since = Instant::now();
        for figure in ["botwright_operations_open", "botwright_sockets_open"] {
            while world.figure(figure).await > 0.0 {
                assert!(since.elapsed() < Duration::from_secs(20), "{figure} is not nothing again");
                sleep(Duration::from_millis(20)).await;
            }
        }
        memory.push(world.server.memory());
    }
    let grown = memory[1].saturating_sub(memory[0]) / 1024;
    eprintln!("a thousand sockets later the server is {grown} kB larger");
    assert!(grown < 8 * 1024, "the second thousand left {grown} kB behind");
    assert_eq!(world.server.stop(), Some(0));
}

/// A stream of events whose reader takes them through a keyhole.
async fn slow_reader(world: &World, turn: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(([127, 0, 0, 1], world.place.port).into()).await.unwrap();
    let query =
        "subscription($turn: ID!) { turnEvents(turnId: $turn) { seq ... on TurnTextDelta { text } } }";
    let body = json!({ "query": query, "variables": { "turn": turn } }).to_string();
    let head = format!(
        "POST /graphql/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Accept: text/event-stream\r\nContent-Length: {}\r\n\r\n",
        world.api.token,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_cost_no_memory() {
    // Five megabytes, ten kilobytes a word.
    let words: Vec<String> = (0..500).map(|number| format!("{number}{}", "x".repeat(10_000))).collect();
    let line = json!({ "say": words.join(" "), "delay_ms": 5, "keep": true });
    let world = World::new(line).await;
    let (turn, _) = world.api.send("parrot", "Speak at length.").await;
    world.api.follow(&turn, 0).await;
    let before = world.server.memory();
    let mut slow = join_all((0..100).map(|_| slow_reader(&world, &turn))).await;
    let mut most = 0;
    for _ in 0..20 {
        // Four kilobytes now and then, of five megabytes that wait.
        let mut some = [0; 4_096];
        for reader in &mut slow {
            assert!(reader.read(&mut some).await.unwrap() > 0);
        }
        sleep(Duration::from_millis(50)).await;
        most = most.max(world.server.memory().saturating_sub(before));
    }
    let each = most / 1024 / 100;
    eprintln!("a slow reader of 5 MB costs {each} kB");
    assert!(each < 400, "a slow reader costs {each} kB");
    drop(slow);
    assert_eq!(world.server.stop(), Some(0));
}
