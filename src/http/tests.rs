//! The hall, with doors made for the purpose.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::error::Result;

fn hall(door: Router) -> Router {
    let readiness: Readiness = std::sync::Arc::new(|| {
        Box::pin(async {
            let behind = "12 messages behind".to_owned();
            Ready::from_checks(vec![
                Check { name: "database", ok: true, optional: false, detail: "answers".into() },
                Check { name: "index", ok: false, optional: true, detail: behind },
            ])
        })
    });
    router(Parts {
        readiness,
        metrics: Box::new(|| "up 1\n".into()),
        strangers: Strangers::default(),
        origins: vec!["https://app.example".into()],
        doors: vec![door],
    })
}

async fn ask(router: Router, request: Request) -> (StatusCode, HeaderMap, Value) {
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let value = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    (status, headers, value)
}

fn get_of(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn the_hall_tells_how_it_is() {
    let (status, _, body) = ask(hall(Router::new()), get_of("/healthz")).await;
    assert_eq!((status, body), (StatusCode::OK, json!("alive\n")));
    let (status, _, body) = ask(hall(Router::new()), get_of("/readyz")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["checks"][1], json!({"name": "index", "ok": false, "detail": "12 messages behind"}));
    let (_, headers, body) = ask(hall(Router::new()), get_of("/metrics")).await;
    assert_eq!(body, json!("up 1\n"));
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let (_, _, body) = ask(hall(Router::new()), get_of("/")).await;
    assert!(body.as_str().unwrap().contains("/graphql"));
}

#[tokio::test]
async fn what_is_not_there_is_told_in_json() {
    let (status, _, body) = ask(hall(Router::new()), get_of("/nowhere")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body["error"]["message"].as_str().unwrap().contains("/graphql"));
    let door = Router::new().route("/only", post(async || "ok"));
    let (status, headers, body) = ask(hall(door), get_of("/only")).await;
    assert_eq!((status, headers["allow"].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    assert!(body["error"]["message"].is_string());
}

#[tokio::test]
async fn a_panic_is_a_plain_500() {
    async fn fall() -> &'static str {
        panic!("the password is swordfish")
    }
    let (status, _, body) = ask(hall(Router::new().route("/fall", get(fall))), get_of("/fall")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body, json!({"error": {"message": "internal error"}}));
}

#[tokio::test]
async fn every_answer_carries_a_name_and_guarding_headers() {
    let (_, headers, _) = ask(hall(Router::new()), get_of("/healthz")).await;
    assert_eq!(headers["x-request-id"].len(), 36);
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    let named =
        Request::get("/healthz").header("x-request-id", "from-the-app.7").body(Body::empty()).unwrap();
    assert_eq!(ask(hall(Router::new()), named).await.1["x-request-id"], "from-the-app.7");
    let odd = Request::get("/healthz").header("x-request-id", "a b").body(Body::empty()).unwrap();
    assert_eq!(ask(hall(Router::new()), odd).await.1["x-request-id"].len(), 36);
}

#[tokio::test]
async fn kinds_become_statuses_and_causes_stay_inside() {
    async fn broken() -> Result<Json<()>> {
        Err(Error::internal("connection to 10.0.0.3 refused"))
    }
    async fn away() -> Result<Json<()>> {
        Err(Error::unavailable("the database is away"))
    }
    let door = Router::new().route("/broken", get(broken)).route("/away", get(away));
    let (status, _, body) = ask(hall(door.clone()), get_of("/broken")).await;
    assert_eq!(
        (status, body),
        (StatusCode::INTERNAL_SERVER_ERROR, json!({"error": {"message": "internal error"}}))
    );
    let (status, headers, body) = ask(hall(door), get_of("/away")).await;
    assert_eq!((status, &headers["retry-after"]), (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap()));
    assert_eq!(body["error"]["message"], "the database is away");
}

async fn take(headers: HeaderMap, body: Body) -> Result<String, Refused> {
    read_body(&headers, body, 10).await.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn a_body_is_read_within_its_limit() {
    let door = Router::new().route("/take", post(take));
    let send = |text: &'static str| Request::post("/take").body(Body::from(text)).unwrap();
    assert_eq!(ask(hall(door.clone()), send("0123456789")).await.2, json!("0123456789"));
    let (status, _, body) = ask(hall(door), send("0123456789a")).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body["error"]["message"].as_str().unwrap().contains("larger than"));
}

#[test]
fn bearers_are_read_as_people_write_them() {
    use secrecy::ExposeSecret;
    assert_eq!(bearer_in("Bearer bw_1").unwrap().expose_secret(), "bw_1");
    assert_eq!(bearer_in(" bearer  bw_1 ").unwrap().expose_secret(), "bw_1");
    for wrong in ["", "Bearer", "Bearer ", "bw_1", "Basic dXNlcg=="] {
        assert!(bearer_in(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn the_end_lets_requests_finish_and_takes_no_new_ones() {
    let (begun, mut begins) = tokio::sync::mpsc::channel::<()>(1);
    let door = Router::new().route(
        "/slow",
        get(async move || {
            begun.send(()).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            "done"
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let drain = Drain::new(stop.clone());
    let serving = tokio::spawn(async move { serve(listener, hall(door), &drain).await });

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    begins.recv().await.unwrap();
    stop.cancel();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_number() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = bind("127.0.0.1".parse().unwrap(), port).await.unwrap_err();
    assert!(error.message().contains(&format!("port {port}")) && error.message().contains("`PORT`"));
}

#[tokio::test]
async fn strangers_and_wrong_tokens_may_come_so_often() {
    let second = std::num::NonZeroU32::new(1).unwrap();
    let door = Router::new()
        .route("/open", get(async || "hi"))
        .route("/shut", get(async || Error::unauthenticated("no")));
    let readiness: Readiness = std::sync::Arc::new(|| Box::pin(async { Ready::from_checks(Vec::new()) }));
    let metrics: Box<dyn Fn() -> String + Send + Sync> = Box::new(String::new);
    let strangers = Strangers::new(Some(second), 1);
    let hall = router(Parts { readiness, metrics, strangers, origins: Vec::new(), doors: vec![door] });
    let come = async |path: &str, from: &str, token: bool| {
        let mut request = Request::get(path).header("x-forwarded-for", from);
        if token {
            request = request.header("authorization", "Bearer x");
        }
        hall.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    let mut seen = Vec::new();
    for _ in 0..25 {
        seen.push(come("/open", "1.1.1.1", false).await);
    }
    assert_eq!((seen[0], seen[24]), (200, 429));
    assert_eq!(come("/healthz", "1.1.1.1", false).await, 200);
    assert_eq!(come("/open", "1.1.1.1", true).await, 200);
    assert_eq!(come("/shut", "1.1.1.1", true).await, 429);
    assert_eq!(come("/shut", "2.2.2.2", true).await, 401);
}

#[tokio::test]
async fn pages_of_friends_may_call() {
    let door = Router::new().route("/call", post(async || "hi"));
    let hall = hall(door);
    let preflight = async |origin: &str| {
        let request = Request::options("/call")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let response = hall.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(preflight("https://app.example").await.as_deref(), Some("https://app.example"));
    assert_eq!(preflight("https://evil.example").await, None);
}
