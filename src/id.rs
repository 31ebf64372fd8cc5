//! Typed ids: a UUIDv7 in one newtype per kind of thing, so that a conversation is never taken for a bot.
//!
//! They are minted here and nowhere else. Order within a conversation is its ordinal, never the id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id.
            #[expect(clippy::new_without_default, reason = "an id has no default; it is minted")]
            pub fn new() -> Self {
                Self(mint())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// The tenant; owns everything.
    AccountId,
    /// Somebody who signs in.
    UserId,
    /// Somebody a bot talks to.
    PersonId,
    /// An API token.
    TokenId,
    /// A sealed secret.
    SecretId,
    /// A configured character; survives renames.
    BotId,
    /// One immutable state of one bot.
    RevisionId,
    /// One immutable applied state of a source's bots.
    GenerationId,
    /// One thread of messages.
    ConversationId,
    /// What was said.
    MessageId,
    /// A file on its way to a message.
    UploadId,
    /// The same file as part of a message.
    AttachmentId,
    /// The work of answering.
    TurnId,
    /// One outbound message to a channel.
    DeliveryId,
    /// One configured channel of one bot.
    ConnectionId,
    /// Something that a channel brought and that could not be taken in.
    QuarantineId,
    /// A summary of a span of messages.
    SummaryId,
    /// A single sentence that was drawn from what people said.
    FactId,
    /// A text that is too long to be read at once.
    DocumentId,
    /// A piece of a document.
    PassageId,
    /// One line of the usage ledger.
    UsageId,
    /// Background work in the queue.
    JobId,
    /// A cron line that enqueues jobs.
    ScheduleId,
    /// One line of the audit log.
    AuditId,
    /// One running process.
    ReplicaId,
    /// One request, as the log and the answer call it.
    RequestId,
}

#[expect(clippy::disallowed_methods, reason = "the one place where ids are minted")]
fn mint() -> Uuid {
    Uuid::now_v7()
}

/// 32 random bytes for tokens and keys, from the operating system's generator.
#[expect(clippy::disallowed_methods, reason = "the one place that asks for chance")]
pub fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    // Two version 4 UUIDs hold 244 random bits; hashing four spreads 488 of them over all 256.
    let mut hasher = blake3::Hasher::new();
    for _ in 0..4 {
        hasher.update(Uuid::new_v4().as_bytes());
    }
    bytes.copy_from_slice(hasher.finalize().as_bytes());
    bytes
}
