//! The updates of a bot: kept until they are acknowledged, fetched by polling or pushed to a webhook.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::harness::telegram::Inner;
use crate::harness::telegram::arguments::Arguments;
use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::state::Key;

/// Kinds that come only to those who ask for them.
const SHY: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];
/// Seconds that a poll may wait.
const LONGEST: i64 = 50;

pub(super) struct Update {
    pub(super) id: i64,
    pub(super) chat: Option<Key>,
    pub(super) body: Value,
}

/// What waits for a bot.
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Update>,
    next: i64,
    /// Kinds that the bot asked for; remembered from call to call. None: all but the shy ones.
    allowed: Option<Vec<String>>,
    /// Polls that are under way, and the number of the latest.
    pub(super) polls: usize,
    poll: u64,
    /// How often two polled at once.
    pub(super) conflicts: usize,
    pub(super) webhook: Option<Webhook>,
    pub(super) changed: Arc<Notify>,
}

/// Where updates are pushed to.
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) connections: usize,
    /// Tells apart the webhook from one that was set before it.
    pub(super) number: i64,
    pub(super) last_error: Option<(i64, String)>,
}

impl Queue {
    pub(super) fn new(first: i64) -> Self {
        Self {
            waiting: VecDeque::new(),
            next: first,
            allowed: None,
            polls: 0,
            poll: 0,
            conflicts: 0,
            webhook: None,
            changed: Arc::new(Notify::new()),
        }
    }

    /// Adds an update, if the bot wants such.
    pub(super) fn push(&mut self, chat: Option<Key>, kind: &str, content: Value) {
        let wanted = match &self.allowed {
            Some(allowed) => allowed.iter().any(|allowed| allowed == kind),
            None => !SHY.contains(&kind),
        };
        if !wanted {
            return;
        }
        let id = self.next;
        self.next += 1;
        self.waiting.push_back(Update { id, chat, body: json!({ "update_id": id, kind: content }) });
        self.changed.notify_waiters();
    }

    /// Goes on counting from elsewhere, as the service does after a quiet week.
    pub(super) fn restart_ids(&mut self, next: i64) {
        self.next = next;
    }

    pub(super) fn remember_allowed(&mut self, arguments: &Arguments) {
        if let Some(Value::Array(kinds)) = arguments.json("allowed_updates") {
            let kinds: Vec<String> =
                kinds.iter().filter_map(|kind| kind.as_str().map(str::to_owned)).collect();
            self.allowed = (!kinds.is_empty()).then_some(kinds);
        }
    }

    pub(super) fn allowed(&self) -> &Option<Vec<String>> {
        &self.allowed
    }

    /// Forgets what is acknowledged by `offset`: everything before it, or all but the last so many.
    fn acknowledge(&mut self, offset: i64) {
        // An offset from before the ids began anew says nothing about these.
        if offset > 0 && offset <= self.next + 10 {
            while self.waiting.front().is_some_and(|update| update.id < offset) {
                self.waiting.pop_front();
            }
        } else if offset < 0 {
            let keep = usize::try_from(-offset).unwrap();
            while self.waiting.len() > keep {
                self.waiting.pop_front();
            }
        }
    }
}

/// A poll that is under way, until it is dropped.
struct Polling<'a> {
    inner: &'a Inner,
    token: &'a str,
    number: u64,
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        if let Some(bot) = self.inner.lock().bots.get_mut(self.token) {
            bot.queue.polls -= 1;
        }
    }
}

impl<'a> Polling<'a> {
    fn begin(inner: &'a Inner, token: &'a str, arguments: &Arguments) -> Result<Self, Refusal> {
        let mut state = inner.lock();
        let queue = &mut state.bots.get_mut(token).ok_or_else(Refusal::unauthorized)?.queue;
        if queue.webhook.is_some() {
            return Err(Refusal::conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            ));
        }
        queue.remember_allowed(arguments);
        queue.conflicts += usize::from(queue.polls > 0);
        queue.polls += 1;
        queue.poll += 1;
        let number = queue.poll;
        queue.changed.notify_waiters();
        Ok(Self { inner, token, number })
    }

    /// What there is now; none if nothing is. An error if another poll has begun, or a webhook was set.
    fn look(&self, arguments: &Arguments) -> Result<Option<Value>, Refusal> {
        let mut state = self.inner.lock();
        let queue = &mut state.bots.get_mut(self.token).ok_or_else(Refusal::unauthorized)?.queue;
        if queue.webhook.is_some() {
            return Err(Refusal::conflict("terminated by setWebhook request"));
        }
        if queue.poll != self.number {
            return Err(Refusal::conflict(
                "terminated by other getUpdates request; make sure that only one bot instance is running",
            ));
        }
        queue.acknowledge(arguments.number("offset").unwrap_or(0));
        let limit = arguments.number("limit").unwrap_or(100).clamp(1, 100);
        let batch = queue.waiting.iter().take(usize::try_from(limit).unwrap());
        let batch: Vec<Value> = batch.map(|update| update.body.clone()).collect();
        Ok((!batch.is_empty()).then_some(Value::Array(batch)))
    }
}

/// `getUpdates`: at once if something waits, otherwise as soon as something comes, or when the time is over.
pub(super) async fn poll(inner: &Inner, token: &str, arguments: &Arguments) -> Result<Value, Refusal> {
    let polling = Polling::begin(inner, token, arguments)?;
    let seconds = arguments.number("timeout").unwrap_or(0).clamp(0, LONGEST);
    let end = Instant::now() + Duration::from_secs(seconds.unsigned_abs());
    let changed = inner.lock().bots[token].queue.changed.clone();
    loop {
        let mut waited = std::pin::pin!(changed.notified());
        // From here on nothing is missed, although we look before we wait.
        waited.as_mut().enable();
        if let Some(batch) = polling.look(arguments)? {
            return Ok(batch);
        }
        if tokio::time::timeout_at(end, waited).await.is_err() {
            return Ok(json!([]));
        }
    }
}
