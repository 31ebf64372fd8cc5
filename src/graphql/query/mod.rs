//! What can be read.

mod changes;
mod channels;
mod config;
mod memory;
mod oversight;
mod talk;

use async_graphql::MergedObject;

use crate::error::{Error, Kind, Result};
use changes::ChangeQueries;
use channels::ChannelQueries;
use config::ConfigQueries;
pub(super) use config::config_source;
use memory::MemoryQueries;
use oversight::OversightQueries;
use talk::TalkQueries;

/// What can be read. Everything but `serverInfo` needs a token.
#[derive(MergedObject, Default)]
pub(super) struct Query(
    TalkQueries,
    MemoryQueries,
    ChangeQueries,
    OversightQueries,
    ConfigQueries,
    ChannelQueries,
);

/// What was looked for; `None` where there is no such thing.
fn found<T>(looked_for: Result<T, Error>) -> Result<Option<T>, Error> {
    match looked_for {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
