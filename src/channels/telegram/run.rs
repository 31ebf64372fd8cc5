//! Looking after one connection: says hello, tells the service how updates are to come, and fetches them where
//! they are polled. What it meets is noted for people to see.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::api::update::{ALLOWED, User};
use super::api::{Failure, ORDINARY};
use super::lines::{Line, Me};
use super::{Door, take};
use crate::chat::COMMANDS;
use crate::error::{Kind, Result};
use crate::phrases::{self, Language};
use crate::store::{Connection, ConnectionMode, ConnectionState};

/// How long the service holds a poll back while there is nothing.
const POLL_SECONDS: u64 = 50;
/// How long we wait for it.
const POLL: Duration = Duration::from_secs(POLL_SECONDS + 15);
/// Updates of one poll.
const BATCH: usize = 100;
/// How often a webhook is looked after.
const WEBHOOK_LOOK: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A token that is wrong is seldom right a moment later.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// One connection that runs here.
struct Runner {
    door: Arc<Door>,
    connection: Connection,
    line: Arc<Line>,
    stop: CancellationToken,
    /// What was last noted.
    state: Option<ConnectionState>,
    pause: Duration,
}

/// Looks after a connection until `stop`. Returns at once where its token is not there.
pub(super) async fn run(door: Arc<Door>, connection: Connection, stop: CancellationToken) {
    let line = match door.lines().open(&connection).await {
        Ok(Some(line)) => line,
        Ok(None) => return,
        Err(error) => {
            tracing::warn!(error = error.chain(), connection = %connection.id, "a connection cannot be opened");
            return;
        }
    };
    let mut runner = Runner { door, connection, line, stop: stop.clone(), state: None, pause: FIRST_PAUSE };
    tokio::select! {
        () = runner.greet() => {}
        () = stop.cancelled() => return,
    }
    runner.tell_commands().await;
    if runner.is_webhook() {
        runner.keep_webhook().await;
    } else {
        runner.poll().await;
    }
}

impl Runner {
    fn is_webhook(&self) -> bool {
        match self.connection.mode {
            ConnectionMode::Auto => {
                self.door.settings.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
            }
            ConnectionMode::Webhook => true,
            ConnectionMode::Polling => false,
        }
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Value, Failure> {
        self.door.api().call(&self.line.token, method, body, ORDINARY).await
    }

    /// Asks who the bot is until the service says it, and claims that bot.
    async fn greet(&mut self) {
        loop {
            let failure = match self.call("getMe", &json!({})).await {
                Ok(me) => match serde_json::from_value::<User>(me) {
                    Ok(me) => match self.claim(&me).await {
                        Ok(()) => return,
                        Err(error) if error.kind() == Kind::Conflict => {
                            self.report(ConnectionState::Refused, Some(error.message())).await;
                            sleep(REFUSED_PAUSE).await;
                            continue;
                        }
                        Err(error) => Failure::Away(error.chain()),
                    },
                    Err(error) => Failure::Away(format!("`getMe` makes no sense: {error}")),
                },
                Err(failure) => failure,
            };
            self.meet(&failure).await;
        }
    }

    async fn claim(&self, me: &User) -> Result<()> {
        let username = me.username.clone().unwrap_or_default();
        let reads_groups = me.can_read_all_group_messages.unwrap_or(false);
        let mut tx = self.door.store().tenant(self.line.account).await?;
        Connection::hold_bot(&mut tx, self.line.id, me.id, Some(&username), reads_groups).await?;
        tx.commit().await?;
        self.line.set_me(Me { id: me.id, username });
        Ok(())
    }

    /// Tells the service which commands there are, in each language, where that is news.
    async fn tell_commands(&self) {
        let menu = menu();
        let hash = blake3::hash(json!(menu).to_string().as_bytes()).to_hex().to_string();
        if self.connection.menu.as_deref() == Some(&hash) {
            return;
        }
        for body in &menu {
            if let Err(failure) = self.call("setMyCommands", body).await {
                tracing::warn!(connection = %self.line.id, %failure, "the menu of commands is not shown");
                return;
            }
        }
        let noted = async {
            let mut tx = self.door.store().tenant(self.line.account).await?;
            Connection::set_menu(&mut tx, self.line.id, &hash).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = error.chain(), "the menu of commands will be told again");
        }
    }

    /// Fetches updates. Each poll acknowledges those of the one before, which are durable by then.
    async fn poll(&mut self) {
        loop {
            match self.call("deleteWebhook", &json!({ "drop_pending_updates": false })).await {
                Ok(_) => break,
                Err(failure) => {
                    let stop = self.stop.clone();
                    tokio::select! {
                        () = self.meet(&failure) => {}
                        () = stop.cancelled() => return,
                    }
                }
            }
        }
        let mut offset: Option<i64> = None;
        // The first poll comes back at once, so that people see soon whether it works.
        let mut wait = 0;
        while !self.stop.is_cancelled() {
            let mut body = json!({ "timeout": wait, "limit": BATCH, "allowed_updates": ALLOWED });
            if let Some(offset) = offset {
                body["offset"] = json!(offset);
            }
            let polled = tokio::select! {
                polled = self.door.api().call::<Vec<Value>>(&self.line.token, "getUpdates", &body, POLL) => polled,
                () = self.stop.cancelled() => return,
            };
            match polled {
                Ok(updates) => {
                    self.report(ConnectionState::Running, None).await;
                    self.pause = FIRST_PAUSE;
                    wait = POLL_SECONDS;
                    let last = updates.iter().filter_map(number).max();
                    if !take::all(&self.door, &self.line, updates, &self.stop).await {
                        return;
                    }
                    offset = last.map(|last| last + 1).or(offset);
                }
                // A long poll that ends without an answer is nothing to speak of.
                Err(Failure::Unanswered(_)) if wait > 0 && self.pause == FIRST_PAUSE => {
                    self.pause = FIRST_PAUSE * 2;
                    sleep(Duration::from_millis(200)).await;
                }
                Err(failure) => {
                    let stop = self.stop.clone();
                    tokio::select! {
                        () = self.meet(&failure) => {}
                        () = stop.cancelled() => return,
                    }
                    wait = 0;
                }
            }
        }
    }

    /// Tells the service where to bring updates, and looks now and then whether it can.
    async fn keep_webhook(&mut self) {
        let Some(public_url) = self.door.settings.public_url.clone() else {
            let why = "a webhook needs PUBLIC_URL, where Telegram can reach this server";
            self.report(ConnectionState::Refused, Some(why)).await;
            return self.stop.clone().cancelled().await;
        };
        let body = json!({
            "url": format!("{public_url}/telegram/{}", self.line.id),
            "secret_token": self.door.lines().proof(&self.line),
            "allowed_updates": ALLOWED,
            "max_connections": 40,
            "drop_pending_updates": false,
        });
        let mut told = false;
        while !self.stop.is_cancelled() {
            let outcome =
                if told { self.look_at_webhook().await } else { self.call("setWebhook", &body).await };
            let stop = self.stop.clone();
            match outcome {
                Ok(_) => {
                    if !told {
                        self.report(ConnectionState::Running, None).await;
                    }
                    told = true;
                    self.pause = FIRST_PAUSE;
                    tokio::select! {
                        () = sleep(WEBHOOK_LOOK) => {}
                        () = stop.cancelled() => {}
                    }
                }
                Err(failure) => tokio::select! {
                    () = self.meet(&failure) => {}
                    () = stop.cancelled() => {}
                },
            }
        }
    }

    async fn look_at_webhook(&mut self) -> Result<Value, Failure> {
        let info = self.call("getWebhookInfo", &json!({})).await?;
        let waiting = info.get("pending_update_count").and_then(Value::as_i64).unwrap_or_default();
        match info.get("last_error_message").and_then(Value::as_str) {
            Some(error) if waiting > 0 => {
                let why = format!("Telegram cannot bring updates: {error}");
                self.report(ConnectionState::Failing, Some(&why)).await;
            }
            _ => self.report(ConnectionState::Running, None).await,
        }
        Ok(info)
    }

    /// Notes a failure and waits a while, longer each time.
    async fn meet(&mut self, failure: &Failure) {
        let (state, pause) = match failure {
            Failure::Refused(refusal) if refusal.code == 409 => (ConnectionState::Conflict, self.pause),
            Failure::Refused(refusal) if matches!(refusal.code, 401 | 404) => {
                (ConnectionState::Refused, REFUSED_PAUSE)
            }
            Failure::Refused(refusal) => {
                (ConnectionState::Failing, refusal.retry_after.unwrap_or(self.pause))
            }
            Failure::Unwritten(_) | Failure::Unanswered(_) | Failure::Away(_) => {
                (ConnectionState::Failing, self.pause)
            }
        };
        let why = match state {
            ConnectionState::Conflict => {
                format!("somebody else uses this token too: {failure}")
            }
            ConnectionState::Refused => format!(
                "Telegram does not know this token: {failure}; set it again with `botwright secret set {}`",
                self.connection.secret
            ),
            _ => failure.to_string(),
        };
        tracing::warn!(connection = %self.line.id, why, "a Telegram connection is in trouble");
        self.report(state, Some(&why)).await;
        sleep(pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Notes how the connection is, where that is news.
    async fn report(&mut self, state: ConnectionState, error: Option<&str>) {
        if self.state == Some(state) && error.is_none() {
            return;
        }
        let noted = async {
            let mut tx = self.door.store().tenant(self.line.account).await?;
            Connection::report(&mut tx, self.line.id, state, error, self.door.clock().now()).await?;
            tx.commit().await
        };
        match noted.await {
            Ok(()) => self.state = Some(state),
            Err(error) => tracing::warn!(error = error.chain(), "a connection's state could not be noted"),
        }
    }
}

/// The commands as the service is told of them: for everybody, and for those who speak one of our languages.
fn menu() -> Vec<Value> {
    let languages = [(Language::En, None), (Language::Uk, Some("uk")), (Language::Ru, Some("ru"))];
    let told = |(language, tag): (Language, Option<&str>)| {
        let start = json!({ "command": "start", "description": phrases::telegram::about_start(language) });
        let others = COMMANDS
            .iter()
            .map(|command| json!({ "command": command.name, "description": command.about(language) }));
        let commands: Vec<Value> = std::iter::once(start).chain(others).collect();
        let mut body = json!({ "commands": commands });
        if let Some(tag) = tag {
            body["language_code"] = json!(tag);
        }
        body
    };
    languages.into_iter().map(told).collect()
}

fn number(update: &Value) -> Option<i64> {
    update.get("update_id").and_then(Value::as_i64)
}
