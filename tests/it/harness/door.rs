//! The API over a talk, on a real socket, and a client of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use botwright::accounts::{Accounts, Actor, NewToken, Scopes};
use botwright::clock::{SharedClock, SystemClock};
use botwright::http::{Drain, Ready, serve};
use botwright::{graphql, http};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use crate::harness::memory;
use crate::harness::talk::Talk;

/// A server of the API. It stops when it is dropped.
pub(crate) struct Door {
    address: SocketAddr,
    accounts: Accounts,
    stop: CancellationToken,
}

impl Door {
    pub(crate) async fn open(talk: &Talk) -> Self {
        Self::open_with(talk, graphql::Settings::default()).await
    }

    pub(crate) async fn open_with(talk: &Talk, settings: graphql::Settings) -> Self {
        let clock: SharedClock = Arc::new(SystemClock);
        let accounts = Accounts::new(talk.store.clone(), clock.clone());
        let stop = CancellationToken::new();
        let drain = Drain::new(stop.clone());
        let origins = settings.origins.clone();
        let api = graphql::router(graphql::Parts {
            store: talk.store.clone(),
            accounts: accounts.clone(),
            chat: talk.chat.clone(),
            memory: memory(&talk.store, &clock),
            clock,
            settings,
            drain: drain.clone(),
        });
        let hall = http::router(http::Parts {
            readiness: Arc::new(|| Box::pin(async { Ready::from_checks(Vec::new()) })),
            metrics: Box::new(String::new),
            strangers: http::Strangers::default(),
            origins,
            doors: vec![api],
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { serve(listener, hall, &drain).await });
        Self { address, accounts, stop }
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Somebody called `person`, with a token of these scopes.
    pub(crate) async fn client(&self, talk: &Talk, person: &str, scopes: &str) -> Client {
        self.client_for(talk, person, scopes, None).await
    }

    /// The same, for so long.
    pub(crate) async fn client_for(
        &self,
        talk: &Talk,
        person: &str,
        scopes: &str,
        lifetime: Option<chrono::TimeDelta>,
    ) -> Client {
        self.client_of(&talk.actor, person, scopes, lifetime).await
    }

    /// Somebody of the account of that name, which is made if there is none.
    pub(crate) async fn client_in(&self, account: &str, scopes: &str) -> Client {
        let operator = self.accounts.operator(account).await.unwrap();
        self.client_of(&operator, account, scopes, None).await
    }

    async fn client_of(
        &self,
        maker: &Actor,
        person: &str,
        scopes: &str,
        lifetime: Option<chrono::TimeDelta>,
    ) -> Client {
        let scopes: Scopes = scopes.parse().unwrap();
        let new = NewToken { name: person.into(), scopes, person: Some(person.into()), expires_in: lifetime };
        let token = self.accounts.create_token(maker, new).await.unwrap();
        Client {
            address: self.address,
            token: token.expose_secret().to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A client of the API, as an app would be.
pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) token: String,
    http: reqwest::Client,
}

impl Client {
    /// The whole answer to an operation, with its status.
    pub(crate) async fn send(&self, query: &str, variables: Value) -> (u16, Value) {
        let response = self
            .http
            .post(format!("http://{}/graphql", self.address))
            .header("accept", "application/graphql-response+json")
            .bearer_auth(&self.token)
            .json(&json!({ "query": query, "variables": variables }))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Uploads `body` to `path`; the status and what was said.
    pub(crate) async fn upload(&self, path: &str, body: Vec<u8>, encoding: Option<&str>) -> (u16, Value) {
        let mut request = self
            .http
            .post(format!("http://{}{path}", self.address))
            .header("content-type", "application/json")
            .bearer_auth(&self.token)
            .body(body);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Sends `body` to a signed address, without a token; the status and what was said.
    pub(crate) async fn put(&self, url: &str, kind: &str, body: &[u8]) -> (u16, Value) {
        let request = self.http.put(format!("http://{}{url}", self.address)).header("content-type", kind);
        let response = request.body(body.to_vec()).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Reads a signed address, without a token; the status, the headers and what came.
    pub(crate) async fn get(&self, url: &str) -> (u16, HeaderMap, Vec<u8>) {
        let response = self.http.get(format!("http://{}{url}", self.address)).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.bytes().await.unwrap().to_vec())
    }

    /// What a browser is told that asks whether a page of `origin` may send something to `url`.
    pub(crate) async fn preflight(&self, url: &str, origin: &str) -> HeaderMap {
        let request = self
            .http
            .request(Method::OPTIONS, format!("http://{}{url}", self.address))
            .header("origin", origin)
            .header("access-control-request-method", "PUT");
        let response = request.send().await.unwrap();
        assert!(response.status().is_success());
        response.headers().clone()
    }

    /// Announces an upload of so many bytes and sends none of them; the status and what was said.
    pub(crate) async fn announce(&self, path: &str, bytes: usize) -> (u16, String) {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n",
            self.token
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let read = timeout(Duration::from_secs(5), socket.read(&mut answer)).await.unwrap().unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }

    /// The data of an operation that goes well.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let (status, mut answer) = self.send(query, variables).await;
        assert!(status == 200 && answer.get("errors").is_none(), "{status} {answer}");
        answer["data"].take()
    }

    /// The code of the first error of an operation that does not.
    pub(crate) async fn error(&self, query: &str, variables: Value) -> String {
        let (_, answer) = self.send(query, variables).await;
        code(&answer["errors"])
    }

    /// Says something to a bot, and returns the payload.
    pub(crate) async fn say(&self, input: Value) -> Value {
        let query = "mutation Say($input: SendMessageInput!) { sendMessage(input: $input) {
            replayed conversation { id lastEventSeq } message { id ordinal text } turn { id state }
            userErrors { __typename ... on UserError { message code path } } } }";
        self.ask(query, json!({ "input": input })).await["sendMessage"].take()
    }

    /// A socket that was let in.
    pub(crate) async fn socket(&self) -> Socket {
        let mut request = format!("ws://{}/graphql/ws", self.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let mut socket = Socket(connect_async(request).await.unwrap().0);
        let bearer = format!("Bearer {}", self.token);
        socket.say(json!({"type": "connection_init", "payload": {"authorization": bearer}})).await;
        assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
        socket
    }
}

/// `extensions.code` of the first of some errors.
pub(crate) fn code(errors: &Value) -> String {
    errors[0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
}

/// A socket of the API.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    pub(crate) async fn complete(&mut self, id: &str) {
        self.say(json!({ "id": id, "type": "complete" })).await;
    }

    /// The next message; a close is `{"close": [code, reason]}`.
    pub(crate) async fn hear(&mut self) -> Value {
        timeout(Duration::from_secs(30), self.next()).await.unwrap()
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return json!({"close": [u16::from(frame.code), frame.reason.as_str()]});
                }
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Every event of a subscription to its completion, as the value of its one field.
    pub(crate) async fn events(&mut self, id: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let heard = self.hear().await;
            assert_eq!(heard["id"], id, "{heard}");
            match heard["type"].as_str() {
                Some("complete") => return events,
                Some("next") => events.push(self::only(&heard["payload"]["data"])),
                _ => panic!("{heard}"),
            }
        }
    }

    /// The next event of a subscription.
    pub(crate) async fn event(&mut self, id: &str) -> Value {
        let heard = self.hear().await;
        assert_eq!((&heard["type"], &heard["id"]), (&json!("next"), &json!(id)), "{heard}");
        only(&heard["payload"]["data"])
    }
}

fn only(data: &Value) -> Value {
    data.as_object().unwrap().values().next().unwrap().clone()
}
