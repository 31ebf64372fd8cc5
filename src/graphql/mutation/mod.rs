//! What can be done. Each takes one `input` and returns what it changed; what a person can mend comes back in
//! `userErrors`, faults of the system in `errors`.

mod channels;
mod config;
mod config_error;
mod erase;
mod memory;
mod revise;
mod talk;
mod upload;
mod user_error;

use async_graphql::{ID, MergedObject};

use channels::ChannelMutations;
use config::ConfigMutations;
use erase::EraseMutations;
use memory::MemoryMutations;
pub(super) use memory::Session;
use revise::ReviseMutations;
pub(super) use talk::CHANNEL;
use talk::TalkMutations;
use upload::UploadMutations;
use user_error::Mendable;
pub(super) use user_error::UserError;

/// What can be done.
#[derive(MergedObject, Default)]
pub(super) struct Mutation(
    TalkMutations,
    ReviseMutations,
    EraseMutations,
    MemoryMutations,
    UploadMutations,
    ConfigMutations,
    ChannelMutations,
);

fn checked_key(key: ID) -> Result<String, Mendable> {
    if key.is_empty() || key.len() > 255 {
        return Err(Mendable::invalid("an idempotency key has 1 to 255 bytes", "idempotencyKey"));
    }
    Ok(key.0)
}
