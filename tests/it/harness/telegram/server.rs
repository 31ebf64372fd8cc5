//! The socket: reads calls, lets trouble strike, carries them out, answers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::telegram::Inner;
use crate::harness::telegram::arguments::{Arguments, unescaped};
use crate::harness::telegram::faults::{Trouble, strike};
use crate::harness::telegram::journal::{Call, Outcome};
use crate::harness::telegram::limits;
use crate::harness::telegram::methods::{self, Ask};
use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::state::{Key, State};
use crate::harness::telegram::{updates, webhook};

/// The largest request that is read.
const LARGEST: usize = 64 << 20;
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad \
                           Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// Serves connections until it is stopped; those that are open are closed then.
pub(super) async fn serve(listener: TcpListener, inner: Arc<Inner>, stop: CancellationToken) {
    loop {
        let socket = tokio::select! {
            () = stop.cancelled() => return,
            socket = listener.accept() => socket.unwrap().0,
        };
        socket.set_nodelay(true).unwrap();
        let (door, stop) = (TowerToHyperService::new(Door(inner.clone())), stop.clone());
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            let connection = builder.serve_connection(TokioIo::new(socket), door);
            tokio::select! {
                () = stop.cancelled() => {}
                // A connection that was cut ends with an error, as it should.
                _ = connection => {}
            }
        });
    }
}

#[derive(Clone)]
struct Door(Arc<Inner>);

impl<B> tower::Service<Request<B>> for Door
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    /// Closes the connection.
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            let cut = || std::io::Error::other("the connection is cut");
            answer(&inner, request.map(Body::new)).await.ok_or_else(cut)
        })
    }
}

/// The answer to a request; none if the connection shall be cut.
async fn answer(inner: &Arc<Inner>, request: Request<Body>) -> Option<Response> {
    let (head, body) = request.into_parts();
    let path = unescaped(head.uri.path());
    if let Some(path) = path.strip_prefix("/file/bot") {
        return file(inner, path);
    }
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|path| path.split_once('/')) else {
        return Some(refuse(&Refusal::new(404, "Not Found")));
    };
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let body = to_bytes(body, LARGEST).await.ok()?;
    let Some(arguments) = Arguments::read(head.uri.query(), kind, &body) else {
        return Some(refuse(&Refusal::bad("can't parse the request")));
    };
    carry_out(inner, token, &method.to_lowercase(), &arguments).await
}

async fn carry_out(inner: &Arc<Inner>, token: &str, method: &str, arguments: &Arguments) -> Option<Response> {
    let Begun { number, trouble, taken } = match begin(&mut inner.lock(), token, method, arguments) {
        Ok(begun) => begun,
        Err(refusal) => return Some(refuse(&refusal)),
    };
    let end = |outcome| inner.lock().journal.end(number, outcome);
    if let Some(refusal) = trouble.as_ref().and_then(Trouble::refusal) {
        end(Outcome::Refused(refusal.code, refusal.description.clone()));
        return Some(refuse(&refusal));
    }
    match trouble {
        Some(Trouble::Away) => {
            end(Outcome::Lost);
            let kind = [(header::CONTENT_TYPE, "text/html")];
            return Some((axum::http::StatusCode::BAD_GATEWAY, kind, BAD_GATEWAY).into_response());
        }
        Some(Trouble::CutBefore) => {
            end(Outcome::Lost);
            return None;
        }
        Some(Trouble::Hang) => {
            end(Outcome::Lost);
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    let result = run(inner, token, method, arguments).await;
    match (&result, &trouble) {
        (Ok(_), Some(Trouble::CutAfter)) => end(Outcome::Unanswered),
        (Ok(result), _) => end(Outcome::Done(result.clone())),
        (Err(refusal), _) => {
            // What is wrong in itself never gets as far as the limits.
            inner.lock().limits.give_back(taken);
            end(Outcome::Refused(refusal.code, refusal.description.clone()));
        }
    }
    match trouble {
        Some(Trouble::CutAfter) => return None,
        Some(Trouble::Slow(pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    Some(match result {
        Ok(result) => reply(200, &json!({ "ok": true, "result": result })),
        Err(refusal) => refuse(&refusal),
    })
}

struct Begun {
    number: usize,
    trouble: Option<Trouble>,
    /// What the call took from the limits: whose, and where.
    taken: Option<(i64, Key)>,
}

/// Writes the call down, and says what trouble it gets. Refuses it if the bot is unknown or calls too often.
fn begin(state: &mut State, token: &str, method: &str, arguments: &Arguments) -> Result<Begun, Refusal> {
    let bot = state.bots.get(token).ok_or_else(Refusal::unauthorized)?;
    let (id, username) = (bot.id, bot.username.clone());
    let chat = arguments.number("chat_id").map(|chat| Key::of(id, chat));
    let call = Call {
        at: Instant::now(),
        bot: username,
        method: method.to_owned(),
        chat,
        arguments: arguments.values.clone(),
        outcome: Outcome::Open,
    };
    let trouble = strike(&mut state.faults, method, chat);
    let number = state.journal.begin(call.clone());
    if let (Some(chat), Some(Trouble::TooMany(seconds))) = (chat.filter(|_| limits::counts(method)), &trouble)
    {
        state.limits.silence((id, chat), *seconds);
    }
    let harmless = trouble.as_ref().is_some_and(|trouble| !trouble.is_done());
    let taken = chat.filter(|_| !harmless && limits::counts(method)).map(|chat| (id, chat));
    if let Some(taken) = taken
        && let Err(seconds) = state.limits.take(taken)
    {
        let refusal = Refusal::too_many(seconds);
        let outcome = Outcome::Refused(429, refusal.description.clone());
        state.journal.end(number, outcome.clone());
        state.journal.violations.push(Call { outcome, ..call });
        return Err(refusal);
    }
    Ok(Begun { number, trouble, taken })
}

/// Does what the call asks for.
pub(super) async fn run(
    inner: &Arc<Inner>,
    token: &str,
    method: &str,
    arguments: &Arguments,
) -> Result<Value, Refusal> {
    match method {
        "getupdates" => updates::poll(inner, token, arguments).await,
        "setwebhook" => webhook::set(inner, token, arguments),
        "deletewebhook" => webhook::delete(inner, token, arguments),
        method => {
            let mut state = inner.lock();
            let bot = state.bots.get(token).ok_or_else(Refusal::unauthorized)?.id;
            methods::call(&mut state, method, &Ask { token, bot, arguments })
        }
    }
}

/// A file, or the trouble that fetching one gets (`Fault::on("file")`); none if the connection shall be cut.
fn file(inner: &Inner, path: &str) -> Option<Response> {
    let mut state = inner.lock();
    match strike(&mut state.faults, "file", None) {
        Some(Trouble::CutBefore | Trouble::CutAfter) => return None,
        Some(Trouble::Away) => {
            let kind = [(header::CONTENT_TYPE, "text/html")];
            return Some((axum::http::StatusCode::BAD_GATEWAY, kind, BAD_GATEWAY).into_response());
        }
        Some(trouble) => {
            if let Some(refusal) = trouble.refusal() {
                return Some(refuse(&refusal));
            }
        }
        None => {}
    }
    let found = path.split_once('/').filter(|(token, _)| state.bots.contains_key(*token));
    let bytes = found.and_then(|(_, path)| state.files.get(path.strip_prefix("files/")?));
    Some(match bytes {
        Some(bytes) => bytes.clone().into_response(),
        None => refuse(&Refusal::new(404, "Not Found")),
    })
}

fn refuse(refusal: &Refusal) -> Response {
    reply(refusal.code, &refusal.body())
}

fn reply(code: u16, body: &Value) -> Response {
    let code = axum::http::StatusCode::from_u16(code).unwrap();
    (code, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
