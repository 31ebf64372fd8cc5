//! Updates that are pushed: in order for each chat, again and again until they are taken.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::telegram::Inner;
use crate::harness::telegram::arguments::Arguments;
use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::server;
use crate::harness::telegram::state::Key;
use crate::harness::telegram::updates::Webhook;

/// The pause after the first failure; it doubles with every further one. The service takes longer ones.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the bot may take for an update.
const PATIENCE: Duration = Duration::from_secs(30);

/// `setWebhook`. Unlike the service it takes addresses without TLS.
pub(super) fn set(inner: &Arc<Inner>, token: &str, arguments: &Arguments) -> Result<Value, Refusal> {
    let url = arguments.text("url").unwrap_or_default();
    if url.is_empty() {
        return delete(inner, token, arguments);
    }
    if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1:") {
        return Err(Refusal::bad("bad webhook: An HTTPS URL must be provided for webhook"));
    }
    let secret = arguments.text("secret_token").filter(|secret| !secret.is_empty());
    if secret.as_ref().is_some_and(|secret| secret.len() > 256) {
        return Err(Refusal::bad("secret token is too long"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if secret.as_ref().is_some_and(|secret| !secret.chars().all(plain)) {
        return Err(Refusal::bad("secret token contains unallowed characters"));
    }
    let connections = arguments.number("max_connections").unwrap_or(40).clamp(1, 100);
    let mut state = inner.lock();
    let number = state.number();
    let queue = &mut state.bots.get_mut(token).ok_or_else(Refusal::unauthorized)?.queue;
    queue.remember_allowed(arguments);
    if arguments.yes("drop_pending_updates") {
        queue.waiting.clear();
    }
    let connections = usize::try_from(connections).unwrap();
    queue.webhook = Some(Webhook { url, secret, connections, number, last_error: None });
    queue.changed.notify_waiters();
    drop(state);
    tokio::spawn(push(inner.clone(), token.to_owned(), number));
    Ok(json!(true))
}

pub(super) fn delete(inner: &Inner, token: &str, arguments: &Arguments) -> Result<Value, Refusal> {
    let mut state = inner.lock();
    let queue = &mut state.bots.get_mut(token).ok_or_else(Refusal::unauthorized)?.queue;
    queue.webhook = None;
    if arguments.yes("drop_pending_updates") {
        queue.waiting.clear();
    }
    queue.changed.notify_waiters();
    Ok(json!(true))
}

/// Pushes what waits, until the webhook is another or none.
async fn push(inner: Arc<Inner>, token: String, number: i64) {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    let mut chats: HashSet<Option<Key>> = HashSet::new();
    let mut under_way = JoinSet::new();
    loop {
        let Some(changed) = inner.lock().bots.get(&token).map(|bot| bot.queue.changed.clone()) else {
            return;
        };
        let mut changed = std::pin::pin!(changed.notified());
        changed.as_mut().enable();
        let Some(next) = next(&inner, &token, number, &chats) else { return };
        if let Some((chat, id, body)) = next {
            chats.insert(chat);
            let push = Push { inner: inner.clone(), token: token.clone(), number, client: client.clone() };
            under_way.spawn(async move {
                push.one(id, body).await;
                chat
            });
            continue;
        }
        tokio::select! {
            () = changed => {}
            Some(chat) = under_way.join_next() => {
                chats.remove(&chat.unwrap());
            }
        }
    }
}

type Next = Option<(Option<Key>, i64, Value)>;

/// The first update of a chat of which none is under way, if there are connections left. None: it is over.
fn next(inner: &Inner, token: &str, number: i64, chats: &HashSet<Option<Key>>) -> Option<Next> {
    let state = inner.lock();
    let queue = &state.bots.get(token)?.queue;
    let hook = queue.webhook.as_ref().filter(|hook| hook.number == number)?;
    if chats.len() >= hook.connections {
        return Some(None);
    }
    let update = queue.waiting.iter().find(|update| !chats.contains(&update.chat));
    Some(update.map(|update| (update.chat, update.id, update.body.clone())))
}

struct Push {
    inner: Arc<Inner>,
    token: String,
    number: i64,
    client: reqwest::Client,
}

impl Push {
    /// Pushes an update until it is taken, or the webhook is another.
    async fn one(&self, id: i64, body: Value) {
        let mut pause = FIRST_PAUSE;
        loop {
            let Some((url, secret)) = self.hook() else { return };
            let mut request = self.client.post(url).json(&body);
            if let Some(secret) = secret {
                request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
            }
            let error = match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    let text = answer.text().await.unwrap_or_default();
                    self.taken(id);
                    return self.obey(&text).await;
                }
                Ok(answer) => format!("Wrong response from the webhook: {}", answer.status()),
                Err(error) if error.is_timeout() => "Read timeout expired".to_owned(),
                Err(_) => "Connection refused".to_owned(),
            };
            self.failed(error);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn hook(&self) -> Option<(String, Option<String>)> {
        let state = self.inner.lock();
        let hook = state.bots.get(&self.token)?.queue.webhook.as_ref();
        let hook = hook.filter(|hook| hook.number == self.number)?;
        Some((hook.url.clone(), hook.secret.clone()))
    }

    fn taken(&self, id: i64) {
        if let Some(bot) = self.inner.lock().bots.get_mut(&self.token) {
            bot.queue.waiting.retain(|update| update.id != id);
        }
    }

    fn failed(&self, error: String) {
        let mut state = self.inner.lock();
        let date = state.date();
        if let Some(hook) = state.bots.get_mut(&self.token).and_then(|bot| bot.queue.webhook.as_mut()) {
            hook.last_error = Some((date, error));
        }
    }

    /// A bot may answer with a call.
    async fn obey(&self, answer: &str) {
        let Ok(Value::Object(values)) = serde_json::from_str(answer) else { return };
        let Some(method) = values.get("method").and_then(Value::as_str).map(str::to_lowercase) else {
            return;
        };
        let arguments = Arguments { values, ..Arguments::default() };
        // Nobody hears of it if that call is refused.
        let _ = server::run(&self.inner, &self.token, &method, &arguments).await;
    }
}
