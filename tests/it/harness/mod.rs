//! What tests stand on: folders that vanish, a Postgres of the test run's own.

pub(crate) mod api;
pub(crate) mod cluster;
pub(crate) mod damage;
pub(crate) mod dice;
pub(crate) mod door;
pub(crate) mod pictures;
pub(crate) mod process;
pub(crate) mod scratch;
pub(crate) mod talk;
pub(crate) mod telegram;
pub(crate) mod world;

use botwright::clock::SharedClock;
use botwright::memory::Memory;
use botwright::search::Index;
use botwright::store::Store;

/// A memory without an index: recall finds nothing.
pub(crate) fn memory(store: &Store, clock: &SharedClock) -> Memory {
    let nowhere = std::env::temp_dir().join("botwright-test-without-an-index");
    Memory::new(store.clone(), Index::open_reader(&nowhere), clock.clone())
}
