//! Postgres: the only source of truth, and the only room that imports diesel.
//!
//! Two doors lead in. [`Tenant`] is a transaction confined to one account by row-level security; [`System`]
//! is one that sees the queues and logs of every account and nothing else. Rows and their queries stand
//! together, a file per subject.
//!
//! Never: a transaction that is open while a model thinks, a file downloads or a channel sends.

mod access;
mod accounts;
mod asides;
mod audit;
mod begun;
mod bots;
mod columns;
mod connect;
mod connections;
mod conversations;
mod deliveries;
mod documents;
pub mod embedded;
mod erase;
mod error;
mod everything;
mod facts;
mod feed;
mod forgetting;
mod gathering;
mod generations;
mod idempotency;
mod imports;
mod inspect;
mod jobs;
mod messages;
mod participants;
mod people;
mod places;
mod ratings;
mod replicas;
mod schema;
mod secrets;
mod sql;
mod summaries;
mod takes;
mod troubles;
mod turn_events;
mod turns;
mod tx;
mod unlearn;
mod upkeep;
mod uploads;
mod usage;
mod wake;

pub use access::{Grant, GrantState};
pub use accounts::{Account, ApiToken};
pub use asides::EndedTurn;
pub use audit::Audit;
pub use begun::BegunReply;
pub use bots::{Bot, BotRevision, Hashed};
pub use connect::{Questions, Store, migrate};
pub use connections::{CONNECTION_LEASE, Connection, ConnectionMode, ConnectionOrigin, ConnectionState};
pub use conversations::{Conversation, ConversationEvent};
pub use deliveries::{Delivery, DeliveryState, Settled};
pub use documents::{Document, Passage, Quoted};
pub use embedded::Embedded;
pub use erase::{Earshot, FormerText, Heard};
pub use facts::{Fact, FactAction, FactAuthor, FactSource, FactState, FactVersion};
pub use feed::{Audience, Change, Cursor, Horizon, Operation};
pub use forgetting::ForgetRequest;
pub use generations::{AppliedCommit, Generation, Hold, StoredBundle};
pub use idempotency::{Idempotency, KEY_REUSED, Remembered};
pub use imports::Import;
pub use inspect::{Inspection, inspect};
pub use jobs::{Job, JobState, Schedule};
pub use messages::{Message, MessageRole};
pub use participants::{Participant, Setting};
pub use people::Person;
pub use places::{Address, Arrival, Place, Quarantined};
pub use ratings::{Opinion, Rating};
pub use replicas::{ConfigVersion, ReplicaConfig};
pub use secrets::Secret;
pub use summaries::{Summary, SummaryKind};
pub use takes::Take;
pub use troubles::{QueueCounts, Trouble};
pub use turn_events::{Append, TurnEvent, TurnEventKind};
pub use turns::{Claimed, NewTurn, Outcome, Turn, TurnState};
pub use tx::{System, Tenant};
pub use uploads::{Upload, Uploaded};
pub use usage::{UsageEvent, UsageGroups, UsageRange, UsageSum};
pub use wake::{Hint, Waiter, Wake};
