//! Botwright: a self-hosted gateway between people and AI.
//!
//! A team commits a folder of YAML; [`sync`] plans it and applies it to Postgres in one transaction; the
//! bots talk through GraphQL and the terminal, remember what was said, and never lose or repeat a message.
//!
//! # The rooms, in reading order
//!
//! Ground, which everybody may stand on:
//! - [`error`]: one error, eight kinds, no transport
//! - [`id`]: typed ids, one newtype each
//! - [`clock`]: what time it is; the only place that asks
//! - [`tokens`]: counting tokens
//! - [`phrases`]: every sentence that the system itself says to a person
//! - [`config`]: the process's settings, read from the environment once
//! - [`telemetry`]: logs, metrics, redaction
//! - [`net`]: the one HTTP client
//!
//! Words:
//! - [`dialog`]: what a turn is made of
//! - [`spec`]: what a bot file says
//!
//! Floor:
//! - [`store`]: Postgres, behind two doors: `Tenant` (one account, row-level security) and `System`
//! - [`search`]: the full-text index
//! - [`secrets`]: seal, open, reveal by name
//! - [`jobs`]: the queue and its schedules
//! - [`providers`]: how to speak to each model
//!
//! Skills, which never import each other:
//! - [`accounts`]: who is asking, and what they may do
//! - [`memory`]: what a bot remembers: window, summaries, recall
//!
//! Acts:
//! - [`sync`]: bots/ → Postgres
//! - [`chat`]: a turn, from the words that came in to the reply that goes out
//!
//! Hall and doors:
//! - [`http`]: the listener
//! - [`graphql`]: the API
//! - [`channels`]: the other ways in, each in the words of those who come by it
//! - [`worker`]: what the queue runs
//!
//! Roof:
//! - [`app`]: builds every part once
//! - [`cli`]: one file per command
//!
//! # Invariants (each is a test, a lint or a type)
//!
//! 1. One room per outside library; `tests/it/architecture.rs` holds the table of permitted imports.
//! 2. No database connection is held while a model thinks: load, let go, think, take again, save.
//! 3. `spec`, `sync::plan` and `chat::context` do no I/O and never ask the time.
//! 4. Every tenant query runs inside `store::Tenant`; a door gets an `AccountId` only from an `Actor`, or
//!    from an address that this server signed.
//! 5. Plaintext secrets exist only as `SecretString`, between `secrets::reveal` and the call.
//! 6. A reply and the row that will deliver it are written in one transaction.
//! 7. Doors return a finished router; nobody below the roof imports `App`.

pub mod error;
pub mod id;
pub mod clock;
pub mod tokens;
pub mod phrases;
pub mod config;
pub mod telemetry;
pub mod net;

pub mod dialog;
pub mod spec;

pub mod store;
pub mod search;
pub mod secrets;
pub mod jobs;
pub mod providers;

pub mod accounts;
pub mod memory;

pub mod sync;
pub mod chat;

pub mod http;
pub mod graphql;
pub mod channels;
pub mod worker;

pub mod app;
pub mod cli;
