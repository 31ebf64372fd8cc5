//! Many who listen, and one who speaks.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{Door, Server, median};

/// Sockets, with one subscription each.
const SOCKETS: usize = 5_000;
/// Messages of which each is accepted before the next one is sent.
const SENT: usize = 200;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Memory of live subscriptions, each on a socket of its own.
pub(super) async fn subscriptions(server: &Server, door: &Door) {
    let conversation = door.converse(2_000_000).await;
    let before = server.resident_kb();
    let began = Instant::now();
    let open: Vec<Socket> = stream::iter(0..SOCKETS)
        .map(|_| subscribe(server, door, &conversation))
        .buffer_unordered(50)
        .collect()
        .await;
    let opening = began.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = (server.resident_kb() - before) / SOCKETS as u64;
    println!("live subscriptions, {SOCKETS} sockets, memory each | {each} kB | aim 20 kB");
    println!("opening them, 50 at once | {:.1} s", opening.as_secs_f64());

    // Everybody hears of one message.
    let began = Instant::now();
    door.say(&conversation, "to all").await;
    stream::iter(open)
        .for_each_concurrent(None, async |mut socket| hear(&mut socket, "MessageAdded").await)
        .await;
    println!("until all of them heard of one message | {:.2} s", began.elapsed().as_secs_f64());
}

async fn subscribe(server: &Server, door: &Door, conversation: &str) -> Socket {
    let address = format!("ws://127.0.0.1:{}/graphql/ws", server.port).parse().unwrap();
    let request = ClientRequestBuilder::new(address)
        .with_sub_protocol("graphql-transport-ws")
        .with_header("authorization", format!("Bearer {}", door.token));
    let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    let (mut socket, _) = connect_async_with_config(request, Some(config), true).await.unwrap();
    socket.send(Message::text(r#"{"type":"connection_init"}"#)).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("connection_ack"));
    let query = "subscription($id: ID!) { conversationEvents(conversationId: $id) { __typename seq } }";
    let payload = json!({ "query": query, "variables": { "id": conversation } });
    let message = json!({ "id": "1", "type": "subscribe", "payload": payload });
    socket.send(Message::text(message.to_string())).await.unwrap();
    socket
}

/// How long a turn takes until its reply, which is committed by then, is heard over a subscription.
pub(super) async fn replied(server: &Server, door: &Door, commit: f64) {
    let conversation = door.converse(1_000_000).await;
    let mut socket = subscribe(server, door, &conversation).await;
    let mut times = Vec::new();
    for index in 0..SENT {
        let began = Instant::now();
        door.say(&conversation, &format!("replied {index}")).await;
        // What was said, and the reply.
        for _ in 0..2 {
            hear(&mut socket, "MessageAdded").await;
        }
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        // People read before they answer.
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let p50 = median(times);
    println!(
        "a turn from request to reply, committed and heard over a subscription, one at a time, p50 | {p50:.2} ms ({:.2} ms + 3 commits) | aim 5 ms + 3 commits",
        p50 - 3.0 * commit
    );
}

/// Waits for an event of this kind.
async fn hear(socket: &mut Socket, kind: &str) {
    while let Some(Ok(message)) = socket.next().await {
        if message.to_text().is_ok_and(|text| text.contains(kind)) {
            return;
        }
    }
}

/// How long the answer to `sendMessage` takes: the message and its turn are durable by then.
pub(super) async fn accepted(door: &Door, commit: f64) {
    let conversation = door.converse(3_000_000).await;
    let mut times = Vec::new();
    for index in 0..SENT {
        let began = Instant::now();
        door.say(&conversation, &format!("accepted {index}")).await;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        // The turn is done before the next message.
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let p50 = median(times);
    println!(
        "an accepted `sendMessage`, one at a time, p50 | {p50:.2} ms ({:.2} ms + 1 commit) | aim 5 ms + 1 commit",
        p50 - commit
    );
}
