//! Server-sent events: one operation a request.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::world::World;

#[expect(clippy::disallowed_methods, reason = "a test's own client, to a server of its own")]
fn client() -> reqwest::Client {
    reqwest::Client::new()
}

impl World {
    fn stream(&self, bearer: &str, query: &str) -> RequestBuilder {
        let request = client().post(self.url("/graphql/stream")).bearer_auth(bearer);
        request.header(ACCEPT, "text/event-stream").json(&json!({ "query": query }))
    }

    /// Everything that the stream says, to its end.
    async fn events(&self, bearer: &str, query: &str) -> Vec<(String, Value)> {
        let response = self.stream(bearer, query).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream; charset=utf-8");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        read(&timeout(Duration::from_secs(5), response.text()).await.unwrap().unwrap())
    }
}

/// The events of a stream: their names and data. Comments are left out.
fn read(text: &str) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.is_empty() && !block.starts_with(':')) {
        let (name, data) = block.split_once('\n').unwrap();
        let data = data.strip_prefix("data: ").unwrap();
        let data = if data.is_empty() { Value::Null } else { serde_json::from_str(data).unwrap() };
        events.push((name.strip_prefix("event: ").unwrap().to_owned(), data));
    }
    events
}

fn next(data: Value) -> (String, Value) {
    ("next".into(), json!({ "data": data }))
}

fn complete() -> (String, Value) {
    ("complete".into(), Value::Null)
}

#[tokio::test]
async fn an_operation_of_any_kind_streams_and_completes() {
    let world = World::new().await;
    let counted = world.events("ann", "subscription { count(to: 3) }").await;
    let numbers = (1..=3).map(|number| next(json!({ "count": number })));
    assert_eq!(counted, numbers.chain([complete()]).collect::<Vec<_>>());
    assert_eq!(world.events("ann", "{ me }").await, [next(json!({"me": "ann"})), complete()]);
    assert_eq!(world.events("ann", "mutation { bump }").await, [next(json!({"bump": 1})), complete()]);
}

#[tokio::test]
async fn a_get_streams_and_changes_nothing() {
    let world = World::new().await;
    let get = async |query: &str| {
        let query = query.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D");
        let request = client().get(world.url(&format!("/graphql/stream?query={query}")));
        request.bearer_auth("ann").header(ACCEPT, "text/event-stream").send().await.unwrap()
    };
    let counted = read(&get("subscription { count(to: 1) }").await.text().await.unwrap());
    assert_eq!(counted, [next(json!({"count": 1})), complete()]);
    let refused = get("mutation { bump }").await;
    assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told_in_the_stream_and_all_else_by_the_status() {
    let world = World::new().await;
    for query in ["{", "{ nothing }", "subscription { count }", "subscription { refused }"] {
        let events = world.events("ann", query).await;
        assert_eq!(events.len(), 2, "{events:?}");
        assert_eq!((events[0].0.as_str(), &events[1]), ("next", &complete()));
        assert!(events[0].1["errors"][0]["extensions"]["requestId"].is_string(), "{events:?}");
        assert_eq!(events[0].1.get("data"), None);
    }
    let failed = world.events("ann", "subscription { fails }").await;
    assert_eq!(failed[0], next(json!({"fails": 1})));
    assert_eq!(failed[1].1["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    assert_eq!(failed[2], complete());
    let panicked = world.events("ann", "subscription { panics }").await;
    assert_eq!(panicked[1].1["errors"][0]["extensions"]["code"], "INTERNAL");

    let status = async |request: RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(world.stream("nobody", "{ me }")).await, 401);
    assert_eq!(status(world.stream("away", "{ me }")).await, 503);
    assert_eq!(status(world.stream("ann", &"{ hello } ".repeat(2000))).await, 400);
    assert_eq!(status(world.stream("ann", "{ me }").header(ACCEPT, "text/html")).await, 200);
    let html = client().post(world.url("/graphql/stream")).header(ACCEPT, "text/html").bearer_auth("ann");
    assert_eq!(status(html.json(&json!({"query": "{ me }"}))).await, 406);
    let form = client().post(world.url("/graphql/stream")).header(CONTENT_TYPE, "text/plain");
    assert_eq!(status(form.bearer_auth("ann").body(r#"{"query":"mutation { bump }"}"#)).await, 415);
    let stranger = client().post(world.url("/graphql/stream")).json(&json!({"query": "{ me }"}));
    assert_eq!(status(stranger).await, 401);
}

/// What a stream says before the connection breaks off, comments included.
async fn until_it_breaks_off(response: Response) -> String {
    timeout(Duration::from_secs(5), response.text()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_quiet_stream_shows_signs_of_life_and_ends_with_the_token_or_the_server() {
    let world = World::with(|settings| settings.heartbeat = Duration::from_millis(60)).await;
    let quiet = "subscription { silence }";
    let brief = world.stream("brief", quiet).send().await.unwrap();
    let said = until_it_breaks_off(brief).await;
    assert!(said.starts_with(":\n\n:\n\n") && said.ends_with(": the token expired\n\n"), "{said}");
    let revoked = world.stream("revoked", quiet).send().await.unwrap();
    assert_eq!(until_it_breaks_off(revoked).await, ": the token is no longer good\n\n");
    let open = world.stream("ann", quiet).send().await.unwrap();
    world.stop.cancel();
    let said = until_it_breaks_off(open).await;
    assert!(said.ends_with(": the server is restarting\n\n"), "{said}");
}

#[tokio::test]
async fn streams_that_are_let_go_or_not_read_leave_nothing_behind() {
    let world = World::with(|settings| {
        settings.patience = Duration::from_millis(200);
        settings.sockets = 40;
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..40 {
        open.push(world.stream("ann", "subscription { silence }").send().await.unwrap());
    }
    assert_eq!(world.alive(), 40);
    let full = world.stream("ann", "subscription { silence }").send().await.unwrap();
    assert_eq!(full.status(), 503);
    drop(open);
    nobody(&world).await;
    let unread = world.stream("ann", "subscription { flood }").send().await.unwrap();
    nobody(&world).await;
    drop(unread);
}

async fn nobody(world: &World) {
    let all_gone = async {
        while world.alive() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), all_gone).await.unwrap();
}
