//! A plan as a comment on a pull request, against a small GitHub of our own.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, patch};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::harness::process::{Place, Ran};

/// The comments of pull request 7 of `acme/bots`.
#[derive(Clone, Default)]
struct Hub {
    comments: Arc<Mutex<Vec<Value>>>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    /// Serves on a port of its own; the address.
    async fn serve(&self) -> String {
        let routes = Router::new()
            .route("/repos/acme/bots/issues/7/comments", get(list).post(create))
            .route("/repos/acme/bots/issues/comments/{id}", patch(update))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    fn bodies(&self) -> Vec<String> {
        let body = |comment: &Value| comment["body"].as_str().unwrap().to_owned();
        self.comments.lock().unwrap().iter().map(body).collect()
    }

    fn admit(&self, headers: &HeaderMap, call: String) -> Result<(), (StatusCode, Json<Value>)> {
        self.calls.lock().unwrap().push(call);
        if headers["authorization"] == "Bearer good" {
            return Ok(());
        }
        Err((StatusCode::FORBIDDEN, Json(json!({"message": "Resource not accessible by integration"}))))
    }
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

async fn list(State(hub): State<Hub>, Query(page): Query<Value>, headers: HeaderMap) -> Answer {
    let number = |name: &str| page[name].as_str().unwrap().parse::<usize>().unwrap();
    hub.admit(&headers, format!("list {}", number("page")))?;
    let comments = hub.comments.lock().unwrap();
    let skipped = number("per_page") * (number("page") - 1);
    Ok(Json(comments.iter().skip(skipped).take(number("per_page")).cloned().collect()))
}

async fn create(State(hub): State<Hub>, headers: HeaderMap, Json(comment): Json<Value>) -> Answer {
    hub.admit(&headers, "create".into())?;
    let mut comments = hub.comments.lock().unwrap();
    let made = json!({"id": comments.len(), "body": comment["body"]});
    comments.push(made.clone());
    Ok(Json(made))
}

async fn update(
    State(hub): State<Hub>,
    Path(id): Path<usize>,
    headers: HeaderMap,
    Json(comment): Json<Value>,
) -> Answer {
    hub.admit(&headers, format!("update {id}"))?;
    hub.comments.lock().unwrap()[id]["body"] = comment["body"].clone();
    Ok(Json(json!({})))
}

const PLAN: &str = include_str!("../plan-comment/plan.json");

/// A place as a workflow's job has it.
fn job(api: &str, token: &str) -> Place {
    let mut place = Place::new();
    place.write("plan.json", PLAN);
    let event = place.write("event.json", r#"{"pull_request": {"number": 7, "head": {"sha": "feed"}}}"#);
    for (name, value) in [
        ("GITHUB_API_URL", api),
        ("GITHUB_REPOSITORY", "acme/bots"),
        ("GITHUB_TOKEN", token),
        ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
    ] {
        place.variables.push((name.into(), value.into()));
    }
    place
}

fn comment(place: &Place, plan: &str) -> Ran {
    place.run(&["comment", plan, "--dir", "bots"], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_comment_and_every_run_writes_it_anew() {
    let hub = Hub::default();
    // Others talked too, for more than a page.
    for id in 0..130 {
        hub.comments.lock().unwrap().push(json!({"id": id, "body": format!("I like it, {id}")}));
    }
    let place = job(&hub.serve().await, "good");

    let first = comment(&place, "plan.json");
    assert!(first.code == 0 && first.talk.contains("created"), "{first:?}");
    assert_eq!(hub.bodies().len(), 131);
    let body = hub.bodies().pop().unwrap();
    assert!(body.starts_with("<!-- botwright plan: git:acme/bots in bots -->\n### Botwright: "), "{body}");
    let link = "https://github.com/acme/bots/blob/abcdef0123456789abcdef0123456789abcdef01/bots/support/bot.yaml#L11";
    assert!(body.contains(link), "{body}");

    let again = comment(&place, "plan.json");
    assert!(again.talk.contains("unchanged"), "{again:?}");
    place.write("plan.json", &PLAN.replace("0.5", "0.6"));
    let changed = comment(&place, "plan.json");
    assert!(changed.talk.contains("updated"), "{changed:?}");
    assert!(hub.bodies().len() == 131 && hub.bodies()[130].contains("0.6"));
    let calls = hub.calls.lock().unwrap().join(", ");
    assert_eq!(calls, "list 1, list 2, create, list 1, list 2, list 1, list 2, update 130");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_say_is_said_only_to_replace_what_was_said() {
    let hub = Hub::default();
    let place = job(&hub.serve().await, "good");
    let mut nothing: Value = serde_json::from_str(PLAN).unwrap();
    for list in ["changes", "blocked", "warnings", "delegated"] {
        nothing[list] = json!([]);
    }
    nothing["summary"] = json!({"unchanged": 12});
    place.write("nothing.json", &nothing.to_string());
    assert!(comment(&place, "nothing.json").talk.contains("skipped"));
    assert!(hub.bodies().is_empty());
    assert!(comment(&place, "plan.json").talk.contains("created"));
    assert!(comment(&place, "nothing.json").talk.contains("updated"));
    assert!(hub.bodies()[0].contains("no changes (12 bots stay as they are)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_to_do() {
    let hub = Hub::default();
    let place = job(&hub.serve().await, "poor");
    let refused = comment(&place, "plan.json");
    assert_eq!(refused.code, 1, "{refused:?}");
    for words in ["pull request 7", "403: Resource not accessible by integration", "pull-requests: write"] {
        assert!(refused.talk.contains(words), "{words}: {}", refused.talk);
    }
    assert!(!refused.talk.contains("poor"));

    let printed = place.run(&["comment", "plan.json", "--print"], "");
    assert!(printed.code == 0 && printed.out.contains("### Botwright"), "{printed:?}");
    place.write("other.json", "{\"kind\": \"Dinner\"}");
    assert!(comment(&place, "other.json").talk.contains("is no plan"));
}
