//! The Telegram door: bots of BotFather's, as many as accounts bring tokens.
//!
//! ```text
//! keep: which connections there are, and which of them are ours to look after (one replica each, by a lease)
//!   └ run: long polls or a webhook → take: an update → chat, durable → only then acknowledged
//! send: the outbox → one part at a time, at the pace of its chat     follow: typing, and replies that grow
//! ```
//!
//! Knows: the Bot API. Never: how an answer is thought of, or remembered; that is `chat`.

mod api;
mod follow;
mod keep;
mod lines;
mod pace;
pub mod render;
mod run;
mod send;
mod take;
mod webhook;
mod words;

use std::sync::{Arc, OnceLock};

use axum::Router;

use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::clock::SharedClock;
use crate::error::Result;
use crate::id::ReplicaId;
use crate::net;
use crate::secrets::Secrets;
use crate::store::Store;
use api::Api;
use lines::Lines;
use pace::Pace;
pub use send::Sender;

/// The name of the channel in conversations and handles.
pub const CHANNEL: &str = "telegram";

/// How the service is reached, and how it reaches us.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its address, without a slash at the end.
    pub api_url: String,
    /// Where webhooks reach this server; none: everything is polled.
    pub public_url: Option<String>,
    /// Off for a server of the operator's own that sets no limits.
    pub limited: bool,
}

impl Sender {
    /// What sends for all connections. The chat is built with it; then [`Telegram::new`] makes it whole.
    ///
    /// # Errors
    /// When the machine has no root certificates.
    pub fn new(store: Store, clock: SharedClock, secrets: Secrets, settings: &Settings) -> Result<Self> {
        Ok(Self(Arc::new(send::Inner {
            lines: Lines::new(store.clone(), secrets),
            store,
            clock,
            api: Api::new(net::channel_client()?, &settings.api_url),
            pace: Pace::new(settings.limited),
            bots: OnceLock::new(),
        })))
    }
}

/// What the door is built from, beside its sender.
pub struct Parts {
    pub sender: Sender,
    pub accounts: Accounts,
    pub chat: Chat,
    pub settings: Settings,
    pub replica: ReplicaId,
}

/// Looks after connections and takes in what people write. Cheap to clone.
#[derive(Clone)]
pub struct Telegram(Arc<Door>);

struct Door {
    sender: Sender,
    accounts: Accounts,
    chat: Chat,
    settings: Settings,
    replica: ReplicaId,
    guard: take::Guard,
}

impl Telegram {
    pub fn new(parts: Parts) -> Self {
        let Parts { sender, accounts, chat, settings, replica } = parts;
        // Set once: there is one door to a sender.
        let _ = sender.0.bots.set(chat.bots().clone());
        Self(Arc::new(Door { sender, accounts, chat, settings, replica, guard: take::Guard::default() }))
    }

    /// `/telegram/{connection}`, where the service brings updates of connections that have a webhook.
    pub fn router(&self) -> Router {
        webhook::router(self.0.clone())
    }
}

impl Door {
    fn store(&self) -> &Store {
        &self.sender.0.store
    }
    fn clock(&self) -> &SharedClock {
        &self.sender.0.clock
    }
    fn api(&self) -> &Api {
        &self.sender.0.api
    }
    fn lines(&self) -> &Lines {
        &self.sender.0.lines
    }
}
