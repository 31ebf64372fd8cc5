//! What can be read.

mod changes;
mod config;
mod oversight;
mod talk;

use async_graphql::MergedObject;

use changes::ChangeQueries;
use config::ConfigQueries;
pub(super) use config::config_source;
use oversight::OversightQueries;
use talk::TalkQueries;

/// What can be read. Everything but `serverInfo` needs a token.
#[derive(MergedObject, Default)]
pub(super) struct Query(TalkQueries, ChangeQueries, OversightQueries, ConfigQueries);
