//! The OpenAI-compatible door, as clients of that protocol meet it: real sockets, exact shapes.

mod errors;
mod lasting;
mod pictures;
mod stateless;
mod streams;
mod tools;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use botwright::accounts::{Accounts, Actor, NewToken, Scopes};
use botwright::channels::openai;
use botwright::chat::Channels;
use botwright::clock::{SharedClock, SystemClock};
use botwright::dialog::Tool;
use botwright::http::{self, Drain, Ready, serve};
use botwright::store::{Conversation, Person, UsageEvent};
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::cluster::Database;
use crate::harness::talk::Talk;

const PARROT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n";

/// A talk with the door open.
struct Open {
    talk: Talk,
    accounts: Accounts,
    address: SocketAddr,
    stop: CancellationToken,
    /// Somebody with the scope `chat`.
    client: Client,
    _database: Database,
}

impl Open {
    async fn begin() -> Self {
        Self::with(Vec::new(), PARROT).await
    }

    async fn with(tools: Vec<Arc<dyn Tool>>, bot: &str) -> Self {
        let database = Database::new();
        let talk = Talk::with(&database, Channels::new(), tools, bot).await;
        let clock: SharedClock = Arc::new(SystemClock);
        let accounts = Accounts::new(talk.store.clone(), clock.clone());
        let stop = CancellationToken::new();
        let drain = Drain::new(stop.clone());
        let parts = openai::Parts {
            accounts: accounts.clone(),
            chat: talk.chat.clone(),
            clock,
            drain: drain.clone(),
        };
        let hall = http::router(http::Parts {
            readiness: Arc::new(|| Box::pin(async { Ready::from_checks(Vec::new()) })),
            metrics: Box::new(String::new),
            origins: Vec::new(),
            strangers: http::Strangers::default(),
            doors: vec![openai::router(parts)],
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { serve(listener, hall, &drain).await });
        let (chat, stopping) = (talk.chat.clone(), stop.clone());
        tokio::spawn(async move { chat.keep_books(stopping).await });
        let client = client_of(&accounts, address, &talk.actor, "app", "chat").await;
        Self { talk, accounts, address, stop, client, _database: database }
    }

    /// Somebody of this name with a token of these scopes.
    async fn client(&self, person: &str, scopes: &str) -> Client {
        client_of(&self.accounts, self.address, &self.talk.actor, person, scopes).await
    }

    /// Somebody of the account of that name, which is made if there is none.
    async fn client_in(&self, account: &str) -> Client {
        let operator = self.accounts.operator(account).await.unwrap();
        client_of(&self.accounts, self.address, &operator, "app", "chat").await
    }

    /// The conversation of the person whom the client calls `user`, as `who: text` lines.
    async fn transcript(&self, user: &str) -> Vec<String> {
        match self.conversation(user).await {
            Some(conversation) => self.talk.transcript(conversation.id).await,
            None => Vec::new(),
        }
    }

    async fn conversation(&self, user: &str) -> Option<Conversation> {
        let app = self.accounts.authenticate(&self.client.token.clone().into()).await.unwrap();
        let mut tx = self.talk.store.tenant(app.account).await.unwrap();
        let handle = format!("{}:{user}", app.person);
        let person = Person::find_by_identity(&mut tx, "openai", &handle).await.unwrap()?;
        let found = Conversation::list_recent(&mut tx, person.id, None, None, 2).await.unwrap();
        tx.commit().await.unwrap();
        assert!(found.len() < 2, "one conversation with the bot");
        found.into_iter().next()
    }

    /// Waits until `count` requests are in the ledger, and reads it.
    async fn usage(&self, count: usize) -> Vec<UsageEvent> {
        for _ in 0..200 {
            let mut tx = self.talk.store.tenant(self.talk.actor.account).await.unwrap();
            let events = UsageEvent::list_all(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            if events.len() >= count {
                return events;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the ledger never holds {count} lines");
    }

    /// Asks, and hangs up once the model has been talking for a while.
    async fn hang_up(&self, fields: Value) {
        let before = self.talk.providers.scripted().heard().len();
        let request = self.client.request(&asked(fields));
        let asking = tokio::spawn(async move {
            let mut answer = request.send().await.unwrap();
            while let Ok(Some(_)) = answer.chunk().await {}
        });
        while self.talk.providers.scripted().heard().len() == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(!asking.is_finished(), "it would go on for ten seconds");
        asking.abort();
    }

    async fn end(self) {
        self.stop.cancel();
        self.talk.end().await;
    }
}

async fn client_of(
    accounts: &Accounts,
    address: SocketAddr,
    maker: &Actor,
    person: &str,
    scopes: &str,
) -> Client {
    let scopes: Scopes = scopes.parse().unwrap();
    let new = NewToken { name: person.into(), scopes, person: Some(person.into()), expires_in: None };
    let token = accounts.create_token(maker, new).await.unwrap().expose_secret().to_owned();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Client { url: format!("http://{address}/v1"), token, http }
}

/// A client of the protocol.
#[derive(Clone)]
struct Client {
    url: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    fn request(&self, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/chat/completions", self.url)).bearer_auth(&self.token).json(body)
    }

    /// Asks; the status, the headers and the whole answer.
    async fn post(&self, body: Value) -> (u16, HeaderMap, Value) {
        told(self.request(&body).send().await.unwrap()).await
    }

    /// The same with an `Idempotency-Key`.
    async fn post_once(&self, key: &str, body: Value) -> (u16, HeaderMap, Value) {
        told(self.request(&body).header("idempotency-key", key).send().await.unwrap()).await
    }

    /// Asks `parrot`, and gets an answer.
    async fn ask(&self, fields: Value) -> Value {
        let (status, _, answer) = self.post(asked(fields)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The text of an answer.
    async fn text(&self, fields: Value) -> String {
        let answer = self.ask(fields).await;
        answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let (status, _, body) = told(request.send().await.unwrap()).await;
        (status, body)
    }

    /// Everything that a streamed answer sends: the data of each event.
    async fn stream(&self, fields: Value) -> Vec<String> {
        let mut body = asked(fields);
        body["stream"] = json!(true);
        let answer = self.request(&body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        events(&answer.text().await.unwrap())
    }
}

async fn told(answer: reqwest::Response) -> (u16, HeaderMap, Value) {
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    (status, headers, serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")))
}

/// The data of each event; comments are passed over.
fn events(text: &str) -> Vec<String> {
    assert!(text.ends_with("\n\n"), "events end in an empty line: {text:?}");
    let events = text.split_terminator("\n\n").filter(|event| !event.starts_with(':'));
    events.map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
}

/// The pieces of a streamed answer, and the text that they make.
fn pieces(events: &[String]) -> (Vec<Value>, String) {
    let (done, pieces) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    let pieces: Vec<Value> = pieces.iter().map(|piece| serde_json::from_str(piece).unwrap()).collect();
    let text = pieces.iter().filter_map(|piece| piece["choices"][0]["delta"]["content"].as_str()).collect();
    (pieces, text)
}

/// A request to `parrot`: `say` is the only message unless there are others.
fn asked(mut fields: Value) -> Value {
    let object = fields.as_object_mut().unwrap();
    object.entry("model").or_insert(json!("parrot"));
    if let Some(say) = object.remove("say") {
        object.insert("messages".into(), json!([{ "role": "user", "content": say }]));
    }
    fields
}
