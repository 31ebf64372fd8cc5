//! A turn: from the words that came in to the reply that goes out.
//!
//! ```text
//! inbound → [message + turn, one commit] → claim → context → think ⇄ tools → [reply + deliveries + usage, one commit] → outbox
//!                                              └ events: text, tool calls, restarts, the end → subscriptions
//! ```
//!
//! Knows: which bot, whose words, which model. Never: which channel (it calls `Deliver`), how a model is
//! spoken to, a connection held while anybody else is waited for.

mod album;
mod arrive;
mod bots;
mod changes;
mod commands;
mod connections;
mod context;
mod correct;
mod direct;
mod engine;
mod erase;
mod events;
mod expire;
mod export;
mod evoke;
mod finish;
mod import;
mod inbound;
mod keys;
mod known;
mod ledger;
mod load;
mod log;
mod long;
mod open;
mod outbound;
mod preview;
mod regenerate;
mod providers;
mod recall;
mod repeat;
mod report;
mod revise;
mod sessions;
mod sight;
mod think;
mod turn;
mod undelivered;
mod uploads;
mod words;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::dialog::{Budget, Tool};
use crate::id::{AccountId, ReplicaId};
use crate::memory::Memory;
use crate::providers::Providers;
use crate::secrets::Secrets;
use crate::store::Store;

pub use arrive::{Arrived, Note, Said, Whence};
pub use bots::{Bots, LiveBot};
pub use changes::{Changed, Changes, Entity, EntityKind, Kinds, News, Since, SyncToken};
pub use commands::{Answer, COMMANDS, Command};
pub use connections::NewConnection;
pub use context::{
    Assembled, File, Fixed, Input, NoRoom, Picture, Reading, assemble, fixed_tokens, room_for_message,
};
pub use direct::{Answering, Asked, AskedIn, Unanswered};
pub use events::{TurnUpdate, Update};
pub use evoke::Evoked;
pub use expire::Expire;
pub use export::Exported;
pub use import::{Destination, Imported, Past, Whose};
pub use inbound::{Accepted, Inbound, Target, may_see};
pub use keys::Keyring;
pub use outbound::{Channels, Deliver, Sent, Underway};
pub use preview::Preview;
pub use providers::ProviderState;
pub use recall::Remembered;
pub use regenerate::{Again, Regenerated};
pub use report::{Item, Report, Section};
pub use revise::Change;
pub use sessions::Session;
pub use uploads::{About, Deed, Link, NewUpload, PICTURE_BYTES, Stored, UploadLimits, picture_of};
pub use words::MOST_BYTES;

use engine::Engine;

/// What a chat is built from.
pub struct Parts {
    pub store: Store,
    pub clock: SharedClock,
    pub providers: Providers,
    pub secrets: Secrets,
    pub memory: Memory,
    pub budget: Arc<dyn Budget>,
    /// Offered to every bot's model.
    pub tools: Vec<Arc<dyn Tool>>,
    pub channels: Channels,
    pub replica: ReplicaId,
    /// The account that may use the keys of the environment.
    pub operator: AccountId,
    /// Turns that run here at once.
    pub parallel: usize,
    /// How much people may upload.
    pub uploads: UploadLimits,
}

/// Takes in what people say and answers it. Cheap to clone.
#[derive(Clone)]
pub struct Chat {
    engine: Arc<Engine>,
}

impl Chat {
    pub fn new(parts: Parts) -> Self {
        Self { engine: Arc::new(Engine::new(parts)) }
    }

    /// The live bots.
    pub fn bots(&self) -> &Bots {
        &self.engine.bots
    }

    /// Runs turns and sends replies until `stop`, then hands back what is unfinished. Until this runs, what
    /// is taken in waits in the queue.
    pub async fn run(&self, stop: CancellationToken) {
        self.engine.clone().run(stop).await;
    }
}
