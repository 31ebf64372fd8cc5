//! POST and GET: what is taken, what is refused, and how either is told.

use std::sync::atomic::Ordering;

use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

use super::world::World;

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

#[expect(clippy::disallowed_methods, reason = "a test's own client, to a server of its own")]
fn client() -> reqwest::Client {
    reqwest::Client::new()
}

impl World {
    fn post(&self) -> RequestBuilder {
        client().post(self.url("/graphql")).bearer_auth("ann")
    }

    async fn ask(&self, accept: &str, query: &str) -> (u16, Value) {
        told(self.post().header("accept", accept).json(&json!({ "query": query }))).await
    }
}

async fn told(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let label = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    assert!(label.ends_with("; charset=utf-8"), "{label}");
    (status, response.json().await.unwrap())
}

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn a_query_is_answered() {
    let world = World::new().await;
    assert_eq!(world.ask(GRAPHQL, "{ hello }").await, (200, json!({"data": {"hello": "world"}})));
    assert_eq!(world.ask(JSON, "{ me }").await, (200, json!({"data": {"me": "ann"}})));
    let variables = json!({
        "query": "query E($t: String!) { echo(text: $t) }", "variables": {"t": "зустріч 🏃"},
        "operationName": "E", "extensions": {"any": 1},
    });
    let (status, body) = told(world.post().json(&variables)).await;
    assert_eq!((status, &body["data"]["echo"]), (200, &json!("зустріч 🏃")));
}

#[tokio::test]
async fn the_answer_has_the_type_that_was_asked_for() {
    let world = World::new().await;
    let table = [
        (Some(GRAPHQL), Some(GRAPHQL)),
        (Some(JSON), Some(JSON)),
        (Some("*/*"), Some(JSON)),
        (Some("application/*"), Some(JSON)),
        (None, Some(JSON)),
        (Some("application/graphql-response+json, application/json"), Some(GRAPHQL)),
        (Some("application/json, application/graphql-response+json;q=0.9"), Some(JSON)),
        (Some("application/graphql-response+json;q=0.5, */*;q=0.1"), Some(GRAPHQL)),
        (Some("APPLICATION/GRAPHQL-RESPONSE+JSON; charset=utf-8"), Some(GRAPHQL)),
        (Some("application/graphql-response+json;q=0, application/json"), Some(JSON)),
        (Some("text/plain"), None),
        (Some("text/html"), None),
        (Some("application/json;q=0"), None),
    ];
    for (accept, expected) in table {
        let mut request = world.post().json(&json!({"query": "{ hello }"}));
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let response = request.send().await.unwrap();
        let status = if expected.is_some() { StatusCode::OK } else { StatusCode::NOT_ACCEPTABLE };
        assert_eq!(response.status(), status, "{accept:?}");
        let label = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        assert_eq!(label, format!("{}; charset=utf-8", expected.unwrap_or(JSON)), "{accept:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told_by_the_type() {
    let world = World::new().await;
    let table = [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nosuch }", "GRAPHQL_VALIDATION_FAILED"),
        ("query Q($id: ID!) { __typename }", "BAD_USER_INPUT"),
        ("query Q($id: ID!) { thing(id: $id) }", "BAD_USER_INPUT"),
        ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ slow(milliseconds: \"x\") }", "GRAPHQL_VALIDATION_FAILED"),
    ];
    for (query, expected) in table {
        for (accept, status) in [(GRAPHQL, 400), (JSON, 200)] {
            let (found, body) = world.ask(accept, query).await;
            assert_eq!((found, code(&body)), (status, expected), "{query} {accept}");
            assert!(body.get("data").is_none(), "{query} {accept}");
            assert!(body["errors"][0]["extensions"]["requestId"].is_string());
        }
    }
    let deep = format!("{}a{}", "{ a ".repeat(40), "}".repeat(40));
    for accept in [GRAPHQL, JSON] {
        let (status, body) = world.ask(accept, &deep).await;
        assert_eq!((status, code(&body)), (400, "OPERATION_TOO_COMPLEX"));
    }
}

#[tokio::test]
async fn failures_are_told_and_internals_are_not() {
    let world = World::new().await;
    let (status, body) = world.ask(GRAPHQL, "{ hello thing(id: \"7\") }").await;
    assert_eq!((status, code(&body)), (200, "NOT_FOUND"));
    assert_eq!(body["data"], json!({"hello": "world", "thing": null}));
    assert_eq!(body["errors"][0]["message"], "there is no thing `7`");
    assert_eq!(body["errors"][0]["path"], json!(["thing"]));
    let (_, body) = world.ask(GRAPHQL, "{ away }").await;
    assert_eq!(code(&body), "UNAVAILABLE");
    assert_eq!(body["errors"][0]["extensions"]["retryable"], true);
    for field in ["broken", "foreign"] {
        let (status, body) = world.ask(GRAPHQL, &format!("{{ {field} }}")).await;
        assert_eq!((status, code(&body)), (200, "INTERNAL"));
        assert_eq!(body["errors"][0]["message"], "internal error");
    }
    let response = world.post().json(&json!({"query": "{ panics }"})).send().await.unwrap();
    assert_eq!(response.status(), 500);
    assert!(!response.text().await.unwrap().contains("swordfish"));
    let (status, body) = world.ask(GRAPHQL, "{ slow(milliseconds: 60000) }").await;
    assert_eq!((status, code(&body)), (503, "UNAVAILABLE"));
}

#[tokio::test]
async fn what_fails_is_null_as_far_as_it_may_be() {
    let world = World::new().await;
    let table = [
        ("{ perhaps { may name } }", json!({"perhaps": {"may": null, "name": "holder"}})),
        ("{ perhaps { may } }", json!({"perhaps": {"may": null}})),
        ("{ perhaps { name must } hello }", json!({"perhaps": null, "hello": "world"})),
        ("{ perhaps { within { within { must } } may } }", json!({"perhaps": null})),
        ("{ hello holder { must } }", Value::Null),
        ("{ x: holder { y: may } }", json!({"x": {"y": null}})),
        (
            "{ several { name may } }",
            json!({"several": [{"name": "holder", "may": null}, {"name": "holder", "may": null}]}),
        ),
        ("{ several { name must } }", json!({"several": [null, null]})),
        (
            "{ perhaps { ...F ... on Holder { may } } } fragment F on Holder { within { may } }",
            json!({"perhaps": {"within": {"may": null}, "may": null}}),
        ),
    ];
    for (query, data) in table {
        let (status, body) = world.ask(GRAPHQL, query).await;
        assert_eq!((status, &body["data"], code(&body)), (200, &data, "UNAVAILABLE"), "{query}");
    }
}

#[tokio::test]
async fn fields_stand_as_they_were_asked_for() {
    let world = World::new().await;
    let (_, body) = world.ask(GRAPHQL, "{ h: holder { name t: __typename within { name } ...F } hello } fragment F on Holder { n: name }").await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&body["data"]), ["h", "hello"]);
    assert_eq!(keys(&body["data"]["h"]), ["name", "t", "within", "n"]);
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = World::new().await;
    let query = json!({"query": "mutation { bump }"}).to_string();
    let refused = [
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json; charset=latin1"),
        Some("application/graphql"),
        None,
    ];
    for label in refused {
        let mut request = world.post().body(query.clone());
        if let Some(label) = label {
            request = request.header("content-type", label);
        }
        let (status, body) = told(request).await;
        assert_eq!((status, code(&body)), (415, "BAD_USER_INPUT"), "{label:?}");
    }
    assert_eq!(world.journal.bumps.load(Ordering::SeqCst), 0);
    let request = world.post().body(query).header("content-type", "Application/JSON; charset=\"UTF-8\"");
    assert_eq!(told(request).await.0, 200);
}

#[tokio::test]
async fn malformed_requests_are_refused_whatever_is_accepted() {
    let world = World::new().await;
    let bodies: [&[u8]; 15] = [
        b"",
        b"{ \"not JSON",
        b"{}",
        b"null",
        b"\"{ hello }\"",
        br#"{"qeury": "{ hello }"}"#,
        br#"{"query": {}}"#,
        br#"{"query": "{ hello }", "operationName": 7}"#,
        br#"{"query": "{ hello }", "variables": "x"}"#,
        br#"{"query": "{ hello }", "variables": []}"#,
        br#"{"query": "{ hello }", "extensions": 0}"#,
        br#"[{"query": "{ hello }"}]"#,
        b"[]",
        b"{\"query\": \"\xff\xfe\"}",
        br#"{"query": "{ hello }", "query": "{ me }"}"#,
    ];
    for body in bodies {
        for accept in [GRAPHQL, JSON] {
            let request =
                world.post().header("accept", accept).header("content-type", JSON).body(body.to_vec());
            let (status, answer) = told(request).await;
            assert_eq!((status, code(&answer)), (400, "BAD_USER_INPUT"), "{}", String::from_utf8_lossy(body));
            assert!(answer.get("data").is_none());
        }
    }
    for null in ["variables", "operationName", "extensions"] {
        let (status, _) = told(world.post().json(&json!({"query": "{ hello }", null: null}))).await;
        assert_eq!(status, 200, "{null}");
    }
}

#[tokio::test]
async fn a_large_body_is_refused_without_being_kept() {
    let world = World::new().await;
    let large = json!({"query": "{ hello }", "variables": {"t": "x".repeat(10 * 1024 * 1024)}}).to_string();
    let (status, body) = told(world.post().header("content-type", JSON).body(large)).await;
    assert_eq!((status, code(&body)), (413, "BAD_USER_INPUT"));
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("1024 KiB"));
    let long = json!({"query": format!("{{ hello }} # {}", "x".repeat(17_000))});
    let (status, body) = told(world.post().json(&long)).await;
    assert_eq!((status, code(&body)), (400, "OPERATION_TOO_COMPLEX"));
}

#[tokio::test]
async fn get_reads_and_changes_nothing() {
    let world = World::new().await;
    let get = |parameters: &[(&str, &str)]| {
        let url = reqwest::Url::parse_with_params(&world.url("/graphql"), parameters).unwrap();
        client().get(url).header("accept", GRAPHQL)
    };
    let (status, body) = told(get(&[("query", "{ hello }")])).await;
    assert_eq!((status, body), (200, json!({"data": {"hello": "world"}})));
    let query = "query E($t: String!) { echo(text: $t) }";
    let (status, _) =
        told(get(&[("query", query), ("variables", "{\"t\":\"x\"}"), ("extensions", "{}")])).await;
    assert_eq!(status, 200);
    for parameters in
        [&[][..], &[("query", query), ("variables", "[")], &[("query", query), ("extensions", "7")]]
    {
        assert_eq!(told(get(parameters)).await.0, 400, "{parameters:?}");
    }
    let response = get(&[("query", "mutation { bump }")]).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
    assert_eq!(world.journal.bumps.load(Ordering::SeqCst), 0);
    let (status, _) = told(get(&[("query", "subscription { silence }")])).await;
    assert_eq!(status, 400);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let response = client().request(method, world.url("/graphql")).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert!(response.headers()["allow"].to_str().unwrap().contains("POST"));
    }
}

#[tokio::test]
async fn a_browser_is_shown_the_explorer() {
    let world = World::new().await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let response = client().get(world.url("/graphql")).header("accept", browser).send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(response.text().await.unwrap(), "<h1>explorer</h1>");
}

#[tokio::test]
async fn callers_are_recognised_and_strangers_see_what_is_public() {
    let world = World::new().await;
    let as_who = |authorization: Option<&'static str>| {
        let post = client().post(world.url("/graphql")).header("accept", JSON);
        let query = if authorization == Some("public") { "{ hello __typename }" } else { "{ hello me }" };
        let post = post.json(&json!({ "query": query }));
        match authorization {
            Some("public") | None => post,
            Some(authorization) => post.header("authorization", authorization),
        }
    };
    assert_eq!(told(as_who(Some("public"))).await.0, 200);
    assert_eq!(told(as_who(Some("Bearer ann"))).await.1["data"]["me"], "ann");
    for authorization in [None, Some("Bearer nobody"), Some("Basic YW5u"), Some("ann"), Some("Bearer ")] {
        let response = as_who(authorization).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["www-authenticate"]),
            (401, &"Bearer".parse().unwrap())
        );
        let body: Value = response.json().await.unwrap();
        assert_eq!(code(&body), "UNAUTHENTICATED", "{authorization:?}");
        assert!(body.get("data").is_none());
    }
    let response = as_who(Some("Bearer away")).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
}

#[tokio::test]
async fn a_subscription_is_sent_to_the_socket() {
    let world = World::new().await;
    let (status, body) = world.ask(GRAPHQL, "subscription { count(to: 3) }").await;
    assert_eq!((status, code(&body)), (400, "BAD_USER_INPUT"));
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("/graphql/ws"));
}

#[tokio::test]
async fn introspection_is_for_whom_the_operator_says() {
    use crate::config::Introspection::{Off, Open, Tokens};
    for (policy, known, stranger) in [(Open, 200, 200), (Tokens, 200, 401), (Off, 403, 403)] {
        let world = World::with(|settings| settings.introspection = policy).await;
        let ask = json!({"query": "{ hello __schema { queryType { name } } }"});
        let (status, _) = told(world.post().json(&ask)).await;
        assert_eq!(status, known, "{policy:?}");
        let (status, body) = told(client().post(world.url("/graphql")).json(&ask)).await;
        assert_eq!(status, stranger, "{policy:?}");
        assert_eq!(body.get("data").is_some(), stranger == 200);
        let (status, _) = told(world.post().json(&json!({"query": "{ __typename hello }"}))).await;
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn whoever_asks_too_fast_is_told_when_to_come_again() {
    let world = World::new().await;
    let ask = || client().post(world.url("/graphql")).bearer_auth("hasty").json(&json!({"query": "{ me }"}));
    assert_eq!(ask().send().await.unwrap().status(), 200);
    let refused = ask().send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    let body: Value = refused.json().await.unwrap();
    let told = &body["errors"][0]["extensions"];
    assert_eq!((&told["code"], &told["retryAfterMs"]), (&json!("RATE_LIMITED"), &json!(2500)));
    assert_eq!(body.get("data"), None);
}
