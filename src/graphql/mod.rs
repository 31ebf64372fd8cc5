//! The API: GraphQL for dashboards, apps and scripts.
//!
//! [`transport`] carries requests and knows no type of the schema; everything else here is the schema: types
//! are newtypes over rows, queries read through loaders, mutations call `chat` and tell what a person can mend
//! as data, subscriptions follow `chat`'s durable logs.
//!
//! Never: a rule of the rooms below (who may see what is asked of `chat`), SQL, a type that `chat` would know.

mod at_once;
mod batches;
mod context;
mod cursors;
mod explorer;
mod files;
mod gate;
mod ids;
mod loaders;
mod mutation;
mod query;
mod scalars;
mod subscription;
mod transport;
mod types;
mod uploads;
mod wish;

use std::sync::Arc;

use async_graphql::{SDLExportOptions, Schema, SchemaBuilder};
use axum::Router;

use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::clock::SharedClock;
use crate::config::Introspection;
use crate::http::Drain;
use crate::memory::Memory;
use crate::store::Store;
use context::Rooms;
pub use ids::{conversation_for_clients, conversation_id, delivery_for_clients, delivery_id, message_id};
use mutation::Mutation;
use query::Query;
use subscription::Subscription;
pub use transport::{Limits, Settings};

/// What the API is built from.
pub struct Parts {
    pub store: Store,
    pub accounts: Accounts,
    pub chat: Chat,
    pub memory: Memory,
    pub clock: SharedClock,
    /// What is taken, and how much of it; `Settings::default()` where nothing is said.
    pub settings: Settings,
    pub drain: Drain,
}

/// The API at `/graphql`, its WebSocket at `/graphql/ws`, its streams at `/graphql/stream`, the explorer that a browser finds there,
/// people's files at `/uploads/{id}`, and projects on their way to a plan at `/config/bundles` and `/config/plans`.
pub fn router(parts: Parts) -> Router {
    let Parts { store, accounts, chat, memory, clock, settings, drain } = parts;
    let uploads = uploads::router(store.clone(), accounts.clone(), clock.clone());
    let gate = gate::Tokens { accounts, clock: clock.clone() };
    let files = files::router(chat.clone());
    let public_url = settings.public_url.clone();
    let mut builder = builder().data(Rooms { store, chat, memory, clock, public_url });
    if settings.introspection != Introspection::Open {
        // "Did you mean" tells of the schema what it does not let be asked.
        builder = builder.disable_suggestions();
    }
    let schema = builder.finish();
    let settings = Settings { public: &["serverInfo"], ..settings };
    transport::router(schema, Arc::new(gate), settings, drain, explorer::PAGE)
        .merge(explorer::router())
        .merge(uploads)
        .merge(files)
}

/// The schema in its own language, sorted, as `schema.graphql` holds it.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .use_space_ident();
    let sdl = builder().finish().sdl_with_options(options);
    // The library leaves several empty lines at the end.
    format!("{}\n", sdl.trim_end())
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .register_output_type::<types::Node>()
        .register_output_type::<mutation::UserError>()
        .extension(transport::Phases)
        .extension(loaders::PerExecution)
        // The guard weighs documents; this only has to be deeper than what it lets through.
        .limit_recursive_depth(128)
}

#[cfg(test)]
mod tests;
